"""The view of dead letters, each with the message that it is of."""

from collections.abc import Sequence
from functools import partial
from operator import attrgetter

from qstash_dev.client import Client
from qstash_dev.devtools.documents import Counts, DlqEntry, Tick
from qstash_dev.devtools.vocabulary import VIEWS
from qstash_dev.tui.actions.ordering import about_selected
from qstash_dev.tui.model.view import View
from qstash_dev.tui.views import cells


async def _fetch(client: Client, most: int) -> Sequence[DlqEntry]:
    return (await client.dlq(limit=most))[::-1]


def _is_outdated(tick: Tick, before: Counts) -> bool:
    counts = tick.counts or before
    return counts.dlq != before.dlq or any(row.dlq_id for row in tick.rows)


_of_row = partial(cells.of_its, attrgetter("row"))

DLQ = View(
    **VIEWS["DLQ"]._asdict(),
    key_of=lambda entry: entry.dlq_id,
    fetch=_fetch,
    newest_last=True,
    most=1000,
    count=lambda counts: counts.dlq,
    is_outdated=_is_outdated,
    row_of=lambda entry: entry.row,
    message_of=lambda entry: entry.row.id,
    verbs={
        "message.replay": about_selected("dlq", "message.replay"),
        "message.delete": about_selected("dlq", "message.delete"),
    },
    columns=(
        _of_row(cells.MARK),
        cells.time(lambda entry: entry.time),
        cells.code(lambda entry: entry.row.status),
        _of_row(cells.TRY),
        _of_row(cells.DESTINATION),
        _of_row(cells.WHY)._replace(sort=lambda entry: entry.row.hint or entry.row.error),
    ),
)
