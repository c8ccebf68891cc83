"""What is too old or too many is forgotten, also after the database refused it."""

import asyncio
import contextlib
import sqlite3
from pathlib import Path

import pytest

from qstash_dev.engine.tasks import Tasks
from qstash_dev.server.housekeeping import (
    EVERY_S,
    LONG_LOG_BYTES,
    LOOK_S,
    PATIENCE,
    QUIET_MS,
    WORTHWHILE_BYTES,
    Housekeeping,
)
from qstash_dev.store.database import Database
from qstash_dev.store.store import Store
from tests.engine.fakes import World
from tests.patience import PATIENCE_S

KEPT = 3
PIECE = 40_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "messages.db"


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


async def test_while_there_is_much_to_do_nothing_is_forgotten_for_a_while(path: Path):
    world = World(store=Store.open(path), max_messages=KEPT)
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


async def test_a_long_log_is_copied_whatever_there_is_to_do_before_sqlite_does(path: Path):
    with contextlib.closing(sqlite3.connect(path)) as old:
        old.execute("PRAGMA page_size = 4096")  # as earlier versions made it
        old.execute("VACUUM")
    world = World(store=Store.open(path))
    database = world.store.database
    written, found = 0, 0
    before = path.stat().st_size

    async def sleep(seconds: float) -> None:
        nonlocal written
        assert seconds == LOOK_S
        if found:
            raise asyncio.CancelledError
        written += PIECE
        write_to_log(database, PIECE)

    async def copy_log() -> None:
        nonlocal found
        assert path.stat().st_size == before
        found = database.uncopied_bytes
        await database.copy_log()

    world.publish()
    house = Housekeeping(world.engine, lambda: None, copy_log, sleep)
    with pytest.raises(asyncio.CancelledError):
        await house.keep_log_short()
    assert LONG_LOG_BYTES < found < LONG_LOG_BYTES + 2 * PIECE
    assert database.uncopied_bytes == 0
    assert path.stat().st_size > written
    await world.close()


async def test_a_log_that_is_worthwhile_is_copied_as_soon_as_it_is_quiet(path: Path):
    world = World(store=Store.open(path))
    looks = 0
    copied: list[int] = []

    async def sleep(seconds: float) -> None:
        nonlocal looks
        looks += 1
        if looks == 2:  # until then somebody publishes between two looks
            write_to_log(world.store.database, WORTHWHILE_BYTES)
        if looks < 4:
            world.publish()
            await world.run_out()
        if looks == 6:
            raise asyncio.CancelledError

    async def copy_log() -> None:
        copied.append(looks)
        await world.store.database.copy_log()

    with pytest.raises(asyncio.CancelledError):
        await Housekeeping(world.engine, lambda: None, copy_log, sleep).keep_log_short()
    assert copied == [4]
    await world.close()


def write_to_log(database: Database, length: int) -> None:
    with database:
        database.write("INSERT INTO bodies (body) VALUES (zeroblob(?))", (length,))


async def test_a_log_to_which_nothing_was_added_is_not_copied_again(path: Path):
    world = World(store=Store.open(path))
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

    write_to_log(world.store.database, 1)
    with pytest.raises(asyncio.CancelledError):
        await Housekeeping(world.engine, lambda: None, copy_log, sleep).run()
    assert copies == 1
    await world.close()
