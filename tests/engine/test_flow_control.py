import asyncio
import contextlib
import math
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.model import FlowControl
from tests.engine.fakes import OTHER_USER, START, URL, USER, World, answer

PERIOD_S = 10
PERIOD = PERIOD_S * 1000
KEY = (USER, "k")


class Publish(Struct, frozen=True):
    """A message with limits; the app answers after `takes_ms`, and refuses it `refusals` times."""

    key: str
    parallelism: int | None
    rate: int | None
    takes_ms: int
    refusals: int
    queue: str | None


class Order(Struct, frozen=True):
    """What somebody does with a key, or with the server."""

    what: str
    key: str
    parallelism: int | None
    rate: int | None


KEYS = st.sampled_from(["k", "k", "other"])
PARALLELISM = st.sampled_from([None, 1, 2, 3])
RATE = st.sampled_from([None, 1, 2, 4])
PUBLISH = st.builds(
    Publish,
    key=KEYS,
    parallelism=PARALLELISM,
    rate=RATE,
    takes_ms=st.sampled_from([0, 0, 1, 4_000, 25_000]),
    refusals=st.integers(0, 1),
    queue=st.sampled_from([None, None, "q"]),
).filter(lambda p: p.parallelism or p.rate)
ORDER = st.builds(
    Order,
    what=st.sampled_from(
        [
            *("pin", "unpin", "pause", "resume", "reset", "reset rate"),
            *("restart", "cancel", "run now"),
        ]
    ),
    key=KEYS,
    parallelism=PARALLELISM,
    rate=RATE,
)
STEPS = st.lists(
    st.tuples(
        st.sampled_from([0, 0, 1, 999, 5_000, PERIOD, 17_000]), st.one_of(PUBLISH, PUBLISH, ORDER)
    ),
    min_size=1,
    max_size=16,
)


class Referee:
    """Follows the log and the orders, and knows by itself which limits are in force."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.pending: Counter[tuple[int | None, int | None]] = Counter()
        self.last: tuple[int | None, int | None] = (None, None)
        self.pins: list[int | None] = [None, None]
        self.kept: list[int | None] = [None, None]
        self.active: set[str] = set()
        self.paused = False
        self.period_start = -math.inf
        self.starts = 0

    def limits(self) -> tuple[float, float]:
        in_force = [*self.pending, self.last]
        found = []
        for place in (0, 1):
            values = [limits[place] or math.inf for limits in in_force]
            fixed = [x for x in (self.pins[place], self.kept[place]) if x is not None]
            found.append(fixed[0] if fixed else max(values))
        return found[0], found[1]

    def arrive(self, limits: tuple[int | None, int | None]) -> None:
        self.pending[limits] += 1
        self.last = limits
        if any(k not in (None, value) for k, value in zip(self.kept, limits, strict=True)):
            self.kept = [None, None]

    def start(self, id_: str, at: int) -> None:
        parallelism, rate = self.limits()
        self.active.add(id_)
        if at >= self.period_start + PERIOD:
            self.period_start, self.starts = at, 0
        self.starts += 1
        assert not self.paused, f"{id_} started in a pause of {self.key}"
        assert len(self.active) <= parallelism, f"{id_} exceeded parallelism {parallelism}"
        assert self.starts <= rate, f"{id_} exceeded rate {rate}"

    def obey(self, order: Order, at: int) -> None:
        if order.what == "pin":
            for place, value in enumerate((order.parallelism, order.rate)):
                self.pins[place] = self.pins[place] if value is None else value
            self.period_start, self.starts = at, 0
        elif order.what == "unpin":
            self.kept = [
                kept if pin is None else pin for pin, kept in zip(self.pins, self.kept, strict=True)
            ]
            self.pins = [None, None]
        elif order.what in ("reset", "reset rate"):
            self.period_start, self.starts = at, 0
            if order.what == "reset":
                self.active.clear()
        elif order.what in ("pause", "resume"):
            self.paused = order.what == "pause"


class Run:
    """Plays steps against an engine; the referees see every line of the log."""

    def __init__(self, global_parallelism: int) -> None:
        self.world = World(global_parallelism=global_parallelism)
        self.world.app.reply = self._reply
        self.referees = {key: Referee(key) for key in ("k", "other")}
        self.published: dict[str, Publish] = {}
        self.seen = 0

    async def play(self, steps: list[tuple[int, Publish | Order]]) -> None:
        for wait_ms, step in steps:
            await self._live(self.world.clock.ms + wait_ms)
            if isinstance(step, Publish):
                self._publish(step)
            else:
                await self._obey(step)
        for key in self.referees:
            await self._obey(Order("resume", key, None, None))
        await self._live(self.world.clock.ms + 10_000_000)

    async def _live(self, until: int) -> None:
        await self.world.run_until(until)
        self._watch()

    def _publish(self, step: Publish) -> None:
        limits = FlowControl(step.key, step.parallelism, step.rate, PERIOD_S)
        parts = {"parallelism": step.parallelism, "rate": step.rate, "period": PERIOD_S}
        value = ",".join(f"{name}={number}" for name, number in parts.items() if number)
        headers: dict[str, Any] = {"flow_control_key": limits.key, "flow_control_value": value}
        url = f"{URL}/{len(self.published) % 2}"
        options: dict[str, Any] = {"retries": 1, "retry_delay": "7000", "queue": step.queue}
        (accepted,) = self.world.publish(url, **options, **headers)
        self.published[accepted.message_id] = step
        self._watch()

    def _reply(self, delivery):
        step = self.published[delivery.id]
        return step.takes_ms, answer(500 if delivery.retried < step.refusals else 200)

    async def _obey(self, order: Order) -> None:
        flows, key = self.world.engine.flows, (USER, order.key)
        if order.what == "pin":
            if not (order.parallelism or order.rate):
                return
            flows.pin(key, order.parallelism, order.rate, PERIOD_S)
        deeds: dict[str, Callable[[], object]] = {
            "unpin": lambda: flows.unpin(key, True, True),
            "pause": lambda: flows.pause(key, True),
            "resume": lambda: flows.pause(key, False),
            "reset": lambda: flows.reset(key),
            "reset rate": lambda: flows.reset_rate(key),
            "cancel": self._cancel_oldest,
            "run now": self._run_all_now,
            "restart": self.world.restart,
        }
        done = deeds.get(order.what, lambda: None)()
        if isinstance(done, Awaitable):
            await done
            for referee in self.referees.values():
                referee.active.clear()
        self._watch()
        self.referees[order.key].obey(order, self.world.clock.ms)

    def _cancel_oldest(self) -> None:
        for id_ in self.published:
            if self.world.engine.cancel([self.world.message(id_)]):
                return

    def _run_all_now(self) -> None:
        for id_ in self.published:
            with contextlib.suppress(QStashError):
                self.world.engine.run_now(self.world.message(id_))

    def _watch(self) -> None:
        for entry in self.world.store.feed.after(self.seen, 100_000):
            self.seen = entry.seq
            step = self.published[entry.id]
            referee = self.referees[step.key]
            limits = (step.parallelism, step.rate)
            if entry.state == "CREATED":
                referee.arrive(limits)
            elif entry.state == "ACTIVE":
                referee.start(entry.id, entry.time)
            elif entry.state in ("ERROR", "DELIVERED", "FAILED", "CANCELED"):
                referee.active.discard(entry.id)
            if entry.state in ("DELIVERED", "FAILED", "CANCELED"):
                referee.pending -= Counter([limits])

    def check_the_end(self) -> None:
        states = set(self.world.states(self.published))
        assert states <= {"DELIVERED", "CANCELED"}
        assert not any(lane.holders for lane in self.world.engine.lanes.queues.values())
        for (_, name), lane in self.world.engine.lanes.flows.items():
            assert not lane.active
            assert not lane.pending
            assert len(lane.line) == 0
            assert (lane.parallelism or math.inf, lane.rate[0] or math.inf) == (
                self.referees[name].limits()
            )


@settings(max_examples=100, deadline=None)
@given(steps=STEPS, global_parallelism=st.sampled_from([1, 2, 100]))
def test_no_limit_of_a_key_is_ever_exceeded_and_everything_is_delivered(steps, global_parallelism):
    async def live() -> None:
        run = Run(global_parallelism)
        await run.play(steps)
        run.check_the_end()
        await run.world.close()

    asyncio.run(live())


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    yield world
    await world.close()


def publish(world: World, count: int, value: str, key: str = "k", **options: Any) -> list[str]:
    headers: dict[str, Any] = {"flow_control_key": key, "flow_control_value": value, **options}
    return [world.publish(**headers)[0].message_id for _ in range(count)]


def starts(world: World) -> list[int]:
    return [delivery.at - START for delivery in world.app.deliveries]


async def test_a_rate_spreads_starts_over_periods_without_gaps(world):
    ids = publish(world, 7, "rate=3,period=10s")
    await world.run_out()
    assert starts(world) == [0, 0, 0, 10_000, 10_000, 10_000, 20_000]
    assert world.app.ids() == ids


async def test_a_period_begins_with_its_first_start(world):
    await world.run(123)
    publish(world, 2, "rate=1,period=10s")
    await world.run_out()
    assert starts(world) == [123, 10_123]


@pytest.mark.parametrize("what", ["cancel", "pause", "reset"])
async def test_a_period_that_nothing_waits_for_is_no_event(world, what):
    _, waiting = publish(world, 2, "rate=1,period=10s")
    await world.settle()
    assert world.engine.next_time() == START + 10_000
    if what == "cancel":
        world.engine.cancel([world.message(waiting)])
    elif what == "pause":
        world.engine.flows.pause(KEY, True)
    else:
        world.engine.flows.reset_rate(KEY)
    await world.settle()
    assert world.engine.next_time() is None


async def test_retries_count_towards_the_rate(world):
    world.app.reply = lambda d: (0, answer(500 if d.retried < 2 else 200))
    publish(world, 1, "rate=1,period=10s", retry_delay="1000")
    await world.run_out()
    assert starts(world) == [0, 10_000, 20_000]


async def test_waiting_for_a_limit_is_neither_a_failure_nor_a_retry(world):
    ids = publish(world, 2, "rate=1,period=1h", retries=0)
    await world.run_out()
    assert world.states(ids) == ["DELIVERED", "DELIVERED"]
    assert [d.retried for d in world.app.deliveries] == [0, 0]


async def test_a_rate_window_survives_a_restart(world):
    publish(world, 3, "rate=2,period=60s")
    await world.run(20_000)
    await world.restart()
    await world.run_out()
    assert starts(world) == [0, 0, 60_000]


async def test_a_key_is_limited_across_urls_but_not_across_users(world):
    world.app.reply = lambda _: (None, answer())
    headers: dict[str, Any] = {"flow_control_key": "k", "flow_control_value": "parallelism=1"}
    world.publish("http://localhost/a", **headers)
    world.publish("http://localhost/b", **headers)
    world.publish("http://localhost/c", user=OTHER_USER, **headers)
    await world.settle()
    assert [d.request.url[-1] for d in world.app.open] == ["a", "c"]


async def test_the_higher_limit_holds_while_messages_that_carry_it_are_pending(world):
    world.app.reply = lambda _: (None, answer())
    publish(world, 3, "parallelism=2")
    publish(world, 3, "parallelism=1")
    lane = world.engine.lanes.flows[KEY]
    for open_ in (2, 2, 2, 1, 1, 1):  # the third message is pending until the third answer
        await world.settle()
        assert (len(world.app.open), lane.parallelism) == (open_, open_)
        world.app.end(world.app.open[0])


async def test_the_last_values_hold_after_a_restart_even_if_older_messages_are_pending(world):
    publish(world, 1, "parallelism=9", delay="1h")
    publish(world, 1, "parallelism=2")
    await world.settle()
    await world.restart()
    await world.run_out()
    assert world.engine.lanes.flows[KEY].parallelism == 2


async def test_a_pause_survives_a_restart_and_periods_elapse_meanwhile(world):
    publish(world, 2, "rate=1,period=10s")
    await world.settle()
    world.engine.flows.pause(KEY, True)
    await world.restart()
    await world.run(15_000)
    assert starts(world) == [0]
    world.engine.flows.pause(KEY, False)
    await world.settle()
    assert starts(world) == [0, 15_000]


async def test_a_pin_overrides_what_messages_carry_and_survives_a_restart(world):
    world.app.reply = lambda _: (None, answer())
    publish(world, 5, "parallelism=1")
    world.engine.flows.pin(KEY, 3, None, 1)
    await world.restart()
    await world.settle()
    assert len(world.app.open) == 3


async def test_pinning_a_rate_begins_a_new_period(world):
    publish(world, 4, "rate=1,period=1h")
    await world.run(5_000)
    world.engine.flows.pin(KEY, None, 2, 60)
    await world.run_until(START + 65_000)
    assert starts(world) == [0, 5_000, 5_000, 65_000]


async def test_pinning_parallelism_alone_begins_a_new_period_too(world):
    publish(world, 2, "rate=1,period=1h")
    await world.run(5_000)
    world.engine.flows.pin(KEY, 3, None, 1)
    await world.settle()
    assert starts(world) == [0, 5_000]


def in_force(world: World) -> tuple[int | None, int | None, int]:
    lane = world.engine.lanes.flows[KEY]
    return lane.parallelism, *lane.rate


@pytest.mark.parametrize("pending", [True, False])
async def test_pinned_values_stay_after_unpin_until_a_message_has_others(world, pending):
    own, pinned = "parallelism=5,rate=50,period=10s", "parallelism=1,rate=2,period=60s"
    publish(world, 1, own, delay="1h" if pending else "0s")
    await world.run(100_000)
    world.engine.flows.pin(KEY, 1, 2, 60)
    publish(world, 1, own, delay="1h" if pending else "0s")
    await world.run(100_000)
    world.engine.flows.unpin(KEY, True, True)
    assert in_force(world) == (1, 2, 60)
    await world.restart()
    assert in_force(world) == (1, 2, 60)
    publish(world, 1, pinned)
    assert in_force(world) == (1, 2, 60)
    await world.run(100_000)
    publish(world, 1, own)
    assert in_force(world) == (5, 50, 10)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("parallelism=1,rate=9", (1, 2, 60)), ("parallelism=3,rate=9", (5, 2, 60))],
)
async def test_what_is_still_pinned_holds_when_the_other_limit_is_unpinned(world, value, expected):
    publish(world, 1, "parallelism=5,rate=50", delay="1h")
    world.engine.flows.pin(KEY, 1, 2, 60)
    world.engine.flows.unpin(KEY, True, False)
    publish(world, 1, value, delay="1h")
    assert in_force(world) == expected


async def test_a_delayed_message_with_higher_limits_lets_those_start_that_wait(world):
    world.app.reply = lambda _: (None, answer())
    publish(world, 3, "parallelism=1")
    await world.settle()
    publish(world, 1, "parallelism=2", delay="1h")
    await world.settle()
    assert len(world.app.open) == 2


async def test_reset_rate_lets_the_next_period_begin_at_once(world):
    publish(world, 2, "rate=1,period=1d")
    await world.run(1_000)
    world.engine.flows.reset_rate(KEY)
    await world.settle()
    assert starts(world) == [0, 1_000]


async def test_reset_lets_as_many_start_again_beside_what_is_under_way(world):
    world.app.reply = lambda _: (None, answer())
    publish(world, 5, "parallelism=2,rate=2,period=1d")
    await world.settle()
    world.engine.flows.reset_rate(KEY)
    await world.settle()
    assert len(world.app.open) == 2
    world.engine.flows.reset(KEY)
    assert len(world.engine.lanes.flows[KEY].active) == 0
    await world.settle()
    assert len(world.app.open) == 4
    for delivery in world.app.open[:2]:
        world.app.end(delivery)
    world.engine.flows.reset_rate(KEY)
    await world.settle()
    assert len(world.app.open) == 2  # the two that count are still under way


async def test_a_shorter_period_ends_the_wait_that_was_planned_for_the_longer_one(world):
    publish(world, 2, "rate=1,period=1h")
    await world.run(1_000)
    publish(world, 1, "rate=1,period=5s")
    await world.run_out()
    assert starts(world) == [0, 5_000, 10_000]


async def test_the_global_limit_does_not_pile_up_starts_beyond_a_rate():
    world = World(global_parallelism=1)
    world.app.reply = lambda d: (35_000 if d.id == "msg_1" else 0, answer())
    world.publish()
    publish(world, 6, "rate=2,period=10s")
    await world.run_out()
    assert starts(world) == [0, 35_000, 35_000, 45_000, 45_000, 55_000, 55_000]
    await world.close()


async def test_running_a_waiting_message_now_does_not_deliver_it_twice():
    world = World(global_parallelism=1)
    world.app.reply = lambda _: (1_000, answer())
    ids = publish(world, 3, "parallelism=2")
    await world.settle()
    world.engine.run_now(world.message(ids[1]))
    await world.run_out()
    assert world.app.ids() == ids
    await world.close()


async def test_no_more_pass_than_the_rate_allows_while_the_global_limit_is_reached():
    """The others stay in their line: ten thousand of them must not come and go at every step."""
    world = World(global_parallelism=1)
    world.app.reply = lambda _: (None, answer())
    world.publish()
    publish(world, 5, "rate=2,period=10s")
    await world.settle()
    assert len(world.engine.lanes.flows[KEY].line) == 3
    await world.close()


async def test_a_key_that_no_message_has_is_deleted_with_its_pins_for_good(world):
    publish(world, 1, "rate=1,period=1d")
    await world.settle()
    world.engine.flows.pin(KEY, 1, None, 1)
    world.engine.flows.pause(KEY, True)
    world.engine.flows.delete(KEY)
    await world.restart()
    assert world.engine.flows.find(KEY) is None
    publish(world, 2, "rate=2,period=1d")
    await world.settle()
    assert starts(world) == [0, 0, 0]
    with pytest.raises(QStashError, match="flow control key other not found") as refused:
        world.engine.flows.delete((USER, "other"))
    assert refused.value.status == 404


async def test_a_key_stays_while_messages_have_it(world):
    def deleting_is_refused():
        with pytest.raises(QStashError, match=": 1 are pending") as refused:
            world.engine.flows.delete(KEY)
        assert refused.value.status == 409

    (delayed,) = publish(world, 1, "parallelism=1", delay="1h")
    deleting_is_refused()
    world.engine.cancel([world.message(delayed)])
    world.app.reply = lambda _: (None, answer())
    (under_way,) = publish(world, 1, "parallelism=1", retries=1)
    await world.settle()
    deleting_is_refused()
    world.engine.flows.reset(KEY)
    deleting_is_refused()
    world.app.end(world.app.open[0], answer(500))
    await world.settle()
    assert world.states([under_way]) == ["RETRY"]
    deleting_is_refused()
    world.engine.cancel([world.message(under_way)])
    world.engine.flows.delete(KEY)
