from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.engine.fakes import USER, World, draft

FLOW: dict[str, Any] = {"flow_control_key": "k", "flow_control_value": "parallelism=1"}


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    yield world
    await world.close()


async def begin(world: World) -> list[str]:
    """The first part of something that a crash interrupts."""
    intake = world.engine.intake.open()
    mark = await intake.__aenter__()
    options = draft(queue="q", deduplication_id="once", **FLOW)
    return [a.message_id for a in world.engine.accept(USER, options, b"", intake=mark)]


async def test_nothing_of_it_is_delivered_before_all_is_there(world: World) -> None:
    async with world.engine.intake.open() as mark:
        [accepted] = world.engine.accept(USER, draft(), b"", intake=mark)
        await world.settle()
        world.engine.reload()
        await world.settle()
        assert world.states([accepted.message_id]) == ["CREATED"]
    await world.settle()
    assert world.states([accepted.message_id]) == ["DELIVERED"]


async def test_what_a_crash_left_of_it_was_never_accepted(world: World) -> None:
    [half] = await begin(world)
    await world.restart()
    assert world.store.messages.get(USER, half) is None
    [whole] = world.publish(queue="q", deduplication_id="once", **FLOW)
    assert not whole.deduplicated
    await world.settle()
    assert world.states([whole.message_id]) == ["DELIVERED"]
