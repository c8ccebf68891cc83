"""Headers as pairs of name and value: finding them, what belongs to one connection, what is secret.

Names are compared in any case; those that are looked for are given in lower case.
"""

import re
from collections import defaultdict
from collections.abc import Container, Iterable
from functools import lru_cache

from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.model import Headers

TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
"""A header's name (RFC 9110, 5.6.2)."""

# Control characters but the tab, and what is no text: nothing that could be sent on or stored.
UNSENDABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")

HOP_BY_HOP = frozenset(
    (
        *("connection", "keep-alive", "proxy-connection", "te", "trailer"),
        *("transfer-encoding", "upgrade", "expect"),
    )
)
"""Headers of one connection, which nobody passes on (RFC 9110, 7.6.1)."""

NEVER_FORWARDED = HOP_BY_HOP | {"host", "content-length"}
"""Headers that no request may bring along, for whoever sends it makes its own."""

OF_A_REQUEST = NEVER_FORWARDED | {"accept-encoding", "proxy-authorization", "proxy-authenticate"}
"""Headers that say something of the request that was received, not of one that is made from it."""

OF_AN_ANSWER = HOP_BY_HOP | {"content-length", "content-encoding"}
"""Headers of an answer that do not hold for its decoded body on another connection."""

SECRET = frozenset(
    (
        *("authorization", "proxy-authorization", "cookie", "set-cookie"),
        *("x-api-key", "api-key", "x-auth-token"),
    )
)
"""Ours: headers whose values are masked where people look, and left out of files; in lower case."""


@lru_cache(maxsize=1_000)
def canonical(name: str) -> str:
    """The header name as Go, and so QStash, writes it: `x-my-header` becomes `X-My-Header`
    (qstash-go `messages_test.go`).
    """
    if TOKEN.fullmatch(name) is None:
        return name
    return "-".join(part[:1].upper() + part[1:].lower() for part in name.split("-"))


def check_header(name: str, value: str) -> tuple[str, str]:
    """The pair, if it can stand in a request. Raises QStashError(400)."""
    if not is_name(name):
        raise QStashError(400, f"invalid header name {name[:100]!r}")
    if not is_sendable(value):
        raise QStashError(400, f"invalid value of header {name}: {_unsendable(value)}")
    return name, value


def _unsendable(value: str) -> str:
    """What cannot be sent of a value. JavaScript's `fetch` sends a letter such as `ë` as one byte of
    Latin-1, which other programs take for another letter or none.
    """
    [bad, *_] = UNSENDABLE.findall(value)
    byte = ord(bad) - 0xDC00  # as `surrogateescape` makes it
    if not 0x80 <= byte <= 0xFF:
        return f"{bad!r} cannot stand in a header"
    letter = f", which is how fetch sends {chr(byte)!r}" if chr(byte).isprintable() else ""
    return f"the byte {byte:#04x} is no UTF-8{letter}: encode the value (encodeURIComponent)"


@lru_cache(maxsize=1_000)
def is_name(name: str) -> bool:
    """Whether a header can have this name."""
    return TOKEN.fullmatch(name) is not None


def is_sendable(value: str) -> bool:
    """Whether a header can have this value."""
    return value.isprintable() or UNSENDABLE.search(value) is None


def header_map(headers: Headers) -> dict[str, list[str]]:
    """Headers as QStash reports them: canonical names, lists of values."""
    values: defaultdict[str, list[str]] = defaultdict(list)
    for name, value in headers:
        values[canonical(name)].append(value)
    return dict(values)


def all_of(headers: Iterable[tuple[str, str]], name: str) -> list[str]:
    """Every value of a header, in order."""
    return [value for key, value in headers if key.lower() == name]


def first(headers: Iterable[tuple[str, str]], name: str) -> str | None:
    """The first value of a header, `None` without one."""
    for key, value in headers:
        if key.lower() == name:
            return value
    return None


def without(headers: Iterable[tuple[str, str]], names: Container[str]) -> Headers:
    """The others."""
    return tuple([pair for pair in headers if pair[0].lower() not in names])


def only(headers: Iterable[tuple[str, str]], names: Container[str]) -> Headers:
    """Those of these names."""
    return tuple(pair for pair in headers if pair[0].lower() in names)


def not_beginning(headers: Iterable[tuple[str, str]], prefix: str) -> Headers:
    """Those whose names begin in another way."""
    return tuple(pair for pair in headers if not pair[0].lower().startswith(prefix))


def by_name(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The last value of each name, which is in lower case."""
    return {name.lower(): value for name, value in headers}


def to_forward(headers: Iterable[tuple[str, str]]) -> Headers:
    """Headers of a destination as a publish names them."""
    return tuple(
        (name if name.lower() == "content-type" else f"Upstash-Forward-{name}", value)
        for name, value in headers
    )


def bearer(token: str | None) -> dict[str, str]:
    """What names a user of the server; nothing without a token."""
    return {"Authorization": f"Bearer {token}"} if token else {}


def names_of(headers: Iterable[tuple[str, str]]) -> frozenset[str]:
    """The names that there are, in lower case."""
    return _lowered(tuple(dict(headers)))


@lru_cache(maxsize=1_000)
def _lowered(names: tuple[str, ...]) -> frozenset[str]:
    """Messages differ in the values of their headers, hardly ever in the names."""
    return frozenset(map(str.lower, names))


def joined(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """By name; values of one name are joined, as HTTP has it."""
    found: dict[str, list[str]] = {}
    for name, value in headers:
        found.setdefault(name, []).append(value)
    return {name: ", ".join(values) for name, values in found.items()}
