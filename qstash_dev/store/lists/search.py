"""The lists of QStash's API: log events, dead letters, messages to cancel.

As `selection` does for people: where an index knows which few messages a query can select
(`candidates`), these are read and put in order; else all are read in order, by windows.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from msgspec import Struct

from qstash_dev.protocol.delivery import host_and_path
from qstash_dev.protocol.model import DeadLetter, Event, Query, State
from qstash_dev.store.database import Database
from qstash_dev.store.lists.candidates import INDEXES, USUAL, Candidates, Limits, as_json, having
from qstash_dev.store.lists.condition import ACCEPTED
from qstash_dev.store.lists.windows import WHOLE, read_page, windows

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
    # No message was made for an API of QStash's own.
    "api": "NULL",
    "source": "CASE WHEN m.run IS NOT NULL THEN 'workflow' END",
}
_OF_URL = ("host", "path")
"""The order of `host_and_path`. There are far fewer different URLs than messages."""
_STATES = {state.value: state for state in State}
_TROUBLE = frozenset(State) - {State.CREATED, State.ACTIVE, State.DELIVERED}
_IS_TROUBLE = "state <> 'CREATED' AND state <> 'ACTIVE' AND state <> 'DELIVERED'"
_EVENT = "e.seq, e.time, e.user, m.id, e.state, e.error, e.next_at, e.attempt, e.status, m.seq"
_LETTER = "d.seq, d.id, d.user, m.id, d.time, m.seq"
_UNFINISHED = "CREATED", "ACTIVE", "RETRY"


class Found(Struct, frozen=True):
    """An event, and which message and attempt it is about."""

    event: Event
    message: int


class Search:
    """Queries over messages and what happened to them, of one user; `None` is all users."""

    def __init__(self, database: Database, limits: Limits = USUAL) -> None:
        self._db = database
        self._limits = limits
        self._candidates = Candidates(database, limits)

    def events(self, user: str, query: Query) -> Iterator[list[Found]]:
        """Events in the query's order, in all one more than `count` if there are more."""
        known = self._known(query)
        source, size = "events e NOT INDEXED", self._limits.window
        if known.few is not None:
            source, size = "json_each(:few) f CROSS JOIN events e ON e.message = f.value", WHOLE
        elif self._has_few_events(user, query):
            source, size = "events e INDEXED BY events_user", WHOLE
        elif "state" in query.conditions and _TROUBLE.issuperset(query.conditions["state"]):
            # The condition of the index, which SQLite wants to see.
            trouble = f"SELECT * FROM events INDEXED BY events_trouble WHERE {_IS_TROUBLE}"
            source = f"({trouble}) e"
        for rows in self._page(user, query, known, _EVENT, "events", source, size):
            yield [Found(_event(row[:9]), row[9]) for row in rows]

    def dead_letters(
        self, user: str | None, query: Query
    ) -> Iterator[list[tuple[int, DeadLetter, int]]]:
        """Entries as number, entry, message; in all one more than `count` if there are more."""
        known = self._known(query)
        source, size = "dlq d NOT INDEXED", self._limits.window
        if known.few is not None:
            source, size = "json_each(:few) f CROSS JOIN dlq d ON d.message = f.value", WHOLE
        for rows in self._page(user, query, known, _LETTER, "dlq", source, size):
            yield [(row[0], DeadLetter(*row[1:5]), row[5]) for row in rows]

    def dead_letter(self, user: str | None, dlq_id: str) -> tuple[DeadLetter, int] | None:
        """One entry of the DLQ and the sequence number of its message."""
        row = self._db.read_one(
            f"SELECT {_LETTER} FROM dlq d JOIN messages m ON m.seq = d.message "
            "WHERE d.id = ? AND d.user = ifnull(?, d.user)",
            (dlq_id, user),
        )
        return (DeadLetter(*row[1:5]), row[5]) if row else None

    def still_dead(self, ids: Iterable[str]) -> set[str]:
        """Those of these entries that are in the DLQ."""
        there = "SELECT id FROM dlq WHERE id IN (SELECT value FROM json_each(?))"
        return {dlq_id for (dlq_id,) in self._db.read(there, (as_json(list(ids)),))}

    def body_sizes(self, messages: Iterable[int]) -> dict[int, int]:
        """How many bytes the body of each message and that of its last answer have; reads neither."""
        rows = self._db.read(
            "SELECT m.seq, m.body_size + ifnull((SELECT length(a.body) FROM attempts a "
            "WHERE a.message = m.seq ORDER BY a.number DESC LIMIT 1), 0) "
            "FROM messages m WHERE m.seq IN (SELECT value FROM json_each(?))",
            (as_json(list(messages)),),
        )
        return dict(rows)

    def unfinished(self, user: str, query: Query) -> Iterator[list[int]]:
        """Sequence numbers of all messages that can still be cancelled, the oldest first."""
        known = self._known(query, self._limits.few)
        source, size = "messages m INDEXED BY messages_state", self._limits.window
        if known.few is not None:
            source, size = "json_each(:few) f CROSS JOIN messages m ON m.seq = f.value", WHOLE
        where, values = _where(query, "m", "created_at")
        sql = " UNION ALL ".join(
            f"SELECT m.seq AS seq FROM {source} WHERE m.state = '{state}' AND m.user = :user "
            "AND m.seq BETWEEN :low AND :high AND m.state <> 'DELIVERED' "
            f"AND NOT m.cancel_requested AND {ACCEPTED} {where}"
            for state in _UNFINISHED
        )
        values |= {"user": user, "few": known.few}
        for low, high in windows(self._db, "messages", size, after=known.first - 1):
            rows = self._db.read(f"{sql} ORDER BY seq", {**values, "low": low, "high": high})
            yield [seq for (seq,) in rows]

    def _page(
        self,
        user: str | None,
        query: Query,
        known: "_Known",
        columns: str,
        table: str,
        source: str,
        size: int,
    ) -> Iterator[list[Any]]:
        """Rows of `events` or `dlq` with their messages, by windows, until the page is full."""
        name = table[0]
        where, values = _where(query, name, "time")
        order = f"ORDER BY {name}.seq {'DESC' if query.latest_first else 'ASC'}"
        owner = "TRUE" if user is None else f"{name}.user = :user"
        bounded = known.first > 0 or known.last < WHOLE
        among = f"{name}.message BETWEEN :first AND :last" if bounded else "TRUE"
        # Numbers first: the rest is looked up for few of them.
        joined = f"CROSS JOIN messages m ON m.seq = {name}.message"
        numbers = (
            f"SELECT {name}.seq AS seq FROM {source} {joined if 'm.' in where else ''} "
            f"WHERE {name}.seq BETWEEN :low AND :high AND {among} AND {owner} {where} "
            f"{order} LIMIT :limit"
        )
        sql = (
            f"SELECT {columns} FROM ({numbers}) n CROSS JOIN {table} {name} ON {name}.seq = n.seq "
            f"{joined} {order}"
        )
        values |= {"user": user, "few": known.few, "first": known.first, "last": known.last}
        before, after = (query.cursor, None) if query.latest_first else (None, query.cursor or 0)
        ranges = windows(self._db, table, size, before, after)
        return read_page(self._db, sql, values, ranges, query.count + 1)

    def _known(self, query: Query, most: int | None = None) -> "_Known":
        first, last = 0, WHOLE
        most = self._limits.few_in_order if most is None else most
        for field, texts in query.conditions.items():
            if field in _OF_URL and (urls := self._urls_with(field, texts)) is not None:
                field, texts = "url", urls
            if field not in INDEXES:
                continue
            few = self._candidates.few(having(field, texts), most)
            if few is not None:
                return _Known(few)
            low, high = self._candidates.ends(field, texts)
            first, last = max(first, low), min(last, high)
        return _Known(None, first, last)

    def _urls_with(self, field: str, texts: Sequence[str]) -> tuple[str, ...] | None:
        """The URLs with one of these hosts or paths, unless there are too many to look through."""
        urls = self._candidates.names("url")
        if urls is None:
            return None
        place = _OF_URL.index(field)
        return tuple(url for url in urls if host_and_path(url)[place] in texts)

    def _has_few_events(self, user: str, query: Query) -> bool:
        if query.from_date is None and query.to_date is None:
            return False
        few = self._limits.few_events // 10 if query.conditions else self._limits.few_events
        return self._candidates.are_few_events(user, query.from_date, query.to_date, few)


class _Known(Struct, frozen=True):
    """What the indexes know of the messages that match: all of them, if they are `few` (as a JSON
    array), and else between which numbers they are.
    """

    few: str | None
    first: int = 0
    last: int = WHOLE


def _where(query: Query, table: str, time: str) -> tuple[str, dict[str, Any]]:
    parts: list[str] = []
    values: dict[str, Any] = {"since": query.from_date, "until": query.to_date}
    values["cursor"] = query.cursor
    for field, texts in query.conditions.items():
        test, values[field] = _among([int(t) for t in texts] if field == "status" else texts)
        test = test.format(f":{field}")
        if field == "label":
            labels = f"SELECT 1 FROM labels l WHERE l.message = m.seq AND l.label {test}"
            parts.append(f"EXISTS ({labels})")
        else:
            parts.append(f"{_COLUMNS[field]} {test}")
    if query.from_date is not None:
        parts.append(f"{table}.{time} >= :since")
    if query.to_date is not None:
        parts.append(f"{table}.{time} <= :until")
    if query.cursor is not None:
        parts.append(f"{table}.seq {'<' if query.latest_first else '>'} :cursor")
    return "".join(f" AND {part}" for part in parts), values


def _among(values: Sequence[str | int]) -> tuple[str, str | int]:
    """A test with a place for its variable, and the value of that."""
    if len(values) == 1:
        return "= {}", values[0]
    # One value for the whole list: ids may be more than SQLite allows variables.
    return "IN (SELECT value FROM json_each({}))", as_json(list(values))


def _event(row: Any) -> Event:
    seq, time, user, message_id, state, error, next_at, attempt, status = row
    return Event(time, user, message_id, _STATES[state], error, next_at, attempt, status, seq)
