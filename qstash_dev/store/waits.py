"""Who waits in workflow runs, and what came before it was waited for, in SQLite. Decides nothing."""

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec.structs import replace

from qstash_dev.protocol.workflow.model import Notice, Run, Waiter, key_of
from qstash_dev.store.database import Database

_encode = msgspec.msgpack.encode
_decode = msgspec.msgpack.Decoder(Waiter).decode
_WAITER = "SELECT w.seq, w.content FROM waiters w"


class Waits:
    """The tables of waiters and of notices. They are written as a part of a `Change` alone."""

    def __init__(self, database: Database) -> None:
        self._db = database

    # Writing

    def put(self, run: int, waiter: Waiter) -> None:
        """A step of a run waits."""
        self._db.write(
            "INSERT INTO waiters (run, user, event, due_at, content) VALUES (?,?,?,?,?)",
            (run, waiter.run[0], waiter.event_id, waiter.due_at, _encode(waiter)),
        )

    def keep(self, run: int, notice: Notice) -> None:
        """An event came before a run waits for it."""
        self._db.write(
            "INSERT INTO notices (run, event, time, body) VALUES (?,?,?,?)",
            (run, notice.event_id, notice.created_at, notice.body),
        )

    def drop(self, served: Iterable[int], used: Iterable[int]) -> None:
        """Waiters and notices that are gone, by their numbers."""
        for seq in served:
            self._db.write("DELETE FROM waiters WHERE seq = ?", (seq,))
        for seq in used:
            self._db.write("DELETE FROM notices WHERE seq = ?", (seq,))

    def drop_all(self, run: int) -> None:
        """A run is over."""
        self._db.write("DELETE FROM waiters WHERE run = ?", (run,))
        self._db.write("DELETE FROM notices WHERE run = ?", (run,))

    # Reading

    def waiters(self, user: str | None, event_id: str, run: int | None = None) -> list[Waiter]:
        """Who waits for an event, the longest waiting first; of one user and one run, if given."""
        among = {"w.event": event_id, "w.user": user, "w.run": run}
        given = {column: value for column, value in among.items() if value is not None}
        terms = " AND ".join(f"{column} = ?" for column in given)
        rows = self._db.read(f"{_WAITER} WHERE {terms} ORDER BY w.seq", tuple(given.values()))
        return [_waiter(row) for row in rows]

    def waiters_of(self, run: Run) -> list[Waiter]:
        rows = self._db.read(f"{_WAITER} WHERE w.run = ? ORDER BY w.seq", (run.seq,))
        return [_waiter(row) for row in rows]

    def awaited(self, user: str | None) -> list[str]:
        """The events that runs of a user, or of all, wait for, as many as are worth comparing."""
        among, values = ("", ()) if user is None else ("WHERE user = ?", (user,))
        rows = self._db.read(
            f"SELECT event FROM waiters {among} ORDER BY seq DESC LIMIT 500", values
        )
        return list(dict.fromkeys(row[0] for row in rows))

    def due_waiters(self, now: int, limit: int) -> list[Waiter]:
        """Whose time is over, the longest waiting first."""
        rows = self._db.read(
            f"{_WAITER} WHERE w.due_at <= ? ORDER BY w.due_at, w.seq LIMIT ?", (now, limit)
        )
        return [_waiter(row) for row in rows]

    def next_due(self) -> int | None:
        """When the next waiter's time is over."""
        row = self._db.read_one("SELECT due_at FROM waiters ORDER BY due_at LIMIT 1")
        return row[0] if row else None

    def kept_notice(self, run: Run, event_id: str) -> Notice | None:
        """The oldest event that a run has not waited for yet."""
        row = self._db.read_one(
            "SELECT seq, time, body FROM notices WHERE run = ? AND event = ? ORDER BY seq LIMIT 1",
            (run.seq, event_id),
        )
        return Notice(key_of(run), event_id, row[2], row[1], row[0]) if row else None


def _waiter(row: Any) -> Waiter:
    return replace(_decode(row[1]), seq=row[0])
