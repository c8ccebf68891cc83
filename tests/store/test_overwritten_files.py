"""Another program writes to the files of an open database: noticed, and what is left is kept."""

import asyncio
import contextlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from qstash_dev.protocol import creation
from qstash_dev.store.errors import StoreError, StoreInUse
from qstash_dev.store.files import MOST_FOUND
from qstash_dev.store.salvage import salvage
from qstash_dev.store.sqlite import connect
from qstash_dev.store.store import Store
from tests.samples import NOW, message

COUNT = 20


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "messages.db"


def filled(path: Path) -> Store:
    store = Store.open(path)
    with store.database:
        store.messages.apply(creation.created([message(id=f"msg_{n}") for n in range(COUNT)], NOW))
    return store


def write(store: Store) -> None:
    store.last_time.keep(NOW)


def overwrite_middle(path: Path) -> None:
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 3)
        file.write(b"\xff" * (size // 3))


OVERWRITES: dict[str, Callable[[Path], object]] = {
    "emptied": lambda path: path.write_bytes(b""),
    "cut": lambda path: os.truncate(path, 1_000),
    "another's": lambda path: path.write_bytes(b"SQLite format 3\0" + bytes(200_000)),
    "its middle": overwrite_middle,
    "its log emptied": lambda path: path.with_name("messages.db-wal").write_bytes(b""),
    "its log emptied, and gone on": lambda path: os.truncate(f"{path}-wal", 0),
}


@pytest.mark.parametrize("overwrite", OVERWRITES)
def test_of_a_database_that_another_program_wrote_to_what_can_be_read_is_kept(
    path: Path, overwrite: str
) -> None:
    store = filled(path)
    assert store.database.is_whole()
    OVERWRITES[overwrite](path)
    if overwrite.endswith("gone on"):
        write(store)
    assert not store.database.is_whole()
    found = path.read_bytes()
    store.database.move_to(path)
    assert (store.database.is_whole(), store.database.is_in_place()) == (True, True)
    write(store)
    store.close()
    kept = path.with_name("messages.db.found")
    assert (kept.read_bytes() if kept.exists() else b"") == found
    again = Store.open(path)
    assert [again.messages.get(None, f"msg_{n}") for n in range(COUNT)].count(None) == 0
    again.close()


def test_what_was_found_at_each_time_is_kept(path: Path) -> None:
    store = filled(path)
    found: list[bytes] = []
    kept: list[Path | None] = []
    for size in range(1_000, 1_000 + MOST_FOUND + 2):
        os.truncate(path, size)
        found.append(path.read_bytes())
        kept.append(store.database.move_to(path))
    store.close()
    names = ["", *(f"-{number}" for number in range(2, MOST_FOUND + 2))]
    assert kept == [path.with_name(f"messages.db.found{end}") for end in (*names, names[-1])]
    del found[-2]  # for it there was no room any more
    assert [file.read_bytes() for file in kept[:-1] if file] == found


def test_a_reset_makes_a_damaged_database_whole(path: Path) -> None:
    store = filled(path)
    store.keys.adopt("user", "current", "next")
    store.messages.apply(creation.created([message(id="msg_large", body=b"x" * 500_000)], NOW))
    store.close()
    overwrite_middle(path)
    store = Store.open(path)
    assert store.database.read_one("PRAGMA integrity_check") != ("ok",)
    store.reset()
    assert store.database.read_one("PRAGMA integrity_check") == ("ok",)
    assert store.database.read_one("SELECT id FROM users") == ("user",)
    store.close()


@contextlib.contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """As on a full disk, but for what is shorter."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_what_was_found_before_is_kept_when_a_rescue_fails(path: Path) -> None:
    store = filled(path)
    for size in range(1_000, 1_000 + MOST_FOUND + 1):
        os.truncate(path, size)
        store.database.move_to(path)
    kept = {file.name: file.read_bytes() for file in path.parent.glob("*.found*")}
    os.truncate(path, 9_000_000)  # all that can be read of it is small
    with files_of_at_most(3_000_000), pytest.raises(StoreError):
        store.database.move_to(path)
    store.close()
    assert {file.name: file.read_bytes() for file in path.parent.glob("*.found*")} == kept


def test_what_was_found_is_kept_when_what_replaced_it_cannot_be_used(path: Path) -> None:
    store = filled(path)
    fitted: list[sqlite3.Connection] = []

    def fit(connection: sqlite3.Connection) -> None:
        fitted.append(connection)
        if len(fitted) > 1:
            connection.execute("SELECT nothing")

    store.database.prepare(fit)
    os.truncate(path, 1_000)
    found = path.read_bytes()
    with pytest.raises(StoreError):
        store.database.move_to(path)
    fitted.clear()
    store.close()
    assert path.with_name("messages.db.found").read_bytes() == found


async def test_a_copy_of_the_log_for_which_there_was_no_room_is_no_other_programs(
    path: Path,
) -> None:
    store = filled(path)
    await store.database.copy_log()
    assert store.database.is_whole()
    with store.database:
        more = [message(id=f"msg_more_{n}", body=b"x" * 4_000) for n in range(COUNT)]
        store.messages.apply(creation.created(more, NOW))
    with files_of_at_most(path.stat().st_size + 8_192), pytest.raises(StoreError):
        await store.database.copy_log()
    assert store.database.is_whole()
    await store.database.copy_log()
    assert store.database.is_whole()
    store.close()


def test_a_log_that_was_cut_is_noticed_although_it_has_grown_since(path: Path) -> None:
    store = filled(path)
    for n in range(100):
        with store.database:
            more = message(id=f"msg_more_{n}", body=b"x" * 4_000)
            store.messages.apply(creation.created([more], NOW))
        if n == 50:
            assert store.database.is_whole()
            os.truncate(f"{path}-wal", os.path.getsize(f"{path}-wal") // 2)
    assert not store.database.is_whole()
    store.database.move_to(path)
    assert store.messages.get(None, "msg_more_99") is not None
    store.close()


async def test_a_log_of_before_that_is_written_over_its_own_is_noticed(path: Path) -> None:
    store = filled(path)
    log = path.with_name("messages.db-wal")
    before = log.read_bytes()
    await store.database.copy_log()
    write(store)
    assert store.database.is_whole()
    log.write_bytes(before)
    assert not store.database.is_whole()
    store.close()


def test_a_rescue_for_which_there_was_no_room_keeps_others_out(path: Path) -> None:
    store = filled(path)
    asyncio.run(store.database.copy_log())
    opens = f"from qstash_dev.store.database import Database; Database({str(path)!r})"
    with path.open("r+b") as file:  # to close it here would end the locks that SQLite has on it
        file.seek(path.stat().st_size // 2)
        file.write(b"\xff" * 10_000)
        file.flush()
        with files_of_at_most(path.stat().st_size // 2), pytest.raises(StoreError):
            store.database.move_to(path)
        second = subprocess.run([sys.executable, "-c", opens], capture_output=True, text=True)
    assert f"StoreInUse: the database {path} is in use" in second.stderr
    assert {file.name for file in path.parent.iterdir()} == {"messages.db", "messages.db-wal"}
    store.close()


RESCUE_THAT_FAILS = """
import os, pathlib, sys
from qstash_dev.store.database import Database
from qstash_dev.store.errors import StoreError

def fail(event, args):
    if event == "os.rename":
        raise OSError("no such luck")

path = pathlib.Path(sys.argv[1])
database = Database(path)
file = path.open("r+b")
os.truncate(file.fileno(), path.stat().st_size - 1)
if sys.argv[2:]:
    os.pwrite(file.fileno(), b"no database", 0)
sys.addaudithook(fail)
for _ in sys.argv:
    try:
        database.move_to(path)
    except StoreError as error:
        print(error, flush=True)
sys.stdin.read()  # until the test has looked
"""


def test_a_rescue_that_cannot_take_the_place_of_what_cannot_be_opened_is_kept(path: Path) -> None:
    store = filled(path)
    asyncio.run(store.database.copy_log())
    store.close()
    words = [sys.executable, "-c", RESCUE_THAT_FAILS, str(path), "opens no more"]
    told = subprocess.run(words, input="", capture_output=True, text=True).stdout.splitlines()
    assert len(told) == 3
    assert set(told) == {
        f"the database {path} can be neither opened again nor replaced. What could be read of it is "
        f"{path}.new: stop qstash-dev, move that file to {path}, and start again"
    }
    assert path.read_bytes().startswith(b"no database")
    os.replace(f"{path}.new", path)
    again = Store.open(path)
    assert again.messages.get(None, "msg_0") is not None
    again.close()
    assert [file.name for file in path.parent.iterdir()] == ["messages.db"]


def test_a_rescue_whose_file_cannot_take_the_place_keeps_others_out(path: Path) -> None:
    store = filled(path)
    asyncio.run(store.database.copy_log())
    store.close()
    words = [sys.executable, "-c", RESCUE_THAT_FAILS, str(path)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as first:
        assert first.stdin is not None
        assert first.stdout is not None
        assert b"no such luck" in first.stdout.readline()
        with pytest.raises(StoreInUse):
            Store.open(path)


async def test_its_own_copies_of_the_log_are_no_other_programs(path: Path) -> None:
    store = filled(path)
    for _ in range(2):
        await store.database.copy_log()
        assert store.database.is_whole()
        write(store)
        path.touch()  # as a second server does that is refused
    assert store.database.is_whole()
    store.close()


def test_what_is_read_up_to_the_damage_has_all_that_belongs_to_it(
    path: Path, tmp_path: Path
) -> None:
    filled(path).close()
    with contextlib.closing(sqlite3.connect(path)) as source:
        source.execute("DELETE FROM contents WHERE message < 5")
        source.commit()
        target = connect(str(tmp_path / "new.db"))
        salvage(source, target)
    (count,) = target.execute("SELECT count(*) FROM messages").fetchone()
    assert count == target.execute("SELECT count(*) FROM contents").fetchone()[0] == 16
    assert target.execute("SELECT min(message) FROM events").fetchone() == (5,)
    target.close()
