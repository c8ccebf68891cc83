"""The page of a thing that is no message: a schedule, queue, group or flow-control key.

Pure: what the control API tells of it in, parts out. A field that has no words here is told all the
same, under QStash's name for it.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from qstash_dev.devtools.documents import Body, Piece
from qstash_dev.devtools.pages.option_words import (
    limits_words,
    retries_words,
    retry_delay_words,
    timeout_words,
)
from qstash_dev.devtools.pages.parts import Fact, Part, line
from qstash_dev.devtools.text import counted, date_time, size
from qstash_dev.protocol.cron import zone_of
from qstash_dev.protocol.timing import format_duration
from qstash_dev.protocol.users import DEFAULT_USER

Thing = Mapping[str, Any]
Words = Callable[[Thing, Any, int], Piece]
"""A thing, one of its fields, the moment: what is said of it."""
PAUSED = ("isPaused", "paused")
"""Whether a schedule, queue or key is paused; QStash has two names for that."""


def thing_parts(thing: Thing, now: int) -> list[Part]:
    """Its fields in words with units, when it fires next, its body, its endpoints."""
    parts = [Part(facts=[fact for fact in _facts(thing, now) if fact.pieces[0].text])]
    parts += _next_times(thing)
    if text := thing.get("body"):
        headers = {name.lower(): values for name, values in (thing.get("header") or {}).items()}
        media = next(iter(headers.get("content-type", ())), None)
        body = Body(size=len(text.encode()), text=text)
        parts += [Part(f"Body  {size(body.size)}"), Part(body=body, media=media)]
    endpoints = thing.get("endpoints") or []
    parts += [Part("Endpoints")] if endpoints else []
    for one in endpoints:
        parts.append(line(Piece(one.get("url", ""), "link"), Piece(f"  {one.get('name') or ''}")))
    return parts


def _facts(thing: Thing, now: int) -> Iterable[Fact]:
    for name, value in thing.items():
        if name not in HIDDEN and value not in (None, [], {}):
            label, words = FIELDS.get(name, (_label(name), _plain))
            yield Fact(label, [words(thing, value, now)])


def _label(name: str) -> str:
    """QStash's name of a field as words: `lastScheduleStates` is `last schedule states`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()


def _plain(thing: Thing, value: Any, now: int) -> Piece:
    if isinstance(value, bool):
        return Piece("yes" if value else "no")
    if isinstance(value, dict):
        value = [f"{k}: {', '.join(v) if isinstance(v, list) else v}" for k, v in value.items()]
    return Piece(", ".join(map(str, value)) if isinstance(value, list) else str(value))


def _time(thing: Thing, at: int, now: int) -> Piece:
    return Piece("{date}  ({near})", at=at)


def _firing(thing: Thing, at: int, now: int) -> Piece:
    """In the zone that the schedule is written in: as its expression says it."""
    zone = zone_of(thing["cron"])
    return Piece(f"{date_time(at, zone)} {zone}  ({{near}})", at=at)


def _owner(thing: Thing, user: str, now: int) -> Piece:
    return Piece("" if user == DEFAULT_USER else user)


def on_or_paused(thing: Thing) -> tuple[str, str]:
    """Whether a thing does its work, with the role of that."""
    return ("‖ paused", "warning") if any(map(thing.get, PAUSED)) else ("▶ on", "success")


def _state(thing: Thing, value: bool, now: int) -> Piece:
    return Piece(*on_or_paused(thing))


def _waiting(thing: Thing, count: int, now: int) -> Piece:
    return Piece(counted(count, "message"))


def _active(thing: Thing, count: int, now: int) -> Piece:
    limit = thing.get("parallelism", thing.get("parallelismMax"))
    most = f"at most {limit} at a time" if limit is not None else "no limit"
    return Piece(f"{count}  ({most})")


def _started(thing: Thing, count: int, now: int) -> Piece:
    most, period_s = thing.get("rateMax"), thing.get("ratePeriod", 1)
    if most is None:
        return Piece("no limit")
    shown = starts_in_period(thing, now)
    return Piece(f"{shown}  (at most {most} in {format_duration(period_s * 1000)})")


def starts_in_period(thing: Thing, now: int) -> int:
    """Starts of a flow-control key in this period; one that is over counts nothing."""
    # The server tells the whole second in which the period began.
    ends_s = thing.get("ratePeriodStart", 0) + thing.get("ratePeriod", 1) + 1
    return 0 if now >= ends_s * 1000 else int(thing.get("rateCount", 0))


def _limits(thing: Thing, key: str, now: int) -> Piece:
    limits = limits_words(*(thing.get(name) for name in ("parallelism", "rate", "period")))
    return Piece(f"{key}  {limits}".rstrip())


def _pinned(thing: Thing, value: bool, now: int) -> Piece:
    """Both at once, at the first of the two fields."""
    pins = [("isPinnedParallelism", "how many at a time"), ("isPinnedRate", "how many in a period")]
    words = [word for name, word in pins if thing.get(name)]
    return Piece(" and ".join(words), "warning") if words else Piece("nothing")


def _as(words: Callable[[Any], str]) -> Words:
    return lambda thing, value, now: Piece(words(value))


FIELDS: Mapping[str, tuple[str, Words]] = {
    "scheduleId": ("id", _plain),
    "flowControlKey": ("key", _limits),
    "createdAt": ("created", _time),
    "updatedAt": ("changed", _time),
    "nextScheduleTime": ("fires next", _firing),
    "lastScheduleTime": ("fired last", _firing),
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
    "user": ("user", _owner),
}
"""The fields that QStash names otherwise than a person would, and how their values are written."""

HIDDEN = frozenset(
    {
        *("next_times", "endpoints", "body"),  # stand elsewhere
        *("callerIp", "label"),  # stand twice in the document
        *("parallelism", "rate", "period", "parallelismMax"),  # beside what they are limits of
        *("rateMax", "ratePeriod", "ratePeriodStart", "isPinnedRate"),
    }
)


def _next_times(thing: Thing) -> list[Part]:
    times = thing.get("next_times") or []
    if not times:
        return []
    zone = zone_of(thing["cron"])
    lines = (line(Piece(date_time(at, zone)), Piece("  {in}", "accent", at=at)) for at in times)
    return [Part(f"Next ten times, in {zone}"), *lines]
