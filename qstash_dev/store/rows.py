"""Messages as rows of a list, for people: one line each, selected by the filter language.

Filters on bodies and headers cannot use an index, so a selection goes through the table in windows;
callers let the event loop run between them.
"""

import sys
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import Struct

from qstash_dev.protocol import hold
from qstash_dev.protocol.delivery import is_loopback
from qstash_dev.protocol.filters import (
    COMPARED,
    Filter,
    HeaderValue,
    Span,
    Term,
    Text,
    Value,
)
from qstash_dev.protocol.model import Kind, Spec
from qstash_dev.store.database import Database

WINDOW = 4_000
CONTENTS_WINDOW = 1_000
"""How many messages are looked at in one go; fewer if that needs their bodies or headers."""

_STATE = """
    CASE WHEN m.finished_at IS NULL AND m.held IS NOT NULL AND m.kind <> 'cloud' THEN 'held'
         WHEN m.state <> 'CREATED' THEN lower(m.state)
         WHEN m.due_at > :now THEN 'delayed'
         WHEN m.claimed THEN 'queued'
         ELSE 'created' END"""
_COLUMNS = f"""
    m.seq, m.id, m.user, m.kind, m.parent_id, {_STATE}, m.method, m.url, m.created_at, m.updated_at,
    CASE WHEN m.finished_at IS NULL AND m.held IS NULL THEN m.due_at END,
    m.attempts, m.max_retries + 1, m.last_status,
    m.last_ms, m.last_error, m.queue, m.topic, m.endpoint, m.schedule_id, m.flow_key,
    (SELECT d.id FROM dlq d WHERE d.message = m.seq),
    (SELECT count(*) FROM messages r WHERE r.parent_id = m.id AND r.kind = 'replay'),
    m.body_size, m.content_type, m.armed, m.hint, m.lints, m.held,
    (SELECT group_concat(l.label) FROM labels l WHERE l.message = m.seq)"""
_WITH_CONTENTS = "messages m JOIN contents c ON c.message = m.seq"


class Row(Struct, frozen=True):
    """One message in a list. `state` is in the words of the filter language; no bodies in here."""

    seq: int
    id: str
    user: str
    kind: str
    parent: str | None
    state: str
    method: str
    url: str
    created_at: int
    updated_at: int
    due_at: int | None
    tried: int = msgspec.field(name="try")
    tries: int
    status: int | None
    duration_ms: float | None
    error: str | None
    queue: str | None
    topic: str | None
    endpoint: str | None
    schedule: str | None
    flow_key: str | None
    dlq_id: str | None
    replays: int
    body_size: int
    content_type: str | None
    labels: tuple[str, ...]
    source: str
    hint: str | None = None
    lints: tuple[str, ...] = ()
    armed: bool = False


class Counts(Struct, frozen=True):
    """How many there are of everything."""

    messages: int
    delayed: int
    active: int
    retry: int
    held: int
    delivered: int
    failed: int
    canceled: int
    dlq: int
    schedules: int
    queues: int
    groups: int
    flow: int


class Rows:
    """Reads rows and counts; writes nothing."""

    def __init__(self, database: Database) -> None:
        self._db = database
        database.function("header_values", 2, _header_values)
        database.function("is_external", 1, _is_external)

    def select(
        self,
        wanted: Filter,
        now: int,
        before: int | None,
        after: int | None = None,
        limit: int = sys.maxsize,
    ) -> Iterator[list[Row]]:
        """Up to `limit` rows that match, newest first (oldest first with `after`), by windows."""
        where, values = condition(wanted)
        sql = (
            f"SELECT {_COLUMNS} FROM {_tables(where)} WHERE m.seq BETWEEN :low AND :high "
            f"AND {where} ORDER BY m.seq {'DESC' if after is None else 'ASC'} LIMIT :limit"
        )
        for low, high in self._windows(before, after, _window(where)):
            bounds = {"now": now, "low": low, "high": high, "limit": limit}
            rows = self._db.read(sql, {**values, **bounds})
            yield [_row(row) for row in rows]
            limit -= len(rows)
            if limit <= 0:
                return

    def count(self, wanted: Filter, now: int) -> Iterator[int]:
        """How many match, one number for each window."""
        if not wanted.terms:
            yield int(self._db.read_one("SELECT count(*) FROM messages")[0])
            return
        where, values = condition(wanted)
        sql = (
            f"SELECT count(*) FROM {_tables(where)} WHERE m.seq BETWEEN :low AND :high AND {where}"
        )
        for low, high in self._windows(None, None, _window(where)):
            yield self._db.read_one(sql, {**values, "now": now, "low": low, "high": high})[0]

    def of(self, seqs: Iterable[int], now: int, wanted: Filter | None = None) -> list[Row]:
        """The rows with these numbers, those that match if there is a filter."""
        where, values = condition(wanted or Filter())
        listed = ",".join(str(int(seq)) for seq in seqs)
        rows = self._db.read(
            f"SELECT {_COLUMNS} FROM {_tables(where)} WHERE m.seq IN ({listed}) AND {where} "
            "ORDER BY m.seq",
            {**values, "now": now},
        )
        return [_row(row) for row in rows]

    def selects(self, wanted: Filter, message_id: str, now: int) -> bool:
        """Whether a filter selects this message."""
        where, values = condition(wanted)
        sql = f"SELECT 1 FROM {_tables(where)} WHERE m.id = :id AND {where}"
        return self._db.read_one(sql, {**values, "id": message_id, "now": now}) is not None

    def related(self, parent_id: str, now: int) -> list[Row]:
        """What came of a message: callbacks, replays, retries out of the DLQ."""
        return self._where("m.parent_id = :id", {"id": parent_id}, now)

    def by_id(self, message_id: str, now: int) -> Row | None:
        """One row."""
        rows = self._where("m.id = :id", {"id": message_id}, now)
        return rows[0] if rows else None

    def siblings(self, row: Row, now: int, limit: int = 50) -> list[Row]:
        """Messages of the same publish to a URL group, or of the same schedule."""
        if row.topic is not None and row.schedule is None:
            return self._where(
                "m.topic = :name AND m.user = :user AND m.created_at = :at AND m.seq <> :seq",
                {"name": row.topic, "user": row.user, "at": row.created_at, "seq": row.seq},
                now,
                limit,
            )
        if row.schedule is not None:
            return self._where(
                "m.schedule_id = :name AND m.user = :user AND m.seq <> :seq",
                {"name": row.schedule, "user": row.user, "seq": row.seq},
                now,
                limit,
            )
        return []

    def counts(self, now: int) -> Counts:
        """Totals of all users."""
        states = dict(
            self._db.read(
                "SELECT state, count(*) FROM messages INDEXED BY messages_state "
                "WHERE state <> 'DELIVERED' GROUP BY state"
            )
        )
        total = self._one("SELECT count(*) FROM messages")
        return Counts(
            messages=total,
            delayed=self._one(
                "SELECT count(*) FROM messages INDEXED BY messages_due WHERE claimed = 0 "
                "AND held IS NULL AND finished_at IS NULL AND due_at > ? AND state = 'CREATED'",
                now,
            ),
            active=states.get("ACTIVE", 0),
            retry=states.get("RETRY", 0),
            held=self._one(
                "SELECT count(*) FROM messages "
                "WHERE held IS NOT NULL AND finished_at IS NULL AND kind <> 'cloud'"
            ),
            delivered=total - sum(states.values()),
            failed=states.get("FAILED", 0),
            canceled=states.get("CANCELED", 0),
            dlq=self._one("SELECT count(*) FROM dlq"),
            schedules=self._one("SELECT count(*) FROM schedules"),
            queues=self._one("SELECT count(*) FROM queues"),
            groups=self._one("SELECT count(*) FROM groups"),
            flow=self._one("SELECT count(*) FROM flow_keys"),
        )

    def _one(self, sql: str, *values: int) -> int:
        return int(self._db.read_one(sql, values)[0])

    def _where(self, where: str, values: dict[str, Any], now: int, limit: int = 500) -> list[Row]:
        rows = self._db.read(
            f"SELECT {_COLUMNS} FROM messages m WHERE {where} ORDER BY m.seq DESC LIMIT {limit}",
            {**values, "now": now},
        )
        return [_row(row) for row in rows]

    def _windows(
        self, before: int | None, after: int | None, size: int
    ) -> Iterator[tuple[int, int]]:
        # Both in one SELECT would look at every row.
        first, last = self._db.read_one(
            "SELECT (SELECT min(seq) FROM messages), (SELECT max(seq) FROM messages)"
        )
        if first is None:
            return
        if after is not None:
            for low in range(max(first, after + 1), last + 1, size):
                yield low, low + size - 1
            return
        high = last if before is None else min(last, before - 1)
        while high >= first:
            yield max(first, high - size + 1), high
            high -= size


def _tables(where: str) -> str:
    return _WITH_CONTENTS if "c." in where else "messages m"


def _window(where: str) -> int:
    return CONTENTS_WINDOW if "c." in where else WINDOW


def _row(columns: Any) -> Row:
    *fields, armed, hint, lints, held, labels = columns
    fields.append(tuple(labels.split(",")) if labels else ())
    fields.append("cloud" if columns[3] == Kind.CLOUD else "local")
    fields.append((hold.hint(held) if held else None) or hint)
    fields.append(tuple(lints.split("\n")) if lints else ())
    fields.append(bool(armed))
    return Row(*fields)


def condition(wanted: Filter) -> tuple[str, dict[str, Any]]:
    """SQL that holds for the messages `m` (contents `c`) a filter selects, and its values."""
    values: dict[str, Any] = {}
    parts = [_term(term, values) for term in wanted.terms]
    return " AND ".join(parts) if parts else "1", values


def _term(term: Term, values: dict[str, Any]) -> str:
    parts = " OR ".join(f"({_value(term.key, value, values)})" for value in term.values)
    return f"NOT ifnull(({parts}), 0)" if term.negated else f"({parts})"


def _value(key: str, value: Value, values: dict[str, Any]) -> str:
    if isinstance(value, HeaderValue):
        pattern = "%" if value.value is None else _like(value.value, "whole")
        return (
            f"EXISTS (SELECT 1 FROM json_each(header_values(c.spec, {_bind(values, value.name)})) h "
            f"WHERE h.value LIKE {_bind(values, pattern)} ESCAPE '!')"
        )
    if isinstance(value, Text):
        pattern = _bind(values, _like(value, COMPARED[key]))
        return _TEXTS[key].format(f"LIKE {pattern} ESCAPE '!'")
    if isinstance(value, Span):
        return _span(_SPANS[key], value, values)
    if key == "is":
        return " OR ".join(_FLAGS[name] for name in value.names)
    if key == "code":
        return "m.last_status IS NULL AND m.last_error IS NOT NULL"
    if key == "state":
        return _states(value.names, values)
    return _among("m.kind", value.names, values)


def _states(names: Iterable[str], values: dict[str, Any]) -> str:
    shown = _among(_STATE, names, values)
    if "held" in names:
        return shown
    # The column is compared first: few rows need the long expression.
    stored = {"CREATED" if name in ("delayed", "queued") else name.upper() for name in names}
    return f"{_among('m.state', sorted(stored), values)} AND {shown}"


def _among(column: str, names: Iterable[str], values: dict[str, Any]) -> str:
    return f"{column} IN ({', '.join(_bind(values, name) for name in names)})"


_TEXTS = {
    "word": "m.id {0} OR m.url {0} OR CAST(c.body AS TEXT) {0}",
    "dest": "m.url {0}",
    "body": "CAST(c.body AS TEXT) {0}",
    "id": "m.id {0}",
    "queue": "m.queue {0}",
    "schedule": "m.schedule_id {0}",
    "group": "m.topic {0}",
    "label": "EXISTS (SELECT 1 FROM labels l WHERE l.message = m.seq AND l.label {0})",
}
_SPANS = {"code": "m.last_status", "try": "m.attempts", "age": "(:now - m.created_at)"}
_FLAGS = {
    "held": "(m.held IS NOT NULL AND m.finished_at IS NULL AND m.kind <> 'cloud')",
    "replay": "m.kind = 'replay'",
    "external": "is_external(m.url)",
    # Marks live in the terminal UI, which knows them by itself.
    "marked": "0",
}


def _span(column: str, span: Span, values: dict[str, Any]) -> str:
    parts = []
    if span.low is not None:
        parts.append(f"{column} >= {_bind(values, span.low)}")
    if span.high is not None:
        parts.append(f"{column} <= {_bind(values, span.high)}")
    return " AND ".join(parts) or "1"


def _bind(values: dict[str, Any], value: Any) -> str:
    name = f"v{len(values)}"
    values[name] = value
    return f":{name}"


def _like(text: Text, compared: str) -> str:
    escaped = (
        piece.replace("!", "!!").replace("%", "!%").replace("_", "!_") for piece in text.pieces
    )
    pattern = "%".join(escaped)
    if compared == "contains":
        return f"%{pattern}%"
    return f"{pattern}%" if compared == "prefix" else pattern


@lru_cache(maxsize=4_096)
def _is_external(url: str) -> bool:
    """SQL function."""
    return not is_loopback(url)


_decode_spec = msgspec.msgpack.Decoder(Spec).decode


def _header_values(spec: bytes, name: str) -> str:
    """SQL function: the values of a header in a stored spec, as a JSON array."""
    values = [value for key, value in _decode_spec(spec).headers if key.lower() == name]
    return msgspec.json.encode(values).decode()
