"""The view of workflow runs: where each is, and what it waits for."""

from collections.abc import Sequence

from qstash_dev.client import Client
from qstash_dev.client.paths import path_of
from qstash_dev.devtools.filter_words import quoted
from qstash_dev.devtools.orders import run_verbs
from qstash_dev.devtools.pages.run_page import now_piece
from qstash_dev.devtools.run_documents import RunDetail, RunPage, RunRow
from qstash_dev.devtools.vocabulary import VIEWS
from qstash_dev.protocol.timing import format_duration
from qstash_dev.tui.actions import workflows
from qstash_dev.tui.actions.ordering import about_selected
from qstash_dev.tui.model.table import Column, Ink
from qstash_dev.tui.model.view import Resource, View
from qstash_dev.tui.model.walk import Place
from qstash_dev.tui.render import fmt
from qstash_dev.tui.render.pages import When, span
from qstash_dev.tui.render.palette import Span
from qstash_dev.tui.render.run_pages import run_links, run_page
from qstash_dev.tui.views import cells


async def _fetch(client: Client, most: int) -> Sequence[RunRow]:
    page = await client.ask("GET", "/_dev/workflows", RunPage, params={"limit": most})
    return page.runs[::-1]


async def _whole(client: Client, row: RunRow) -> RunDetail:
    path = path_of("workflows", row.id)
    return await client.ask("GET", path, RunDetail, params={"created_at": row.created_at})


def _workflow(row: RunRow, ink: Ink) -> Span:
    return fmt.short_host(fmt.destination(row.url, ink.app_url), 1), ""


def _took(row: RunRow, ink: Ink) -> Span:
    return format_duration(max(0, (row.completed_at or ink.now) - row.created_at)), "muted"


def _now(row: RunRow, ink: Ink) -> Span:
    return span(now_piece(row, ink.now), When(ink.now, ink.zone))


def _hints(row: RunRow | None) -> Sequence[str]:
    if row is None:
        return ("filter",)
    more = ("walk",) if row.state == "RUN_STARTED" else ("walk", "filter")
    return (*run_verbs(row), *more)


WORKFLOWS = View(
    **VIEWS["Workflows"]._asdict(),
    resource=Resource("workflows", "id", "workflow run"),
    key_of=lambda row: f"{row.created_at}/{row.id}",
    count=lambda counts: counts.workflows,
    fetch=_fetch,
    whole=_whole,
    newest_last=True,
    most=1000,
    title=lambda row: f"{row.id}  {row.url}",
    page=run_page,
    links=run_links,
    inside=lambda row: Place("Messages", quoted("run", row.id)),
    verbs={
        "message.replay": workflows.resume,
        "message.run": about_selected("runs", "message.run"),
        "message.cancel": workflows.cancel,
        "message.copy": workflows.copy,
        "message.open": workflows.open_whole,
        "run.restart": about_selected("runs", "run.restart"),
        "run.notify": workflows.notify,
    },
    hints=_hints,
    columns=(
        cells.BLANK,
        cells.time(lambda row: row.created_at, 44),
        Column("STATE", 10, cells.state, sort=lambda row: row.state),
        Column("TOOK", 6, _took, 54, right=True),
        cells.number("STEPS", 5, lambda row: row.steps, 54),
        Column("WORKFLOW", 0, _workflow, sort=lambda row: row.url),
        Column("NOW", 0, _now, 48),
        Column("ID", 20, lambda row, ink: (fmt.safe(row.id), "muted"), 110),
    ),
)
