"""The last lines that a process printed, whole and safe to show."""

from collections import deque
from collections.abc import Callable
from itertools import takewhile

from qstash_dev.devtools.ansi import shown
from qstash_dev.devtools.documents import Printed

MOST_LINES = 10_000
LONGEST_REST = 65_536
"""So many bytes without a new line are shown as a line."""


class Output:
    """`now` is the time of a line (epoch ms), `heard` is given each one when it is complete."""

    def __init__(self, now: Callable[[], int], heard: Callable[[Printed], None]) -> None:
        self.count = 0
        """How many lines there were, which is the number of the last one."""
        self._now = now
        self._heard = heard
        self._lines: deque[Printed] = deque(maxlen=MOST_LINES)
        self._rest = b""

    def take(self, data: bytes) -> None:
        """Some bytes, which may end within a line or a character."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._add(line)
        if len(self._rest) > LONGEST_REST:
            self.flush()

    def flush(self) -> None:
        """Nothing follows for now: what has no end is a line."""
        rest, self._rest = self._rest, b""
        if rest:
            self._add(rest)

    def after(self, number: int, most: int) -> list[Printed]:
        """The lines after a number, oldest first; those that are forgotten are left out."""
        missing = min(self.count - number, len(self._lines))
        start = len(self._lines) - missing
        return [self._lines[place] for place in range(start, min(start + most, len(self._lines)))]

    def between(self, first: int, last: int) -> list[Printed]:
        """The lines with numbers over `first`, up to `last`."""
        return list(takewhile(lambda line: line.number <= last, self.after(first, last - first)))

    def _add(self, raw: bytes) -> None:
        self.count += 1
        line = Printed(self.count, self._now(), shown(raw.decode("utf-8", "replace")))
        self._lines.append(line)
        self._heard(line)
