"""Steps as lines: each with its bar beside its name, and what more there is to say below it. Pure."""

from collections.abc import Callable, Iterable

from rich.cells import cell_len, set_cell_size

from qstash_dev.devtools.documents import Piece
from qstash_dev.devtools.pages.parts import Bar, Part
from qstash_dev.protocol.timing import format_duration
from qstash_dev.tui.render import fmt
from qstash_dev.tui.render.palette import Line

BAR = 16
"""Cells of the time line beside each step."""
NAMES = 14, 28
"""Cells of the names before it, at least and at most."""

Draw = Callable[[list[Piece]], Line]


def timeline(part: Part, now: int, draw: Draw) -> Iterable[Line]:
    """All bars, as if they ended now where they have not."""
    end = max(part.ended or now, part.began + 1)
    least, most = NAMES
    names = [cell_len(bar.stem + fmt.safe(bar.name)) for bar in part.bars]
    room = min(most, max([least, *names]))
    for bar in part.bars:
        yield from _step(bar, room - len(bar.stem), (part.began, end), now, draw)


def _step(bar: Bar, room: int, run: tuple[float, float], now: int, draw: Draw) -> Iterable[Line]:
    took = max(0, (bar.ended or now) - bar.began)
    name = fmt.safe(bar.name)
    is_long = cell_len(name) > room
    shown = set_cell_size(name, room - 1) + "…" if is_long else set_cell_size(name, room)
    indent = "│ " if bar.stem and bar.stem != "└ " else "  "
    yield [
        (bar.stem, "muted"),
        (f"{bar.symbol} ", bar.role),
        (f"{shown} ", "bold"),
        (_cells(bar, *run), bar.role),
        (f" {format_duration(took)}", "muted"),
    ]
    if is_long:
        yield [(indent, "muted"), (name, "bold")]
    for pieces in bar.lines:
        yield [(indent, "muted"), *draw(pieces)]


def _cells(bar: Bar, start: float, end: float) -> str:
    """Where in the run the step was, and for how long."""
    scale = BAR / (end - start)
    left = max(0, min(BAR - 1, int((bar.began - start) * scale)))
    right = min(BAR, max(left + 1, round(((bar.ended or end) - start) * scale)))
    return f"{'·' * left}{'█' * (right - left)}{'·' * (BAR - right)}"
