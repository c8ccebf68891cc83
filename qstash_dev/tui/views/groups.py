"""The view of URL groups and their endpoints."""

from qstash_dev.devtools.vocabulary import VIEWS
from qstash_dev.tui.actions import creating, resources
from qstash_dev.tui.model.table import Column, Ink
from qstash_dev.tui.model.view import Resource, View
from qstash_dev.tui.model.walk import Place, quoted
from qstash_dev.tui.render import fmt
from qstash_dev.tui.render.palette import Span
from qstash_dev.tui.render.things import thing_page
from qstash_dev.tui.views import cells
from qstash_dev.tui.views.cells import Thing


def _endpoints(thing: Thing, ink: Ink) -> Span:
    urls = [fmt.destination(e.get("url", ""), ink.app_url) for e in thing.get("endpoints") or []]
    return ", ".join(urls) or "–", ""


GROUPS = View(
    **VIEWS["Groups"]._asdict(),
    resource=Resource("groups", "name", "group"),
    key_of=cells.named("name"),
    fetch=lambda client: client.resources("groups"),
    count=lambda counts: counts.groups,
    title=lambda thing: str(thing.get("name")),
    page=thing_page,
    inside=lambda thing: Place("Messages", quoted("group", str(thing.get("name")))),
    verbs={"message.delete": resources.delete, "thing.create": creating.group},
    hints=lambda thing: ("message.delete", "thing.create"),
    columns=(
        Column("", 1, cells.blank),
        Column("GROUP", 20, cells.field("name"), sort=cells.by("name")),
        Column(
            "SIZE",
            4,
            lambda t, ink: (str(len(t.get("endpoints") or [])), ""),
            right=True,
            sort=lambda thing: len(thing.get("endpoints") or []),
        ),
        Column("ENDPOINTS", 0, _endpoints),
    ),
)
