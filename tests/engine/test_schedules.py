from collections.abc import AsyncIterator

import pytest

from tests.engine.fakes import URL, USER, World, draft

MINUTE = 60_000


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    yield world
    await world.close()


def create(world: World, cron: str, destination: str = URL, body: bytes = b"", **headers: object):
    url = destination if destination.startswith("http") else ""
    asked = draft(url, cron=cron, **headers)
    return world.engine.schedules.create(USER, asked, destination, body)


async def test_a_schedule_fires_on_a_server_that_has_nothing_else_to_do(world):
    await world.settle()
    create(world, "* * * * *")
    await world.run(3 * MINUTE)
    start = world.clock.ms - 3 * MINUTE
    assert [d.at - start for d in world.app.deliveries] == [MINUTE, 2 * MINUTE, 3 * MINUTE]
