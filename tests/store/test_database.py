"""Group commit: what is acknowledged is in the file, and what fails is undone whole."""

import asyncio
import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from qstash_dev.devtools.filters import parse_filter
from qstash_dev.protocol.model import Spec
from qstash_dev.store.database import Database
from qstash_dev.store.errors import StoreError, StoreInUse
from qstash_dev.store.sqlite import LONGEST_LOG_BYTES, PAGE_BYTES, SCHEMA_VERSION
from qstash_dev.store.store import Store
from tests.samples import flat

NORMAL = 1
NOTE = "INSERT INTO sequences VALUES (?, 1)"
DOOM = (
    "CREATE TABLE doom (message INTEGER REFERENCES messages (seq) DEFERRABLE INITIALLY DEFERRED)",
    "CREATE TRIGGER doomed AFTER INSERT ON sequences WHEN NEW.name = 'doomed' "
    "BEGIN INSERT INTO doom VALUES (-1); END",
    "CREATE TRIGGER gone AFTER INSERT ON sequences WHEN NEW.name = 'gone' "
    "BEGIN SELECT RAISE(ROLLBACK, 'all is gone'); END",
)
"""After these, the COMMIT of a transaction that notes `doomed` fails, and whoever notes `gone` sees
the whole transaction rolled back by SQLite itself, as on a full disk.
"""

Turn = list[Callable[[], None]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "messages.db"


@pytest.fixture
def turn() -> Turn:
    """What the loop is asked to do after this turn."""
    return []


class Listener:
    """What is told of commits and rollbacks; a test says what it does with it, and what time it is."""

    def __init__(self) -> None:
        self.committed: Callable[[], None] = lambda: None
        self.undone: Callable[[], None] = lambda: None
        self.now = 0.0


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def database(path: Path, turn: Turn, listener: Listener) -> Iterator[Database]:
    database = Database(
        path,
        turn.append,
        lambda: listener.committed(),
        lambda: listener.undone(),
        lambda: listener.now,
    )
    database.read("PRAGMA foreign_keys = ON")
    for sql in DOOM:
        database.write(sql)
    end(turn)
    yield database
    database.close()


def end(turn: Turn) -> None:
    """This turn, and those that are asked for then."""
    while turn:
        end_one(turn)


def end_one(turn: Turn) -> None:
    calls, turn[:] = turn[:], []
    for call in calls:
        call()


def note(database: Database, *names: str | None) -> None:
    """All in one change."""
    with database:
        for name in names:
            database.write(NOTE, (name,))


def noted(database: Database) -> list[str]:
    return [name for (name,) in database.read("SELECT name FROM sequences ORDER BY name")]


async def waiting(database: Database, count: int) -> list[asyncio.Future[None]]:
    tasks: list[asyncio.Future[None]] = [
        asyncio.ensure_future(database.committed()) for _ in range(count)
    ]
    await asyncio.sleep(0)
    assert not any(task.done() for task in tasks)
    return tasks


async def test_all_changes_of_a_turn_are_committed_together_and_then_acknowledged(
    database: Database, turn: Turn, listener: Listener
) -> None:
    commits = []
    listener.committed = lambda: commits.append(noted(database))
    for name in "abc":
        with database:
            database.write(NOTE, (name,))
    waiters = await waiting(database, 3)
    assert len(turn) == 1
    end(turn)
    await asyncio.gather(*waiters)
    assert commits == [["a", "b", "c"]]


async def test_who_wrote_nothing_does_not_wait(database: Database, turn: Turn) -> None:
    await database.committed()
    assert turn == []


async def test_a_commit_that_fails_is_what_all_waiters_get_and_undoes_all(
    database: Database, turn: Turn, listener: Listener
) -> None:
    undone = []
    listener.undone = lambda: undone.append(noted(database))
    for name in ("a", "doomed", "b"):
        with database:
            database.write(NOTE, (name,))
    waiters = await waiting(database, 3)
    end(turn)
    for waiter in waiters:
        with pytest.raises(StoreError, match=r"cannot write to the database .*FOREIGN KEY"):
            await waiter
    assert undone == [[]]


async def test_after_a_commit_that_failed_the_next_one_succeeds(
    database: Database, turn: Turn
) -> None:
    with database:
        database.write(NOTE, ("doomed",))
    end(turn)
    with database:
        database.write(NOTE, ("a",))
    (waiter,) = await waiting(database, 1)
    end(turn)
    await waiter
    assert noted(database) == ["a"]


async def test_a_change_that_is_refused_is_undone_alone(
    database: Database, turn: Turn, listener: Listener
) -> None:
    listener.undone = lambda: pytest.fail("what others wrote is kept")
    with database:
        database.write(NOTE, ("before",))
    (waiter,) = await waiting(database, 1)
    with pytest.raises(StoreError, match="NOT NULL"):
        note(database, "undone", None)
    with pytest.raises(UnicodeEncodeError):
        note(database, "undone", "\udceb")
    note(database, "after")
    end(turn)
    await waiter
    assert noted(database) == ["after", "before"]


async def test_nothing_is_acknowledged_in_a_turn_that_sqlite_has_undone(
    database: Database, turn: Turn, listener: Listener
) -> None:
    undone = []
    listener.undone = lambda: undone.append(noted(database))
    with database:
        database.write(NOTE, ("lost",))
    (waiter,) = await waiting(database, 1)
    with pytest.raises(StoreError, match="all is gone"), database:
        database.write(NOTE, ("gone",))
    assert undone == [[]]
    with pytest.raises(StoreError, match="all is gone"):
        await waiter
    with database:
        database.write(NOTE, ("kept",))
    with pytest.raises(StoreError, match="all is gone"):
        await database.committed()
    end(turn)
    await database.committed()
    assert noted(database) == ["kept"]


def test_what_follows_from_a_change_happens_once_it_is_kept(database: Database, turn: Turn) -> None:
    happened: list[str] = []

    def change(name: str, *fault: None) -> None:
        with database:
            with database:
                database.write(NOTE, (name,))
                database.after(lambda: happened.append(name))
            assert name not in happened
            for nothing in fault:
                database.write(NOTE, (nothing,))

    change("kept")
    with pytest.raises(StoreError):
        change("undone", None)
    database.after(lambda: happened.append("at once"))
    assert happened == ["kept", "at once"]


@pytest.mark.parametrize("place", ["before", "inside", "after"])
def test_a_failure_inside_nested_changes_undoes_the_outermost(
    database: Database, turn: Turn, place: str
) -> None:
    def fail_at(here: str) -> None:
        if here == place:
            raise ValueError(place)

    def change() -> None:
        with database:
            database.write(NOTE, ("outer",))
            fail_at("before")
            with database:
                database.write(NOTE, ("inner",))
                fail_at("inside")
            fail_at("after")

    with pytest.raises(ValueError, match=place):
        change()
    end(turn)
    assert noted(database) == []


def test_a_change_whose_part_failed_fails_even_if_nobody_looks(
    database: Database, turn: Turn
) -> None:
    def change() -> None:
        with database:
            database.write(NOTE, ("outer",))
            with contextlib.suppress(sqlite3.IntegrityError), database:
                database.write(NOTE, (None,))

    with pytest.raises(StoreError, match="NOT NULL"):
        change()
    end(turn)
    assert noted(database) == []


def test_a_failure_before_anything_was_written_undoes_nothing(
    database: Database, turn: Turn, listener: Listener
) -> None:
    listener.undone = lambda: pytest.fail("there was nothing to undo")
    with pytest.raises(ValueError, match="early"), database:
        raise ValueError("early")


def test_the_changes_of_many_are_committed_with_those_of_the_next_two_turns(
    database: Database, turn: Turn, listener: Listener
) -> None:
    commits: list[list[str]] = []
    listener.committed = lambda: commits.append(noted(database))
    note(database, "1")
    end_one(turn)
    assert commits == [["1"]]
    note(database, "2")
    note(database, "3")
    end_one(turn)
    note(database, "4")
    end_one(turn)
    assert len(commits) == 1
    end_one(turn)
    assert commits[1:] == [["1", "2", "3", "4"]]
    note(database, "5")
    note(database, "6")
    listener.now += 1  # somebody took long: nobody waits for more
    end_one(turn)
    assert len(commits) == 3


def test_what_follows_a_commit_begins_before_anybody_is_told_and_never_without_it(
    database: Database, turn: Turn, listener: Listener
) -> None:
    told: list[str] = []
    listener.committed = lambda: told.append("committed")
    database.once_committed(lambda: told.append("nothing is open"))
    note(database, "kept")
    database.once_committed(lambda: told.append("kept"))
    assert told == ["nothing is open"]
    end(turn)
    assert told == ["nothing is open", "kept", "committed"]
    note(database, "doomed")
    database.once_committed(lambda: told.append("lost"))
    end(turn)
    note(database, "after that")
    end(turn)
    assert told[3:] == ["committed"]


def test_without_a_loop_each_outermost_change_commits_by_itself(path: Path) -> None:
    commits: list[list[str]] = []
    alone = Database(path, on_commit=lambda: commits.append(noted(alone)))
    with alone:
        alone.write(NOTE, ("a",))
        with alone:
            alone.write(NOTE, ("b",))
    with alone:
        alone.write(NOTE, ("c",))
    assert commits == [["a", "b"], ["a", "b", "c"]]
    alone.close()


def test_what_is_remembered_is_forgotten_with_what_was_undone(
    database: Database, turn: Turn
) -> None:
    cache = database.cache()
    cache["a"] = 1
    with database:
        database.write(NOTE, ("a",))
    end(turn)
    assert cache == {"a": 1}
    with pytest.raises(StoreError), database:
        database.write(NOTE, (None,))
    assert cache == {}


def test_what_was_committed_is_there_after_a_close(path: Path) -> None:
    database = Database(path, lambda commit: None)
    with database:
        database.write(NOTE, ("a",))
    database.close()
    database = Database(path)
    assert noted(database) == ["a"]
    database.close()


def test_a_database_that_was_just_made_waits_for_the_disk_as_others_do(path: Path) -> None:
    for _ in ("new", "old"):
        with contextlib.closing(Database(path)) as database:
            assert database.read_one("PRAGMA synchronous") == (NORMAL,)


@pytest.mark.parametrize("page_bytes", [None, 1_024, 4_096])
def test_a_file_keeps_its_pages_and_its_log_grows_as_long_with_them(
    path: Path, page_bytes: int | None
) -> None:
    if page_bytes is not None:
        with contextlib.closing(sqlite3.connect(path)) as old:
            old.execute(f"PRAGMA page_size = {page_bytes}")
            old.execute("VACUUM")
    database = Database(path)
    (found,) = database.read_one("PRAGMA page_size")
    (pages,) = database.read_one("PRAGMA wal_autocheckpoint")
    database.close()
    assert found == (page_bytes or PAGE_BYTES)
    assert found * pages == LONGEST_LOG_BYTES


def test_what_is_forgotten_of_a_file_with_other_pages_is_gone(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as old:
        old.execute("PRAGMA page_size = 4096")
        old.execute("VACUUM")
    with contextlib.closing(Database(path)) as database:
        note(database, "forgotten")
        database.forget_all_but([])
        assert (noted(database), database.read_one("PRAGMA page_size")) == ([], (4_096,))
        assert (database.is_whole(), database.uncopied_bytes) == (True, 0)


def test_a_second_opener_is_refused_while_the_first_is_there(
    path: Path, database: Database
) -> None:
    opens = f"from qstash_dev.store.database import Database; Database({str(path)!r})"
    second = subprocess.run([sys.executable, "-c", opens], capture_output=True, text=True)
    assert second.returncode == 1
    assert f"StoreInUse: the database {path} is in use" in second.stderr
    with pytest.raises(StoreInUse):
        Database(path)


def test_a_file_that_is_no_database_is_a_sentence(path: Path) -> None:
    path.write_text("no database " * 100)
    with pytest.raises(StoreError, match=r"cannot open the database .*messages.db: file is not a"):
        Database(path)


def test_another_format_is_a_sentence(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StoreError, match="has format 99, this qstash-dev reads"):
        Database(path)


FORMATS = Path(__file__).parent / "formats"


@pytest.mark.parametrize("version", range(1, SCHEMA_VERSION))
def test_a_database_of_an_older_format_is_brought_up_to_date(path: Path, version: int) -> None:
    connection = sqlite3.connect(path)
    connection.executescript((FORMATS / f"{version}.sql").read_text())
    connection.execute(f"PRAGMA user_version = {version}")
    connection.execute(NOTE, ("kept",))
    connection.commit()
    connection.close()
    for _ in range(2):  # the second time there is nothing to do
        database = Database(path)
        assert noted(database) == ["kept"]
        assert tables_and_indexes(database) == tables_and_indexes(Database(":memory:"))
        database.close()


SCHEMA = (
    "SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_stat%'"  # statistics
)


def tables_and_indexes(database: Database) -> dict[str, object]:
    shape: dict[str, object] = {}
    for kind, name, sql in database.read(SCHEMA):
        columns = database.read('SELECT name, type, "notnull" FROM pragma_table_info(?)', (name,))
        shape[name] = sorted(columns) if kind == "table" else sql
    return shape


def test_all_that_refers_to_a_message_or_a_run_goes_with_it() -> None:
    database = Database(":memory:")
    triggers = dict(database.read("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'"))
    references = database.read(
        'SELECT t.name, f."from", f."table", f."to" FROM pragma_table_list t, '
        "pragma_foreign_key_list(t.name) f WHERE f.on_delete = 'CASCADE'"
    )
    assert references
    for table, column, parent, key in references:
        assert f"DELETE FROM {table} WHERE {column} = old.{key};" in triggers[f"{parent}_gone"]
    database.close()


def old_database(path: Path, messages: list[dict[str, object]]) -> sqlite3.Connection:
    """A database of the first format with these messages; what is not given is empty."""
    connection = sqlite3.connect(path)
    connection.executescript((FORMATS / "1.sql").read_text())
    connection.execute("PRAGMA user_version = 1")
    numbers = ("attempts", "created_at", "due_at", "not_before", "updated_at", "retried")
    empty: dict[str, object] = dict.fromkeys((*numbers, "max_retries", "body_size"), 0)
    texts = dict.fromkeys(("kind", "method", "url", "host", "path"), "")
    for message in messages:
        values = {**empty, **texts, "user": "u", "state": "CREATED", **message}
        names, marks = ",".join(values), ",".join("?" * len(values))
        connection.execute(f"INSERT INTO messages ({names}) VALUES ({marks})", [*values.values()])
    return connection


def test_callbacks_of_an_older_format_keep_their_place_in_a_queue(path: Path) -> None:
    source = {"seq": 1, "id": "source", "queue": "q", "state": "DELIVERED", "finished_at": 1}
    connection = old_database(path, [source, {"seq": 2, "id": "callback", "line": "source"}])
    connection.commit()
    connection.close()
    store = Store.open(path)
    assert store.messages.places_in_queues() == [("u", "q", "source")]
    store.close()


def test_what_an_older_format_redacted_stays_hidden_from_searches(path: Path) -> None:
    connection = old_database(path, [{"seq": seq, "id": f"msg_{seq}"} for seq in (1, 2)])
    for seq, redact in enumerate(((), ("body",)), 1):
        spec = msgspec.msgpack.encode(Spec("http://localhost", redact=redact))
        connection.execute("INSERT INTO contents VALUES (?,?,?)", (seq, spec, b"secret"))
    connection.commit()
    connection.close()
    store = Store.open(path)
    found = flat(store.rows.select(parse_filter("body:secret"), 0, None))
    assert [row.id for row in found] == ["msg_1"]
    store.close()


def filled(path: Path, turn: Turn) -> Database:
    """A database of some megabytes, and a table that is kept."""
    database = Database(path, turn.append)
    note(database, "kept")
    with database:
        database.write("CREATE TABLE heap (piece BLOB)")
        database.write_many("INSERT INTO heap VALUES (zeroblob(1000000))", [()] * 5)
    end(turn)
    return database


def test_what_is_forgotten_gives_its_room_back_at_once(path: Path, turn: Turn) -> None:
    database = filled(path, turn)
    database.forget_all_but(["sequences"])
    note(database, "later")
    end(turn)
    assert noted(database) == ["kept", "later"]
    with pytest.raises(StoreInUse):
        Database(path)
    database.close()
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert path.stat().st_size < 1_000_000
    again = Database(path)
    assert noted(again) == ["kept", "later"]
    again.close()


def test_what_cannot_be_forgotten_stays_as_it_was(path: Path, turn: Turn) -> None:
    database = filled(path, turn)
    with pytest.raises(StoreError, match="cannot read"):
        database.forget_all_but(["nothing of this name"])
    assert len(database.read("SELECT 1 FROM heap")) == 5
    database.close()


def test_without_a_descriptor_nothing_is_forgotten(path: Path, turn: Turn) -> None:
    resource = pytest.importorskip("resource")
    database = filled(path, turn)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    os.close(free := os.dup(0))
    # Not 0: whoever waits in another thread of this process would be told that it may not.
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, before[1]))
    try:
        with pytest.raises(StoreError, match="Too many open files"):
            database.forget_all_but(["sequences"])
        note(database, "later")
        end(turn)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert noted(database) == ["kept", "later"]
    assert len(database.read("SELECT 1 FROM heap")) == 5
    database.close()


def removed(path: Path, name: str) -> None:
    for file in path.parent.glob(name):
        file.unlink()


def test_what_cannot_be_prepared_of_the_next_file_is_a_sentence(path: Path) -> None:
    with contextlib.closing(Database(path)) as database:
        database.write("CREATE TABLE lately (number)")
        database.prepare(lambda by: by.execute("SELECT * FROM lately"))
        with pytest.raises(StoreError, match="no such table: lately"):
            database.forget_all_but([])
        with database:
            database.write("CREATE TABLE lately (number)")
        database.move_to(path.with_name("other.db"))


@pytest.mark.parametrize("names", ["messages.db*", "messages.db", "messages.db-wal"])
def test_a_database_whose_files_were_removed_goes_on_in_new_ones(
    path: Path, turn: Turn, names: str
) -> None:
    database = Database(path, turn.append)
    note(database, "before")
    end(turn)
    assert database.is_in_place()
    removed(path, names)
    assert not database.is_in_place()
    note(database, "after")
    database.function("twice", 1, lambda number: 2 * number)
    database.move_to(path)
    note(database, "moved")
    end(turn)
    assert database.is_in_place()
    assert database.read_one("SELECT twice(4)") == (8,)
    with pytest.raises(StoreInUse):
        Database(path)
    database.close()
    again = Database(path)
    assert noted(again) == ["after", "before", "moved"]
    again.close()
    assert [file.name for file in path.parent.iterdir()] == ["messages.db"]


@pytest.mark.parametrize("whose", ["its own of before", "another's"])
def test_a_log_that_was_put_in_place_of_its_own_is_not_read(
    path: Path, turn: Turn, whose: str
) -> None:
    other = path.with_name("other.db")
    database, log = Database(path, turn.append), path.with_name("messages.db-wal")
    note(database, "before")
    end(turn)
    found = log if whose == "its own of before" else path.with_name("other.db-wal")
    with contextlib.closing(Database(other)) as another:
        note(another, "another's")
        shutil.copyfile(found, path.with_name("restored"))
    note(database, *map(str, range(1_000)))
    end(turn)
    path.with_name("restored").replace(log)
    assert not database.is_in_place()
    database.move_to(path)
    expected = sorted(["before", *map(str, range(1_000))])
    assert noted(database) == expected
    database.close()
    with contextlib.closing(Database(path)) as again:
        assert noted(again) == expected


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
def test_a_pipe_in_the_place_of_a_log_keeps_nobody_waiting(path: Path) -> None:
    with contextlib.closing(Database(path)) as database:
        note(database, "before")
        log = path.with_name("messages.db-wal")
        log.unlink()
        os.mkfifo(log)
        assert database.uncopied_bytes == 0
        assert (database.is_whole(), database.is_in_place()) == (True, False)
        database.move_to(path)
        assert (noted(database), database.is_in_place()) == (["before"], True)
