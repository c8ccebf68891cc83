"""The views of things with names: schedules, queues, URL groups and keys of the control API."""

import re
from collections.abc import Sequence
from operator import attrgetter

from qstash_dev.devtools.filter_words import quoted
from qstash_dev.devtools.orders import THINGS
from qstash_dev.devtools.pages.thing_page import Thing, starts_in_period, thing_parts
from qstash_dev.devtools.vocabulary import VIEWS
from qstash_dev.protocol.timing import format_duration
from qstash_dev.tui.actions import creating
from qstash_dev.tui.actions.ordering import about_selected
from qstash_dev.tui.model.table import Column, Ink
from qstash_dev.tui.model.view import Resource, Verb, View
from qstash_dev.tui.model.walk import Place
from qstash_dev.tui.render import fmt
from qstash_dev.tui.render.pages import drawn
from qstash_dev.tui.render.palette import Span
from qstash_dev.tui.views import cells


def _things(
    name: str,
    resource: Resource,
    filter_key: str,
    create: Verb,
    columns: Sequence[Column[Thing]],
    changes_with_messages: bool = True,
) -> View:
    """Its messages are those that `filter_key` finds; its commands are all in the footer, which offers
    to make one where there is none.

    `changes_with_messages`: when they move, so may how many wait, and how the last run ended.
    """

    verbs: dict[str, Verb] = {id: about_selected(resource.noun, id) for id in THINGS[resource.noun]}
    verbs["thing.create"] = create

    def title(thing: Thing) -> str:
        return str(thing.get(resource.key))

    return View(
        **VIEWS[name]._asdict(),
        resource=resource,
        key_of=lambda thing: f"{thing.get('user', '')}/{thing.get(resource.key, '')}",
        fetch=lambda client, most: client.resources(resource.noun),
        count=attrgetter(resource.noun),
        is_outdated=lambda tick, before: (
            changes_with_messages and bool(tick.events or tick.rows or tick.removed)
        ),
        title=title,
        page=lambda thing, when: drawn(thing_parts(thing, when.now), when),
        inside=lambda thing: Place("Messages", quoted(filter_key, title(thing))),
        verbs=verbs,
        hints=lambda thing: tuple(verbs) if thing is not None else ("thing.create",),
        columns=columns,
    )


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


SCHEDULES = _things(
    "Schedules",
    Resource("schedules", "scheduleId", "schedule"),
    "schedule",
    creating.schedule,
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


QUEUES = _things(
    "Queues",
    Resource("queues", "name", "queue"),
    "queue",
    creating.queue,
    columns=(
        cells.BLANK,
        cells.IS_ON,
        cells.number("LAG", 6, cells.by("lag")),
        cells.number("ACTIVE", 6, cells.by("active"), role="primary"),
        cells.number("LIMIT", 6, lambda thing: thing.get("parallelism", 1), role="muted"),
        cells.text("QUEUE", 0, cells.by("name")),
    ),
)


def _endpoints(thing: Thing, ink: Ink) -> Span:
    urls = [fmt.destination(e.get("url", ""), ink.app_url) for e in thing.get("endpoints") or []]
    return ", ".join(map(fmt.short_host, urls)) or "–", ""


GROUPS = _things(
    "Groups",
    Resource("groups", "name", "group"),
    "group",
    creating.group,
    changes_with_messages=False,
    columns=(
        cells.BLANK,
        cells.text("GROUP", 20, cells.by("name")),
        cells.number("SIZE", 4, lambda thing: len(thing.get("endpoints") or [])),
        Column("ENDPOINTS", 0, _endpoints),
    ),
)


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


FLOW = _things(
    "Flow",
    Resource("flow", "flowControlKey", "flow-control key"),
    "flow",
    creating.key,
    columns=(
        cells.BLANK,
        cells.IS_ON,
        cells.number("WAIT", 6, cells.by("waitListSize")),
        Column("ACTIVE", 9, _active, right=True, sort=cells.by("parallelismCount")),
        Column("RATE", 18, _rate, 56),
        cells.text("KEY", 0, cells.by("flowControlKey")),
    ),
)
