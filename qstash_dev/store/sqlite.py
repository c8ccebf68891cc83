"""Opens the database file: who may have it, how SQLite keeps it, which format it has."""

import os
import sqlite3
from pathlib import Path

from qstash_dev.store.errors import StoreError, failure

SCHEMA_VERSION = 11
# A lone message has two commits that write whole pages, some twenty in all, so these are small: of
# 4 KB, its delivery left a tenth later. A pass over all messages takes a quarter longer for it. A file
# keeps the pages that it began with.
PAGE_BYTES = 2_048
# To copy the log into the database holds everything up for tens of milliseconds: housekeeping does that
# when nothing is going on, and SQLite by itself only when the log would become too long.
LONGEST_LOG_BYTES = 160_000 * PAGE_BYTES
# What is written next to each other stays: the system keeps the rest of the file in its own cache.
CACHE_KB = 8_000
MEMORY = ":memory:"
# Without a log each commit looks at all pages that are not in the file yet, up to a quarter of the
# cache: with the larger one that was a quarter of all that a lone message costs.
MEMORY_CACHE_KB = 1_000
# Python asks what is neither a number nor a text how it is to be stored, each time, by exceptions
# that are made and dropped: a microsecond for each NULL and BLOB. As it is, is the answer.
sqlite3.register_adapter(type(None), {None: None}.get)
sqlite3.register_adapter(bytes, bytes.__bytes__)
_TEMPORARY = ("/var/tmp", "/usr/tmp", "/tmp", ".")  # where SQLite looks, in this order


def connect(path: str, page_bytes: int = PAGE_BYTES) -> sqlite3.Connection:
    """The database at `path` in the present format, made if need be, then with such pages. Raises
    StoreError.
    """
    try:
        connection = sqlite3.connect(
            _place(path),
            timeout=0,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=512,
        )
    except sqlite3.Error as error:
        raise failure(path, "open", error) from error
    try:
        connection.execute(f"PRAGMA page_size = {page_bytes}")  # of a new file
        _set_up(connection, MEMORY_CACHE_KB if path == MEMORY else CACHE_KB)
        _bring_up_to_date(connection, path)
        connection.execute("PRAGMA synchronous = NORMAL")
    except (sqlite3.Error, OSError) as error:  # a script of ours cannot be read, for one
        connection.close()
        raise failure(path, "open", error) from error
    except BaseException:
        connection.close()
        raise
    return connection


def _place(path: str) -> str:
    """What is forgotten at exit is in a file without a name that SQLite uses once its cache is full:
    in memory all of it would take several times as much. Only where no file can be made it has to.
    """
    if path != MEMORY:
        return path
    folders = filter(None, (os.environ.get("SQLITE_TMPDIR"), os.environ.get("TMPDIR"), *_TEMPORARY))
    return "" if any(os.access(folder, os.W_OK | os.X_OK) for folder in folders) else MEMORY


def _set_up(connection: sqlite3.Connection, cache_kb: int) -> None:
    run = connection.execute
    # The file itself is the lock: a second server is refused, and a killed one leaves nothing.
    run("PRAGMA locking_mode = EXCLUSIVE")
    # In a new file is nothing to lose yet: it would wait for the disk six times.
    run(f"PRAGMA synchronous = {'NORMAL' if _version(connection) else 'OFF'}")
    if run("PRAGMA journal_mode = WAL").fetchone() != ("wal",):
        run("PRAGMA journal_mode = MEMORY")
    run("PRAGMA foreign_keys = OFF")  # triggers of the schema do what is needed of it
    run("PRAGMA temp_store = MEMORY")
    # Debian's SQLite overwrites whatever is deleted, each entry of an index that moves.
    run("PRAGMA secure_delete = OFF")
    run(f"PRAGMA cache_size = -{cache_kb}")
    (page_bytes,) = run("PRAGMA page_size").fetchone()
    run(f"PRAGMA wal_autocheckpoint = {LONGEST_LOG_BYTES // page_bytes}")


def _bring_up_to_date(connection: sqlite3.Connection, path: str) -> None:
    version = _version(connection)
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"the database {path} has format {version}, this qstash-dev reads "
            f"{SCHEMA_VERSION}: use the version that wrote it, or remove the file"
        )
    if version == 0:
        _run_script(connection, "schema.sql", SCHEMA_VERSION)
        # An empty database has its room from now on: a reset finds it there when the disk is full.
        connection.execute("PRAGMA wal_checkpoint")
        return
    for step in range(version + 1, SCHEMA_VERSION + 1):
        _run_script(connection, f"upgrade_to_{step}.sql", step)


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _run_script(connection: sqlite3.Connection, script: str, version: int) -> None:
    sql = Path(__file__).with_name(script).read_text("utf-8")
    connection.executescript(f"BEGIN; {sql}; PRAGMA user_version = {version}; COMMIT;")
