"""The page of a thing that is no message: a schedule, queue, group or flow-control key.

Pure: what the control API tells of it in, lines out.
"""

import re
from typing import Any

from qstash_dev.protocol.timing import format_duration
from qstash_dev.tui.render import fmt
from qstash_dev.tui.render.pages import When
from qstash_dev.tui.render.palette import Line, Span

Thing = dict[str, Any]

HIDDEN = frozenset({"next_times", "endpoints", "user"})


def thing_page(thing: Thing, when: When) -> list[Line]:
    """A schedule, queue or group: when it fires next, its fields as QStash names them, the rest."""
    names = [name for name in thing if name not in HIDDEN and thing[name] not in (None, [], {})]
    width = max((len(_words(name)) for name in names), default=0)
    lines = _next_times(thing, when)
    lines += [
        [(f"{_words(name):<{width}}  ", "muted"), _field(name, thing[name], when)] for name in names
    ]
    for place, endpoint in enumerate(thing.get("endpoints") or []):
        if place == 0:
            lines += [[], [("── ", "muted"), ("Endpoints", "title"), (" ──", "muted")]]
        name = endpoint.get("name") or ""
        lines.append([(fmt.safe(endpoint.get("url", "")), "link"), (f"  {fmt.safe(name)}", "")])
    return lines


def _words(name: str) -> str:
    """QStash's name of a field as words: `isPinnedRate` is `pinned rate`."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()
    return fmt.safe(words.removeprefix("is "))


def _next_times(thing: Thing, when: When) -> list[Line]:
    times = thing.get("next_times") or []
    if not times:
        return []
    lines: list[Line] = [[("── ", "muted"), ("Next ten times", "title"), (" ──", "muted")]]
    for at in times:
        text = fmt.date_time(at, when.zone)
        lines.append([(text, ""), (f"  {fmt.countdown(at, when.now)}", "accent")])
    return [*lines, []]


def _field(name: str, value: Any, when: When) -> Span:
    if isinstance(value, bool):
        return ("yes", "warning") if value else ("no", "")
    if name == "ratePeriodStart":
        if not value:
            return "–", ""
        value *= 1000  # the one time that QStash tells in seconds
    if name == "ratePeriod" and isinstance(value, int):
        return format_duration(value * 1000), ""
    if isinstance(value, int) and name.endswith(("At", "Time", "Start")):
        return f"{fmt.date_time(value, when.zone)}  ({_relative(value, when.now)})", ""
    if isinstance(value, dict):
        parts = [f"{k}: {', '.join(v) if isinstance(v, list) else v}" for k, v in value.items()]
        return fmt.safe(", ".join(parts)), ""
    return fmt.safe(", ".join(map(str, value)) if isinstance(value, list) else str(value)), ""


def _relative(at: int, now: int) -> str:
    return fmt.countdown(at, now) if at > now else fmt.ago(at, now)
