"""The views: their columns, their sources, and the pages of things that are not messages.

Pure descriptions; asking the server and drawing happen elsewhere.
"""

import re
from typing import Any

from qstash_dev.client import DlqEntry, Event, Row
from qstash_dev.tui.model.table import Column, Ink
from qstash_dev.tui.render import fmt
from qstash_dev.tui.render.pages import When, status_role
from qstash_dev.tui.render.palette import Line, Span

Thing = dict[str, Any]

NAMES = ("Messages", "Schedules", "Queues", "Groups", "DLQ", "Logs", "Flow")
COUNTS = ("messages", "schedules", "queues", "groups", "dlq", "", "flow")


NOTHING = (
    "No messages.",
    "No schedules. Publish with Upstash-Cron, or qstash.schedules.create() in your app.",
    "No queues. They appear with the first message that is enqueued.",
    "No URL groups. Add endpoints with POST /v2/topics/NAME/endpoints.",
    "The DLQ is empty: no message ran out of retries.",
    "Nothing happened yet.",
    "No flow-control keys. They appear with the first message that has one.",
)


def nothing_lines(view: int) -> list[Line]:
    """What stands in a view without rows."""
    return [[(NOTHING[view], "muted")]]


def _state(row: Row, ink: Ink) -> Span:
    shown = fmt.state_look(row.state)
    return f"{shown.symbol} {shown.word}", shown.role


def _code(row: Row, ink: Ink) -> Span:
    return _status(row.status)


def _status(status: int | None) -> Span:
    return (str(status), status_role(status)) if status else ("–", "muted")


def _destination(row: Row, ink: Ink) -> Span:
    kind = fmt.KINDS.get(row.kind, "")
    text = fmt.destination(row.url, ink.app_url)
    again = f" ⟲{row.replays}" if row.replays else ""
    armed = " ⚑" if row.armed else ""
    return f"{kind}{' ' if kind else ''}{text}{again}{armed}", ""


def _next(row: Row, ink: Ink) -> Span:
    # What is under way or waits for its turn is due already: no time to count down to.
    due_at = None if row.state in ("active", "queued") else row.due_at
    return fmt.countdown(due_at, ink.now), "muted" if due_at is None else "accent"


MESSAGES: tuple[Column[Row], ...] = (
    Column("", 1, lambda row, ink: ("●" if row.id in ink.marks else " ", "key")),
    Column("TIME", 8, lambda row, ink: (fmt.clock_time(row.created_at, ink.zone), "muted"), 44),
    Column("STATE", 10, _state),
    Column("CODE", 4, _code, 30),
    Column("TRY", 4, lambda row, ink: (fmt.tries(row), ""), 48),
    Column("MS", 5, lambda row, ink: (fmt.millis(row.duration_ms), "muted"), 62, right=True),
    Column("NEXT", 7, _next, 54),
    Column("METH", 6, lambda row, ink: (fmt.safe(row.method), "muted"), 96),
    Column("DESTINATION", 0, _destination),
    Column("QUEUE", 14, lambda row, ink: (fmt.safe(row.queue or ""), "muted"), 118),
    Column("LABELS", 16, lambda row, ink: (fmt.safe(", ".join(row.labels)), "muted"), 118),
)


def _text(key: str, role: str = "") -> Any:
    return lambda thing, ink: (fmt.safe(str(thing.get(key) or "–")), role)


def _on(thing: Thing, ink: Ink) -> Span:
    paused = thing.get("isPaused", thing.get("paused", False))
    return ("‖ paused", "warning") if paused else ("▶ on", "success")


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


def _endpoints(thing: Thing, ink: Ink) -> Span:
    urls = [fmt.destination(e.get("url", ""), ink.app_url) for e in thing.get("endpoints") or []]
    return ", ".join(urls) or "–", ""


SCHEDULES: tuple[Column[Thing], ...] = (
    Column("", 1, lambda thing, ink: ("", "")),
    Column("STATE", 8, _on),
    Column("NEXT", 7, _fires),
    Column("LAST", 9, _last, 64),
    Column("CRON", 26, _cron, 40),
    Column(
        "DESTINATION",
        0,
        lambda t, ink: (fmt.destination(t.get("destination", ""), ink.app_url), ""),
    ),
    Column("ID", 24, _text("scheduleId", "muted"), 80),
)

QUEUES: tuple[Column[Thing], ...] = (
    Column("", 1, lambda thing, ink: ("", "")),
    Column("STATE", 8, _on),
    Column("LAG", 6, lambda t, ink: (str(t.get("lag", 0)), ""), right=True),
    Column("ACTIVE", 6, lambda t, ink: (str(t.get("active", 0)), "primary"), right=True),
    Column("LIMIT", 6, lambda t, ink: (str(t.get("parallelism", 1)), "muted"), right=True),
    Column("QUEUE", 0, _text("name")),
)


def _limited(count: str, limit: str) -> Any:
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
    return f"{count}/{most} in {fmt.long_span(period_s * 1000)}", role


FLOW: tuple[Column[Thing], ...] = (
    Column("", 1, lambda thing, ink: ("", "")),
    Column("STATE", 8, _on),
    Column("WAIT", 6, lambda t, ink: (str(t.get("waitListSize", 0)), ""), right=True),
    Column("ACTIVE", 9, _limited("parallelismCount", "parallelismMax"), right=True),
    Column("RATE", 18, _rate, 56),
    Column("KEY", 0, _text("flowControlKey")),
)

GROUPS: tuple[Column[Thing], ...] = (
    Column("", 1, lambda thing, ink: ("", "")),
    Column("GROUP", 20, _text("name")),
    Column("SIZE", 4, lambda t, ink: (str(len(t.get("endpoints") or [])), ""), right=True),
    Column("ENDPOINTS", 0, _endpoints),
)

DLQ: tuple[Column[DlqEntry], ...] = (
    Column("", 1, lambda entry, ink: ("●" if entry.row.id in ink.marks else " ", "key")),
    Column("TIME", 8, lambda entry, ink: (fmt.clock_time(entry.time, ink.zone), "muted")),
    Column("CODE", 4, lambda entry, ink: _code(entry.row, ink)),
    Column("TRY", 4, lambda entry, ink: (fmt.tries(entry.row), ""), 48),
    Column("DESTINATION", 0, lambda entry, ink: _destination(entry.row, ink)),
    Column("ERROR", 30, lambda entry, ink: (fmt.safe(entry.row.error or ""), "error"), 64),
)


def _event(event: Event, ink: Ink) -> Span:
    shown = fmt.event_look(event.state)
    return f"{shown.symbol} {shown.word}", shown.role


LOGS: tuple[Column[Event], ...] = (
    Column("", 1, lambda event, ink: ("", "")),
    Column("TIME", 8, lambda event, ink: (fmt.clock_time(event.time, ink.zone), "muted")),
    Column("EVENT", 14, _event),
    Column("CODE", 4, lambda e, ink: _status(e.status), 48),
    Column("DESTINATION", 0, lambda e, ink: (fmt.destination(e.url, ink.app_url), "")),
    Column("ERROR", 24, lambda event, ink: (fmt.safe(event.error or ""), "error"), 64),
)

HIDDEN = frozenset({"next_times", "endpoints", "user"})


def resource_page(thing: Thing, when: When) -> list[Line]:
    """A schedule, queue or group: when it fires next, its fields as QStash names them, the rest."""
    names = [name for name in thing if name not in HIDDEN and thing[name] not in (None, [], {})]
    width = max((len(name) for name in names), default=0)
    lines = _next_times(thing, when)
    lines += [
        [(f"{fmt.safe(name):<{width}}  ", "muted"), _field(name, thing[name], when)]
        for name in names
    ]
    for place, endpoint in enumerate(thing.get("endpoints") or []):
        if place == 0:
            lines += [[], [("── ", "muted"), ("Endpoints", "title"), (" ──", "muted")]]
        name = endpoint.get("name") or ""
        lines.append([(fmt.safe(endpoint.get("url", "")), "link"), (f"  {fmt.safe(name)}", "")])
    return lines


def _next_times(thing: Thing, when: When) -> list[Line]:
    times = thing.get("next_times") or []
    if not times:
        return []
    lines: list[Line] = [[("── ", "muted"), ("Next ten times", "title"), (" ──", "muted")]]
    for at in times:
        text = fmt.date_time(at, when.zone)[:19]
        lines.append([(text, ""), (f"  {fmt.countdown(at, when.now)}", "accent")])
    return [*lines, []]


def _field(name: str, value: Any, when: When) -> Span:
    if isinstance(value, bool):
        return ("yes", "warning") if value else ("no", "")
    if name == "ratePeriodStart":
        if not value:
            return "–", ""
        value *= 1000  # the one time that QStash tells in seconds
    if isinstance(value, int) and name.endswith(("At", "Time", "Start")):
        return f"{fmt.date_time(value, when.zone)[:19]}  ({_relative(value, when.now)})", ""
    if isinstance(value, dict):
        parts = [f"{k}: {', '.join(v) if isinstance(v, list) else v}" for k, v in value.items()]
        return fmt.safe(", ".join(parts)), ""
    return fmt.safe(", ".join(map(str, value)) if isinstance(value, list) else str(value)), ""


def _relative(at: int, now: int) -> str:
    return fmt.countdown(at, now) if at > now else fmt.ago(at, now)
