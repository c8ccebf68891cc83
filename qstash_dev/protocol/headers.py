"""Headers as pairs of name and value: how names are written, and what can stand in a request."""

import re
from collections import defaultdict
from functools import lru_cache

from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.model import Headers

TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
"""A header's name (RFC 9110, 5.6.2)."""

# Control characters but the tab, and what is no text: nothing that could be sent on or stored.
UNSENDABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")

SECRET = frozenset(
    (
        *("authorization", "proxy-authorization", "cookie", "set-cookie"),
        *("x-api-key", "api-key", "x-auth-token"),
    )
)
"""Lower-case names of headers whose values are masked where people look, and left out of files."""


@lru_cache(maxsize=1_000)
def canonical(name: str) -> str:
    """The header name as Go writes it: `x-my-header` becomes `X-My-Header`."""
    if TOKEN.fullmatch(name) is None:
        return name
    return "-".join(part[:1].upper() + part[1:].lower() for part in name.split("-"))


def check_header(name: str, value: str) -> tuple[str, str]:
    """The pair, if it can stand in a request. Raises QStashError(400)."""
    if TOKEN.fullmatch(name) is None:
        raise QStashError(400, f"invalid header name {name[:100]!r}")
    if (bad := UNSENDABLE.search(value)) is not None:
        raise QStashError(
            400, f"invalid value of header {name}: {bad.group()!r} cannot stand in a header"
        )
    return name, value


def header_map(headers: Headers) -> dict[str, list[str]]:
    """Headers as QStash reports them: canonical names, lists of values."""
    values: defaultdict[str, list[str]] = defaultdict(list)
    for name, value in headers:
        values[canonical(name)].append(value)
    return dict(values)
