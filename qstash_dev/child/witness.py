"""What an app printed while a delivery to it was under way, and whether others were, too.

Knows deliveries only by the ids of their messages, and the app only by its lines.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from msgspec import Struct

from qstash_dev.child.output import Output
from qstash_dev.devtools.documents import Heard
from qstash_dev.protocol.urls import Place, place_of

KEPT = 5_000
LATE_MS = 250
"""Some frameworks print an error after the answer, and through a process between: lines that come so
soon still belong to a delivery, unless another one began before them.
"""
MOST_LINES = 200


class Window(Struct, eq=False):
    """Which lines belong to a delivery, by their numbers; `others` were under way with it."""

    first: int
    last: int | None = None
    ended_at: int | None = None
    others: int = 0


class Witness:
    """`now` is in ms and never stands still."""

    def __init__(self, output: Output, now: Callable[[], int]) -> None:
        self._output = output
        self._now = now
        self._under_way: list[Window] = []
        self._just_ended: list[Window] = []
        self._windows: OrderedDict[tuple[str, int], Window] = OrderedDict()

    @contextmanager
    def watching(self, message_id: str, attempt: int, target: str) -> Iterator[None]:
        """Inside, what the app prints belongs to this attempt; what is elsewhere is no app of ours."""
        if place_of(target) is Place.OUTSIDE:
            yield
            return
        window = self._open()
        self._windows[message_id, attempt] = window
        if len(self._windows) > KEPT:
            self._windows.popitem(last=False)
        try:
            yield
        finally:
            self._under_way.remove(window)
            window.last, window.ended_at = self._output.count, self._now()
            self._just_ended.append(window)

    def heard(self) -> None:
        """The app has printed another line."""
        now, count = self._now(), self._output.count
        self._just_ended = [w for w in self._just_ended if now - (w.ended_at or 0) <= LATE_MS]
        for window in self._just_ended:
            window.last = count

    def of(self, message_id: str, attempt: int) -> Heard | None:
        """What was printed meanwhile; `None` for an attempt that was not watched."""
        window = self._windows.get((message_id, attempt))
        if window is None:
            return None
        last = self._output.count if window.last is None else window.last
        lines = self._output.between(window.first, last)
        left_out = max(0, len(lines) - MOST_LINES)
        return Heard([line.text for line in lines[left_out:]], window.others, left_out)

    def _open(self) -> Window:
        window = Window(self._output.count, others=len(self._under_way))
        for other in self._under_way:
            other.others += 1
        self._under_way.append(window)
        self._just_ended.clear()
        return window
