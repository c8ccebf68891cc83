"""The pieces of a page one below the other, as rows of a width, made as far as they are looked at."""

from bisect import bisect_right
from collections.abc import Iterator

from qstash_dev.tui.render.block import Block, Piece
from qstash_dev.tui.render.body_rows import Lines, Plain, Rows
from qstash_dev.tui.render.palette import Line

MOST_HITS = 10_000

Hit = tuple[int, int]
"""A place that was looked for: which part, and where in it."""


class Flow:
    """A page of one width."""

    def __init__(self, pieces: list[Piece], width: int) -> None:
        self.pieces, self.width = pieces, width
        self._parts = list(_parts(pieces, width))

    @property
    def is_done(self) -> bool:
        """Whether every row was made."""
        return all(rows.is_done for _, rows in self._parts)

    @property
    def known(self) -> int:
        """How many rows are known, from the top without a gap."""
        count = 0
        for _, rows in self._parts:
            count += len(rows)
            if not rows.is_done:
                break
        return count

    @property
    def height(self) -> int:
        """How many rows there are, as far as one can tell."""
        return sum(int(len(rows) / max(1e-6, rows.share)) for _, rows in self._parts)

    def reach(self, count: int) -> None:
        """Make so many rows, if there are as many."""
        for _, rows in self._parts:
            rows.reach(count)
            count -= len(rows)
            if count <= 0:
                break

    def row(self, index: int) -> Line | None:
        """One row; `None` below the last one."""
        found = self._part_at(index, makes=True)
        if found is None:
            return None
        number, place = found
        return self._parts[number][1].row(place)

    def found(self, words: str) -> Iterator[Hit]:
        """Where these words stand, in capitals or not, from the top."""
        left = MOST_HITS
        for number, (what, _) in enumerate(self._parts):
            places = what.found(words) if isinstance(what, Block) else _in_lines(what, words)
            for place in places:
                yield number, place
                left -= 1
                if not left:
                    return

    def reaches(self, hit: Hit) -> bool:
        """Whether the rows are made down to this place."""
        number, place = hit
        if not all(above.is_done for _, above in self._parts[:number]):
            return False
        rows = self._parts[number][1]
        return rows.is_done or (isinstance(rows, Lines) and rows.reaches(place))

    def place_at(self, index: int) -> Hit | None:
        """What stands in a row of a body, to be found again when that is laid out in another way."""
        found = self._part_at(index)
        if found is None:
            return None
        number, place = found
        rows = self._parts[number][1]
        return (number, rows.place_at(place)) if isinstance(rows, Lines) else None

    def line_at(self, index: int) -> Line:
        """The line that stands in a row, whole; nothing of a body."""
        found = self._part_at(index)
        if found is None:
            return []
        what, rows = self._parts[found[0]]
        if isinstance(what, Block) or not isinstance(rows, Plain):
            return []
        return what[bisect_right(rows.first, found[1]) - 1]

    def row_of(self, hit: Hit, unfolds: bool = True) -> int:
        """The row of a place that was found; what hides it is unfolded."""
        number, place = hit
        what, rows = self._parts[number]
        if isinstance(rows, Lines) and not unfolds:
            row = rows.row_at(place)
        elif isinstance(what, Block):
            row = what.row_at(place, self.width)
            self._parts[number] = (what, what.rows(self.width))
        else:
            assert isinstance(rows, Plain)
            row = rows.first[place]
        for _, above in self._parts[:number]:
            above.reach(1 << 40)
            row += len(above)
        return row

    def toggle(self, index: int) -> bool:
        """Fold or unfold what opens in a row; whether something does."""
        found = self._part_at(index, makes=True)
        if found is None:
            return False
        what = self._parts[found[0]][0]
        return isinstance(what, Block) and what.toggle(found[1])

    def _part_at(self, index: int, *, makes: bool = False) -> tuple[int, int] | None:
        """The number of the part in which a row stands, and its place there. It `makes` the rows down
        to that one, or knows those alone that were made.
        """
        for number, (_, rows) in enumerate(self._parts):
            if makes:
                rows.reach(index + 1)
            if index < len(rows):
                return number, index
            index -= len(rows)
        return None


def _parts(pieces: list[Piece], width: int) -> Iterator[tuple[Block | list[Line], Rows]]:
    lines: list[Line] = []
    for piece in pieces:
        if not isinstance(piece, Block):
            lines.append(piece)
            continue
        if lines:
            yield lines, Plain(lines, width)
            lines = []
        yield piece, piece.rows(width)
    if lines:
        yield lines, Plain(lines, width)


def _in_lines(lines: list[Line], words: str) -> Iterator[int]:
    for place, line in enumerate(lines):
        for _ in range("".join(text for text, _ in line).lower().count(words.lower())):
            yield place
