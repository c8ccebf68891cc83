"""An attempt is made once it is certain that it is kept."""

import asyncio
from collections.abc import Callable

from qstash_dev.store.store import Store
from tests.engine.fakes import World, lose_a_transaction


async def test_nothing_is_sent_before_its_attempt_is_kept_or_if_that_is_lost() -> None:
    turns: list[Callable[[], None]] = []
    world = World(
        store=Store.open(":memory:", turns.append, on_rollback=lambda: world.engine.reload())
    )
    end(turns)
    world.publish()
    lose_a_transaction(world.store)
    world.engine.step()
    end(turns)
    [kept] = world.publish()
    await asyncio.sleep(0)
    assert world.app.ids() == []
    end(turns)
    await asyncio.sleep(0)
    assert world.app.ids() == [kept.message_id]
    await world.close()


async def test_a_delivery_that_is_not_kept_yet_ends_with_the_engine() -> None:
    turns: list[Callable[[], None]] = []
    world = World(store=Store.open(":memory:", turns.append))
    end(turns)
    [begun] = world.publish()
    await world.engine.stop(0)
    end(turns)
    await asyncio.sleep(0)
    assert world.app.ids() == []
    assert world.states([begun.message_id]) == ["ACTIVE"]
    world.store.close()


def end(turns: list[Callable[[], None]]) -> None:
    while turns:
        turns.pop(0)()
