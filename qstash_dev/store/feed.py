"""The log as a stream: events by sequence number, for readers that come back and go on."""

from typing import Any

from msgspec import Struct

from qstash_dev.protocol.filters import Filter
from qstash_dev.store.database import Database
from qstash_dev.store.rows import condition
from qstash_dev.store.sequence import Sequence

_SELECT = """
    SELECT e.seq, e.time, m.id, e.user, e.state, e.error, e.status, e.next_at, m.url, m.method,
        e.attempt, m.last_ms, CASE WHEN e.state = 'ERROR' AND e.attempt = m.attempts THEN m.hint END,
        m.seq
    FROM events e CROSS JOIN messages m ON m.seq = e.message"""
_WITH_CONTENTS = f"{_SELECT} JOIN contents c ON c.message = m.seq"


class Entry(Struct, frozen=True):
    """One line of the log with what a reader wants to see of its message."""

    seq: int
    time: int
    id: str
    user: str
    state: str
    error: str | None
    status: int | None
    next_at: int | None
    url: str
    method: str
    attempt: int | None
    duration_ms: float | None
    hint: str | None
    message: int


class Feed:
    """Reads events; writes nothing."""

    def __init__(self, database: Database, numbers: Sequence) -> None:
        self._db = database
        self._numbers = numbers

    def last_seq(self) -> int:
        """The number of the newest event that was ever written, 0 before the first."""
        return self._numbers.last

    def after(
        self, seq: int, limit: int, wanted: Filter | None = None, now: int = 0
    ) -> list[Entry]:
        """The events that follow `seq`, oldest first."""
        return self._select("e.seq > :seq", "ASC", seq, limit, wanted, now)

    def before(
        self, seq: int, limit: int, wanted: Filter | None = None, now: int = 0
    ) -> list[Entry]:
        """The last events in front of `seq`, oldest first."""
        return self._select("e.seq < :seq", "DESC", seq, limit, wanted, now)[::-1]

    def of(self, message_id: str) -> list[Entry]:
        """All events of a message."""
        rows = self._db.read(f"{_SELECT} WHERE m.id = ? ORDER BY e.seq", (message_id,))
        return [_entry(row) for row in rows]

    def _select(
        self, where: str, order: str, seq: int, limit: int, wanted: Filter | None, now: int
    ) -> list[Entry]:
        extra, values = condition(wanted or Filter())
        select = _WITH_CONTENTS if "c." in extra else _SELECT
        rows = self._db.read(
            f"{select} WHERE {where} AND {extra} ORDER BY e.seq {order} LIMIT :limit",
            {**values, "seq": seq, "limit": limit, "now": now},
        )
        return [_entry(row) for row in rows]


def _entry(row: Any) -> Entry:
    return Entry(*row)
