"""Lists of log events, dead letters and messages, by the filters of QStash's API."""

from collections.abc import Collection, Mapping
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
_ALL = frozenset(_COLUMNS) - {"status", "dlq_id", "state"} | {"label"}
_IS_TROUBLE = "state NOT IN ('CREATED', 'ACTIVE', 'DELIVERED')"
_END = 10**15
_NOTHING: tuple[str, ...] = ()


class Found(Struct, frozen=True):
    """An event, and which message and attempt it is about."""

    event: Event
    message: int


FEW = 2_000
"""So many messages or events are looked at one by one rather than searched for in the order of time."""

_INDEXED = frozenset(("id", "topic", "schedule_id", "queue", "flow_key", "label"))
_TROUBLE = frozenset(State) - {State.CREATED, State.ACTIVE, State.DELIVERED}
_EVENT = "e.seq, e.time, e.user, m.id, e.state, e.error, e.next_at, e.attempt, e.status, m.seq"
_UNFINISHED = "CREATED", "ACTIVE", "RETRY"


class Search:
    """Queries over messages and what happened to them, of one user; `None` is all users.

    What is rare is found by its index and then put in order. What is common is found by going
    through all in order, which soon fills a page.
    """

    def __init__(self, database: Database, few: int = FEW) -> None:
        self._db = database
        self._few = few

    def events(self, user: str, query: Query) -> list[Found]:
        """Events in the query's order, one more than `count` if there are more."""
        source, more = self._source_of_events(user, query)
        where, values = _where(query, "e", "time")
        rows = self._db.read(
            f"SELECT {_EVENT} FROM {source} CROSS JOIN messages m ON m.seq = e.message "
            f"WHERE e.user = ? {where} {_order(query, 'e')} LIMIT ?",
            (*more, user, *values, query.count + 1),
        )
        return [Found(_event(row[:9]), row[9]) for row in rows]

    def dead_letters(self, user: str | None, query: Query) -> list[tuple[int, DeadLetter, int]]:
        """Entries as number, entry, message; one more than `count` if there are more."""
        source, more = "dlq d", _NOTHING
        few = self._few_messages(user, query.conditions, _INDEXED)
        if few is not None:
            source, more = "json_each(?) j CROSS JOIN dlq d ON d.message = j.value", (few,)
        where, values = _where(query, "d", "time")
        rows = self._db.read(
            "SELECT d.seq, d.id, d.user, m.id, d.time, m.seq "
            f"FROM {source} CROSS JOIN messages m ON m.seq = d.message "
            f"WHERE d.user = ifnull(?, d.user) {where} {_order(query, 'd')} LIMIT ?",
            (*more, user, *values, query.count + 1),
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
        """Sequence numbers of messages that can still be cancelled, the first `limit` of them."""
        lists = " UNION ALL ".join(
            f"SELECT * FROM (SELECT m.seq AS seq FROM {{source}} {{where}} AND m.state = '{state}' "
            "ORDER BY m.seq LIMIT ?)"
            for state in _UNFINISHED
        )
        source, values = self._unfinished(user, query)
        rows = self._db.read(
            f"{lists.format(**source)} ORDER BY seq LIMIT ?", (*(*values, limit) * 3, limit)
        )
        return [seq for (seq,) in rows]

    def count_unfinished(self, user: str, query: Query) -> int:
        """How many messages `unfinished` would list."""
        counts = " + ".join(
            f"(SELECT count(*) FROM {{source}} {{where}} AND m.state = '{state}')"
            for state in _UNFINISHED
        )
        source, values = self._unfinished(user, query)
        return int(self._db.read_one(f"SELECT {counts.format(**source)}", values * 3)[0])

    def _source_of_events(self, user: str, query: Query) -> tuple[str, tuple[str, ...]]:
        few = self._few_messages(user, query.conditions, _ALL)
        if few is not None:
            return "json_each(?) j CROSS JOIN events e ON e.message = j.value", (few,)
        if self._has_few_events(user, query):
            return "events e INDEXED BY events_user", ()
        if "state" in query.conditions and _TROUBLE.issuperset(query.conditions["state"]):
            # The condition of the index, which SQLite wants to see.
            trouble = f"SELECT * FROM events INDEXED BY events_trouble WHERE {_IS_TROUBLE}"
            return f"({trouble}) e", ()
        return "events e NOT INDEXED", ()

    def _few_messages(
        self, user: str | None, conditions: Mapping[str, tuple[str, ...]], fields: Collection[str]
    ) -> str | None:
        """The messages that these conditions leave, as JSON; `None` if they leave many."""
        asked = {field: texts for field, texts in conditions.items() if field in fields}
        if not asked:
            return None
        where, values = _where(Query(conditions=asked), "m", "created_at")
        of_user = "TRUE" if user is None else "m.user = ?"
        rows = self._db.read(
            f"SELECT m.seq FROM messages m WHERE {of_user} {where} LIMIT ?",
            (*(() if user is None else (user,)), *values, self._few + 1),
        )
        return (
            msgspec.json.encode([seq for (seq,) in rows]).decode()
            if len(rows) <= self._few
            else None
        )

    def _has_few_events(self, user: str, query: Query) -> bool:
        since = 0 if query.from_date is None else query.from_date
        until = _END if query.to_date is None else query.to_date
        row = self._db.read_one(
            "SELECT count(*) FROM (SELECT 1 FROM events INDEXED BY events_user "
            "WHERE user = ? AND time BETWEEN ? AND ? LIMIT ?)",
            (user, since, until, self._few + 1),
        )
        return bool(row[0] <= self._few)

    def _unfinished(self, user: str, query: Query) -> tuple[dict[str, str], tuple[Any, ...]]:
        few = self._few_messages(user, query.conditions, _INDEXED)
        source, more = "messages m INDEXED BY messages_state", _NOTHING
        if few is not None:
            source, more = "json_each(?) j CROSS JOIN messages m ON m.seq = j.value", (few,)
        where, values = _where(query, "m", "created_at")
        where = f"WHERE m.user = ? AND m.state <> 'DELIVERED' AND NOT m.cancel_requested {where}"
        return {"source": source, "where": where}, (*more, user, *values)


def _where(query: Query, table: str, time: str) -> tuple[str, list[Any]]:
    parts: list[str] = []
    values: list[Any] = []
    for field, texts in query.conditions.items():
        # One value for the whole list: ids may be more than SQLite allows variables.
        listed = "= ?" if len(texts) == 1 else "IN (SELECT value FROM json_each(?))"
        if field == "label":
            parts.append(f"m.seq IN (SELECT message FROM labels WHERE label {listed})")
        else:
            parts.append(f"{_COLUMNS[field]} {listed}")
        wanted = [int(text) for text in texts] if field == "status" else texts
        values.append(wanted[0] if len(wanted) == 1 else msgspec.json.encode(wanted).decode())
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
