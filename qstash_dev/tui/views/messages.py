"""The view of messages: the only live one."""

from qstash_dev.devtools.documents import Row
from qstash_dev.devtools.vocabulary import VIEWS
from qstash_dev.tui.model.table import Column, Ink
from qstash_dev.tui.model.view import View
from qstash_dev.tui.render import fmt
from qstash_dev.tui.render.palette import Span
from qstash_dev.tui.views import cells


def _took(row: Row, ink: Ink) -> Span:
    return fmt.millis(row.duration_ms), "muted"


def _next(row: Row, ink: Ink) -> Span:
    # What is under way or waits for its turn is due already: no time to count down to.
    due_at = None if row.state in ("active", "queued") else row.due_at
    return fmt.countdown(due_at, ink.now), "muted" if due_at is None else "accent"


MESSAGES = View(
    **VIEWS["Messages"]._asdict(),
    is_live=True,
    count=lambda counts: counts.messages,
    columns=(
        cells.MARK,
        cells.time(lambda row: row.created_at, 44),
        Column("STATE", 10, cells.state, sort=lambda row: row.state),
        cells.code(lambda row: row.status, 30),
        cells.TRY,
        Column("MS", 5, _took, 62, right=True, sort=lambda row: row.duration_ms),
        Column("NEXT", 7, _next, 54, sort=lambda row: row.due_at),
        cells.text("METH", 6, lambda row: row.method, 96, "muted"),
        cells.DESTINATION,
        cells.WHY,
        cells.text("QUEUE", 14, lambda row: row.queue, 150, "muted"),
        Column("LABELS", 16, lambda row, ink: (fmt.safe(", ".join(row.labels)), "muted"), 150),
    ),
)
