"""Durations and instants as QStash writes them, to integer milliseconds and back.

Every unit conversion of the wire happens here. It refuses to know what time it is: `now` is a
parameter.
"""

import re
from decimal import ROUND_CEILING, Decimal
from email.utils import parsedate_to_datetime

DAY_MS = 86_400_000
MAX_DURATION_MS = 100 * 366 * DAY_MS
"""No longer duration is read: above every plan's limit, below what a database integer holds."""

_UNIT_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": DAY_MS}
_DURATION = re.compile(r"(?:[0-9]+[smhd])+")
_DURATION_PART = re.compile(r"([0-9]+)([smhd])")
_BARE_SECONDS = re.compile(r"[0-9]+")
_MAX_TEXT = 64

_DECIMAL = re.compile(r"[0-9]+(?:\.[0-9]*)?|\.[0-9]+")
_LAST_SECOND = Decimal(253_402_300_799)  # the end of the year 9999

_GO_UNIT_MS = {
    "ns": Decimal("0.000001"),
    "us": Decimal("0.001"),
    "µs": Decimal("0.001"),  # micro sign
    "μs": Decimal("0.001"),  # Greek mu
    "ms": Decimal(1),
    "s": Decimal(1_000),
    "m": Decimal(60_000),
    "h": Decimal(3_600_000),
}
# Compiled by `re` when first used: most starts use none of them.
_GO_DURATION_PART = r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)"
_GO_DURATION = rf"(?:{_GO_DURATION_PART})+"
_HTTP_DATE = (
    r"[A-Za-z]{3}, [0-9]{1,2} [A-Za-z]{3} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} "
    r"(?:GMT|UTC|[+-][0-9]{4})"
)


def parse_duration(text: str) -> int:
    """Milliseconds of a duration such as `50s`, `1d10h30m` or `30` (seconds).

    The grammar of `Upstash-Delay`, `-Timeout` and the flow-control period (QStash docs, "Delay").
    Raises `ValueError` with a sentence for anything else and for more than a hundred years.
    """
    trimmed = text.strip()
    if len(trimmed) <= _MAX_TEXT:
        if _BARE_SECONDS.fullmatch(trimmed):
            return _bounded(int(trimmed) * 1_000, trimmed)
        if _DURATION.fullmatch(trimmed):
            parts = _DURATION_PART.findall(trimmed)
            return _bounded(sum(int(count) * _UNIT_MS[unit] for count, unit in parts), trimmed)
    raise ValueError(
        f"{_shown(text)} is not a duration: expected whole numbers with the units s, m, h or d, "
        "such as 50s or 1d10h30m, or a whole number of seconds."
    )


def _bounded(ms: int, text: str) -> int:
    if ms > MAX_DURATION_MS:
        raise ValueError(f"{_shown(text)} is too long: a duration is at most a hundred years.")
    return ms


def _shown(text: str) -> str:
    return repr(text if len(text) <= _MAX_TEXT else text[:_MAX_TEXT] + "...")


def parse_not_before(text: str) -> int:
    """Epoch milliseconds of `Upstash-Not-Before`: unix seconds, decimals allowed.

    Workflow SDKs send decimals for `sleepUntil`. Raises `ValueError` with a sentence.
    """
    trimmed = text.strip()
    if len(trimmed) > _MAX_TEXT or not _DECIMAL.fullmatch(trimmed):
        raise ValueError(
            f"{_shown(text)} is not a time: expected unix seconds, such as 1735689600 or "
            "1735689600.5."
        )
    seconds = Decimal(trimmed)
    if seconds > _LAST_SECOND:
        raise ValueError(
            f"{_shown(text)} is after the year 9999: expected unix seconds, not milliseconds."
        )
    return int(seconds * 1_000)


def parse_retry_after(text: str, now: int) -> int | None:
    """Milliseconds to wait, from seconds, an HTTP date or a Go duration (`6m5s`, `1.5s`, `300ms`).

    `None` when the value is unreadable, negative or more than a day: then the backoff holds (QStash
    docs, "Retry"). A date in the past is 0. Fractions of a millisecond are rounded up: never early.
    """
    wait = _wait_ms(text.strip(), now)
    return wait if wait is not None and wait <= DAY_MS else None


def _wait_ms(text: str, now: int) -> int | None:
    if len(text) > _MAX_TEXT:
        return None
    if _DECIMAL.fullmatch(text):
        return _ceil(Decimal(text) * 1_000)
    if re.fullmatch(_GO_DURATION, text):
        parts = re.findall(_GO_DURATION_PART, text)
        return _ceil(sum((Decimal(n) * _GO_UNIT_MS[unit] for n, unit in parts), Decimal(0)))
    if re.fullmatch(_HTTP_DATE, text):
        return _until_date(text, now)
    return None


def _ceil(ms: Decimal) -> int:
    return int(ms.to_integral_value(ROUND_CEILING))


def _until_date(text: str, now: int) -> int | None:
    try:
        at = parsedate_to_datetime(text)
        return max(0, int(at.timestamp()) * 1_000 - now)
    except (ValueError, OverflowError):  # 31 Feb, 25:00
        return None


def format_duration(ms: float) -> str:
    """A short text for people: the two largest units (`2m28s`, `1h30m`, `1d`), or `1.5s`, `300ms`.

    Rounded down, so that a countdown never shows more than is left. Ours: QStash writes none.
    """
    if ms < 0:
        return "-" + format_duration(-ms)
    if ms < 1_000:
        return f"{int(ms)}ms" if ms else "0s"
    if ms < 10_000:
        return f"{ms // 100 / 10:g}s"
    return _two_units(int(ms))


def _two_units(ms: int) -> str:
    units = (("d", DAY_MS), ("h", 3_600_000), ("m", 60_000), ("s", 1_000))
    first = next(i for i, (_, size) in enumerate(units) if ms >= size)
    shown = ""
    for unit, size in units[first : first + 2]:
        count, ms = divmod(ms, size)
        shown += f"{count}{unit}" if count else ""
    return shown
