"""One SQLite connection, group commit, and who waits for it. Knows nothing of messages.

What one turn of the event loop writes goes into one transaction. `committed()` is what an answer
waits for: it resolves after the COMMIT, so that nothing is acknowledged that could still be lost.
"""

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

SCHEMA_VERSION = 3
# Each of the three commits of a lone message writes whole pages, some twenty in all; a checkpoint then
# holds everything up for tens of milliseconds, so it had better happen when nothing is going on.
CHECKPOINT_PAGES = 16_000
Later = Callable[[Callable[[], None]], object]


class StoreError(Exception):
    """The database could not be read or written; the sentence says which file and why."""


class StoreInUse(StoreError):
    """Another process has the database open."""


class Database:
    """A connection to `path` (or `:memory:`); `later` decides when the open transaction commits.

    The server passes its loop's `call_soon`: then one COMMIT serves all that a loop turn wrote.
    Without it each change commits by itself.
    """

    def __init__(self, path: Path | str, later: Later | None = None) -> None:
        self.path = str(path)
        self._later = later
        self._open = False
        self._depth = 0
        self._waiters: list[asyncio.Future[None]] = []
        self._caches: list[dict[Any, Any]] = []
        self._fault: BaseException | None = None
        self._undone: StoreError | None = None
        self.on_commit: Callable[[], None] = lambda: None
        self.on_rollback: Callable[[], None] = lambda: None
        try:
            self._connection = sqlite3.connect(
                self.path,
                timeout=0,
                isolation_level=None,
                check_same_thread=False,
                cached_statements=512,
            )
            self._writer = self._connection.cursor()
            self._prepare()
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise StoreInUse(f"the database {self.path} is in use") from error
            raise StoreError(f"cannot open the database {self.path}: {error}") from error
        except sqlite3.Error as error:
            raise StoreError(f"cannot open the database {self.path}: {error}") from error

    def read(self, sql: str, values: Sequence[Any] | dict[str, Any] = ()) -> list[Any]:
        """All rows of a query; it sees what the open transaction has written."""
        return self._connection.execute(sql, values).fetchall()

    def read_one(self, sql: str, values: Sequence[Any] | dict[str, Any] = ()) -> Any:
        """The first row of a query, or `None`."""
        return self._connection.execute(sql, values).fetchone()

    def write(self, sql: str, values: Sequence[Any] | dict[str, Any] = ()) -> sqlite3.Cursor:
        """Execute within the open transaction, beginning one if there is none."""
        if not self._open:
            self._begin()
        return self._writer.execute(sql, values)

    def write_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Execute once for each row, within the open transaction."""
        if not self._open:
            self._begin()
        self._connection.executemany(sql, rows)

    def write_one(self, sql: str, values: Sequence[Any] | dict[str, Any] = ()) -> Any:
        """As `write`, and return the first row of a RETURNING clause, or `None`."""
        rows = self.write(sql, values).fetchall()
        return rows[0] if rows else None

    def __enter__(self) -> None:
        """`with database:` makes its writes one change: all of them happen, or none. It nests."""
        self._depth += 1

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Raises StoreError for what SQLite refuses."""
        self._depth -= 1
        if error is not None and (self._open or isinstance(error, sqlite3.Error)):
            self._fault = self._fault or error
        if self._depth:
            return  # what is undone is the outermost change, when it ends
        if self._fault is not None:
            fault, self._fault = self._fault, None
            failure = self._fail(fault)
            if error is None or isinstance(error, sqlite3.Error):
                raise failure from fault
        elif self._later is None:
            self.commit()

    def cache(self) -> dict[Any, Any]:
        """A dictionary for what was written or read; it is emptied when a transaction is undone."""
        self._caches.append({})
        return self._caches[-1]

    def function(self, name: str, arguments: int, call: Callable[..., Any]) -> None:
        """Make a pure Python function available in SQL."""
        self._connection.create_function(name, arguments, call, deterministic=True)

    def commit(self) -> None:
        """End the open transaction. A failure rolls it back and is what all waiters get."""
        self._undone = None
        if not self._open:
            return
        self._open = False
        try:
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._fail(error)
        else:
            self._release(None)
            self.on_commit()

    async def committed(self) -> None:
        """Wait until all that was written so far is in the file. Raises StoreError if it is not."""
        if self._undone is not None:
            raise self._undone
        if not self._open:
            return
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        await waiter

    def checkpoint(self) -> None:
        """Copy the write-ahead log into the database file: for idle moments, it may take a while."""
        if not self._open:
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def close(self) -> None:
        """Commit what is open and close the file."""
        self.commit()
        self._connection.execute("PRAGMA optimize")
        self._connection.close()

    def _begin(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        self._open = True
        if self._later is not None:
            self._later(self.commit)

    def _fail(self, error: BaseException) -> StoreError:
        """Undo the open transaction: with it goes what other changes of this loop turn wrote."""
        failure = StoreError(f"cannot write to the database {self.path}: {error}")
        if self._open and self._later is not None:
            # Until the commit of this turn nobody knows whether what they wrote is lost.
            self._undone = failure
        self._open = False
        with contextlib.suppress(sqlite3.Error):
            self._connection.execute("ROLLBACK")
        for cache in self._caches:
            cache.clear()
        self._release(failure)
        self.on_rollback()
        return failure

    def _release(self, error: StoreError | None) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if waiter.done():
                continue
            if error is None:
                waiter.set_result(None)
            else:
                waiter.set_exception(error)

    def _prepare(self) -> None:
        run = self._connection.execute
        # The file itself is the lock: a second server is refused, and a killed one leaves nothing.
        run("PRAGMA locking_mode = EXCLUSIVE")
        run("PRAGMA journal_mode = WAL")
        run("PRAGMA synchronous = NORMAL")
        run("PRAGMA foreign_keys = ON")
        run("PRAGMA temp_store = MEMORY")
        run("PRAGMA cache_size = -192000")
        run(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        version = run("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            raise StoreError(
                f"the database {self.path} has format {version}, this qstash-dev reads "
                f"{SCHEMA_VERSION}: use the version that wrote it, or remove the file"
            )
        if version == 0:
            self._upgrade("schema.sql", SCHEMA_VERSION)
            return
        for step in range(version + 1, SCHEMA_VERSION + 1):
            self._upgrade(f"upgrade_to_{step}.sql", step)

    def _upgrade(self, script: str, version: int) -> None:
        sql = resources.files(__package__).joinpath(script).read_text("utf-8")
        self._connection.executescript(f"BEGIN; {sql}; PRAGMA user_version = {version}; COMMIT;")
