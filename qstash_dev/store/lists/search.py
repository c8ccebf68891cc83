"""The lists of QStash's API: log events, dead letters, messages to cancel; `selection` plans them."""

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct

from qstash_dev.protocol.model import DeadLetter, Event, Query, State
from qstash_dev.store.database import Database
from qstash_dev.store.lists.candidates import as_json
from qstash_dev.store.lists.columns import EVENTS, LETTERS, MESSAGES, Columns
from qstash_dev.store.lists.queries import of_query
from qstash_dev.store.lists.selection import Selector
from qstash_dev.store.lists.windows import WHOLE, windows

EVENT = "e.seq, e.time, e.user, m.id, e.state, e.error, e.next_at, e.attempt, e.status"
"""What `event_of` reads, at the beginning of a row."""
_LETTER = "d.seq, d.id, d.user, m.id, d.time, m.seq"
_UNFINISHED = "CREATED", "ACTIVE", "RETRY"


class Found(Struct, frozen=True):
    """An event, and which message and attempt it is about."""

    event: Event
    message: int


class Search:
    """Queries over messages and what happened to them, of one user; `None` is all users."""

    def __init__(self, database: Database, selector: Selector) -> None:
        self._db = database
        self._selector = selector

    def events(self, user: str, query: Query) -> Iterator[list[Found]]:
        """Events in the query's order, in all one more than `count` if there are more."""
        for rows in self._page(user, query, EVENTS, f"{EVENT}, m.seq"):
            yield [Found(event_of(row), row[9]) for row in rows]

    def dead_letters(
        self, user: str | None, query: Query
    ) -> Iterator[list[tuple[int, DeadLetter, int]]]:
        """Entries as number, entry, message; in all one more than `count` if there are more."""
        for rows in self._page(user, query, LETTERS, _LETTER):
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

    def messages_of(self, ids: Iterable[str]) -> list[int]:
        """The numbers of the messages of these entries."""
        known = "SELECT message FROM dlq WHERE id IN (SELECT value FROM json_each(?))"
        return [message for (message,) in self._db.read(known, (as_json(list(ids)),))]

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
        most = self._selector.candidates.limits.few
        found = self._selector.everywhere(of_query(query, user), MESSAGES, most)
        rows = found.tables if found.few is not None else "messages m INDEXED BY messages_state"
        sql = " UNION ALL ".join(
            f"SELECT m.seq AS seq FROM {rows} WHERE m.state = '{state}' "
            "AND m.seq BETWEEN :low AND :high AND m.state <> 'DELIVERED' "
            f"AND NOT m.cancel_requested AND {found.where}"
            for state in _UNFINISHED
        )
        first, _ = self._selector.candidates.ends(found.sources)
        for low, high in windows(self._db, "messages", found.window, after=first - 1):
            values = {**found.values, "low": low, "high": high}
            yield [seq for (seq,) in self._db.read(f"{sql} ORDER BY seq", values)]

    def _page(
        self, user: str | None, query: Query, columns: Columns, shown: str
    ) -> Iterator[list[Any]]:
        """Rows of a table with their messages, by windows, until the page is full."""
        limits = self._selector.candidates.limits
        found = self._selector.everywhere(of_query(query, user), columns, limits.few_in_order)
        first, last = self._selector.candidates.ends(found.sources)
        if first > 0 or last < WHOLE:
            found = found.between(first, last)
        before, after = (query.cursor, None) if query.latest_first else (None, query.cursor or 0)
        return self._selector.page(found, shown, query.count + 1, before, after)


def event_of(row: Any) -> Event:
    """The event of a row that begins with `EVENT`."""
    seq, time, user, message_id, state, error, next_at, attempt, status = row[:9]
    return Event(time, user, message_id, State(state), error, next_at, attempt, status, seq)
