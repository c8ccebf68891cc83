"""Things in an order, and where the reader is among them: a cursor that stays on its thing.

Plain Python; knows nothing of where they come from or how they look.
"""

from bisect import bisect_left, insort
from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Listing(Generic[T]):
    """In the order in which they came, which their numbers tell, or sorted by a value.

    The cursor is kept as the key of its thing, so it stays there whatever comes and goes; with `follow`
    it is on the newest one, until the reader moves it.
    """

    def __init__(self, key_of: Callable[[T], str], follow: bool = False) -> None:
        self.key_of = key_of
        self.rows: dict[str, T] = {}
        self.selected: str | None = None
        self.follow = follow
        self.loaded = False
        self.sorted_by = ""
        self.by_age = True
        self._sort: Callable[[T], Any] | None = None
        self._order: list[tuple[Any, str]] = []
        self._position: dict[str, Any] = {}

    def number_of(self, row: T) -> int:
        """A later one has a greater number."""
        raise NotImplementedError

    def __len__(self) -> int:
        return len(self._order)

    def at(self, index: int) -> T:
        """The row at a place, 0 is the first."""
        return self.rows[self._order[index][1]]

    def index(self, key: str | None) -> int | None:
        """The place of a row, `None` when it is not listed."""
        if key is None or key not in self.rows:
            return None
        return bisect_left(self._order, (self._position[key], key))

    @property
    def cursor_index(self) -> int:
        """The place of the selected row; 0 when there is none."""
        return self.index(self.selected) or 0

    @property
    def row(self) -> T | None:
        """What is under the cursor."""
        return self.rows.get(self.selected) if self.selected is not None else None

    def arrange(self, sort: Callable[[T], Any] | None, words: str, by_age: bool = True) -> None:
        """Sort by a value, or by age, the newest first; `words` say by what. The cursor stays on its
        row, or in an order of age on the newest, if that is followed.
        """
        self._sort, self.sorted_by, self.by_age = sort, words, by_age
        self.follow = self.follow and by_age
        self._put_in_order()
        self._reselect()

    def select(self, index: int) -> None:
        """Put the cursor on a place (kept inside the list); the reader moved, so follow ends."""
        self.follow = False
        if self._order:
            self.selected = self._order[max(0, min(index, len(self._order) - 1))][1]

    def hold(self, key: str | None) -> bool:
        """Stop following, on the row that the reader saw; whether it is still listed."""
        self.follow = False
        if key not in self.rows:
            return False
        self.selected = key
        return True

    def want(self, key: str) -> None:
        """Put the cursor on this row, now or as soon as it is loaded."""
        self.follow, self.selected = False, key

    def resume(self) -> None:
        """Follow the newest again."""
        self.follow = True
        self._reselect()

    @property
    def newest_first(self) -> bool:
        """Whether new rows come at the beginning."""
        return self.by_age and self._sort is not None

    @property
    def is_on_newest(self) -> bool:
        """Whether the cursor is at the end where new rows come."""
        return self.by_age and self.selected == self._newest

    @property
    def _newest(self) -> str | None:
        if not self._order:
            return None
        if self.by_age:
            return self._order[0 if self.newest_first else -1][1]
        return self.key_of(max(self.rows.values(), key=self.number_of))

    def _replace(self, rows: dict[str, T]) -> None:
        """List these instead. A cursor whose row is gone goes to the next of before that is listed
        still, or keeps its place where all are others.
        """
        order, place = self._order, self.cursor_index
        self.rows = rows
        self._put_in_order()
        if self._order and self.selected not in rows:
            near = (*order[place:], *reversed(order[:place]))
            there = self._order[min(place, len(self._order) - 1)][1]
            self.selected = next((key for _, key in near if key in rows), there)
        self._reselect()

    def _put_in_order(self) -> None:
        self._position = {key: self._place(row) for key, row in self.rows.items()}
        self._order = sorted((place, key) for key, place in self._position.items())

    def _place(self, row: T) -> Any:
        number = self.number_of(row)
        if self._sort is None:
            return number
        # What came in one millisecond is turned too: the newest one is at the end where new rows come.
        return -number if self.by_age else (self._sort(row), number)

    def _insert(self, row: T) -> None:
        key = self.key_of(row)
        self.rows[key] = row
        self._position[key] = self._place(row)
        insort(self._order, (self._position[key], key))

    def _take_out(self, key: str) -> bool:
        """Whether it was there. A cursor on it goes to the next row, whatever else comes and goes."""
        index = self.index(key)
        if index is None:
            return False
        del self._order[index], self.rows[key], self._position[key]
        if key == self.selected:
            near = self._order[index : index + 1] or self._order[-1:]
            self.selected = near[0][1] if near else None
        return True

    def _reselect(self) -> None:
        """Keep the cursor on a row: the newest if that is followed, else its own, else the first."""
        if not self._order:
            self.selected = None
        elif self.follow:
            self.selected = self._newest
        elif self.selected not in self.rows:
            self.selected = self._order[0][1]
