"""The view of schedules: when each fires next, and how it went the last time."""

import re

from qstash_dev.devtools.pages.thing_page import Thing
from qstash_dev.tui.actions import creating, resources
from qstash_dev.tui.model.table import Column, Ink
from qstash_dev.tui.model.view import Resource
from qstash_dev.tui.render import fmt
from qstash_dev.tui.render.palette import Span
from qstash_dev.tui.views import cells
from qstash_dev.tui.views.thing_view import thing_view


def _fires(thing: Thing, ink: Ink) -> Span:
    at = thing.get("nextScheduleTime") or next(iter(thing.get("next_times") or []), None)
    return fmt.countdown(at, ink.now), "accent"


def _last(thing: Thing, ink: Ink) -> Span:
    at = thing.get("lastScheduleTime")
    return (fmt.ago(at, ink.now), "muted") if at else ("never", "muted")


def _cron(thing: Thing, ink: Ink) -> Span:
    """The expression first, for it is what differs; then its zone."""
    parts = re.fullmatch(r"(?:CRON_TZ=(\S+)\s+)?(.*)", str(thing.get("cron")))
    zone, expression = parts.groups() if parts else (None, "")
    return fmt.safe(f"{expression}  {zone}" if zone else expression), "accent"


def _destination(thing: Thing, ink: Ink) -> Span:
    return fmt.short_host(fmt.destination(thing.get("destination", ""), ink.app_url)), ""


SCHEDULES = thing_view(
    "Schedules",
    Resource("schedules", "scheduleId", "schedule"),
    "schedule",
    verbs={
        "message.run": resources.fire,
        "server.pause": resources.pause_or_resume,
        "message.delete": resources.delete,
        "thing.create": creating.schedule,
    },
    columns=(
        cells.BLANK,
        cells.IS_ON,
        Column("NEXT", 7, _fires, sort=cells.by("nextScheduleTime")),
        Column("LAST", 9, _last, 64, sort=cells.by("lastScheduleTime")),
        Column("CRON", 26, _cron, 40, sort=cells.by("cron")),
        Column("DESTINATION", 0, _destination, sort=cells.by("destination")),
        cells.text("ID", 24, cells.by("scheduleId"), 80, "muted"),
    ),
)
