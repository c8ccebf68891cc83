"""The view of the log: what happened, the newest at the end."""

from collections.abc import Sequence

from qstash_dev.client import Client
from qstash_dev.devtools.documents import Event
from qstash_dev.devtools.vocabulary import VIEWS
from qstash_dev.tui.model.table import Column, Ink
from qstash_dev.tui.model.view import View
from qstash_dev.tui.render import fmt
from qstash_dev.tui.render.palette import Span
from qstash_dev.tui.views import cells


def _destination(event: Event, ink: Ink) -> Span:
    return fmt.destination(event.url, ink.app_url), ""


async def _fetch(client: Client, most: int) -> Sequence[Event]:
    return (await client.logs(limit=most)).events


LOGS = View(
    **VIEWS["Logs"]._asdict(),
    key_of=lambda event: str(event.seq),
    fetch=_fetch,
    newest_last=True,
    most=1000,
    news=lambda tick: tick.events,
    message_of=lambda event: event.id,
    columns=(
        cells.BLANK,
        cells.time(lambda event: event.time),
        Column("EVENT", 14, cells.state, sort=lambda event: event.state),
        cells.code(lambda event: event.status, 48),
        Column("DESTINATION", 0, _destination, sort=lambda event: event.url),
        cells.text("ERROR", 24, lambda event: event.error, 64, "error"),
    ),
)
