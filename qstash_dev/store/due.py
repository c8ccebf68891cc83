"""Which messages may be tried next, which of those wait in a lane, and which are held, in SQLite.

Decides nothing. What is not finished, held or in a lane is due some time.
"""

from collections.abc import Iterable
from sys import intern

from msgspec import Struct

from qstash_dev.protocol.urls import Routes, dialled
from qstash_dev.store.database import Database
from qstash_dev.store.sequence import Sequence

FREE = "claimed = 0 AND held IS NULL AND finished_at IS NULL"
"""Of messages that are due some time: what the index `messages_due` has, as SQLite has to be told."""
_DUE = f"""
    SELECT seq, id, user, due_at, not_before, retried, queue, flow_key, url
    FROM messages INDEXED BY messages_due WHERE {FREE} AND due_at <= ?
    ORDER BY due_at, seq LIMIT ?"""
_NEXT = f"SELECT seq FROM messages WHERE seq IN (SELECT seq FROM ({_DUE})) AND body_size <= ?"
_NEXT_TIME = f"""
    SELECT due_at FROM messages INDEXED BY messages_due WHERE {FREE} ORDER BY due_at LIMIT 1"""
_AHEAD = f"""
    SELECT count(*) FROM messages INDEXED BY messages_due
    WHERE {FREE} AND due_at > ?1 AND created_at > ?1"""
# `OR FAIL` as in what else changes one row.
_CLAIM = "UPDATE OR FAIL messages SET claimed = 1 WHERE seq = ?"


class Ticket(Struct, frozen=True):
    """What a lane needs to know of a due message; its contents are read when an attempt starts."""

    seq: int
    id: str
    user: str
    due_at: int
    not_before: int
    retried: int
    queue: str | None
    flow_key: str | None
    app: str = ""
    """What it is delivered to, as `urls.dialled` has it."""


class Due:
    """Messages by when they are due. Who writes one that may wait calls `expect`."""

    def __init__(self, database: Database, event_numbers: Sequence) -> None:
        self._db = database
        self._event_numbers = event_numbers
        # Empty, or known: that none waits. Each message that comes asks, and most find that.
        self._none_waits: dict[str, bool] = database.cache()

    def tickets(self, now: int, limit: int, routes: Routes = ()) -> list[Ticket]:
        """Messages that may be tried now, the longest waiting first; `routes` lead to their apps."""
        rows = self._db.read(_DUE, (now, limit))
        return [Ticket(*(*row[:-1], intern(dialled(row[-1], routes)))) for row in rows]

    def next_ones(self, limit: int, largest_body: int) -> set[int]:
        """The numbers of those that are due at the next time, without what has a larger body."""
        rows = self._db.read(_NEXT, (self.next_time(), limit, largest_body))
        return {seq for (seq,) in rows}

    def next_time(self) -> int | None:
        """When the next message is due that stands in no lane."""
        if self._none_waits:
            return None
        row = self._db.read_one(_NEXT_TIME)
        if row is None:
            self._none_waits["all"] = True
            return None
        return int(row[0])

    def count_ahead(self, now: int) -> int:
        """How many wait that were accepted at a later time than `now`, before the clock went back."""
        (count,) = self._db.read_one(_AHEAD, (now,))
        return int(count)

    def expect(self) -> None:
        """Some may wait from now on."""
        self._none_waits.clear()

    def claim(self, seqs: Iterable[int]) -> None:
        """Take messages out of the due index: they wait in a lane now."""
        with self._db:
            self._db.write_many(_CLAIM, ((seq,) for seq in seqs))

    def unclaim(self) -> None:
        """After a start: nothing stands in a lane."""
        self.expect()
        with self._db:
            self._db.write(
                "UPDATE messages SET claimed = 0 "
                "WHERE claimed AND finished_at IS NULL AND intake IS NULL"
            )

    def held(self) -> list[str]:
        """All that messages are held for, each once."""
        rows = self._db.read("SELECT DISTINCT held FROM messages WHERE held IS NOT NULL")
        return [awaited for (awaited,) in rows]

    def release(self, awaited: str, now: int) -> list[int]:
        """What was held for this is due; returns the numbers of the messages."""
        self.expect()
        with self._db:
            self._event_numbers.keep()
            freed = "UPDATE messages SET held = NULL, due_at = ? WHERE held = ? RETURNING seq"
            return [seq for (seq,) in self._db.write(freed, (now, awaited)).fetchall()]
