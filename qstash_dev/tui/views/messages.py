"""The view of messages: the only live one."""

from qstash_dev.devtools.documents import Row
from qstash_dev.devtools.vocabulary import VIEWS
from qstash_dev.tui.model.table import Column, Ink
from qstash_dev.tui.model.view import View
from qstash_dev.tui.render import fmt
from qstash_dev.tui.render.palette import Span
from qstash_dev.tui.views import cells


def _next(row: Row, ink: Ink) -> Span:
    # What is under way or waits for its turn is due already: no time to count down to.
    due_at = None if row.state in ("active", "queued") else row.due_at
    return fmt.countdown(due_at, ink.now), "muted" if due_at is None else "accent"


MESSAGES = View(
    **VIEWS["Messages"]._asdict(),
    is_live=True,
    count=lambda counts: counts.messages,
    columns=(
        Column("", 1, lambda row, ink: ("●" if row.id in ink.marks else " ", "key")),
        Column(
            "TIME",
            8,
            lambda row, ink: (fmt.clock_time(row.created_at, ink.zone), "muted"),
            44,
            sort=lambda row: row.seq,
            is_age=True,
        ),
        Column("STATE", 10, cells.state, sort=lambda row: row.state),
        Column(
            "CODE", 4, lambda row, ink: cells.status(row.status), 30, sort=lambda row: row.status
        ),
        Column("TRY", 4, lambda row, ink: (fmt.tries(row), ""), 48, sort=lambda row: row.try_),
        Column(
            "MS",
            5,
            lambda row, ink: (fmt.millis(row.duration_ms), "muted"),
            62,
            right=True,
            sort=lambda row: row.duration_ms,
        ),
        Column("NEXT", 7, _next, 54, sort=lambda row: row.due_at),
        Column(
            "METH",
            6,
            lambda row, ink: (fmt.safe(row.method), "muted"),
            96,
            sort=lambda row: row.method,
        ),
        Column("DESTINATION", 0, cells.destination, sort=lambda row: row.url),
        Column("WHY", 0, cells.why, cells.WHY_FROM, joins=True),
        Column(
            "QUEUE",
            14,
            lambda row, ink: (fmt.safe(row.queue or ""), "muted"),
            150,
            sort=lambda row: row.queue,
        ),
        Column("LABELS", 16, lambda row, ink: (fmt.safe(", ".join(row.labels)), "muted"), 150),
    ),
)
