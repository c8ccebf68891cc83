import asyncio

from qstash_dev.engine.app_monitor import PROBE_S, AppMonitor

ORIGIN = "http://127.0.0.1:3000"


class World:
    """What is held, what listens, and how often was looked."""

    def __init__(self, *held, up_after=3):
        self.held = list(held)
        self.up_after = up_after
        self.probes = []
        self.waits = []
        self.told = []
        self.faults = 0
        self.app_monitor = AppMonitor(
            lambda: self.held, self.release, self.connect, self.told.append, self.wait
        )

    async def connect(self, origin):
        self.probes.append(origin)
        return len(self.probes) >= self.up_after

    async def wait(self, seconds):
        self.waits.append(seconds)
        await asyncio.sleep(0)

    async def release(self, origin):
        if self.faults:
            self.faults -= 1
            raise OSError("disk on fire")
        self.held.remove(origin)
        return 2

    async def settle(self):
        while self.app_monitor._task and not self.app_monitor._task.done():
            await asyncio.sleep(0)


async def test_an_origin_is_released_when_it_accepts_and_then_nothing_runs_any_more():
    world = World(ORIGIN)
    world.app_monitor.wake(ORIGIN)
    await world.settle()
    assert world.held == []
    assert world.waits == [PROBE_S] * 3
    assert world.told == [
        f"{ORIGIN} refuses connections: messages for it are held until it is up",
        f"{ORIGIN} is up again: 2 messages are delivered",
    ]


async def test_a_release_that_cannot_be_written_is_made_again():
    world = World(ORIGIN, up_after=1)
    world.faults = 2
    world.app_monitor.wake(ORIGIN)
    await world.settle()
    assert world.held == []
    assert len(world.probes) == 3
    assert len(world.told) == 2


async def test_what_waits_for_a_person_is_not_probed():
    world = World("external", "the cloud decides when it is delivered")
    world.app_monitor.wake("external")
    await world.settle()
    assert world.probes == []
    assert world.waits == []
    assert world.told == []


async def test_many_held_messages_of_one_origin_are_told_once():
    world = World(ORIGIN)
    for _ in range(5):
        world.app_monitor.wake(ORIGIN)
    await world.settle()
    assert len(world.told) == 2
