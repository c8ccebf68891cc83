"""Columns, and the lists of all views but the live one, which has the same columns. Plain Python."""

from collections.abc import Callable, Container, Iterable, Sequence
from datetime import tzinfo
from itertools import zip_longest
from typing import Any, Generic, NamedTuple, TypeVar

from rich.cells import cell_len, set_cell_size

from qstash_dev.tui.model.listing import Listing
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


class Table(Listing[T]):
    """Items from the server, in its order, of which words may leave some out; `every` are all.

    Not `is_whole`: there are older ones that are not here.
    """

    def __init__(self, key_of: Callable[[T], str]) -> None:
        super().__init__(key_of)
        self.words = ""
        self.every: list[T] = []
        self.is_whole = True
        self._numbers: dict[str, int] = {}
        self._awaited: Callable[[T], bool] | None = None

    def number_of(self, row: T) -> int:
        """As they came."""
        return self._numbers[self.key_of(row)]

    @property
    def total(self) -> int:
        """How many there are without the words."""
        return len(self.every)

    def load(self, items: Sequence[T]) -> None:
        """Replace the items; the cursor stays on the same thing, or the next that is still there."""
        self.every, self.loaded = list(items), True
        self._numbers = {self.key_of(item): number for number, item in enumerate(items)}
        self._replace({self.key_of(item): item for item in self._matching(items)})
        awaited = self._awaited
        places = (n for n in range(len(self)) if awaited is not None and awaited(self.at(n)))
        if (found := next(places, None)) is not None:
            self.select(found)

    def narrow(self, words: str) -> str | None:
        """Show only what matches these words; returns what is wrong with them."""
        self.words = words
        self.load(self.every)
        return complaint(map(fields_of, self.every), words) if words else None

    def _matching(self, items: Sequence[T]) -> Iterable[T]:
        if not self.words:
            return items
        return (item for item in items if matches(fields_of(item), self.words))

    def append(self, items: Sequence[T], most: int) -> None:
        """Add newer items and forget the oldest; a cursor that follows goes to the newest."""
        newest = self._numbers[self.key_of(self.every[-1])] if self.every else 0
        self._numbers |= {self.key_of(item): n for n, item in enumerate(items, newest + 1)}
        self.every += items
        for item in self._matching(items):
            self._insert(item)
        surplus = max(0, len(self.every) - most)
        self.is_whole = self.is_whole and not surplus
        for key in map(self.key_of, self.every[:surplus]):
            self._take_out(key)
            del self._numbers[key]
        del self.every[:surplus]
        self._reselect()

    def select(self, index: int) -> None:
        """Whoever moves waits for nothing any more."""
        super().select(index)
        self._awaited = None

    def wait_for(self, is_it: Callable[[T], bool]) -> None:
        """Put the cursor on the first of these as soon as one is loaded, unless it is moved before."""
        self._awaited = is_it
