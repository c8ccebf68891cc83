"""The view of dead letters, each with the message that it is of."""

from collections.abc import Sequence

from qstash_dev.client import Client
from qstash_dev.devtools.documents import Counts, DlqEntry, Tick
from qstash_dev.devtools.vocabulary import VIEWS
from qstash_dev.tui.actions import resources
from qstash_dev.tui.model.table import Column
from qstash_dev.tui.model.view import View
from qstash_dev.tui.render import fmt
from qstash_dev.tui.views import cells


async def _fetch(client: Client) -> Sequence[DlqEntry]:
    return (await client.dlq())[::-1]


def _is_outdated(tick: Tick, before: Counts) -> bool:
    counts = tick.counts or before
    return counts.dlq != before.dlq or any(row.dlq_id for row in tick.rows)


DLQ = View(
    **VIEWS["DLQ"]._asdict(),
    key_of=lambda entry: entry.dlq_id,
    fetch=_fetch,
    newest_last=True,
    count=lambda counts: counts.dlq,
    is_outdated=_is_outdated,
    row_of=lambda entry: entry.row,
    message_of=lambda entry: entry.row.id,
    verbs={
        "message.replay": resources.retry_dead_letter,
        "message.delete": resources.delete_dead_letter,
    },
    words={"message.replay": "Retry"},
    columns=(
        Column("", 1, lambda entry, ink: ("●" if entry.row.id in ink.marks else " ", "key")),
        Column(
            "TIME",
            8,
            lambda entry, ink: (fmt.clock_time(entry.time, ink.zone), "muted"),
            sort=lambda entry: entry.time,
            is_age=True,
        ),
        Column(
            "CODE",
            4,
            lambda entry, ink: cells.status(entry.row.status),
            sort=lambda entry: entry.row.status,
        ),
        Column(
            "TRY",
            4,
            lambda entry, ink: (fmt.tries(entry.row), ""),
            48,
            sort=lambda entry: entry.row.try_,
        ),
        Column(
            "DESTINATION",
            0,
            lambda entry, ink: cells.destination(entry.row, ink),
            sort=lambda entry: entry.row.url,
        ),
        Column(
            "WHY",
            0,
            lambda entry, ink: cells.why(entry.row, ink),
            cells.WHY_FROM,
            sort=lambda entry: entry.row.hint or entry.row.error,
            joins=True,
        ),
    ),
)
