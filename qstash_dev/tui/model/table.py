"""Columns, and a plain list of things with a cursor that stays on its thing.

Plain Python; the live list of messages has its own source (`feed.py`), but the same columns.
"""

from collections.abc import Callable, Container, Sequence
from datetime import tzinfo
from itertools import zip_longest
from typing import Any, Generic, NamedTuple, TypeVar

from rich.cells import cell_len, set_cell_size

from qstash_dev.tui.model.narrowing import complaint, fields_of, matches
from qstash_dev.tui.render.palette import Line, Span

T = TypeVar("T")


class Ink(NamedTuple):
    """What cells need besides their item: the time, the zone, the app's address, the marks, and the
    messages of which a replay succeeded.
    """

    now: int = 0
    zone: tzinfo | None = None
    app_url: str = ""
    marks: Container[str] = ()
    healed: Container[str] = ()


class Column(NamedTuple, Generic[T]):
    """One column, whose cells have one role, or are a line. `width` 0 shares what the others leave.

    In lists under `from_width` it is left out; one that `joins` stands behind the column before it
    there. `sort` is the value by which one can sort; `is_age` when that is the order in which the
    items came.
    """

    title: str
    width: int
    cell: Callable[[T, Ink], Span | Line]
    from_width: int = 0
    right: bool = False
    sort: Callable[[T], Any] | None = None
    is_age: bool = False
    joins: bool = False


def head_line(columns: Sequence[Column[T]], width: int) -> Line:
    """The titles."""
    return [(_fit(c.title, room, c.right), "") for c, room, _ in _rooms(columns, width)]


def item_line(columns: Sequence[Column[T]], item: T, width: int, ink: Ink) -> Line:
    line: Line = []
    for column, room, behind in _rooms(columns, width):
        cell = column.cell(item, ink)
        if behind is not None:
            cell = _joined(cell, behind.cell(item, ink))
        if isinstance(cell, list):
            line += _fit_line(cell, room)
        else:
            line.append((_fit(cell[0], room, column.right), cell[1]))
    return line


def _joined(cell: Span | Line, other: Span | Line) -> Line:
    first, second = ([part] if isinstance(part, tuple) else part for part in (cell, other))
    return [*first, ("  ", ""), *second]


def _fit_line(cell: Line, room: int) -> Line:
    line: Line = []
    for text, role in cell:
        width = cell_len(text)
        if width >= room:
            return [*line, (_fit(text, room, right=False), role)]
        line.append((text, role))
        room -= width
    return [*line, (" " * room, "")]


def _rooms(
    columns: Sequence[Column[T]], width: int
) -> list[tuple[Column[T], int, Column[T] | None]]:
    """The columns that are shown, with the room of each and what stands behind it there."""
    shown = [c for c in columns if width >= c.from_width]
    rest = width - sum(c.width + 1 for c in shown if c.width)
    open_ones = sum(not c.width for c in shown)
    share = max(rest // max(open_ones, 1), 4)
    return [
        (c, c.width + 1 if c.width else share, after if _joins(after, width) else None)
        for c, after in zip_longest(columns, columns[1:])
        if width >= c.from_width
    ]


def _joins(column: Column[T] | None, width: int) -> bool:
    return column is not None and column.joins and width < column.from_width


def _fit(text: str, room: int, right: bool) -> str:
    """Exactly `room` cells, the last a gap; `…` where something is cut."""
    if text.isascii():
        length = len(text)
        if length < room:
            return text.rjust(room - 1) + " " if right else text.ljust(room)
    elif (length := cell_len(text)) < room:
        gap = " " * (room - 1 - length)
        return f"{gap}{text} " if right else f"{text}{gap} "
    return set_cell_size(text, room - 2) + "… "


class Table(Generic[T]):
    """Items from the server, in its order."""

    def __init__(self, key_of: Callable[[T], str]) -> None:
        self.items: list[T] = []
        self.words = ""
        self._all: list[T] = []
        self._found: list[T] = []
        self.loaded = False
        self.follow = False
        self.selected: str | None = None
        self.key_of = key_of
        self.sorted_by = ""
        self.by_age = True
        self._sort: Callable[[T], Any] | None = None
        self._index = 0
        self._awaited: Callable[[T], bool] | None = None

    def __len__(self) -> int:
        return len(self.items)

    @property
    def cursor_index(self) -> int:
        """The place of the cursor."""
        return self._index

    @property
    def item(self) -> T | None:
        """What is under the cursor."""
        return self.items[self._index] if self.items else None

    def load(self, items: Sequence[T]) -> None:
        """Replace the items; the cursor stays on the same thing if it is still there."""
        self._all = list(items)
        self._found = self._matching(self._all)
        self.items = self._in_order()
        self.loaded = True
        keys = [self.key_of(item) for item in self.items]
        awaited = self._awaited
        place = next((i for i, item in enumerate(self.items) if awaited and awaited(item)), None)
        if place is not None:
            self.select(place)
        elif self.follow:
            self.resume()
        elif self.selected in keys:
            self._go(keys.index(self.selected))
        else:
            self._go(self._index)

    def arrange(self, sort: Callable[[T], Any] | None, words: str, by_age: bool = True) -> None:
        """Sort from now on, or not; `words` say by what. Only in an order of age the newest goes on to
        be followed.
        """
        self._sort, self.sorted_by, self.by_age = sort, words, by_age
        self.follow = self.follow and by_age
        if self.loaded:
            self.load(self._all)

    def narrow(self, words: str) -> str | None:
        """Show only what matches these words; returns what is wrong with them."""
        self.words = words
        self.load(self._all)
        return complaint(map(fields_of, self._all), words) if words else None

    @property
    def every(self) -> Sequence[T]:
        """All items, whatever the words."""
        return self._all

    @property
    def total(self) -> int:
        """How many there are without the words."""
        return len(self._all)

    def _matching(self, items: Sequence[T]) -> list[T]:
        if not self.words:
            return list(items)
        return [item for item in items if matches(fields_of(item), self.words)]

    def _in_order(self) -> list[T]:
        return self._found if self._sort is None else sorted(self._found, key=self._sort)

    def append(self, items: Sequence[T], most: int) -> None:
        """Add newer items and forget the oldest; a cursor that follows goes to the newest."""
        self._all += items
        del self._all[: max(0, len(self._all) - most)]
        self._found += self._matching(items)
        surplus = max(0, len(self._found) - most)
        del self._found[:surplus]
        self.items = self._in_order()
        if self.follow:
            self.resume()
        elif self._sort is None:
            self._go(self._index - surplus)
        elif not self.hold(self.selected):
            self._go(self._index)

    def select(self, index: int) -> None:
        """Put the cursor on a place (kept inside the list); the reader moved, so follow ends."""
        self.follow, self._awaited = False, None
        self._go(index)

    def hold(self, key: str | None) -> bool:
        """Stop following, on the thing that the reader saw; whether it is still listed."""
        self.follow = False
        place = next((i for i, item in enumerate(self.items) if self.key_of(item) == key), None)
        if place is None:
            return False
        self._go(place)
        return True

    def want(self, key: str) -> None:
        """Put the cursor on this thing, now or as soon as it is loaded."""
        if not self.hold(key):
            self.selected = key

    def wait_for(self, is_it: Callable[[T], bool]) -> None:
        """Put the cursor on the first of these as soon as one is loaded, unless it is moved before."""
        self._awaited = is_it

    def resume(self) -> None:
        """Follow the newest, which is at the end unless the items are sorted."""
        self.follow = True
        if self._sort is None or not self._found:
            self._go(len(self.items) - 1)
        else:
            newest = self._found[-1]
            self._go(next(i for i, item in enumerate(self.items) if item is newest))

    @property
    def is_on_newest(self) -> bool:
        """Whether the cursor is at the end where new items come."""
        newest = 0 if self._sort is not None else len(self.items) - 1
        return self.by_age and self._index == newest

    def _go(self, index: int) -> None:
        self._index = max(0, min(index, len(self.items) - 1))
        self.selected = self.key_of(self.items[self._index]) if self.items else None
