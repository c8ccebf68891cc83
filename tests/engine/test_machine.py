"""The engine as a state machine: whatever is done to it in whatever order, an accepted message is
waiting, under way, finished or dead; limits hold; queues keep their order; in the end all is finished.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    precondition,
    rule,
)

from qstash_dev.protocol.creation import Changes
from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.model import Message, Query, State
from tests.engine.fakes import USER, Delivery, World, answer, lose_a_transaction
from tests.samples import flat

GLOBAL = 4
PARALLELISM = {"q1": 1, "q2": 2}
AT_ONCE = 2
RATE, PERIOD_MS = 2, 10_000
FLOWS: dict[str, dict[str, str]] = {
    "none": {},
    "few": {"flow_control_key": "few", "flow_control_value": f"parallelism={AT_ONCE}"},
    "slow": {"flow_control_key": "slow", "flow_control_value": f"rate={RATE},period=10s"},
}
FINAL = answer(489, ("Upstash-NonRetryable-Error", "true"))
WAITING = {State.CREATED, State.RETRY}
FINISHED = {State.DELIVERED, State.FAILED, State.CANCELED}


class Machine(RuleBasedStateMachine):
    """Rules are what people, apps, time and crashes do; invariants hold after each."""

    messages: Bundle[str] = Bundle("messages")
    dead: Bundle[str] = Bundle("dead")

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.queued: dict[str, list[str]] = {"q1": [], "q2": []}
        self.run(self._begin())

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        self.loop.run_until_complete(work)

    def teardown(self) -> None:
        self.run(self._finish())
        self.loop.close()

    async def _begin(self) -> None:
        self.world = World(global_parallelism=GLOBAL)
        self.world.app.reply = lambda _: (None, answer())
        for name, parallelism in PARALLELISM.items():
            self.world.engine.queues.upsert(USER, name, parallelism)

    async def _finish(self) -> None:
        """Nothing is lost or stuck: when apps answer and nothing is paused, all comes to its end."""
        world = self.world
        for name in PARALLELISM:
            world.engine.queues.upsert(USER, name, paused=False)
        world.engine.pause(False)
        world.app.reply = lambda _: (0, answer())
        for delivery in list(world.app.open):
            world.app.end(delivery)
        await world.run_out()
        unfinished = [m.id for m in self.all() if m.state not in FINISHED]
        assert unfinished == [], f"never ended: {unfinished}"
        lanes = world.engine.lanes
        assert not lanes.places.active
        assert not any(lane.holders for lane in lanes.queues.values())
        assert not any(lane.active or len(lane.line) for lane in lanes.flows.values())
        await world.close()

    def all(self) -> list[Message]:
        rows = self.world.store.database.read("SELECT seq FROM messages ORDER BY seq")
        return [self.world.store.messages.load(seq) for (seq,) in rows]

    # What happens

    @rule(
        target=messages,
        queue=st.sampled_from([None, "q1", "q2"]),
        flow=st.sampled_from(sorted(FLOWS)),
        retries=st.integers(0, 2),
        delay=st.sampled_from([0, 0, 5, 60]),
        callback=st.booleans(),
    )
    def publish(
        self, queue: str | None, flow: str, retries: int, delay: int, callback: bool
    ) -> str:
        headers: dict[str, Any] = {**FLOWS[flow], "retries": retries}
        if callback:
            headers |= {"callback": "http://localhost/cb", "failure_callback": "http://localhost/f"}
        if delay and queue is None:
            headers["delay"] = delay
        message_id = self._accepted(queue, headers)
        self.run(self.world.settle())
        return message_id

    def _accepted(self, queue: str | None, headers: dict[str, Any]) -> str:
        accepted: list[str] = []

        async def publish() -> None:
            accepted.append(self.world.publish(queue=queue, **headers)[0].message_id)

        self.run(publish())
        if queue is not None:
            self.queued[queue].append(accepted[0])
        return accepted[0]

    @precondition(lambda self: self.world.app.open)
    @rule(target=dead, data=st.data(), outcome=st.sampled_from([answer(), answer(500), FINAL]))
    def app_answers(self, data: st.DataObject, outcome: Any) -> Any:
        delivery: Delivery = data.draw(st.sampled_from(self.world.app.open))

        async def end() -> None:
            self.world.app.end(delivery, outcome)
            await self.world.settle()

        self.run(end())
        found = flat(self.world.store.search.dead_letters(USER, Query({"id": (delivery.id,)})))
        return multiple(*(letter.id for _, letter, _ in found))

    @rule(seconds=st.sampled_from([1, 5, 10, 12, 200, 2_000]))
    def time_passes(self, seconds: int) -> None:
        self.run(self.world.run(seconds * 1000))

    @rule(message_id=messages)
    def cancel(self, message_id: str) -> None:
        async def cancel() -> None:
            message = self.world.message(message_id)
            expected = int(message.state not in FINISHED and not message.cancel_requested)
            assert self.world.engine.cancel([message]) == expected
            await self.world.settle()

        self.run(cancel())

    @rule(message_id=messages)
    def run_now(self, message_id: str) -> None:
        async def run_now() -> None:
            message = self.world.message(message_id)
            try:
                self.world.engine.run_now(message)
            except QStashError:
                assert message.state not in WAITING
            await self.world.settle()

        self.run(run_now())

    @rule(target=messages, message_id=messages)
    def replay(self, message_id: str) -> str:
        copies: list[str] = []

        async def replay() -> None:
            copies.append(self.world.engine.replay(USER, message_id, Changes()))
            await self.world.settle()

        self.run(replay())
        return copies[0]

    @rule(target=messages, dlq_id=consumes(dead))
    def retry_dead(self, dlq_id: str) -> str:
        copies: list[str] = []

        async def retry() -> None:
            found = self.world.store.search.dead_letter(USER, dlq_id)
            assert found is not None
            copies.append(self.world.engine.retry_dead(USER, dlq_id, found[0].message_id, ()))

        self.run(retry())
        queue = self.world.message(copies[0]).spec.queue
        if queue is not None:
            self.queued[queue].append(copies[0])
        self.run(self.world.settle())
        return copies[0]

    @rule(queue=st.sampled_from(sorted(PARALLELISM)), paused=st.booleans())
    def pause_queue(self, queue: str, paused: bool) -> None:
        async def pause() -> None:
            self.world.engine.queues.upsert(USER, queue, paused=paused)
            await self.world.settle()

        self.run(pause())

    @rule()
    def crash(self) -> None:
        async def crash() -> None:
            await self.world.restart()
            await self.world.settle()

        self.run(crash())

    @rule()
    def disk_fails(self) -> None:
        async def fail() -> None:
            lose_a_transaction(self.world.store)
            await asyncio.sleep(0)  # abandoned deliveries end in the next turns of the loop
            await asyncio.sleep(0)
            await self.world.settle()

        self.run(fail())

    @rule(
        message_id=messages,
        queue=st.sampled_from(["q1", "q2"]),
        flow=st.sampled_from(sorted(FLOWS)),
    )
    def a_change_is_undone(self, message_id: str, queue: str, flow: str) -> None:
        def change() -> None:
            with self.world.store.database:
                headers: dict[str, Any] = dict(FLOWS[flow])
                self.world.publish(queue=queue, **headers)
                self.world.engine.cancel([self.world.message(message_id)])
                raise ValueError("a bug")

        async def fail() -> None:
            before = self.all()
            with pytest.raises(ValueError, match="a bug"):
                change()
            assert self.all() == before
            await self.world.settle()

        self.run(fail())

    # What always holds

    @invariant()
    def every_message_is_waiting_under_way_finished_or_dead(self) -> None:
        open_ids = {delivery.id for delivery in self.world.app.open}
        dead = {
            found[1].message_id
            for found in flat(self.world.store.search.dead_letters(USER, Query(count=10**6)))
        }
        revived = {m.spec.parent_id for m in self.all() if m.spec.kind == "dlq-retry"}
        for message in self.all():
            if message.state == State.ACTIVE:
                assert message.id in open_ids
            else:
                assert message.id not in open_ids
                assert message.state in WAITING | FINISHED
            assert (message.finished_at is not None) == (message.state in FINISHED)
            if message.state == State.FAILED:
                assert message.id in dead or message.id in revived
            else:
                assert message.id not in dead
            assert message.retried <= message.spec.max_retries

    @invariant()
    def each_message_is_delivered_at_one_place_at_a_time(self) -> None:
        ids = [delivery.id for delivery in self.world.app.open]
        assert len(set(ids)) == len(ids)

    @invariant()
    def no_limit_is_exceeded(self) -> None:
        under_way = [self.world.message(delivery.id) for delivery in self.world.app.open]
        assert len(under_way) <= GLOBAL
        for queue, parallelism in PARALLELISM.items():
            assert sum(m.spec.queue == queue for m in under_way) <= parallelism
        few = [m for m in under_way if m.spec.flow is not None and m.spec.flow.key == "few"]
        assert len(few) <= AT_ONCE

    @invariant()
    def no_rate_is_exceeded(self) -> None:
        keys = (
            (d.at, d.headers.get("upstash-flow-control-key")) for d in self.world.app.deliveries
        )
        starts = [at for at, key in keys if key == "slow"]
        begin, count = -PERIOD_MS, 0
        for at in starts:
            if at >= begin + PERIOD_MS:
                begin, count = at, 0
            count += 1
            assert count <= RATE

    @invariant()
    def queues_keep_their_order(self) -> None:
        """A message that has its place and waits for its flow-control key may be overtaken."""
        for queue, ids in self.queued.items():
            messages = [self.world.message(id_) for id_ in ids]
            for place, message in enumerate(messages):
                in_turn = PARALLELISM[queue] == 1 or message.spec.flow is None
                if in_turn and message.attempts == 0 and message.state != State.CANCELED:
                    later = [m.id for m in messages[place + 1 :] if m.attempts > 0]
                    assert later == [], f"began before {message.id}"

    @invariant()
    def what_could_start_has_started(self) -> None:
        now = self.world.clock.now()
        waiting = [m for m in self.all() if m.state in WAITING and m.due_at <= now]
        free = [m for m in waiting if m.spec.queue is None and m.spec.flow is None]
        if len(self.world.app.open) < GLOBAL:
            assert free == [], f"nothing keeps {free[0].id} from starting"


Machine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestMachine = Machine.TestCase
