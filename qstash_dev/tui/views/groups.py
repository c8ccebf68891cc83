"""The view of URL groups and their endpoints."""

from qstash_dev.devtools.pages.thing_page import Thing
from qstash_dev.tui.actions import creating, resources
from qstash_dev.tui.model.table import Column, Ink
from qstash_dev.tui.model.view import Resource
from qstash_dev.tui.render import fmt
from qstash_dev.tui.render.palette import Span
from qstash_dev.tui.views import cells
from qstash_dev.tui.views.thing_view import thing_view


def _endpoints(thing: Thing, ink: Ink) -> Span:
    urls = [fmt.destination(e.get("url", ""), ink.app_url) for e in thing.get("endpoints") or []]
    return ", ".join(map(fmt.short_host, urls)) or "–", ""


GROUPS = thing_view(
    "Groups",
    Resource("groups", "name", "group"),
    "group",
    verbs={"message.delete": resources.delete, "thing.create": creating.group},
    changes_with_messages=False,
    columns=(
        cells.BLANK,
        cells.text("GROUP", 20, cells.by("name")),
        cells.number("SIZE", 4, lambda thing: len(thing.get("endpoints") or [])),
        Column("ENDPOINTS", 0, _endpoints),
    ),
)
