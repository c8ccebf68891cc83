import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from qstash_dev.protocol.cron import parse_cron, upcoming
from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.model import Endpoint, Group, Kind, Schedule, Spec
from qstash_dev.protocol.quota import QUOTAS
from tests.engine.fakes import OTHER_USER, START, URL, USER, World, answer, draft

MINUTE = 60_000
HOUR = 60 * MINUTE
GROUP = Group(USER, "pair", (Endpoint(f"{URL}/1", "one"), Endpoint(f"{URL}/2")), START, START)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    yield world
    await world.close()


def create(
    world: World, cron: str = "* * * * *", destination: str = URL, body: bytes = b"", **options
) -> Schedule:
    url = destination if destination.startswith("http") else ""
    group = world.store.groups.get(USER, destination)
    order = draft(url, defaults=group.headers if group else None, cron=cron, **options)
    planned = world.engine.schedules.create(USER, order, destination, body)
    return world.engine.schedules.find(USER, planned.schedule_id)


def found(world: World, schedule: Schedule) -> Schedule:
    return world.engine.schedules.find(USER, schedule.id)


def times(world: World) -> list[int]:
    return [delivery.at - START for delivery in world.app.deliveries]


def epoch(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


def utc(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%m-%d %H:%M")


async def test_a_schedule_fires_on_a_server_that_has_nothing_else_to_do(world):
    await world.settle()
    create(world)
    await world.run(3 * MINUTE)
    assert times(world) == [MINUTE, 2 * MINUTE, 3 * MINUTE]


async def test_a_firing_is_a_message_like_the_one_that_was_asked_for(world):
    schedule = create(
        world,
        body=b"x",
        method="PUT",
        retries=1,
        retry_delay="1000",
        timeout="5s",
        label="a,b",
        callback=f"{URL}/callback",
        failure_callback=f"{URL}/failure",
        flow_control_key="k",
        flow_control_value="rate=5",
        redact_fields="body",
        forward_x="y",
        delay="10s",
    )
    await world.run(MINUTE + 10_000)
    (first, callback) = world.app.deliveries
    message = world.message(first.id)
    assert first.at == START + MINUTE + 10_000
    assert (message.created_at, message.not_before) == (START + MINUTE, first.at)
    assert message.spec == schedule.spec
    assert message.body == first.request.body == b"x"
    assert first.request.method == "PUT"
    assert first.headers["x"] == "y"
    assert first.headers["upstash-schedule-id"] == schedule.id
    assert message.spec.kind == "schedule"
    assert callback.request.url == f"{URL}/callback"


@pytest.mark.parametrize(
    ("cron", "begin", "end", "expected"),
    [
        (  # 02:00 CET becomes 03:00 CEST at 01:00 UTC on 29 March
            "CRON_TZ=Europe/Berlin 30 2 * * *",
            "2026-03-27T12:00",
            "2026-03-31T00:00",
            ["03-28 01:30", "03-29 01:00", "03-30 00:30"],
        ),
        (  # 03:00 CEST becomes 02:00 CET at 01:00 UTC on 25 October
            "CRON_TZ=Europe/Berlin 30 2 * * *",
            "2026-10-23T12:00",
            "2026-10-27T00:00",
            ["10-24 00:30", "10-25 00:30", "10-26 01:30"],
        ),
        (
            "CRON_TZ=America/New_York 0 9 * * *",
            "2026-03-07T00:00",
            "2026-03-09T23:59",
            ["03-07 14:00", "03-08 13:00", "03-09 13:00"],
        ),
        (
            "CRON_TZ=Europe/Berlin 0 * * * *",
            "2026-10-24T23:30",
            "2026-10-25T03:30",
            ["10-25 00:00", "10-25 01:00", "10-25 02:00", "10-25 03:00"],
        ),
        (
            "0 0 29 2 *",
            "2026-01-01T00:00",
            "2033-01-01T00:00",
            ["02-29 00:00", "02-29 00:00"],
        ),
    ],
)
async def test_it_fires_by_the_clock_of_its_zone_through_both_turns(
    world, cron, begin, end, expected
):
    world.clock.ms = epoch(begin)
    create(world, cron)
    await world.run_until(epoch(end))
    assert [utc(delivery.at) for delivery in world.app.deliveries] == expected


@pytest.mark.parametrize(
    "cron", ["* * * *", "61 * * * *", "0 0 30 2 *", "CRON_TZ=Mars/Base * * * * *", ""]
)
async def test_a_cron_expression_that_cannot_be_is_refused_and_changes_nothing(world, cron):
    create(world, schedule_id="s", body=b"old")
    with pytest.raises(QStashError, match="invalid cron") as refused:
        create(world, cron, schedule_id="s", body=b"new")
    assert refused.value.status == 400
    assert world.engine.schedules.find(USER, "s").body == b"old"


async def test_the_same_id_replaces_everything_but_the_birthday(world):
    create(world, body=b"old", schedule_id="s", label="a", queue="q", delay="5s", retries=0)
    await world.run(90_000)
    schedule = create(world, "0 * * * *", f"{URL}/new", schedule_id="s")
    assert schedule == found(world, schedule)
    assert schedule.body == b""
    assert schedule.spec == Spec(f"{URL}/new", kind=Kind.SCHEDULE, schedule_id="s")
    assert (schedule.delay_ms, schedule.created_at, schedule.next_at) == (0, START, START + HOUR)
    await world.run_until(START + HOUR)
    assert [d.request.url for d in world.app.deliveries] == [URL, f"{URL}/new"]
    assert len(world.store.schedules.of(USER)) == 1


async def test_replacing_a_paused_schedule_does_not_resume_it(world):
    world.engine.schedules.pause(create(world, schedule_id="s"), True)
    assert create(world, "*/2 * * * *", schedule_id="s").paused
    await world.run(5 * MINUTE)
    assert times(world) == []


async def test_a_late_firing_keeps_its_time(world):
    schedule = create(world)
    await world.settle()
    world.engine.pause(True)
    await world.run(MINUTE + 30_000)
    world.engine.pause(False)
    await world.run(0)
    assert times(world) == [MINUTE + 30_000]
    late = found(world, schedule)
    assert (late.last_at, late.next_at) == (START + MINUTE, START + 2 * MINUTE)
    assert world.engine.schedules.states(late) == {"msg_1": "SUCCESS"}


async def test_a_paused_schedule_has_a_next_time_and_skips_it(world):
    schedule = create(world)
    world.engine.schedules.pause(schedule, True)
    await world.run(2 * MINUTE + 1)
    assert times(world) == []
    assert found(world, schedule).next_at == START + 3 * MINUTE
    world.engine.schedules.pause(found(world, schedule), False)
    await world.run(MINUTE)
    assert times(world) == [3 * MINUTE]
    assert found(world, schedule).last_at == START + 3 * MINUTE


async def test_pausing_survives_a_restart(world):
    world.engine.schedules.pause(create(world), True)
    await world.restart()
    await world.run(5 * MINUTE)
    assert times(world) == []


async def test_a_deleted_schedule_fires_no_more_and_its_messages_stay(world):
    schedule = create(world, delay="1h")
    await world.run(MINUTE)
    world.engine.schedules.delete(schedule)
    await world.run(2 * HOUR)
    assert times(world) == [HOUR + MINUTE]
    with pytest.raises(QStashError, match="not found"):
        found(world, schedule)


async def test_a_group_gets_one_message_for_each_endpoint_that_it_has_when_it_fires(world):
    world.store.groups.put(USER, "pair", GROUP)
    schedule = create(world, destination="pair")
    await world.run(MINUTE)
    assert [d.request.url for d in world.app.deliveries] == [f"{URL}/1", f"{URL}/2"]
    messages = [world.message(id_) for id_ in world.app.ids()]
    assert [(m.spec.topic, m.spec.endpoint) for m in messages] == [("pair", "one"), ("pair", None)]
    states = world.engine.schedules.states(found(world, schedule))
    assert states == dict.fromkeys(world.app.ids(), "SUCCESS")


async def test_each_firing_has_the_defaults_that_its_group_has_then(world):
    group = replace(GROUP, endpoints=GROUP.endpoints[:1])
    world.store.groups.put(USER, "pair", group)
    schedule = create(world, destination="pair", retries=2, forward_x="own", queue_name="q")
    await world.run(MINUTE)
    defaults = {
        "upstash-retries": "1",
        "upstash-label": "late",
        "upstash-delay": "5s",
        "upstash-forward-x": "default",
        "upstash-forward-y": "default",
        "upstash-queue-name": "other",
    }
    world.store.groups.put(USER, "pair", replace(group, headers=defaults))
    await world.restart()
    await world.run(MINUTE + 5_000)
    first, second = (world.message(id_) for id_ in world.app.ids())
    assert (first.spec.labels, first.spec.headers) == ((), (("X", "own"),))
    assert second.spec == replace(
        first.spec, labels=("late",), headers=(("X", "own"), ("Y", "default"))
    )
    assert (second.spec.max_retries, second.spec.queue) == (2, "q")
    assert times(world) == [MINUTE, 2 * MINUTE + 5_000]
    shown = world.engine.schedules.as_of_now(found(world, schedule))
    assert (shown.spec.labels, shown.delay_ms) == (("late",), 5_000)


async def test_defaults_that_no_firing_may_have_are_an_error_of_the_schedule(world):
    world.store.groups.put(USER, "pair", replace(GROUP, headers={"upstash-retries": "9"}))
    schedule = create(world, destination="pair")
    world.engine.set_policy(replace(world.policy, limits=QUOTAS["payg"]))
    await world.run(MINUTE)
    assert times(world) == []
    assert found(world, schedule).error == "quota maxRetries exceeded"
    assert world.engine.schedules.as_of_now(schedule) == schedule


async def test_a_group_that_is_gone_is_an_error_until_it_is_back(world):
    schedule = create(world, destination="pair")
    await world.run(MINUTE)
    assert times(world) == []
    failed = found(world, schedule)
    assert failed.error == "topic pair not found"
    assert failed.last_at == START + MINUTE
    world.store.groups.put(USER, "pair", GROUP)
    await world.run(MINUTE)
    assert times(world) == [2 * MINUTE, 2 * MINUTE]
    assert found(world, schedule).error is None


async def test_a_firing_into_a_queue_creates_it_and_leaves_its_parallelism_alone(world):
    world.app.reply = lambda _: (150_000, answer())
    create(world, queue="q")
    await world.run(MINUTE)
    assert world.store.queues.get(USER, "q").parallelism == 1
    world.engine.queues.upsert(USER, "q", 2)
    await world.run(4 * MINUTE)
    assert world.store.queues.get(USER, "q").parallelism == 2
    assert times(world) == [MINUTE, 2 * MINUTE, MINUTE + 150_000, 2 * MINUTE + 150_000]


async def test_states_follow_the_messages_of_the_last_firing(world):
    world.app.reply = lambda d: (20_000, answer(500 if d.at < START + 2 * MINUTE else 200))
    schedule = create(world, retries=0)
    assert world.engine.schedules.states(schedule) == {}
    seen = []
    for _ in range(4):
        await world.run(45_000)
        states = world.engine.schedules.states(found(world, schedule))
        seen.append((world.clock.ms - START, states))
    assert seen == [
        (45_000, {}),
        (90_000, {"msg_1": "FAIL"}),
        (135_000, {"msg_2": "IN_PROGRESS"}),
        (180_000, {"msg_3": "IN_PROGRESS"}),
    ]
    await world.run(20_000)
    assert world.engine.schedules.states(found(world, schedule)) == {"msg_3": "SUCCESS"}


async def test_running_now_fires_beside_the_plan(world):
    schedule = create(world)
    await world.run(10_000)
    ids = world.engine.schedules.run(schedule)
    await world.run(MINUTE)
    assert times(world) == [10_000, MINUTE]
    assert world.app.ids()[:1] == ids


async def test_running_now_without_its_group_is_refused(world):
    with pytest.raises(QStashError, match="topic pair not found"):
        world.engine.schedules.run(create(world, destination="pair"))


async def test_times_that_were_missed_are_skipped_and_logged(world, caplog):
    schedule = create(world, "*/10 * * * *")
    await world.settle()
    world.clock.ms += 35 * MINUTE
    with caplog.at_level(logging.WARNING):
        await world.restart()
        await world.settle()
    assert times(world) == []
    assert "missed since 2026-01-01 00:10:00+00:00" in caplog.text
    assert found(world, schedule).next_at == START + 40 * MINUTE


async def test_a_firing_up_to_a_minute_late_happens_at_its_own_time(world):
    create(world)
    await world.settle()
    world.clock.ms += 3 * MINUTE + 59_000
    await world.restart()
    await world.settle()
    messages = [world.message(id_) for id_ in world.app.ids()]
    assert [m.created_at - START for m in messages] == [3 * MINUTE]
    await world.run(1_000)
    assert [d.at - START for d in world.app.deliveries] == [4 * MINUTE - 1_000, 4 * MINUTE]


async def test_where_time_went_back_the_next_firing_is_the_first_after_it(world):
    schedule = create(world, "*/10 * * * *")
    world.clock.ms += 30 * 24 * HOUR + 5 * MINUTE
    await world.settle()
    world.clock.ms = START + 5 * MINUTE
    await world.restart()
    assert found(world, schedule).next_at == START + 10 * MINUTE
    await world.run(30 * MINUTE)
    assert times(world) == [10 * MINUTE, 20 * MINUTE, 30 * MINUTE]


async def test_users_schedules_of_one_id_are_two(world):
    create(world, schedule_id="s")
    other = draft(f"{URL}/theirs", cron="*/2 * * * *", schedule_id="s")
    world.engine.schedules.create(OTHER_USER, other, f"{URL}/theirs", b"")
    await world.run(2 * MINUTE)
    assert sorted(d.request.url for d in world.app.deliveries) == [URL, URL, f"{URL}/theirs"]
    world.engine.schedules.delete(world.engine.schedules.find(USER, "s"))
    assert world.engine.schedules.find(OTHER_USER, "s").destination == f"{URL}/theirs"


CRONS = st.sampled_from(["* * * * *", "*/7 * * * *", "CRON_TZ=Asia/Kathmandu 5,30 * * * *"])
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["down", "stopped", "paused", "killed", "other cron"]),
        st.integers(0, 4 * MINUTE),
        st.integers(0, 40 * MINUTE),
        CRONS,
    ),
    max_size=6,
)


class Run:
    """A schedule through failures and pauses; `expected` is worked out from the rules alone."""

    def __init__(self, cron: str) -> None:
        self.world = World()
        self.cron = cron
        self.expected: list[int] = []
        create(self.world, cron, schedule_id="s")
        self.planned_since = START

    async def step(self, what: str, off_ms: int, on_ms: int, cron: str) -> None:
        world = self.world
        begin = world.clock.ms
        if what == "down":
            await world.engine.stop(0)
            world.clock.ms += off_ms
            await world.restart()
        elif what == "stopped":
            world.engine.pause(True)
            await world.run(off_ms)
            world.engine.pause(False)
        elif what == "paused":
            self._pause(True)
            await world.run(off_ms)
            self._pause(False)
        elif what == "killed":
            await world.restart()
        else:
            create(world, cron, schedule_id="s")
            self.cron, self.planned_since = cron, begin
        await world.settle()
        late = self._times(begin, world.clock.ms)
        if what in ("down", "stopped"):
            self.expected += [at for at in late if world.clock.ms - at <= MINUTE]
        await self.live(on_ms)

    async def live(self, ms: int) -> None:
        begin = self.world.clock.ms
        await self.world.run(ms)
        self.expected += self._times(begin, self.world.clock.ms)

    def _pause(self, paused: bool) -> None:
        schedules = self.world.engine.schedules
        schedules.pause(schedules.find(USER, "s"), paused)

    def _times(self, after: int, until: int) -> list[int]:
        times = upcoming(parse_cron(self.cron), self.planned_since, 500)
        return [at for at in times if after < at <= until]


@settings(max_examples=100, deadline=None)
@given(cron=CRONS, steps=STEPS)
def test_every_time_fires_once_unless_it_was_paused_or_missed(cron, steps):
    async def live() -> None:
        run = Run(cron)
        await run.live(10 * MINUTE)
        for step in steps:
            await run.step(*step)
        messages = [run.world.message(id_) for id_ in run.world.app.ids()]
        assert [m.created_at for m in messages] == run.expected
        await run.world.close()

    asyncio.run(live())


async def test_a_schedule_that_cannot_fire_stops_only_itself(world, caplog):
    good, bad = create(world), create(world, destination=f"{URL}/bad")
    world.store.schedules.put(USER, bad.id, replace(bad, cron="of another version"))
    world.publish(f"{URL}/later", delay="90s")
    await world.run(2 * MINUTE)
    urls = [delivery.request.url for delivery in world.app.deliveries]
    assert urls == [good.destination, f"{URL}/later", good.destination]
    assert found(world, bad).next_at is None
    assert (found(world, bad).error or "").startswith("a fault of qstash-dev, see its log: ")
    assert f"schedule {bad.id} could not fire" in caplog.text


async def test_a_schedule_without_further_times_fires_its_last_and_stays(world):
    world.clock.ms = epoch("9999-12-30T12:00:00")
    schedule = create(world, "0 0 31 12 *")
    await world.run(13 * HOUR)
    assert len(world.app.deliveries) == 1
    assert found(world, schedule).next_at is None
    assert found(world, schedule).error is None
