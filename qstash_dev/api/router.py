"""Finds the handler of a request. Literal parts match without regard to case (the Go SDK writes
`/v2/Schedules`), a trailing slash is ignored, and `*` is the rest of the path, untouched.
"""

import re
from collections.abc import Awaitable, Callable
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from msgspec import Struct

from qstash_dev.api import web
from qstash_dev.api.parameters import Param
from qstash_dev.protocol.remembered import remembered

if TYPE_CHECKING:
    from qstash_dev.api.call import Call

Handler = Callable[["Call"], Awaitable[web.StreamResponse]]


class Route(Struct, frozen=True):
    """`pattern` has literal parts, `{name}` for one decoded part, `{name...}` for one or more, and
    `*` for the rest. What follows tells readers of the control API's description: the types of body and
    answer (`bytes` for any content, `str` for text), the parameters, and whether it stays as it is.
    """

    methods: str
    pattern: str
    handler: Handler
    answers: Any = None
    takes: Any = None
    query: tuple[Param, ...] = ()
    status: int = 200
    is_stable: bool = False
    is_stream: bool = False


class Match(Struct, frozen=True):
    """A handler and what its pattern found; `rest` is what `*` or `{name...}` stands for, raw.

    `any_method`: the handler does the same by every method. `only_reads`: it changes nothing.
    """

    handler: Handler
    params: dict[str, str]
    rest: str
    any_method: bool = False
    only_reads: bool = False
    takes: Any = dict


class WrongMethod(Exception):
    """The path exists, with other methods."""

    def __init__(self, allowed: set[str]) -> None:
        super().__init__(", ".join(sorted(allowed)))
        self.allowed = allowed


class Router:
    """Matches a method and a raw path against a table of routes; the first match wins.

    With the `first` routes alone it is ready; a path that does not begin as they do has it take `all`.
    """

    def __init__(
        self, first: tuple[Route, ...], all_: Callable[[], tuple[Route, ...]] = tuple
    ) -> None:
        self._by_head = _by_head(first)
        self._all = all_
        self._is_whole = False
        self._remembered = remembered(self._find)

    def find(self, method: str, raw_path: str) -> Match | None:
        """The match, or `None`. Raises WrongMethod when only the method is at fault."""
        found: Match | None = self._remembered(raw_path, method)
        return found

    def _find(self, raw_path: str, method: str) -> Match | None:
        allowed: set[str] = set()
        if (head := _head(raw_path)) not in self._by_head and not self._is_whole:
            self._by_head, self._is_whole = _by_head(self._all()), True
        for methods, route in self._by_head.get(head, ()):
            found = _compiled(route.pattern).fullmatch(raw_path)
            if found is None:
                continue
            if method in methods or "ANY" in methods:
                raw = found.groupdict(default="")
                rest = raw.pop("rest", "")
                params = {name: unquote(text) for name, text in raw.items()}
                return Match(
                    route.handler,
                    params,
                    rest,
                    "ANY" in methods,
                    methods <= {"GET", "HEAD"},
                    route.takes or dict,
                )
            allowed |= methods
        if allowed:
            raise WrongMethod(allowed)
        return None


def _by_head(routes: tuple[Route, ...]) -> dict[str, list[tuple[set[str], Route]]]:
    found: dict[str, list[tuple[set[str], Route]]] = {}
    for route in routes:
        found.setdefault(_head(route.pattern), []).append((set(route.methods.split()), route))
    return found


def _head(path: str) -> str:
    """The first two parts: literal in every pattern, and enough to leave few to compare."""
    return "/".join(path.strip("/").split("/", 2)[:2]).lower()


@cache  # of the patterns in our tables; a start needs none but one
def _compiled(pattern: str) -> re.Pattern[str]:
    text = ""
    for part in pattern.strip("/").split("/"):
        if part == "*":
            return re.compile(f"{text}(?:/(?P<rest>.*))?", re.I | re.S)
        name = part.strip("{.}")
        if part.endswith("...}"):
            text += f"/(?P<rest>(?P<{name}>.+?))"
        elif part[:1] == "{":
            text += f"/(?P<{name}>[^/]+)"
        else:
            text += "/" + re.escape(part)
    return re.compile(f"{text}/?", re.I | re.S)
