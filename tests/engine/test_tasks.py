import asyncio
import logging

import pytest

from qstash_dev.engine.tasks import STEADY_S, Tasks


class World:
    """Time passes by pauses and by `work_s` for each trial; the first `faults` trials fail."""

    def __init__(self, faults: int, work_s: tuple[float, ...] = ()) -> None:
        self.time = 0.0
        self.trials = 0
        self.pauses: list[float] = []
        self.tasks = Tasks(self.sleep, lambda: self.time)
        self._faults = faults
        self._work_s = work_s

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.time += seconds

    async def work(self) -> None:
        self.trials += 1
        self.time += self._work_s[self.trials - 1] if self._work_s else 0
        if self.trials <= self._faults:
            raise OSError("disk on fire")


async def waiting_for(event: asyncio.Event) -> None:
    await event.wait()


async def test_work_that_fails_is_tried_again_with_growing_pauses():
    world = World(faults=9)
    await world.tasks.keep("housekeeping", world.work)
    assert world.trials == 10
    assert world.pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]


async def test_after_a_steady_time_the_pauses_begin_anew():
    world = World(faults=4, work_s=(0, 0, STEADY_S, 0, 0))
    await world.tasks.keep("housekeeping", world.work)
    assert world.pauses == [1, 2, 1, 2]


async def test_each_failure_is_in_the_log_with_the_name_of_the_work(caplog):
    world = World(faults=1)
    await world.tasks.keep("housekeeping", world.work)
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.getMessage() == "housekeeping failed; it is tried again in 1 s"
    assert "disk on fire" in caplog.text


async def test_a_job_is_tried_once_and_its_failure_is_in_the_log(caplog):
    world = World(faults=1)
    with pytest.raises(OSError, match="disk on fire"):
        await world.tasks.once("a job", world.work())
    await asyncio.sleep(0)
    assert world.trials == 1
    assert [r.getMessage() for r in caplog.records] == ["a job failed by a fault of qstash-dev"]


async def test_nothing_is_left_after_stop():
    tasks = Tasks()
    left = [
        tasks.keep("one", lambda: waiting_for(asyncio.Event())),
        tasks.once("two", waiting_for(asyncio.Event())),
    ]
    await asyncio.sleep(0)
    await tasks.stop()
    assert all(task.cancelled() for task in left)


async def test_what_ends_within_the_grace_is_not_cancelled():
    tasks, may_end = Tasks(), asyncio.Event()
    task = tasks.once("one", waiting_for(may_end))
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_soon(may_end.set)
    await tasks.stop(grace_s=20)
    assert not task.cancelled()


async def test_what_is_forgotten_is_cancelled():
    tasks = Tasks()
    task = tasks.once("one", waiting_for(asyncio.Event()))
    tasks.forget()
    with pytest.raises(asyncio.CancelledError):
        await task
