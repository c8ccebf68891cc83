"""The view of flow-control keys: what waits for each, and how much of its limits is used."""

from qstash_dev.devtools.pages.thing_page import Thing, starts_in_period
from qstash_dev.protocol.timing import format_duration
from qstash_dev.tui.actions import creating, resources
from qstash_dev.tui.model.table import Column, Ink
from qstash_dev.tui.model.view import Resource
from qstash_dev.tui.render.palette import Span
from qstash_dev.tui.views import cells
from qstash_dev.tui.views.thing_view import thing_view


def _active(thing: Thing, ink: Ink) -> Span:
    count, most = thing.get("parallelismCount", 0), thing.get("parallelismMax")
    role = "warning" if most is not None and count >= most else "primary"
    return f"{count}/{'∞' if most is None else most}", role


def _rate(thing: Thing, ink: Ink) -> Span:
    """Starts in this period, of how many."""
    most, period_s = thing.get("rateMax"), thing.get("ratePeriod", 1)
    if most is None:
        return "–", "muted"
    count = starts_in_period(thing, ink.now)
    role = "warning" if count >= most else ""
    return f"{count}/{most} in {format_duration(period_s * 1000)}", role


FLOW = thing_view(
    "Flow",
    Resource("flow", "flowControlKey", "flow-control key"),
    "flow",
    verbs={
        "server.pause": resources.pause_or_resume,
        "message.delete": resources.delete,
        "thing.create": creating.key,
    },
    columns=(
        cells.BLANK,
        cells.IS_ON,
        cells.number("WAIT", 6, cells.by("waitListSize")),
        Column("ACTIVE", 9, _active, right=True, sort=cells.by("parallelismCount")),
        Column("RATE", 18, _rate, 56),
        cells.text("KEY", 0, cells.by("flowControlKey")),
    ),
)
