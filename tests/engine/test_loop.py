"""Steps happen when somebody wakes the engine or when its appointment has come, not more often."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from qstash_dev.engine.loop import AHEAD_S, Loop
from qstash_dev.engine.notifier import Notifier
from qstash_dev.store.errors import StoreError
from tests.engine.fakes import START, FakeClock
from tests.patience import PATIENCE_S


class Work:
    """Steps that are counted; `more` is what each says, `at` the next appointment."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.steps = 0
        self.more = 0
        self.at: int | None = None
        self.fault: Exception | None = None
        self.stepped = asyncio.Event()
        self.prepared: list[int] = []
        self.loop = Loop(self.clock, self._step, lambda: self.at, self._prepare)

    def _prepare(self) -> None:
        self.prepared.append(self.steps)
        if self.fault is not None:
            raise self.fault

    def _step(self) -> bool:
        self.steps += 1
        self.stepped.set()
        if self.fault is not None:
            raise self.fault
        self.more -= 1
        return self.more > 0


@pytest.fixture
async def work() -> AsyncIterator[Work]:
    work = Work()
    yield work
    work.loop.stop()


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_many_calls_in_one_turn_are_one_step(work: Work) -> None:
    for _ in range(3):
        work.loop.wake()
    assert work.steps == 0
    await turns()
    assert work.steps == 1
    work.loop.wake()
    await turns()
    assert work.steps == 2


async def test_it_goes_on_at_once_while_there_is_more(work: Work) -> None:
    work.more = 3
    work.loop.wake()
    await turns()
    assert work.steps == 3


async def test_it_steps_again_when_the_appointment_has_come(work: Work) -> None:
    work.at = START + 5
    work.loop.wake()
    await work.stepped.wait()
    assert work.steps == 1
    work.stepped.clear()
    work.at = None
    await work.stepped.wait()
    assert work.steps == 2


@pytest.mark.parametrize("fault", [None, StoreError("the disk is full")], ids=["well", "badly"])
async def test_what_is_due_is_prepared_once_a_moment_before(
    work: Work, fault: Exception | None
) -> None:
    work.at = START + int(AHEAD_S * 1000) + 5
    work.loop.wake()
    await work.stepped.wait()
    work.stepped.clear()
    work.clock.ms += 6
    work.fault = fault
    while not work.prepared:
        await turns(1)
    work.fault = None
    await work.stepped.wait()
    assert work.prepared == [1]


async def test_without_an_appointment_it_rests(work: Work) -> None:
    work.loop.wake()
    await turns(50)
    assert work.steps == 1


async def test_after_a_stop_nothing_happens(work: Work) -> None:
    work.at = START
    work.loop.wake()
    work.loop.stop()
    await turns(50)
    assert work.steps == 0


async def test_a_step_that_fails_is_logged_and_the_next_one_still_comes(
    work: Work, caplog: pytest.LogCaptureFixture
) -> None:
    work.fault = RuntimeError("a bug")
    work.loop.wake()
    await turns()
    assert "a step of the engine failed" in caplog.text
    work.fault = None
    work.stepped.clear()
    async with asyncio.timeout(PATIENCE_S):
        await work.stepped.wait()
    assert work.steps == 2


async def test_while_it_rests_nobody_can_wake_it(work: Work) -> None:
    work.loop.wake()
    work.loop.rest()
    for _ in range(50):
        work.loop.wake()
        await turns(1)
    assert work.steps == 0


async def test_rests_become_longer_but_not_by_what_fails_meanwhile(
    work: Work, caplog: pytest.LogCaptureFixture
) -> None:
    work.fault = RuntimeError("a bug")
    for _ in range(2):
        for _ in range(5):
            work.loop.rest()
        work.stepped.clear()
        async with asyncio.timeout(PATIENCE_S):
            await work.stepped.wait()
    rests = [r.getMessage() for r in caplog.records if "nothing is started" in r.getMessage()]
    assert rests == [f"after a failure nothing is started for {seconds} s" for seconds in (1, 2, 4)]


# The notifier


async def test_a_reader_is_woken_by_a_commit_and_misses_none() -> None:
    notifier = Notifier()
    async with asyncio.TaskGroup() as group:
        waiting = [group.create_task(notifier.changed_since(0)) for _ in range(2)]
        await turns()
        notifier.publish()
    assert [task.result() for task in waiting] == [1, 1]
    assert await notifier.changed_since(0) == 1  # it happened before it was asked for


async def test_a_reader_that_goes_away_is_no_trouble() -> None:
    notifier = Notifier()
    waiting = asyncio.create_task(notifier.changed_since(0))
    await turns()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    notifier.publish()
    assert notifier.version == 1


@pytest.mark.parametrize(
    ("fault", "steps"), [(StoreError("the disk is full"), 2), (ValueError("a mistake"), 1)]
)
async def test_when_the_store_takes_something_it_rests_no_more_for_it(
    work: Work, fault: Exception, steps: int
) -> None:
    work.loop.go_on()
    work.fault = fault
    work.loop.wake()
    await turns()
    work.fault = None
    for _ in range(3):
        work.loop.go_on()
    await turns()
    assert work.steps == steps
