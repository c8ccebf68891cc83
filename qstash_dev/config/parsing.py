"""Text of one setting to its value. Every parser raises `ValueError` with a sentence.

The sentence names the bad value and what was expected; where it was written is the caller's
knowledge.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from qstash_dev.config.errors import suggestion
from qstash_dev.protocol.timing import parse_duration
from qstash_dev.protocol.urls import split_url, undialable

Parser = Callable[[str], object]

UNITS_BYTES = {
    "": 1,
    "b": 1,
    "kb": 1000,
    "mb": 1000**2,
    "gb": 1000**3,
    "kib": 1024,
    "mib": 1024**2,
    "gib": 1024**3,
}
_USUAL_PORTS = {"http": ":80", "https": ":443"}
TRUE = ("true", "1", "yes", "on")
FALSE = ("false", "0", "no", "off", "")


def text(value: str) -> str:
    """Any text but the empty one."""
    if not value.strip():
        raise ValueError("it is empty; expected some text.")
    return value.strip()


def boolean(value: str) -> bool:
    """`true`, `1`, `yes`, `on`, or their opposites."""
    if value.lower() in TRUE:
        return True
    if value.lower() in FALSE:
        return False
    raise ValueError(f'"{value}" is neither true nor false.')


def integer(low: int, high: int | None = None) -> Callable[[str], int]:
    """A whole number in a range, both ends included."""

    def parse(value: str) -> int:
        span = f"at least {low}" if high is None else f"{low} to {high}"
        text = value.strip()
        if not re.fullmatch(r"-?[0-9]+", text):
            raise ValueError(f'"{value}" is not a whole number; expected {span}.')
        highest = 10**18 - 1 if high is None else high
        if len(text) > 20 or not low <= int(text) <= highest:
            raise ValueError(f"{text[:50]} is out of range; expected {span}.")
        return int(text)

    return parse


def unlimited_or(parse: Callable[[str], int]) -> Callable[[str], int | None]:
    """`unlimited`, or what `parse` accepts."""
    return lambda value: None if value == "unlimited" else parse(value)


def port(value: str) -> int:
    """A TCP port; 0 is a free one."""
    return integer(0, 65_535)(value)


def duration_ms(value: str) -> int:
    """`7d`, `1h30m`, and beyond what QStash's headers allow `500ms`; a bare number is seconds."""
    milliseconds = re.fullmatch(r"([0-9]{1,15})ms", value.strip())
    return int(milliseconds[1]) if milliseconds else parse_duration(value)


def duration_s(value: str) -> int:
    """A duration of whole seconds."""
    return duration_ms(value) // 1000


def size(value: str) -> int:
    """Bytes: `1048576`, `10MB` (decimal), `10MiB` (binary)."""
    match = re.fullmatch(r"([0-9]{1,15})\s*([a-z]*)", value.strip().lower())
    if match is None or match[2] not in UNITS_BYTES:
        raise ValueError(f'"{value}" is not a size; expected one such as 500000, 10MB or 10MiB.')
    return int(match[1]) * UNITS_BYTES[match[2]]


def choice(*allowed: str) -> Callable[[str], str]:
    """One of a few words."""

    def parse(value: str) -> str:
        if value in allowed:
            return value
        words = ", ".join(allowed)
        raise ValueError(f'"{value}" is none of {words}.{suggestion(value, allowed)}')

    return parse


def path(value: str) -> Path:
    """A path, with `~` for the home directory."""
    if "\0" in value:
        raise ValueError(f"{value!r} is not a path: it holds a NUL character.")
    try:
        return Path(text(value)).expanduser()
    except RuntimeError:
        raise ValueError(f'"{value}" begins with the home directory of an unknown user.') from None


def url(value: str) -> str:
    """An http or https URL, without the slash at its end."""
    text = value.strip()
    if not re.fullmatch(r"https?://[^\s/?#]+[^\s]*", text):
        raise ValueError(
            f'"{value}" is not a URL; expected one that begins with http:// or https://.'
        )
    if not text.isprintable() or undialable(text) is not None:
        raise ValueError(f"nobody can call {value!r}; expected a host, and perhaps a port.")
    return text.rstrip("/")


def address(value: str) -> str:
    """An http or https URL that others add paths to, as browsers write it: without a usual port."""
    text = url(value)
    parts = split_url(text)
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError(
            f'"{value}" is more than an address; expected a URL without user, query and fragment.'
        )
    host = parts.netloc.lower().removesuffix(_USUAL_PORTS[parts.scheme])
    return f"{parts.scheme}://{host}{parts.path}"


def app(value: str) -> str:
    """Where the app listens: a URL, `host:port`, or a port on localhost."""
    bare = value.strip().removeprefix(":")
    if bare.isdecimal():
        return f"http://localhost:{integer(1, 65_535)(bare)}"
    if re.fullmatch(r"[A-Za-z0-9.-]+:[0-9]+", bare):
        return f"http://{bare}"
    try:
        return url(bare)
    except ValueError:
        raise ValueError(
            f'"{value}" is not an address of an app; expected a port such as 3000, or a URL.'
        ) from None


class Route(NamedTuple):
    """A destination prefix, the URL that is called instead, and whether `Host` stays the first's."""

    source: str
    target: str
    keeps_host: bool


def route(value: str) -> Route:
    """`FROM=TO` or `FROM=TO,keep-host`; TO is a URL, or a port on localhost."""
    match = re.fullmatch(r"(https?://\S+?)=(https?://\S+?|:?[0-9]+)(,\s*keep-host)?", value.strip())
    if match is None:
        raise ValueError(
            f'"{value}" is not a route; expected FROM=TO, '
            "such as https://my-app.com=http://localhost:3000."
        )
    return Route(match[1], app(match[2]), match[3] is not None)


def clock(value: str) -> tuple[str, float, int | None]:
    """`real`, `frozen`, `frozen@2026-01-01T00:00:00Z` or a speed such as `60x`.

    The mode, the speed, and the epoch milliseconds at which a frozen clock stands.
    """
    if value in ("real", "frozen"):
        return value, 1.0, None
    if value.startswith("frozen@"):
        return "frozen", 1.0, moment(value.removeprefix("frozen@"))
    try:
        factor = speed(value)
    except ValueError:
        problem = f'"{value}" is no clock; expected real, frozen, or a speed such as 60x.'
        raise ValueError(problem) from None
    return ("real", 1.0, None) if factor == 1 else ("scaled", factor, None)


def speed(value: str) -> float:
    """How many times as fast, such as `60x` or `60`."""
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)x?", value)
    if match is None or not 0 < float(match[1]) <= 1_000_000:
        raise ValueError(f'"{value}" is no speed; expected one such as 60x, at most 1000000x.')
    return float(match[1])


def moment(value: str) -> int:
    """Epoch milliseconds of a date with time as in ISO 8601; without a time zone it is UTC."""
    from datetime import UTC, datetime

    try:
        at = datetime.fromisoformat(value.strip())
    except ValueError:
        raise ValueError(
            f'"{value}" is no moment; expected one such as 2026-01-01T00:00:00Z.'
        ) from None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    if at.year < 2000:
        raise ValueError(f'"{value}" is too early; expected a moment after the year 2000.')
    return int(at.timestamp() * 1000)


def host_name(value: str) -> str:
    """A host name in lower case, or `*.` and one."""
    name = value.strip().lower().rstrip(".")
    if not re.fullmatch(r"(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*", name):
        raise ValueError(f'"{value}" is not a host name; expected one such as qstash or *.test.')
    return name


def hosts(value: str) -> tuple[str, ...]:
    """IP addresses with commas between; `localhost` is both loopback addresses."""
    from ipaddress import ip_address

    found: list[str] = []
    for word in value.split(","):
        if word.strip() == "localhost":
            found += ["127.0.0.1", "::1"]
            continue
        try:
            found.append(str(ip_address(word.strip().strip("[]"))))
        except ValueError:
            raise ValueError(
                f'"{word.strip()}" is not an IP address; expected one such as 127.0.0.1 or 0.0.0.0.'
            ) from None
    return tuple(dict.fromkeys(found))
