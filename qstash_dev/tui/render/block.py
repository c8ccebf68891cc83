"""A body as a piece of a page: laid out as far as it is looked at, folded, and searched whole."""

from collections.abc import Iterator
from functools import cached_property

from qstash_dev.tui.render.body_rows import Hex, Json, Lines, Rows
from qstash_dev.tui.render.palette import Line

UNFOLDED = 1_000


class Block:
    """Text, JSON or bytes. What is folded, and the rows of the last width, are kept with it."""

    def __init__(self, content: str | bytes, is_json: bool = False, is_cut: bool = False) -> None:
        self.content, self.is_json, self.is_cut = content, is_json, is_cut
        self._level = UNFOLDED
        self._others: set[int] = set()
        self._rows: tuple[int, Rows] | None = None

    def rows(self, width: int) -> Rows:
        if self._rows is None or self._rows[0] != width:
            self._rows = (width, self._laid_out(width))
        return self._rows[1]

    def _laid_out(self, width: int) -> Rows:
        if isinstance(self.content, bytes):
            return Hex(self.content, width)
        if self.is_json:
            return Json(self.content, width, self._is_folded, self.is_cut)
        return Lines(self.content, width)

    def _is_folded(self, start: int, depth: int) -> bool:
        return (depth >= self._level) != (start in self._others)

    def found(self, words: str) -> Iterator[int]:
        """The places of these words, in capitals or not."""
        if isinstance(self.content, bytes):
            return
        text, words = self._small, words.lower()
        at = text.find(words)
        while at >= 0:
            yield at
            at = text.find(words, at + len(words))

    @cached_property
    def _small(self) -> str:
        small = str(self.content).lower()
        # In few languages a letter becomes two: then it is looked for as it is written.
        return small if len(small) == len(self.content) else str(self.content)

    def row_at(self, place: int, width: int) -> int:
        """The row of a place; what hides it is unfolded."""
        rows = self.rows(width)
        assert isinstance(rows, Lines)
        row = rows.row_at(place)
        if isinstance(rows, Json) and rows.hides(row, place):
            self._level, self._others, self._rows = UNFOLDED, set(), None
            return self.row_at(place, width)
        return row

    def toggle(self, row: int) -> bool:
        """Fold or unfold what opens in a row; whether something does."""
        rows = self._rows and self._rows[1]
        start = rows.opener(row) if isinstance(rows, Json) else None
        if start is None:
            return False
        self._others ^= {start}
        self._rows = None
        return True

    def fold(self, by: int) -> bool:
        """Fold one level more (-1), or one less (1); whether that changes anything."""
        rows = self._rows and self._rows[1]
        if not isinstance(rows, Json):
            return False
        deepest = rows.deepest if self._level == UNFOLDED else max(rows.deepest, self._level)
        level = max(1, min(self._level, deepest + 1) + by)
        if by > 0 and level > deepest:
            level = UNFOLDED
        changed = level != self._level or bool(self._others)
        self._level, self._others, self._rows = level, set(), None
        return changed


Piece = Line | Block
"""What a page is made of."""


def plain_text(pieces: list[Piece]) -> str:
    """All of it, unwrapped and unfolded."""
    return "\n".join(_plain(piece) for piece in pieces)


def _plain(piece: Piece) -> str:
    if not isinstance(piece, Block):
        return "".join(text for text, _ in piece)
    rows = Block(piece.content, piece.is_json, piece.is_cut).rows(2 * len(piece.content) + 200)
    rows.reach(1 << 40)
    lines = (rows.row(index) for index in range(len(rows)))
    return "\n".join("".join(text for text, _ in line) for line in lines)
