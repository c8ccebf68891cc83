"""The view of flow-control keys: what waits for each, and how much of its limits is used."""

from collections.abc import Callable

from qstash_dev.protocol.timing import format_duration
from qstash_dev.tui.actions import creating, resources
from qstash_dev.tui.model.table import Column, Ink
from qstash_dev.tui.model.view import Resource
from qstash_dev.tui.render.palette import Span
from qstash_dev.tui.views import cells
from qstash_dev.tui.views.cells import Thing
from qstash_dev.tui.views.thing_view import thing_view


def _limited(count: str, limit: str) -> Callable[[Thing, Ink], Span]:
    def cell(thing: Thing, ink: Ink) -> Span:
        most = thing.get(limit)
        role = "warning" if most is not None and thing.get(count, 0) >= most else "primary"
        return f"{thing.get(count, 0)}/{'∞' if most is None else most}", role

    return cell


def _rate(thing: Thing, ink: Ink) -> Span:
    """Starts in this period, of how many; a period that is over counts nothing."""
    most, period_s = thing.get("rateMax"), thing.get("ratePeriod", 1)
    if most is None:
        return "–", "muted"
    # The server tells the whole second in which the period began.
    is_over = ink.now >= (thing.get("ratePeriodStart", 0) + period_s + 1) * 1000
    count = 0 if is_over else thing.get("rateCount", 0)
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
        Column("", 1, cells.blank),
        Column("STATE", 8, cells.is_on),
        Column("WAIT", 6, cells.number("waitListSize"), right=True, sort=cells.by("waitListSize")),
        Column(
            "ACTIVE",
            9,
            _limited("parallelismCount", "parallelismMax"),
            right=True,
            sort=cells.by("parallelismCount"),
        ),
        Column("RATE", 18, _rate, 56),
        Column("KEY", 0, cells.field("flowControlKey"), sort=cells.by("flowControlKey")),
    ),
)
