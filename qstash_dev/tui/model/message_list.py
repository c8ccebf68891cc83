"""The rows of the list of messages, and where the reader is in it: cursor, marks, following the newest.

It begins with a snapshot of the server (`load`), and takes in each change that the server then tells of
(`apply`). Plain Python; knows nothing of Textual, of the network or of how a row looks.
"""

from bisect import bisect_left, insort
from collections.abc import Callable
from typing import Any

from qstash_dev.devtools.documents import Counts, Page, Row, Server, Snapshot, Tick


class Feed:
    """The matching messages, oldest first, as a terminal log is read: the newest is at the end.

    New rows never move those above them. The cursor is kept as the id of its message, so it stays there
    whatever comes and goes; with `follow` it is on the newest message, until the reader moves it.
    `version` grows with each change, so that what is drawn can be compared with it.
    """

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self.counts = Counts()
        self.server = Server()
        self.total = 0
        self.cursor: str | None = None
        self.selected: str | None = None
        self.marks: dict[str, None] = {}
        self.healed: set[str] = set()
        """Messages of which a replay was delivered."""
        self.follow = True
        self.unseen = 0
        self.loaded = False
        self.version = 0
        self.sorted_by = ""
        self.by_age = True
        self._sort: Callable[[Row], Any] | None = None
        self._order: list[tuple[Any, str]] = []
        self._position: dict[str, Any] = {}

    def __len__(self) -> int:
        return len(self._order)

    def at(self, index: int) -> Row:
        """The row at a place, 0 is the oldest."""
        return self.rows[self._order[index][1]]

    def index(self, id: str | None) -> int | None:
        """The place of a message, `None` when it is not listed."""
        if id is None or id not in self.rows:
            return None
        return bisect_left(self._order, (self._position[id], id))

    @property
    def cursor_index(self) -> int:
        """The place of the selected row; 0 when there is none."""
        return self.index(self.selected) or 0

    @property
    def row(self) -> Row | None:
        return self.rows.get(self.selected) if self.selected is not None else None

    @property
    def targets(self) -> list[str]:
        """What an action is about: the marked messages, else the selected one."""
        if self.marks:
            return list(self.marks)
        return [self.selected] if self.selected is not None else []

    def load(self, snapshot: Snapshot) -> None:
        """Start again from a snapshot. Marks and selection stay where their messages still are."""
        place = self.cursor_index
        known_newest = self._order[-1] if self._order else None
        self.rows = {row.id: row for row in snapshot.rows}
        for row in snapshot.rows:
            self._learn(row)
        self._put_in_order()
        self.counts, self.server = snapshot.counts, snapshot.server
        self.total, self.cursor = max(snapshot.total, len(self.rows)), snapshot.cursor
        if self.loaded and known_newest is not None and not self.follow and self._sort is None:
            self.unseen = len(self._order) - bisect_left(self._order, (known_newest[0] + 1, ""))
        self.loaded = True
        self._reselect(place)
        self.version += 1

    def arrange(self, sort: Callable[[Row], Any] | None, words: str, by_age: bool = True) -> None:
        """Sort by a value, or by age; `words` say by what. The cursor stays on its message, or in an
        order of age on the newest, if that is followed.
        """
        self._sort, self.sorted_by, self.by_age = sort, words, by_age
        self.follow = self.follow and by_age
        self._put_in_order()
        self._reselect(self.cursor_index)
        self.version += 1

    def _put_in_order(self) -> None:
        self._position = {row.id: self._place(row) for row in self.rows.values()}
        self._order = sorted((place, id) for id, place in self._position.items())

    def _place(self, row: Row) -> Any:
        return row.seq if self._sort is None else (self._sort(row), row.seq)

    def extend(self, page: Page) -> int:
        """Add older rows; returns how many were put above what was there."""
        older = [row for row in page.rows if row.id not in self.rows]
        for row in older:
            self._insert(row)
        self.cursor = page.cursor
        self.total = max(page.total, len(self._order))
        self.version += 1
        return len(older)

    def apply(self, tick: Tick) -> None:
        """Take in what changed since the snapshot or the tick before. Rows that no longer match the
        filter (they are not in `matched`) and deleted messages (`removed`) leave the list.
        """
        place = self.cursor_index
        matched = None if tick.matched is None else set(tick.matched)
        for row in tick.rows:
            if matched is None or row.id in matched:
                self._put(row)
            else:
                self._drop(row.id)
        for id in tick.removed:
            self._drop(id)
            self.marks.pop(id, None)
        self.counts = tick.counts or self.counts
        self.server = tick.server or self.server
        self._reselect(place)
        self.version += 1

    def select(self, index: int) -> None:
        """Put the cursor on a place (kept inside the list); the reader moved, so follow ends."""
        self.follow = False
        if self._order:
            index = max(0, min(index, len(self._order) - 1))
            self.selected = self._order[index][1]
            if self.is_on_newest:
                self.unseen = 0

    def hold(self, id: str | None) -> bool:
        """Stop following, on the message that the reader saw; whether it is still listed."""
        self.follow = False
        if id not in self.rows:
            return False
        self.selected = id
        return True

    def want(self, id: str) -> None:
        """Put the cursor on this message, now or as soon as it is loaded."""
        self.follow, self.selected = False, id

    def resume(self) -> None:
        """Follow the newest again."""
        self.follow = True
        self._reselect(0)

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
        if not self.follow:
            self.unseen += 1

    def _learn(self, row: Row) -> None:
        is_again = row.kind in ("replay", "dlq-retry") and row.parent is not None
        if is_again and row.parent and row.state == "delivered":
            self.healed.add(row.parent)

    def _insert(self, row: Row) -> None:
        self.rows[row.id] = row
        self._position[row.id] = self._place(row)
        insort(self._order, (self._position[row.id], row.id))

    def drop(self, id: str) -> None:
        """Take out a message that this client has deleted, without waiting for the server to tell."""
        place = self.cursor_index
        self._drop(id)
        self.marks.pop(id, None)
        self._reselect(place)
        self.version += 1

    def _drop(self, id: str) -> None:
        index = self.index(id)
        if index is None:
            return
        del self._order[index], self.rows[id], self._position[id]
        self.total -= 1
        self.unseen = min(self.unseen, len(self._order))

    @property
    def newest_first(self) -> bool:
        """Whether new messages come at the beginning."""
        return self.by_age and self._sort is not None

    @property
    def is_on_newest(self) -> bool:
        """Whether the cursor is at the end where new messages come."""
        return self.by_age and self.selected == self._newest

    @property
    def from_oldest(self) -> int:
        """How far the cursor is from where older messages come; in an order of no age, anywhere."""
        if not self.by_age:
            return 0
        index = self.cursor_index
        return len(self._order) - 1 - index if self.newest_first else index

    @property
    def _newest(self) -> str | None:
        if not self._order:
            return None
        if self.by_age:
            return self._order[0 if self.newest_first else -1][1]
        return max(self.rows.values(), key=lambda row: row.seq).id

    def _reselect(self, place: int) -> None:
        """Keep the cursor on a row: on the same, else on the one at its old `place`."""
        if not self._order:
            self.selected = None
        elif self.follow:
            self.selected, self.unseen = self._newest, 0
        elif self.selected not in self.rows:
            self.selected = self._order[min(place, len(self._order) - 1)][1]
