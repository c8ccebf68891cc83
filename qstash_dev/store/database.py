"""One SQLite connection, changes, group commit, and who waits for it. Knows nothing of messages.

What one turn of the event loop writes goes into one transaction, and if that is more than one change,
what the next two write, too. An answer waits for `committed()`, a delivery is made `once_committed`:
nothing is acknowledged or sent that could still be lost.
What one change of it does wrong undoes that change alone: the others are written again.
"""

import asyncio
import contextlib
import sqlite3
from collections.abc import Awaitable, Callable, Generator, Iterable, Sequence
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from qstash_dev.store import files
from qstash_dev.store.errors import StoreError, StoreGone, failure
from qstash_dev.store.salvage import salvage
from qstash_dev.store.sqlite import MEMORY, connect


class _Nothing:
    """Nothing to wait for."""

    def __await__(self) -> Generator[Any, Any, None]:
        yield from ()


_NOTHING = _Nothing()
_TURNS, _LONG_S = 3, 0.004
Later = Callable[[Callable[[], None]], object]


class Database:
    """A connection to `path` (or `:memory:`); `later` decides when the open transaction commits.

    The server passes its loop's `call_soon`: then one COMMIT serves all that a loop turn wrote. Where
    that is much, the next two, too: most pages of a COMMIT are those that the one before wrote.
    Without it each change commits by itself. `on_commit` is called when something was written,
    `on_rollback` when that could not be kept. Raises StoreError.
    """

    def __init__(
        self,
        path: Path | str,
        later: Later | None = None,
        on_commit: Callable[[], None] = lambda: None,
        on_rollback: Callable[[], None] = lambda: None,
        now: Callable[[], float] = perf_counter,
    ) -> None:
        self.path = str(path)
        self._now = now
        self._later = later
        self._open = False
        self._depth = self._kept_changes = 0
        self._began_at = 0.0
        self._written: list[tuple[str, Sequence[Any]]] = []
        self._kept = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiters: list[asyncio.Future[None]] = []
        self._begin_then: list[Callable[[], None]] = []
        self._caches: list[dict[Any, Any]] = []
        self._effects: list[Callable[[], None]] = []
        self._fault: BaseException | None = None
        self._undone: StoreError | None = None
        self._gone: StoreGone | None = None
        self._on_commit = on_commit
        self._on_rollback = on_rollback
        self._preparations: list[Callable[[sqlite3.Connection], object]] = []
        self._use(connect(self.path))

    def read(self, sql: str, values: Sequence[Any] | dict[str, Any] = ()) -> list[Any]:
        """All rows of a query; it sees what the open transaction has written."""
        try:
            return self._connection.execute(sql, values).fetchall()
        except sqlite3.DatabaseError as error:
            raise failure(self.path, "read", error) from error

    def read_one(self, sql: str, values: Sequence[Any] | dict[str, Any] = ()) -> Any:
        """The first row of a query, or `None`."""
        try:
            return self._connection.execute(sql, values).fetchone()
        except sqlite3.DatabaseError as error:
            raise failure(self.path, "read", error) from error

    def write(self, sql: str, values: Sequence[Any] | dict[str, Any] = ()) -> sqlite3.Cursor:
        """Execute within the open transaction, beginning one if there is none."""
        if not self._open:
            self._begin()
        self._written.append((sql, (values,)))
        return self._writer.execute(sql, values)

    def write_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Execute once for each row, within the open transaction."""
        if not self._open:
            self._begin()
        self._written.append((sql, tuple(rows)))
        self._writer.executemany(*self._written[-1])

    def write_one(self, sql: str, values: Sequence[Any] | dict[str, Any] = ()) -> Any:
        """As `write`, and return the first row of a RETURNING clause, or `None`."""
        rows = self.write(sql, values).fetchall()
        return rows[0] if rows else None

    def __enter__(self) -> None:
        """`with database:` makes its writes one change: all of them happen, or none. It nests."""
        if not self._depth:
            self._kept = len(self._written)
        self._depth += 1

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Raises StoreError for what SQLite refuses."""
        self._depth -= 1
        self._fault = self._fault or error
        if self._depth:
            return  # what is undone is the outermost change, when it ends
        fault, self._fault = self._fault, None
        if fault is None:
            self._keep()
            return
        refusal = self._undo(fault)
        if error is None or isinstance(error, sqlite3.Error):
            raise refusal from fault

    @property
    def changes(self) -> int:
        """How many rows were written through this connection; another number than before, if any."""
        return self._connection.total_changes

    @property
    def is_changing(self) -> bool:
        """Whether a change is being written."""
        return self._depth > 0

    def after(self, effect: Callable[[], None]) -> None:
        """Call this when the change that is being written is kept; at once when there is none.

        What is in memory follows the store by this: an undone change has no effect there either.
        """
        if self._depth:
            self._effects.append(effect)
        else:
            effect()

    def cache(self) -> dict[Any, Any]:
        """A dictionary for what was written or read; it is emptied when something is undone."""
        self._caches.append({})
        return self._caches[-1]

    def function(self, name: str, arguments: int, call: Callable[..., Any]) -> None:
        """Make a pure Python function available in SQL."""
        self.prepare(lambda by: by.create_function(name, arguments, call, deterministic=True))

    def prepare(self, prepare: Callable[[sqlite3.Connection], object]) -> None:
        """Call this with the connection, now and with each that takes its place: what is not in the
        file. Raises StoreError.
        """
        self._preparations.append(prepare)
        self._prepare([prepare])

    def commit(self) -> None:
        """End the open transaction. A failure rolls it back and is what all waiters get."""
        self._undone = None
        if not self._open:
            return
        self._open = False
        self._written.clear()
        try:
            self._writer.execute("COMMIT")
        except sqlite3.Error as error:
            self._fail(error)
        else:
            begin_then, self._begin_then = self._begin_then, []
            for begin in begin_then:
                begin()
            self._release(None)
            self._on_commit()

    def committed(self) -> Awaitable[None]:
        """What to wait for until all that was written so far is in the file. Raises StoreError, now or
        to whoever waits, if it is not.
        """
        if self._undone is not None:
            raise self._undone
        if not self._open:
            return _NOTHING
        if self._loop is None:
            self._loop = asyncio.get_running_loop()  # each time, that would be a call of the system
        waiter = self._loop.create_future()
        self._waiters.append(waiter)
        return waiter

    def once_committed(self, begin: Callable[[], None]) -> None:
        """Call this as soon as all that was written so far is in the file, never if it is not."""
        if self._open:
            self._begin_then.append(begin)
        else:
            begin()

    @property
    def uncopied_bytes(self) -> int:
        """How much of the write-ahead log is not in the database file yet."""
        return self._files.log.uncopied_bytes()

    async def copy_log(self) -> None:
        """Copy the write-ahead log into the database file. What takes long of it is to have the log
        on the disk, which a thread sees to. Raises StoreError where there is no room for it.
        """
        if self.path != MEMORY:
            await asyncio.to_thread(self._files.log.sync)
        if self._open:
            self.commit()
        self._copy_log("PASSIVE")

    def is_in_place(self) -> bool:
        """Whether the files by this name are those that are written to, and nobody removed them."""
        return self.path == MEMORY or self._files.are_in_place()

    def is_whole(self) -> bool:
        """Whether nobody else has written to its files."""
        return self.path == MEMORY or self._files.are_whole()

    def is_file(self, path: Path) -> bool:
        """Whether it is written to the file of this name."""
        return self._files.is_database(str(path))

    def move_to(self, path: Path) -> Path | None:
        """Go on in a new file, which replaces what is there, with all that was written.

        Of files that somebody else has written to that is what can still be read; answers with where
        what was found is kept. Raises StoreError: then it goes on in the old one, or StoreGone.
        """
        if self._gone is not None:
            raise self._gone
        self.commit()
        found: Path | None = None

        def copy(scratch: str) -> None:
            with contextlib.closing(sqlite3.connect(scratch)) as target:
                self._connection.backup(target)

        def rescue(scratch: str) -> None:
            nonlocal found
            with contextlib.closing(connect(scratch)) as target:
                salvage(self._connection, target)
                target.execute("PRAGMA wal_checkpoint")  # to close it does not tell of a full disk
            found = self._files.keep_what_was_found()
            self._close()

        is_damaged = self._files.is_database(str(path)) and not self._files.are_whole()
        try:
            self._replace(str(path), rescue if is_damaged else copy)
        except StoreError:
            if found:
                files.take_back(found)
            raise
        if found:
            files.settle(found)
        self._go_on_in(str(path))
        if is_damaged:
            self._forget()
            self._on_rollback()
        return found

    def forget_all_but(self, tables: Iterable[str]) -> None:
        """Keep the rows of these tables alone. Raises StoreError: then everything is kept.

        It is one commit of few pages, so there is room for it on a disk that is nearly full, and it
        gives the room of the rest back at once: for each gigabyte that takes a third of a second.
        """
        self.commit()
        (page_bytes,) = self.read_one("PRAGMA page_size")
        try:
            with contextlib.closing(connect(MEMORY, page_bytes)) as source:
                for table in tables:
                    for row in self.read(f"SELECT * FROM {table}"):
                        marks = ",".join("?" * len(row))
                        source.execute(f"INSERT INTO {table} VALUES ({marks})", row)
                source.backup(self._connection)
        except sqlite3.Error as error:
            raise failure(self.path, "write to", error) from error
        with contextlib.suppress(StoreError):  # housekeeping tries it again
            self._copy_log("TRUNCATE")
        self._prepare(self._preparations)
        self._forget()
        self._on_commit()

    def close(self) -> None:
        """Commit what is open and close the file."""
        self.commit()
        with contextlib.suppress(sqlite3.Error):  # what is damaged needs no tuning
            self._connection.execute("PRAGMA optimize")
        self._close()

    def _close(self) -> None:
        """SQLite removes its write-ahead log now; the next one has the same name. To close the files
        later would end the locks of who has opened them by then.
        """
        self._writer.close()  # else its last statement keeps the file open
        self._connection.close()
        self._files.close()
        self._is_closed = True

    def _copy_log(self, how: str) -> None:
        try:
            self._connection.execute(f"PRAGMA wal_checkpoint({how})")
        except sqlite3.Error as error:
            raise failure(self.path, "write to", error) from error
        finally:  # on a full disk it may have written a part of it
            self._files.written()
        self._files.log.copied()

    def _use(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._writer = connection.cursor()
        self._files = files.Files(self.path)
        self._is_closed = False
        self._prepare(self._preparations)

    def _prepare(self, preparations: Iterable[Callable[[sqlite3.Connection], object]]) -> None:
        try:
            for prepare in preparations:
                prepare(self._connection)
        except sqlite3.Error as error:
            raise failure(self.path, "read", error) from error

    def _replace(self, path: str, fill: Callable[[str], None]) -> None:
        """Put there a file that `fill` writes under another name, so that half of it is never found."""
        try:
            with files.taking_the_place_of(path, self._go_on_in_old) as scratch:
                fill(scratch)
        except (sqlite3.Error, OSError) as error:
            raise failure(path, "write to", error) from error

    def _go_on_in_old(self, scratch: str) -> None:
        if not self._is_closed:
            return
        try:
            self._go_on_in(self.path)
        except StoreError as error:
            self._gone = StoreGone(
                f"the database {self.path} can be neither opened again nor replaced. What could be "
                f"read of it is {scratch}: stop qstash-dev, move that file to {self.path}, and start "
                "again"
            )
            raise self._gone from error

    def _go_on_in(self, path: str) -> None:
        fresh, old, old_files = connect(path), self._connection, self._files
        self.path = path
        try:
            self._use(fresh)
        finally:
            old.close()
            old_files.close()

    def _begin(self) -> None:
        self._writer.execute(
            "BEGIN IMMEDIATE"
        )  # with a cursor that is there: to make one takes time
        self._open = True
        self._kept_changes = 0
        if self._later is not None:
            self._began_at = self._now()
            self._later(self._end_turn)

    def _end_turn(self, turn: int = 1) -> None:
        """Who wrote something alone waits for nobody; many changes bring more of them. Where a turn
        took long, by a reader of much, nobody waits for another one.
        """
        goes_on = self._kept_changes > 1 and turn < _TURNS
        if self._later is not None and goes_on and self._now() - self._began_at < _LONG_S:
            self._later(partial(self._end_turn, turn + 1))
        else:
            self.commit()

    def _keep(self) -> None:
        self._kept_changes += 1
        if self._effects:
            effects, self._effects = self._effects, []
            for effect in effects:
                effect()
        if self._later is None:
            self.commit()

    def _undo(self, fault: BaseException) -> StoreError:
        """Undo the change that was being written, and the transaction if that is gone already."""
        self._effects.clear()
        if len(self._written) == self._kept:
            return failure(self.path, "write to", fault)
        # A full disk, for one, makes SQLite roll back the whole transaction by itself.
        if not self._connection.in_transaction:
            return self._fail(fault)
        try:
            self._write_again(self._written[: self._kept])
        except sqlite3.Error:
            return self._fail(fault)
        self._forget()
        if self._later is None:
            self.commit()
        return failure(self.path, "write to", fault)

    def _write_again(self, kept: list[tuple[str, Sequence[Any]]]) -> None:
        """What the changes before wrote. A savepoint for each change would spare us this, but makes
        SQLite copy every page before it is changed: a fifth of all that writing costs.
        """
        self._connection.execute("ROLLBACK")
        self._connection.execute("BEGIN IMMEDIATE")
        for sql, rows in kept:
            for values in rows:
                self._writer.execute(sql, values).fetchall()
        self._written = kept

    def _fail(self, fault: BaseException) -> StoreError:
        """Undo the open transaction: with it goes what other changes of this loop turn wrote."""
        refusal = failure(self.path, "write to", fault)
        if self._open and self._later is not None:
            # Until the commit of this turn nobody knows whether what they wrote is lost.
            self._undone = refusal
        self._open = False
        self._written.clear()
        self._begin_then.clear()
        with contextlib.suppress(sqlite3.Error):
            self._connection.execute("ROLLBACK")
        self._forget()
        self._release(refusal)
        self._on_rollback()
        return refusal

    def _forget(self) -> None:
        for cache in self._caches:
            cache.clear()

    def _release(self, error: StoreError | None) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if waiter.done():
                continue
            if error is None:
                waiter.set_result(None)
            else:
                waiter.set_exception(error)
