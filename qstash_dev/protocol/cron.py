"""`Upstash-Cron`: five fields in UTC or in the zone of a `CRON_TZ=Area/City` prefix (QStash docs,
"Schedules").

It refuses to know schedules, pauses and missed firings: only which instants an expression means.
"""

import contextlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING

from msgspec import Struct

from qstash_dev.protocol.errors import nearest

if TYPE_CHECKING:
    from cronsim import CronSim

MINUTE_MS = 60_000
_MAX_TEXT = 250
_PREFIX = "CRON_TZ="
_FIELDS = {
    "minute": "0-59",
    "hour": "0-23",
    "day-of-month": "1-31",
    "month": "1-12 or JAN-DEC",
    "day-of-week": "0-7 or SUN-SAT",
}
# Compiled by `re` when first used: most starts do not use it.
_ZONE_NAME = r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+)*"
_SAMPLE = datetime(2024, 1, 1, tzinfo=UTC)


class Cron(Struct, frozen=True):
    """A checked expression. `text` is what was given, trimmed; `zone` is the name of its zone."""

    text: str
    expression: str
    zone: str = "UTC"


@lru_cache(maxsize=4_096)
def parse_cron(text: str) -> Cron:
    """Check an expression: `*/5 * * * *`, `CRON_TZ=Europe/Berlin 0 9 * * MON-FRI`.

    Raises `ValueError` with a sentence for a wrong number of fields, values out of range, unknown
    zones and dates that never come, such as 30 February.
    """
    trimmed = text.strip()
    if len(trimmed) > _MAX_TEXT:
        raise ValueError(f"The cron expression is longer than {_MAX_TEXT} characters.")
    zone, expression = _split_zone(trimmed)
    fields = expression.split()
    if len(fields) != len(_FIELDS):
        raise ValueError(
            f"The cron expression {trimmed!r} has {_fields(len(fields))}: expected five "
            "(minute hour day-of-month month day-of-week), such as '*/5 * * * *'."
        )
    _check_fields(trimmed, fields)
    return Cron(trimmed, " ".join(fields), zone)


def _fields(count: int) -> str:
    return f"{count or 'no'} field{'' if count == 1 else 's'}"


def _split_zone(text: str) -> tuple[str, str]:
    if not text.startswith(_PREFIX):
        return "UTC", text
    zone, _, expression = text.removeprefix(_PREFIX).partition(" ")
    _check_zone(zone)
    return zone, expression


def _check_zone(zone: str) -> None:
    from zoneinfo import ZoneInfo, available_timezones

    try:
        if not re.fullmatch(_ZONE_NAME, zone):
            raise ValueError(zone)
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):  # OSError: a directory, such as "America"
        close = nearest(zone, available_timezones())
        meant = f" Did you mean {close!r}?" if close else ""
        raise ValueError(
            f"The time zone {zone!r} is not known: expected a name such as 'Europe/Berlin'.{meant}"
        ) from None


def _check_fields(text: str, fields: list[str]) -> None:
    for field, (name, values) in zip(fields, _FIELDS.items(), strict=True):
        # Each field alone, so that the message can name it; the date as a whole comes after.
        alone = [field if other == name else "*" for other in _FIELDS]
        if not _is_readable(alone):
            raise ValueError(
                f"The {name} field {field!r} of the cron expression {text!r} is not valid: "
                f"expected {values}, '*', lists, ranges or steps."
            )
    if not _is_readable(fields) or next(_cronsim(" ".join(fields), _SAMPLE), None) is None:
        raise ValueError(
            f"The cron expression {text!r} never fires: no month it names has that day."
        )


def _is_readable(fields: list[str]) -> bool:
    from cronsim import CronSimError

    try:
        _cronsim(" ".join(fields), _SAMPLE)
    except (CronSimError, AssertionError):  # AssertionError: 'MON#1/2'
        return False
    return True


def next_after(cron: Cron, now_ms: int) -> int | None:
    """The first firing strictly after `now_ms`, epoch milliseconds, always a whole minute; `None`
    where dates end, with the year 9999.

    Daylight saving as in Debian's cron: a fixed time that is skipped in spring fires right after
    the gap, one that comes twice in autumn fires once; `*` hours and minutes fire by elapsed time.
    """
    return next(_firings(cron, now_ms), None)


@lru_cache(maxsize=4_096)
def upcoming(cron: Cron, now_ms: int, count: int) -> tuple[int, ...]:
    """The next `count` firings after `now_ms`, ascending. Remembered: they take a while to find."""
    return tuple(islice(_firings(cron, now_ms), count))


def _firings(cron: Cron, now_ms: int) -> Iterator[int]:
    # Beyond the year 9999, in UTC or in the zone, there is no date.
    with contextlib.suppress(OverflowError, ValueError):
        start = datetime.fromtimestamp(now_ms // 1_000, _zone(cron.zone))
        for at in _cronsim(cron.expression, start):
            ms = int(at.timestamp()) * 1_000
            # In the second pass of an autumn hour the first pass of it is proposed again.
            if ms > now_ms:
                yield ms


def _cronsim(expression: str, start: datetime) -> "CronSim":
    from cronsim import CronSim  # late, and so are zones: most servers have no schedules

    return CronSim(expression, start)


def zone_of(text: str) -> tzinfo:
    """The zone that a checked expression is written in; as a text its name."""
    return _zone(parse_cron(text).zone)


def _zone(name: str) -> tzinfo:
    from zoneinfo import ZoneInfo

    return UTC if name in ("UTC", "Etc/UTC") else ZoneInfo(name)
