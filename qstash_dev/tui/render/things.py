"""The page of a thing that is no message: a schedule, queue, group or flow-control key.

Pure: what the control API tells of it in, lines out. A field that has no words here is told all the
same, under QStash's name for it.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from qstash_dev.devtools.option_words import (
    limits_words,
    retries_words,
    retry_delay_words,
    timeout_words,
)
from qstash_dev.devtools.text import counted
from qstash_dev.protocol.timing import format_duration
from qstash_dev.tui.render import fmt
from qstash_dev.tui.render.block import Piece
from qstash_dev.tui.render.bodies import text_lines
from qstash_dev.tui.render.pages import When
from qstash_dev.tui.render.palette import Span, rule

Thing = dict[str, Any]
Words = Callable[[Thing, Any, When], Span]
"""A thing, one of its fields, the moment: the text and its role."""


def thing_page(thing: Thing, when: When) -> list[Piece]:
    """When it fires next, its fields in words with units, its body, its endpoints."""
    facts = [(name, span) for name, span in _facts(thing, when) if span[0]]
    width = max((len(name) for name, _ in facts), default=0)
    lines = _next_times(thing, when)
    lines += [[(f"{fmt.safe(name):<{width}}  ", "muted"), span] for name, span in facts]
    if text := thing.get("body"):
        headers = {name.lower(): values for name, values in (thing.get("header") or {}).items()}
        kind = next(iter(headers.get("content-type", ())), None)
        lines += [[], rule("Body"), *text_lines(text, kind)]
    endpoints = thing.get("endpoints") or []
    if endpoints:
        lines += [[], rule("Endpoints")]
    for endpoint in endpoints:
        name = fmt.safe(endpoint.get("name") or "")
        lines.append([(fmt.safe(endpoint.get("url", "")), "link"), (f"  {name}", "")])
    return lines


def _facts(thing: Thing, when: When) -> list[tuple[str, Span]]:
    found = []
    for name, value in thing.items():
        if name in HIDDEN or value in (None, [], {}):
            continue
        label, words = FIELDS.get(name, (_label(name), _plain))
        found.append((label, words(thing, value, when)))
    return found


def _label(name: str) -> str:
    """QStash's name of a field as words: `lastScheduleStates` is `last schedule states`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()


def _plain(thing: Thing, value: Any, when: When) -> Span:
    if isinstance(value, bool):
        return "yes" if value else "no", ""
    if isinstance(value, dict):
        parts = [f"{k}: {', '.join(v) if isinstance(v, list) else v}" for k, v in value.items()]
        return fmt.safe(", ".join(parts)), ""
    return fmt.safe(", ".join(map(str, value)) if isinstance(value, list) else str(value)), ""


def _time(thing: Thing, at: int, when: When) -> Span:
    relative = fmt.countdown(at, when.now) if at > when.now else fmt.ago(at, when.now)
    return f"{fmt.date_time(at, when.zone)}  ({relative})", ""


def is_on(thing: Thing) -> Span:
    """Paused or not."""
    return ("‖ paused", "warning") if is_paused(thing) else ("▶ on", "success")


def is_paused(thing: Thing) -> bool:
    """Whether a schedule, queue or key is paused; QStash has two names for that."""
    return bool(thing.get("isPaused", thing.get("paused", False)))


def _state(thing: Thing, value: bool, when: When) -> Span:
    return is_on(thing)


def _waiting(thing: Thing, count: int, when: When) -> Span:
    return counted(count, "message"), ""


def _active(thing: Thing, count: int, when: When) -> Span:
    limit = thing.get("parallelism", thing.get("parallelismMax"))
    most = f"at most {limit} at a time" if limit is not None else "no limit"
    return f"{count}  ({most})", ""


def _started(thing: Thing, count: int, when: When) -> Span:
    most, period_s = thing.get("rateMax"), thing.get("ratePeriod", 1)
    if most is None:
        return "no limit", ""
    shown = starts_in_period(thing, when.now)
    return f"{shown}  (at most {most} in {format_duration(period_s * 1000)})", ""


def starts_in_period(thing: Thing, now: int) -> int:
    """Starts of a flow-control key in this period; one that is over counts nothing."""
    # The server tells the whole second in which the period began.
    ends_s = thing.get("ratePeriodStart", 0) + thing.get("ratePeriod", 1) + 1
    return 0 if now >= ends_s * 1000 else int(thing.get("rateCount", 0))


def _limits(thing: Thing, key: str, when: When) -> Span:
    limits = limits_words(*(thing.get(name) for name in ("parallelism", "rate", "period")))
    return fmt.safe(f"{key}  {limits}".rstrip()), ""


def _pinned(thing: Thing, value: bool, when: When) -> Span:
    """Both at once, at the first of the two fields."""
    pins = [("isPinnedParallelism", "how many at a time"), ("isPinnedRate", "how many in a period")]
    words = [word for name, word in pins if thing.get(name)]
    return (" and ".join(words), "warning") if words else ("nothing", "")


def _as(words: Callable[[Any], str]) -> Words:
    return lambda thing, value, when: (fmt.safe(words(value)), "")


FIELDS: Mapping[str, tuple[str, Words]] = {
    "scheduleId": ("id", _plain),
    "flowControlKey": ("key", _limits),
    "createdAt": ("created", _time),
    "updatedAt": ("changed", _time),
    "nextScheduleTime": ("fires next", _time),
    "lastScheduleTime": ("fired last", _time),
    "lastScheduleStates": ("ended last", _plain),
    "paused": ("state", _state),
    "isPaused": ("state", _state),
    "lag": ("waiting", _waiting),
    "waitListSize": ("waiting", _waiting),
    "active": ("under way", _active),
    "parallelismCount": ("under way", _active),
    "rateCount": ("started", _started),
    "isPinnedParallelism": ("pinned", _pinned),
    "header": ("headers", _plain),
    "headers": ("defaults", _plain),
    "retries": ("retries", _as(retries_words)),
    "retryDelayExpression": ("retry delay", _as(retry_delay_words)),
    "timeout": ("time-out", _as(lambda seconds: timeout_words(seconds * 1000))),
    "delay": ("delay", _as(lambda seconds: format_duration(seconds * 1000))),
    "failureCallback": ("failure callback", _plain),
    "callbackHeader": ("of the callback", _plain),
    "failureCallbackHeader": ("of the failure callback", _plain),
    "queueName": ("queue", _plain),
    "callerIP": ("created from", _plain),
}
"""The fields that QStash names otherwise than a person would, and how their values are written."""

HIDDEN = frozenset(
    {
        *("next_times", "endpoints", "user", "body"),  # stand elsewhere
        *("callerIp", "label"),  # stand twice in the document
        *("parallelism", "rate", "period", "parallelismMax"),  # beside what they are limits of
        *("rateMax", "ratePeriod", "ratePeriodStart", "isPinnedRate"),
    }
)


def _next_times(thing: Thing, when: When) -> list[Piece]:
    times = thing.get("next_times") or []
    if not times:
        return []
    lines: list[Piece] = [rule("Next ten times")]
    for at in times:
        text = fmt.date_time(at, when.zone)
        lines.append([(text, ""), (f"  {fmt.countdown(at, when.now)}", "accent")])
    return [*lines, []]
