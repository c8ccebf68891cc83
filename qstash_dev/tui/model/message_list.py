"""The rows of the list of messages, and where the reader is in it: cursor, marks, following the newest.

It begins with a snapshot of the server (`load`), and takes in each change that the server then tells of
(`apply`). Plain Python; knows nothing of Textual, of the network or of how a row looks.
"""

from operator import attrgetter

from qstash_dev.devtools.documents import Counts, Page, Row, Server, Snapshot, Tick
from qstash_dev.tui.model.listing import Listing


class Feed(Listing[Row]):
    """The matching messages, oldest first, as a terminal log is read: the newest is at the end.

    New rows never move those above them.
    `version` grows with each change, so that what is drawn can be compared with it.
    """

    def __init__(self) -> None:
        super().__init__(attrgetter("id"), follow=True)
        self.counts = Counts()
        self.server = Server()
        self.total = 0
        self.is_exact = True
        """Whether so many match, or only the listed ones are known to."""
        self._oldest = 0
        self.cursor: str | None = None
        self.marks: dict[str, None] = {}
        self.healed: set[str] = set()
        """Messages of which a replay was delivered."""
        self._seen = 0
        self._unseen: set[str] = set()
        self.version = 0

    def number_of(self, row: Row) -> int:
        """The number that the server gave it."""
        return row.seq

    @property
    def targets(self) -> list[str]:
        """What an action is about: the marked messages, else the selected one."""
        if self.marks:
            return list(self.marks)
        return [self.selected] if self.selected is not None else []

    @property
    def unseen(self) -> int:
        """How many are newer than all that were there when the reader ceased to follow."""
        return len(self._unseen)

    def load(self, snapshot: Snapshot) -> None:
        """Start again from a snapshot. Marks and selection stay where their messages still are."""
        newest = max((row.seq for row in snapshot.rows), default=0)
        if not self.loaded:
            self._seen = newest
        self._unseen = {row.id for row in snapshot.rows if row.seq > self._seen}
        for row in snapshot.rows:
            self._learn(row)
        self._replace({row.id: row for row in snapshot.rows})
        self._seen = min(self._seen, newest)  # another server begins again
        self._fetched(snapshot.rows)
        self.counts, self.server = snapshot.counts, snapshot.server
        self.total, self.cursor = max(snapshot.total, len(self.rows)), snapshot.cursor
        self.loaded = True
        self.version += 1

    def extend(self, page: Page) -> int:
        """Add older rows; returns how many were put above what was there."""
        older = [row for row in page.rows if row.id not in self.rows]
        for row in older:
            self._insert(row)
        self.cursor = page.cursor
        self.total = max(page.total, len(self._order))
        self._fetched(page.rows)
        self.version += 1
        return len(older)

    def apply(self, tick: Tick) -> None:
        """Take in what changed since the snapshot or the tick before. Rows that no longer match the
        filter (they are not in `matched`) and deleted messages (`removed`) leave the list.
        """
        matched = None if tick.matched is None else set(tick.matched)
        if matched is not None and self.cursor is not None and self._concerns_older(tick):
            self.is_exact = False
        for row in tick.rows:
            if matched is None or row.id in matched:
                self._put(row)
            else:
                self._drop(row.id)
        for id in tick.removed:
            self._drop(id)
            self.marks.pop(id, None)
        self.counts = tick.counts or self.counts
        if matched is None and tick.counts is not None:  # it counts those that are not listed, too
            self.total = tick.counts.messages
        self.server = tick.server or self.server
        self._reselect()
        self.version += 1

    def select(self, index: int) -> None:
        """What came meanwhile is seen by who goes there."""
        super().select(index)
        if self.is_on_newest:
            self._see()

    def toggle_mark(self) -> None:
        """Mark the selected message, or unmark it."""
        if self.selected is None:
            return
        if self.selected in self.marks:
            del self.marks[self.selected]
        else:
            self.marks[self.selected] = None

    def mark_all(self) -> int:
        """Mark every row that is listed, or none if all are; how many are marked then."""
        listed = [id for _, id in self._order]
        all_marked = all(id in self.marks for id in listed)
        self.marks = {} if all_marked else dict.fromkeys(listed)
        self.version += 1
        return len(self.marks)

    def _fetched(self, rows: list[Row]) -> None:
        self._oldest = min((row.seq for row in rows), default=self._oldest)
        self.is_exact = True

    def _concerns_older(self, tick: Tick) -> bool:
        """Whether it tells of some that were not fetched: nobody knows whether they matched before."""
        changed = {row.id for row in tick.rows if row.seq < self._oldest}
        return not self.rows.keys() >= changed.union(tick.removed)

    def _put(self, row: Row) -> None:
        self._learn(row)
        if row.id in self.rows:
            if self._place(row) != self._position[row.id]:
                del self._order[self.index(row.id) or 0]
                self._insert(row)
            self.rows[row.id] = row
            return
        self._insert(row)
        self.total += 1
        if row.seq > self._seen:
            self._unseen.add(row.id)

    def _learn(self, row: Row) -> None:
        is_again = row.kind in ("replay", "dlq-retry") and row.parent is not None
        if is_again and row.parent and row.state == "delivered":
            self.healed.add(row.parent)

    def drop(self, id: str) -> None:
        """Take out a message that this client has deleted, without waiting for the server to tell."""
        self._drop(id)
        self.marks.pop(id, None)
        self._reselect()
        self.version += 1

    def _drop(self, id: str) -> None:
        if self._take_out(id):
            self.total -= 1
            self._unseen.discard(id)

    @property
    def from_oldest(self) -> int:
        """How far the cursor is from where older messages come; in an order of no age, anywhere."""
        if not self.by_age:
            return 0
        index = self.cursor_index
        return len(self) - 1 - index if self.newest_first else index

    def _reselect(self) -> None:
        super()._reselect()
        if self.follow:
            self._see()

    def _see(self) -> None:
        self._seen = max((self.rows[id].seq for id in self._unseen), default=self._seen)
        self._unseen.clear()
