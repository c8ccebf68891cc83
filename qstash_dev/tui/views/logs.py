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


def _event(event: Event, ink: Ink) -> Span:
    shown = fmt.state_look(event.state)
    return f"{shown.symbol} {shown.word}", shown.role


async def _fetch(client: Client) -> Sequence[Event]:
    return (await client.logs()).events


LOGS = View(
    **VIEWS["Logs"]._asdict(),
    key_of=lambda event: str(event.seq),
    fetch=_fetch,
    newest_last=True,
    news=lambda tick: tick.events,
    message_of=lambda event: event.id,
    columns=(
        Column("", 1, cells.blank),
        Column(
            "TIME",
            8,
            lambda event, ink: (fmt.clock_time(event.time, ink.zone), "muted"),
            sort=lambda event: event.seq,
            is_age=True,
        ),
        Column("EVENT", 14, _event, sort=lambda event: event.state),
        Column(
            "CODE",
            4,
            lambda event, ink: cells.status(event.status),
            48,
            sort=lambda event: event.status,
        ),
        Column(
            "DESTINATION",
            0,
            lambda e, ink: (fmt.destination(e.url, ink.app_url), ""),
            sort=lambda event: event.url,
        ),
        Column(
            "ERROR",
            24,
            lambda event, ink: (fmt.safe(event.error or ""), "error"),
            64,
            sort=lambda event: event.error,
        ),
    ),
)
