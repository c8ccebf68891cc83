"""The log as a stream: events by sequence number, for readers that come back and go on."""

from collections.abc import Generator, Iterator

from msgspec.structs import replace

from qstash_dev.devtools.documents import Event
from qstash_dev.devtools.filters import Filter
from qstash_dev.store.database import Database
from qstash_dev.store.lists.columns import EVENTS
from qstash_dev.store.lists.selection import Selection, Selector
from qstash_dev.store.lists.windows import read_page, windows
from qstash_dev.store.sequence import Sequence

_COLUMNS = """
    e.seq, e.time, m.id, e.state, e.user, e.error, e.status, e.next_at, m.url, m.method,
    e.attempt, CASE WHEN e.attempt IS NOT NULL THEN m.last_ms END,
    CASE WHEN e.state = 'ERROR' AND e.attempt = m.attempts THEN m.hint END,
    m.seq"""
_SELECT = f"SELECT {_COLUMNS} FROM events e CROSS JOIN messages m ON m.seq = e.message"
OF_MESSAGE = (
    f"SELECT {_COLUMNS} FROM messages m CROSS JOIN events e ON e.message = m.seq WHERE m.id = ? "
    "ORDER BY e.seq"
)


class Entry(Event, gc=False):
    """An event as readers see it, and the number of its message."""

    message: int = 0


class Feed:
    """Reads events; writes nothing."""

    def __init__(self, database: Database, numbers: Sequence, selector: Selector) -> None:
        self._db = database
        self._numbers = numbers
        self._selector = selector

    def last_seq(self) -> int:
        """The number of the newest event that was ever written, 0 before the first."""
        return self._numbers.last

    def deleted_at(self) -> int:
        """The newest event when a former process last deleted something, 0 if none did."""
        return self._numbers.deleted_at

    def after(self, seq: int, limit: int) -> list[Entry]:
        """The events that follow `seq`, oldest first."""
        rows = self._db.read(f"{_SELECT} WHERE e.seq > ? ORDER BY e.seq LIMIT ?", (seq, limit))
        return [Entry(*row) for row in rows]

    def of(self, message_id: str) -> list[Entry]:
        """All events of a message."""
        rows = self._db.read(OF_MESSAGE, (message_id,))
        return [Entry(*row) for row in rows]

    def select(
        self,
        wanted: Filter,
        now: int,
        limit: int,
        before: int | None = None,
        after: int | None = None,
    ) -> Iterator[list[Entry]]:
        """Up to `limit` events of messages that match, by windows: the newest first, below `before`;
        with `after` the oldest first, above it.
        """
        found = (yield from self._narrowed(wanted, now)).of(EVENTS)
        for rows in self._selector.page(found, _COLUMNS, limit, before, after):
            yield [Entry(*row) for row in rows]

    def _narrowed(self, wanted: Filter, now: int) -> Generator[list[Entry], None, Selection]:
        """Looks for the messages first, of which there are fewer than events, unless many match."""
        found = self._selector.everywhere(wanted, now=now)
        if found.many or not wanted.terms:
            return found
        seqs: list[int] = []
        limits = self._selector.candidates.limits
        few = limits.few_in_order
        ranges = windows(self._db, "messages", found.window)
        for rows in read_page(self._db, found.numbers("DESC"), found.values, ranges, few + 1):
            seqs += (seq for (seq,) in rows)
            yield []
        if len(seqs) > few:
            return replace(found, few=None, size=limits.window)
        return self._selector.among(wanted, seqs, now)
