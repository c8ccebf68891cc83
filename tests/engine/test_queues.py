import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from qstash_dev.engine.bulk import CHUNK
from qstash_dev.protocol.model import Message
from tests.engine.fakes import OTHER_USER, URL, USER, App, Delivery, World, answer

QUEUE = "orders"
CALLBACK = "http://localhost:3000/api/callback"
FAILURE = "http://localhost:3000/api/failure"
BUSY = answer(503, ("Retry-After", "1"))


class Job(Struct, frozen=True):
    """A message that the app answers with `replies`, one for each retry: ms and status."""

    after_ms: int
    retries: int
    callback: bool
    failure_callback: bool
    replies: tuple[tuple[int, int], ...]
    callback_replies: tuple[tuple[int, int], ...]


REPLIES = st.lists(
    st.tuples(st.sampled_from([0, 1, 700, 3_000]), st.sampled_from([200, 200, 500, 503])),
    min_size=3,
    max_size=3,
).map(tuple)
JOBS = st.lists(
    st.builds(
        Job,
        after_ms=st.sampled_from([0, 0, 1, 900, 4_000]),
        retries=st.integers(0, 2),
        callback=st.booleans(),
        failure_callback=st.booleans(),
        replies=REPLIES,
        callback_replies=REPLIES,
    ),
    min_size=1,
    max_size=7,
)
MOMENTS = st.lists(st.integers(0, 20_000), max_size=3)


class Run:
    """Jobs go into a queue while it is paused, resumed and its server killed at given moments."""

    def __init__(self, jobs: list[Job], parallelism: int) -> None:
        self.world = World()
        self.world.app.reply = self._reply
        self.world.engine.queues.upsert(USER, QUEUE, parallelism)
        self.jobs = jobs
        self.parallelism = parallelism
        self.ids: list[str] = []
        self.pauses: list[tuple[int, int]] = []

    async def play(self, restarts: list[int], pauses: list[int]) -> None:
        start = self.world.clock.ms
        deeds: list[tuple[int, Any]] = [(at, self.world.restart) for at in restarts]
        deeds += [(at, self._pause) for at in pauses]
        deeds += [(at + 2_500, self._resume) for at in pauses]
        at = 0
        for job in self.jobs:
            at += job.after_ms
            deeds.append((at, partial(self._publish, job)))
        for at, do in sorted(deeds, key=lambda deed: deed[0]):
            await self.world.run_until(start + at)
            await do()
        await self._resume()
        await self.world.run_out()

    async def _publish(self, job: Job) -> None:
        headers: dict[str, Any] = {"retries": job.retries, "retry_delay": "400 * (retried + 1)"}
        if job.callback:
            headers["callback"] = CALLBACK
        if job.failure_callback:
            headers["failure_callback"] = FAILURE
        (accepted,) = self.world.publish(queue=QUEUE, **headers)
        self.ids.append(accepted.message_id)

    async def _pause(self) -> None:
        self.world.engine.queues.upsert(USER, QUEUE, paused=True)
        if not self._is_paused():
            self.pauses.append((self._last_event(), 10**9))

    async def _resume(self) -> None:
        if self._is_paused():
            self.pauses[-1] = (self.pauses[-1][0], self._last_event())
        self.world.engine.queues.upsert(USER, QUEUE, paused=False)

    def _is_paused(self) -> bool:
        return bool(self.pauses) and self.pauses[-1][1] == 10**9

    def _reply(self, delivery: Delivery):
        message = self.world.message(delivery.id)
        source = message if message.spec.parent_id is None else self._source(message)
        job = self.jobs[self.ids.index(source.id)]
        replies = job.replies if message is source else job.callback_replies
        ms, status = replies[delivery.retried]
        return ms, answer(status)

    def _source(self, message: Message) -> Message:
        assert message.spec.parent_id is not None
        return self.world.message(message.spec.parent_id)

    def _last_event(self) -> int:
        return self.world.store.feed.last_seq()

    def check(self) -> None:
        entries = self.world.store.feed.after(0, 100_000)
        starts: dict[str, list[int]] = {id_: [] for id_ in self.ids}
        ends: dict[str, int] = {}
        for entry in entries:
            message = self.world.message(entry.id)
            source = message if message.spec.parent_id is None else self._source(message)
            if entry.state == "ACTIVE" and message is source:
                starts[source.id].append(entry.seq)
            if entry.state in ("DELIVERED", "FAILED"):
                ends[source.id] = entry.seq
        firsts = [starts[id_][0] for id_ in self.ids]
        assert firsts == sorted(firsts), "messages began out of order"
        for place, id_ in enumerate(self.ids):
            open_before = [e for e in self.ids[:place] if ends[e] > starts[id_][0]]
            assert len(open_before) < self.parallelism, "a message began before its turn"
            for seq in starts[id_]:
                assert not any(low < seq <= high for low, high in self.pauses), "began in a pause"
        for id_, job in zip(self.ids, self.jobs, strict=True):
            statuses = [status for _, status in job.replies[: job.retries + 1]]
            expected = "DELIVERED" if 200 in statuses else "FAILED"
            assert self.world.states([id_]) == [expected]
        assert self.world.engine.store.messages.lag(USER, QUEUE) == 0
        assert not any(lane.holders for lane in self.world.engine.lanes.queues.values())


@settings(max_examples=100, deadline=None)
@given(jobs=JOBS, parallelism=st.sampled_from([1, 1, 2, 3]), restarts=MOMENTS, pauses=MOMENTS)
def test_a_queue_keeps_order_and_places_whatever_happens(jobs, parallelism, restarts, pauses):
    async def live() -> None:
        run = Run(jobs, parallelism)
        await run.play(restarts, pauses)
        run.check()
        await run.world.close()

    asyncio.run(live())


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    world.app.reply = lambda _: (None, answer())
    yield world
    await world.close()


def enqueue(world: World, count: int = 1, queue: str = QUEUE, **headers: Any) -> list[str]:
    return [world.publish(queue=queue, **headers)[0].message_id for _ in range(count)]


def started(app: App) -> list[str]:
    return [delivery.id for delivery in app.open]


async def test_raising_parallelism_starts_more_at_once(world):
    ids = enqueue(world, 5)
    await world.settle()
    assert started(world.app) == ids[:1]
    world.engine.queues.upsert(USER, QUEUE, 3)
    await world.settle()
    assert started(world.app) == ids[:3]


async def test_lowering_parallelism_lets_running_deliveries_end(world):
    world.engine.queues.upsert(USER, QUEUE, 3)
    ids = enqueue(world, 5)
    await world.settle()
    world.engine.queues.upsert(USER, QUEUE, 1)
    for done in (1, 2):
        world.app.end(world.app.open[0])
        await world.settle()
        assert started(world.app) == ids[done:3]
    world.app.end(world.app.open[0])
    await world.settle()
    assert started(world.app) == ids[3:4]


async def test_a_restart_keeps_parallelism_and_pause(world):
    world.engine.queues.upsert(USER, QUEUE, 2, paused=True)
    ids = enqueue(world, 3)
    await world.restart()
    await world.settle()
    assert started(world.app) == []
    world.engine.queues.upsert(USER, QUEUE, paused=False)
    await world.settle()
    assert started(world.app) == ids[:2]


async def test_a_message_under_way_is_made_again_first_after_a_restart(world):
    ids = enqueue(world, 3)
    await world.settle()
    await world.restart()
    await world.settle()
    assert started(world.app) == ids[:1]
    assert world.app.ids() == [ids[0], ids[0]]


async def test_a_retry_waits_while_its_queue_is_paused(world):
    first, _ = enqueue(world, 2, retries=1)
    await world.settle()
    world.app.end(world.app.open[0], BUSY)
    world.engine.queues.upsert(USER, QUEUE, paused=True)
    await world.run(10_000)
    assert started(world.app) == []
    world.engine.queues.upsert(USER, QUEUE, paused=False)
    await world.settle()
    assert started(world.app) == [first]


async def test_a_cancelled_message_gives_its_place_to_the_next(world):
    first, second, third = enqueue(world, 3, retries=1)
    await world.settle()
    world.app.end(world.app.open[0], BUSY)
    await world.settle()
    assert world.engine.cancel([world.message(first), world.message(second)]) == 2
    await world.settle()
    assert started(world.app) == [third]


async def test_a_message_cancelled_in_a_paused_queue_before_its_retry_does_not_come_back(world):
    first, second = enqueue(world, 2, retries=1)
    await world.settle()
    world.app.end(world.app.open[0], BUSY)
    world.engine.queues.upsert(USER, QUEUE, paused=True)
    await world.run(10_000)
    world.engine.cancel([world.message(first)])
    world.engine.queues.upsert(USER, QUEUE, paused=False)
    await world.settle()
    assert started(world.app) == [second]


async def test_deleting_a_queue_ends_what_waits_and_leaves_what_is_under_way(world):
    ids = enqueue(world, 3)
    await world.settle()
    await world.engine.queues.delete(USER, QUEUE)
    await world.settle()
    assert world.states(ids) == ["ACTIVE", "CANCELED", "CANCELED"]
    world.app.end(world.app.open[0])
    await world.settle()
    assert world.states(ids) == ["DELIVERED", "CANCELED", "CANCELED"]
    assert world.store.queues.get(USER, QUEUE) is None


async def test_a_long_queue_is_deleted_in_pieces_and_what_comes_meanwhile_stays(world):
    ids = enqueue(world, 2 * CHUNK + 1)
    await world.settle()
    deleting = asyncio.create_task(world.engine.queues.delete(USER, QUEUE))
    await asyncio.sleep(0)
    (late,) = enqueue(world, 1)
    states = world.states(ids)
    assert (states.count("CANCELED"), states.count("CREATED")) == (CHUNK, CHUNK)
    await deleting
    assert world.states(ids) == ["ACTIVE", *["CANCELED"] * (2 * CHUNK)]
    assert world.store.queues.get(USER, QUEUE).parallelism == 1
    world.app.end(world.app.open[0])
    await world.settle()
    assert started(world.app) == [late]


async def test_a_process_that_is_killed_while_it_deletes_a_queue_leaves_it_as_it_was(world):
    world.engine.queues.upsert(USER, QUEUE, 2)
    enqueue(world, 2 * CHUNK + 2)
    await world.settle()
    deleting = asyncio.create_task(world.engine.queues.delete(USER, QUEUE))
    await asyncio.sleep(0)
    deleting.cancel()
    queue = world.store.queues.get(USER, QUEUE)
    assert (queue.parallelism, queue.paused) == (2, False)


async def test_a_queue_that_is_deleted_and_used_again_begins_with_the_defaults(world):
    world.engine.queues.upsert(USER, QUEUE, 5, paused=True)
    await world.engine.queues.delete(USER, QUEUE)
    ids = enqueue(world, 2)
    await world.settle()
    assert started(world.app) == ids[:1]
    assert world.store.queues.get(USER, QUEUE).parallelism == 1


async def test_queues_of_one_name_of_two_users_do_not_wait_for_each_other(world):
    mine, yours = (world.publish(queue=QUEUE, user=u)[0].message_id for u in (USER, OTHER_USER))
    await world.settle()
    assert started(world.app) == [mine, yours]
    assert world.engine.store.messages.lag(USER, QUEUE) == 1


async def test_messages_without_a_queue_pass_by(world):
    ids = enqueue(world, 2)
    (other,) = world.publish()
    await world.settle()
    assert started(world.app) == [ids[0], other.message_id]


async def test_a_delayed_message_of_a_queue_takes_its_turn_when_it_is_due(world):
    (late,) = enqueue(world, delay="10s")
    (soon,) = enqueue(world)
    await world.run(10_000)
    assert started(world.app) == [soon]
    world.app.end(world.app.open[0])
    await world.settle()
    assert started(world.app) == [late]


async def the_callback_alone_is_tried_before(world, second):
    assert [d.request.url for d in world.app.open] == [CALLBACK]
    world.app.end(world.app.open[0])
    await world.settle()
    assert started(world.app) == [second]


async def test_a_callback_holds_the_line_until_it_is_delivered(world):
    enqueue(world, callback=CALLBACK)
    (second,) = enqueue(world)
    await world.settle()
    world.app.end(world.app.open[0])
    await world.settle()
    assert [d.request.url for d in world.app.open] == [CALLBACK]
    await world.restart()
    await world.settle()
    await the_callback_alone_is_tried_before(world, second)


async def test_a_callback_holds_the_line_after_a_restart_without_its_forgotten_source(world):
    (first,) = enqueue(world, callback=CALLBACK)
    (second,) = enqueue(world)
    await world.settle()
    world.app.end(world.app.open[0])
    await world.settle()
    assert world.engine.delete([world.message(first).seq]) == [first]
    await world.restart()
    await world.settle()
    await the_callback_alone_is_tried_before(world, second)


async def test_the_failure_callback_of_a_callback_holds_the_line_too(world):
    headers: dict[str, Any] = {
        "callback": CALLBACK,
        "callback_failure_callback": FAILURE,
        "callback_retries": 0,
    }
    enqueue(world, **headers)
    (second,) = enqueue(world)
    await world.settle()
    world.app.end(world.app.open[0])
    await world.settle()
    world.app.end(world.app.open[0], answer(500))
    await world.settle()
    assert [d.request.url for d in world.app.open] == [FAILURE]
    world.app.end(world.app.open[0])
    await world.settle()
    assert started(world.app) == [second]


async def test_a_queue_and_flow_control_hold_together(world):
    """The queue would let two run, the key only one; and the key is shared with others."""
    world.engine.queues.upsert(USER, QUEUE, 2)
    flow = {"flow_control_key": "k", "flow_control_value": "parallelism=1"}
    ids = enqueue(world, 3, **flow)
    (other,) = world.publish(URL, **flow)
    for id_ in (*ids, other.message_id):
        await world.settle()
        assert started(world.app) == [id_]
        world.app.end(world.app.open[0])
