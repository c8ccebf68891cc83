"""Where a request is addressed, read once from its request line. Knows neither routes nor rights."""

import re

from msgspec import Struct

from qstash_dev.protocol.destination import escape
from qstash_dev.protocol.remembered import remembered

_ABSOLUTE = re.compile(r"https?://([^/?]*)", re.I)
_SLASHES = re.compile(r"/{2,}")
# What SDKs before version 2 and much code that was written beside them call.
_OF_FIRST_VERSION = re.compile(r"/v1/(?=(?:publish|schedules|messages|events|logs)(?:/|$))", re.I)


class Target(Struct, frozen=True):
    """A path as routes are found by it, the raw query, and the authority if the line names one.

    `is_api`: it is QStash's API, and neither the control API nor a page.
    """

    authority: str | None
    path: str
    query: str
    is_api: bool


def in_origin_form(line: str) -> tuple[str | None, str]:
    """The authority of a request target in absolute form, and the target without it."""
    absolute = _ABSOLUTE.match(line)
    if absolute is None:
        return None, line
    rest = line[absolute.end() :]
    return absolute[1], rest if rest.startswith("/") else f"/{rest}"


@remembered
def read_target(line: str) -> Target:
    """The parts of a request target in origin form or in absolute form (RFC 9112, 3.2).

    Slashes at the beginning count as one: `QSTASH_URL` often ends with a slash. `/v1/` of what the
    first version had is `/v2/`.
    """
    authority, line = in_origin_form(line)
    path, _, query = escape(line).partition("?")
    path = _SLASHES.sub("/", path, count=1) if path.startswith("//") else path or "/"
    path = _OF_FIRST_VERSION.sub("/v2/", path, count=1)
    return Target(authority, path, query, is_api=path[:4].lower() == "/v2/")
