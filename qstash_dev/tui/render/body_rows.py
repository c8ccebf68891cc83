"""A long text as rows of a width, made as far as they are looked at: lines of text, JSON with one value
per line, bytes in hex. What was made is kept as places in the text, not as text.
"""

import re
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Protocol

from rich.cells import cell_len

from qstash_dev.tui.render import fmt
from qstash_dev.tui.render.palette import Line
from qstash_dev.tui.render.wrapping import wrap

_STRING = r'"[^"\\]*(?:\\.[^"\\]*)*"'
_SCALAR = r"-?\d[\d.eE+-]*|true|false|null"
_JSON_LINE = re.compile(
    rf"((?:[}}\]]|(?:{_STRING}\s*:\s*)?(?:\{{\s*\}}|\[\s*\]|[{{\[]|{_STRING}|{_SCALAR}))"
    r"(?:\s*,)?)\s*",
    re.DOTALL,
)
_TOKEN = re.compile(
    rf"(?P<string>{_STRING}?)|(?P<number>-?\d[\d.eE+-]*)|(?P<word>true|false|null)"
    r"|(?P<colon>\s*:\s*)|(?P<space>\s+)|(?P<mark>.)",
    re.DOTALL,
)
_ROLES = {"string": "json-string", "number": "json-number", "word": "json-word"}
_ODD = re.compile(r"[^\x20-\x7e\n\r]")
_LONG = 2_000
"""A longer line is cut at the width, wherever that is: nobody looks for its words."""
_WHOLE, _CUT, _FOLDED, _BROKEN = range(0xFFFF, 0xFFFB, -1)
"""What a row is, if it is not a part of a line that was broken after words."""


class Rows(Protocol):
    """Rows of one width. `reach` makes so many of them, if there are as many."""

    is_done: bool

    @property
    def share(self) -> float:
        """How much of the text has its rows, 0 to 1."""

    def __len__(self) -> int: ...

    def reach(self, count: int) -> None: ...

    def row(self, index: int) -> Line: ...


class Plain:
    """Rows of lines that are there already."""

    is_done, share = True, 1.0

    def __init__(self, lines: list[Line], width: int) -> None:
        self._rows: list[Line] = []
        self.first: list[int] = []
        for line in lines:
            self.first.append(len(self._rows))
            self._rows += wrap(line, width)

    def __len__(self) -> int:
        return len(self._rows)

    def reach(self, count: int) -> None:
        """All are there."""

    def row(self, index: int) -> Line:
        return self._rows[index]


class _Places:
    """Rows as places: from where to where in the text, how far in, and what kind of row."""

    _hang = 0
    """How much farther in the other rows of a long line are."""

    def __init__(self, text: str, width: int) -> None:
        self.text, self.width = text, width
        self.is_done = False
        self._starts, self._ends = array("q"), array("q")
        self._indents, self._kinds = array("H"), array("H")
        self._is_simple = text.isascii() and _ODD.search(text) is None
        self._broken: tuple[int, list[Line]] = (-1, [])
        self._making = self._make()

    def __len__(self) -> int:
        return len(self._starts)

    @property
    def share(self) -> float:
        """How much of the text has its rows."""
        return 1.0 if self.is_done or not self._ends else self._ends[-1] / len(self.text)

    def reach(self, count: int) -> None:
        missing = count - len(self)
        if missing > 0 and not self.is_done:
            # Each step makes a row at least.
            self.is_done = sum(1 for _ in islice(self._making, missing)) < missing

    def place_at(self, index: int) -> int:
        """Where in the text a row begins."""
        return self._starts[index]

    def reaches(self, place: int) -> bool:
        return self.is_done or (bool(self._ends) and self._ends[-1] > place)

    def row_at(self, place: int) -> int:
        """The row in which a place of the text stands."""
        while not self.reaches(place):
            self.reach(len(self) + 1_000)
        return max(0, bisect_right(self._starts, place) - 1)

    def row(self, index: int) -> Line:
        start, end, kind = self._starts[index], self._ends[index], self._kinds[index]
        margin = (" " * self._indents[index], "")
        if kind == _CUT:
            return [margin, (fmt.safe(self.text[start:end]), self._role_of_cut())]
        if kind == _BROKEN:
            return [(self._word_of_break()[: self.width], "error")]
        line = [margin, *self._spans(start, end, kind == _FOLDED)]
        return line if kind >= _BROKEN else self._parts(start, line)[kind]

    def _parts(self, start: int, line: Line) -> list[Line]:
        if self._broken[0] != start:
            self._broken = (start, wrap(line, self.width))
        return self._broken[1]

    def _put(self, start: int, end: int, indent: int, kind: int) -> None:
        self._starts.append(start)
        self._ends.append(end)
        self._indents.append(indent)
        self._kinds.append(kind)

    def _lay(self, start: int, end: int, indent: int) -> Iterator[bool]:
        """The rows of one line; of a long one again and again some."""
        indent = min(indent, self.width // 2)
        if self._is_simple and end - start + indent < self.width:
            self._put(start, end, indent, _WHOLE)
        elif end - start > _LONG:
            yield from self._cut(start, end, indent)
        else:
            line = [(" " * indent, ""), *self._spans(start, end, False)]
            is_short = sum(cell_len(text) for text, _ in line) <= self.width
            for part in [_WHOLE] if is_short else range(len(self._parts(start, line))):
                self._put(start, end, indent, part)
        yield True

    def _cut(self, start: int, end: int, indent: int) -> Iterator[bool]:
        first = self._stop(start, end, indent + 1)
        self._put(start, first, indent, _WHOLE)
        at, indent = first, min(indent + self._hang, self.width // 2)
        while at < end:
            stop = self._stop(at, end, indent)
            self._put(at, stop, indent, _CUT)
            at = stop
            yield True

    def _stop(self, start: int, end: int, used: int) -> int:
        """Where a row ends that begins there with so many cells used."""
        return min(end, start + self._fitting(start, max(2, self.width - used)))

    def _fitting(self, start: int, room: int) -> int:
        """So many characters fit."""
        if self._is_simple:
            return room
        used = 0
        for count, char in enumerate(self.text[start : start + room]):
            used += cell_len(fmt.safe(char))
            if used > room:
                return max(1, count)
        return room

    def _make(self) -> Iterator[bool]:
        raise NotImplementedError

    def _spans(self, start: int, end: int, is_folded: bool) -> Line:
        return [(fmt.safe(self.text[start:end]), "")]

    def _role_of_cut(self) -> str:
        return ""

    def _word_of_break(self) -> str:
        return ""


class Lines(_Places):
    """Text as it is."""

    def _make(self) -> Iterator[bool]:
        yield from self._rest(0)

    def _rest(self, start: int) -> Iterator[bool]:
        text, size = self.text, len(self.text)
        while start <= size:
            end = text.find("\n", start)
            end = size if end < 0 else end
            yield from self._lay(start, end - text.endswith("\r", start, end), 0)
            start = end + 1


class Json(Lines):
    """JSON, or what begins so, with one value per line; every literal stays exactly as it was written.

    `is_folded` is asked of each object or list, by where it begins and how deep it stands. What
    `is_cut` may break at its end.
    """

    _hang = 2

    def __init__(
        self, text: str, width: int, is_folded: Callable[[int, int], bool], is_cut: bool = False
    ) -> None:
        self._is_cut = is_cut
        self._is_folded = is_folded
        self._hidden: dict[int, tuple[int, str]] = {}
        self.opened: dict[int, int] = {}
        self.deepest = 0
        super().__init__(text, width)

    def opener(self, index: int) -> int | None:
        """Where the object begins that opens in this row."""
        self.reach(index + 1)
        start = self._starts[index]
        return start if start in self.opened else None

    def hides(self, index: int, place: int) -> bool:
        """Whether the place is in what is folded in this row."""
        return self._kinds[index] == _FOLDED and place >= self._ends[index]

    def _make(self) -> Iterator[bool]:
        text, size, depth = self.text, len(self.text), 0
        match, short = _JSON_LINE.match, self.width if self._is_simple else 0
        at = size - len(text.lstrip())
        while at < size:
            if (found := match(text, at)) is None:
                if not self._is_cut:
                    self._put(at, at, 0, _BROKEN)
                yield from self._rest(at)
                return
            start, (end, at) = at, (found.end(1), found.end())
            if text[start] in "}]":
                depth = max(0, depth - 1)
            if opens := text[end - 1] in "{[":
                self.opened[start] = depth
                self.deepest = max(self.deepest, depth)
            if opens and self._is_folded(start, depth):
                at = self._fold(start, end, at, depth)
                yield True
            elif end - start + 2 * depth < short:
                self._put(start, end, 2 * depth, _WHOLE)
                yield True
                depth += opens
            else:
                yield from self._lay(start, end, 2 * min(depth, 40))
                depth += opens

    def _fold(self, start: int, end: int, at: int, depth: int) -> int:
        """One row for all up to the end of what opens there; where it goes on."""
        text, inside, lines = self.text, 1, 0
        while inside and (found := _JSON_LINE.match(text, at)) is not None:
            inside += text[found.end(1) - 1] in "{["
            inside -= text[found.start()] in "}]"
            lines, at, last = lines + 1, found.end(), found[1]
        self._hidden[start] = (lines - 1, last if not inside else "")
        self._put(start, end, min(2 * depth, self.width // 2), _FOLDED)
        return at

    def _spans(self, start: int, end: int, is_folded: bool) -> Line:
        tokens = [(m.lastgroup, m.group()) for m in _TOKEN.finditer(self.text, start, end)]
        line: Line = []
        for place, (kind, token) in enumerate(tokens):
            if kind == "colon":
                line.append((": ", "muted"))
            elif kind != "space":
                is_key = place + 1 < len(tokens) and tokens[place + 1][0] == "colon"
                role = "json-key" if is_key else _ROLES.get(kind or "", "muted")
                line.append((fmt.safe(token), role))
        if is_folded:
            count, close = self._hidden[start]
            line += [(f" ▸ {count} lines ", "accent"), (fmt.safe(close), "muted")]
        return line

    def _role_of_cut(self) -> str:
        return "json-string"

    def _word_of_break(self) -> str:
        return "▲ not JSON from here on"


class Hex:
    """Bytes, as many in a row as fit without breaking it."""

    is_done, share = True, 1.0

    def __init__(self, data: bytes, width: int) -> None:
        self._data = data
        self._across = next((n for n in (16, 8, 4) if 8 + 4 * n <= width), 2)

    def __len__(self) -> int:
        return -(-len(self._data) // self._across)

    def reach(self, count: int) -> None:
        """All are there."""

    def row(self, index: int) -> Line:
        start = index * self._across
        part = self._data[start : start + self._across]
        shown = "".join(chr(byte) if 32 <= byte < 127 else "·" for byte in part)
        return [
            (f"{start:06x}  ", "muted"),
            (f"{part.hex(' '):<{3 * self._across}}", ""),
            (shown, "accent"),
        ]
