"""Finds the handler of a request. Literal parts match without regard to case (the Go SDK writes
`/v2/Schedules`), a trailing slash is ignored, and `*` is the rest of the path, untouched.
"""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from urllib.parse import unquote

from aiohttp import web
from msgspec import Struct

if TYPE_CHECKING:
    from qstash_dev.api.call import Call

Handler = Callable[["Call"], Awaitable[web.StreamResponse]]


class Route(Struct, frozen=True):
    """`pattern` has literal parts, `{name}` for one decoded part, and `*` for the rest."""

    methods: str
    pattern: str
    handler: Handler


class Match(Struct, frozen=True):
    """A handler and what its pattern found; `rest` is the raw remainder of a `*`."""

    handler: Handler
    params: dict[str, str]
    rest: str


class WrongMethod(Exception):
    """The path exists, with other methods."""

    def __init__(self, allowed: set[str]) -> None:
        super().__init__(", ".join(sorted(allowed)))
        self.allowed = allowed


class Router:
    """Matches a method and a raw path against a table of routes; the first match wins."""

    def __init__(self, routes: tuple[Route, ...]) -> None:
        self._by_head: dict[str, list[tuple[list[str], set[str], Handler]]] = {}
        for route in routes:
            parts = route.pattern.strip("/").split("/")
            entry = (parts, set(route.methods.split()), route.handler)
            self._by_head.setdefault("/".join(parts[:2]).lower(), []).append(entry)

    def find(self, method: str, raw_path: str) -> Match | None:
        """The match, or `None`. Raises WrongMethod when only the method is at fault."""
        path = raw_path.removeprefix("/")
        parts = path.split("/")
        allowed: set[str] = set()
        for pattern, methods, handler in self._by_head.get("/".join(parts[:2]).lower(), ()):
            params = _match(pattern, parts)
            if params is None:
                continue
            if method in methods or "ANY" in methods:
                rest = "/".join(parts[len(pattern) - 1 :]) if pattern[-1] == "*" else ""
                return Match(handler, params, rest)
            allowed |= methods
        if allowed:
            raise WrongMethod(allowed)
        return None


def _match(pattern: list[str], parts: list[str]) -> dict[str, str] | None:
    if pattern[-1] == "*":
        pattern = pattern[:-1]
        if len(parts) < len(pattern):
            return None
        parts = parts[: len(pattern)]
    elif parts[-1] == "":
        parts = parts[:-1]
    if len(parts) != len(pattern):
        return None
    params: dict[str, str] = {}
    for expected, found in zip(pattern, parts, strict=True):
        if expected[:1] == "{":
            params[expected[1:-1]] = unquote(found)
        elif expected.lower() != found.lower():
            return None
    return params
