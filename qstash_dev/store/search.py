"""Lists of log events, dead letters and messages, by the filters of QStash's API."""

from typing import Any

import msgspec
from msgspec import Struct

from qstash_dev.protocol.model import DeadLetter, Event, Query, State
from qstash_dev.store.database import Database

_COLUMNS = {
    "id": "m.id",
    "url": "m.url",
    "host": "m.host",
    "path": "m.path",
    "topic": "m.topic",
    "schedule_id": "m.schedule_id",
    "queue": "m.queue",
    "flow_key": "m.flow_key",
    "caller_ip": "m.caller_ip",
    "status": "m.last_status",
    "dlq_id": "d.id",
    "state": "e.state",
}


class Found(Struct, frozen=True):
    """An event, and which message and attempt it is about."""

    event: Event
    message: int


class Search:
    """Queries over messages and what happened to them, of one user; `None` is all users."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def events(self, user: str, query: Query) -> list[Found]:
        """Events in the query's order, one more than `count` if there are more."""
        where, values = _where(query, "e", "time")
        tables = "events e CROSS JOIN messages m ON m.seq = e.message"
        if "id" in query.conditions:
            tables = "messages m CROSS JOIN events e ON e.message = m.seq"
        rows = self._db.read(
            "SELECT e.seq, e.time, e.user, m.id, e.state, e.error, e.next_at, e.attempt, e.status, "
            "m.seq "
            f"FROM {tables} WHERE e.user = ? {where} {_order(query, 'e')} LIMIT ?",
            (user, *values, query.count + 1),
        )
        return [Found(_event(row[:9]), row[9]) for row in rows]

    def dead_letters(self, user: str | None, query: Query) -> list[tuple[int, DeadLetter, int]]:
        """Entries as number, entry, message; one more than `count` if there are more."""
        where, values = _where(query, "d", "time")
        rows = self._db.read(
            "SELECT d.seq, d.id, d.user, m.id, d.time, m.seq "
            "FROM dlq d CROSS JOIN messages m ON m.seq = d.message "
            f"WHERE d.user = ifnull(?, d.user) {where} {_order(query, 'd')} LIMIT ?",
            (user, *values, query.count + 1),
        )
        return [(row[0], DeadLetter(*row[1:5]), row[5]) for row in rows]

    def dead_letter(self, user: str | None, dlq_id: str) -> tuple[DeadLetter, int] | None:
        """One entry of the DLQ and the sequence number of its message."""
        row = self._db.read_one(
            "SELECT d.id, d.user, m.id, d.time, m.seq FROM dlq d JOIN messages m ON m.seq = d.message "
            "WHERE d.id = ? AND d.user = ifnull(?, d.user)",
            (dlq_id, user),
        )
        return (DeadLetter(*row[:4]), row[4]) if row else None

    def unfinished(self, user: str, query: Query, limit: int) -> list[int]:
        """Sequence numbers of messages that can still be cancelled."""
        where, values = _where(query, "m", "created_at")
        rows = self._db.read(
            "SELECT m.seq FROM messages m WHERE m.user = ? AND m.finished_at IS NULL "
            f"AND NOT m.cancel_requested {where} ORDER BY m.seq LIMIT ?",
            (user, *values, limit),
        )
        return [seq for (seq,) in rows]

    def count_unfinished(self, user: str, query: Query) -> int:
        """How many messages `unfinished` would list."""
        where, values = _where(query, "m", "created_at")
        row = self._db.read_one(
            "SELECT count(*) FROM messages m WHERE m.user = ? AND m.finished_at IS NULL "
            f"AND NOT m.cancel_requested {where}",
            (user, *values),
        )
        return int(row[0])


def _where(query: Query, table: str, time: str) -> tuple[str, list[Any]]:
    parts: list[str] = []
    values: list[Any] = []
    for field, texts in query.conditions.items():
        # One value for the whole list: ids may be more than SQLite allows variables.
        listed = "IN (SELECT value FROM json_each(?))"
        if field == "label":
            parts.append(
                f"EXISTS (SELECT 1 FROM labels l WHERE l.message = m.seq AND l.label {listed})"
            )
        else:
            parts.append(f"{_COLUMNS[field]} {listed}")
        wanted = [int(text) for text in texts] if field == "status" else texts
        values.append(msgspec.json.encode(wanted).decode())
    bounds = (
        (f"{table}.{time} >= ?", query.from_date),
        (f"{table}.{time} <= ?", query.to_date),
        (f"{table}.seq {'<' if query.latest_first else '>'} ?", query.cursor),
    )
    for part, value in bounds:
        if value is not None:
            parts.append(part)
            values.append(value)
    return "".join(f" AND {part}" for part in parts), values


def _order(query: Query, table: str) -> str:
    return f"ORDER BY {table}.seq {'DESC' if query.latest_first else 'ASC'}"


def _event(row: Any) -> Event:
    seq, time, user, message_id, state, error, next_at, attempt, status = row
    return Event(time, user, message_id, State(state), error, next_at, attempt, status, seq)
