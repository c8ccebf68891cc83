"""Opens the database file: who may have it, how SQLite keeps it, which format it has."""

import sqlite3
from importlib import resources

from qstash_dev.store.errors import StoreError, failure

SCHEMA_VERSION = 5
# Each of the three commits of a lone message writes whole pages, some twenty in all; a checkpoint then
# holds everything up for tens of milliseconds, so it had better happen when nothing is going on.
CHECKPOINT_PAGES = 16_000


def connect(path: str) -> sqlite3.Connection:
    """The database at `path` in the present format, made if need be. Raises StoreError."""
    try:
        connection = sqlite3.connect(
            path, timeout=0, isolation_level=None, check_same_thread=False, cached_statements=512
        )
    except sqlite3.Error as error:
        raise failure(path, "open", error) from error
    try:
        _set_up(connection)
        _bring_up_to_date(connection, path)
    except sqlite3.Error as error:
        connection.close()
        raise failure(path, "open", error) from error
    except BaseException:
        connection.close()
        raise
    return connection


def _set_up(connection: sqlite3.Connection) -> None:
    run = connection.execute
    # The file itself is the lock: a second server is refused, and a killed one leaves nothing.
    run("PRAGMA locking_mode = EXCLUSIVE")
    run("PRAGMA journal_mode = WAL")
    run("PRAGMA synchronous = NORMAL")
    run("PRAGMA foreign_keys = ON")
    run("PRAGMA temp_store = MEMORY")
    run("PRAGMA cache_size = -192000")
    run(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")


def _bring_up_to_date(connection: sqlite3.Connection, path: str) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"the database {path} has format {version}, this qstash-dev reads "
            f"{SCHEMA_VERSION}: use the version that wrote it, or remove the file"
        )
    if version == 0:
        _run_script(connection, "schema.sql", SCHEMA_VERSION)
        return
    for step in range(version + 1, SCHEMA_VERSION + 1):
        _run_script(connection, f"upgrade_to_{step}.sql", step)


def _run_script(connection: sqlite3.Connection, script: str, version: int) -> None:
    sql = resources.files(__package__).joinpath(script).read_text("utf-8")
    connection.executescript(f"BEGIN; {sql}; PRAGMA user_version = {version}; COMMIT;")
