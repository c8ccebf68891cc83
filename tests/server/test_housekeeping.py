"""What is too old or too many is forgotten, also after the database refused it."""

import asyncio

import pytest

from qstash_dev.engine.tasks import Tasks
from qstash_dev.server.housekeeping import (
    EVERY_S,
    LONG_LOG,
    LOOK_S,
    PATIENCE,
    QUIET_MS,
    Housekeeping,
)
from qstash_dev.store.database import Database
from tests.engine.fakes import World
from tests.patience import PATIENCE_S

KEPT = 3


async def test_housekeeping_goes_on_after_the_database_refused_a_deletion(caplog):
    world = World(max_messages=KEPT)
    for _ in range(10):
        world.publish()
    await world.run_out()
    database = world.store.database
    with database:
        database.write(
            "CREATE TRIGGER refused BEFORE DELETE ON messages "
            "BEGIN SELECT RAISE(ABORT, 'disk on fire'); END"
        )
    rounds = 0

    async def sleep(seconds: float) -> None:
        nonlocal rounds
        rounds += seconds == EVERY_S
        if rounds == 3:
            with database:
                database.write("DROP TRIGGER IF EXISTS refused")
        if rounds == 5:
            await asyncio.Event().wait()

    house = Housekeeping(world.engine, lambda: None, database.copy_log, sleep)
    tasks = Tasks(sleep, now=lambda: 0.0)
    tasks.keep("housekeeping", house.run)
    async with asyncio.timeout(PATIENCE_S):
        while rounds < 5:
            await asyncio.sleep(0)
    await tasks.stop()
    why = "cannot write to the database :memory:: disk on fire"
    assert [r.getMessage() for r in caplog.records if r.levelname == "ERROR"] == [
        f"housekeeping failed; it is tried again in 1 s: {why}",
        f"housekeeping failed; it is tried again in 2 s: {why}",
    ]
    assert world.store.rows.counts(world.clock.now()).messages == KEPT
    await world.close()


async def test_while_there_is_much_to_do_nothing_is_forgotten_for_a_while():
    world = World(max_messages=KEPT)
    for _ in range(10):
        world.publish()
    await world.run_out()
    world.publish()  # and nobody begins to deliver it
    kept: list[int] = []
    checkpoints: list[int] = []

    async def sleep(seconds: float) -> None:
        if seconds != EVERY_S:
            return
        kept.append(world.store.rows.counts(world.clock.now()).messages)
        if len(kept) == PATIENCE + 2:
            await world.run_out()
        if len(kept) == PATIENCE + 3:
            raise asyncio.CancelledError

    async def copy_log() -> None:
        checkpoints.append(len(kept))

    house = Housekeeping(world.engine, lambda: None, copy_log, sleep)
    with pytest.raises(asyncio.CancelledError):
        await house.run()
    assert kept == [11] * PATIENCE + [KEPT + 1] * 2 + [KEPT]
    assert checkpoints == [PATIENCE + 2]
    await world.close()


async def test_between_two_of_many_messages_nothing_is_forgotten():
    world = World(max_messages=KEPT)
    kept: list[int] = []

    async def sleep(seconds: float) -> None:
        if seconds == QUIET_MS / 1000:
            world.publish()
            await world.run_out()
            kept.append(world.store.rows.counts(world.clock.now()).messages)
        if len(kept) == KEPT + 2:
            raise asyncio.CancelledError

    async def not_now() -> None:
        pytest.fail("not now")

    house = Housekeeping(world.engine, lambda: None, not_now, sleep)
    with pytest.raises(asyncio.CancelledError):
        await house.run()
    assert kept == [1, 2, 3, 4, 5]
    await world.close()


async def test_a_long_log_is_copied_whatever_there_is_to_do():
    world = World()
    database = world.store.database
    found: list[int] = []

    async def sleep(seconds: float) -> None:
        assert seconds == LOOK_S
        if len(found) == 2:
            raise asyncio.CancelledError
        write_rows(database, 48_000)  # three to a page

    async def copy_log() -> None:
        found.append(database.pages_in_log)
        await database.copy_log()

    world.publish()
    house = Housekeeping(world.engine, lambda: None, copy_log, sleep)
    with pytest.raises(asyncio.CancelledError):
        await house.keep_log_short()
    assert all(LONG_LOG < pages <= LONG_LOG + 16_000 + 100 for pages in found)
    await world.close()


async def test_a_log_that_is_worthwhile_is_copied_as_soon_as_it_is_quiet():
    world = World()
    database = world.store.database
    looks = 0
    copied: list[int] = []

    async def sleep(seconds: float) -> None:
        nonlocal looks
        looks += 1
        if looks == 2:  # until then somebody publishes between two looks
            write_rows(database, 30_000)
        if looks < 4:
            world.publish()
            await world.run_out()
        if looks == 6:
            raise asyncio.CancelledError

    async def copy_log() -> None:
        copied.append(looks)
        await database.copy_log()

    with pytest.raises(asyncio.CancelledError):
        await Housekeeping(world.engine, lambda: None, copy_log, sleep).keep_log_short()
    assert copied == [4]
    await world.close()


def write_rows(database: Database, count: int) -> None:
    with database:
        database.write("CREATE TABLE IF NOT EXISTS many (number)")
        database.write(
            "WITH RECURSIVE n (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM n LIMIT ?) "
            "INSERT INTO many SELECT number FROM n",
            (count,),
        )


async def test_a_log_to_which_nothing_was_added_is_not_copied_again():
    world = World()
    rounds, copies = 0, 0

    async def sleep(seconds: float) -> None:
        nonlocal rounds
        rounds += seconds == EVERY_S
        if rounds == 3:
            raise asyncio.CancelledError

    async def copy_log() -> None:
        nonlocal copies
        copies += 1
        await world.store.database.copy_log()

    write_rows(world.store.database, 1)
    with pytest.raises(asyncio.CancelledError):
        await Housekeeping(world.engine, lambda: None, copy_log, sleep).run()
    assert copies == 1
    await world.close()
