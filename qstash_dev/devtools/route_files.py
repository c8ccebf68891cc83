"""Which source file serves a path, in frameworks whose file names are the routes.

Next.js (app and pages router), SvelteKit, Nuxt. It refuses to read files or to walk directories.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

from msgspec import Struct

from qstash_dev.protocol.errors import nearest as most_alike

_CODE = r"\.[cm]?[jt]sx?"
_ROUTES = tuple(
    re.compile(rf"(?:.*/)?{pattern}{_CODE}")
    for pattern in (
        r"app/((?:.*/)?)route",  # Next.js, app router
        r"pages/(api(?:/.*)?)",  # Next.js, pages router
        r"src/routes/((?:.*/)?)\+server",  # SvelteKit
        r"server/(api/.*)",  # Nuxt
        r"server/routes/(.*)",
    )
)
_LIKE_A_ROUTE = re.compile(
    r"(?:.*/)?(?:src/routes|app|pages|server/routes|server(?=/api/))/(.*?)"
    rf"(?:/(?:index|route|page|handler|\+server|\+page))?{_CODE}"
)
_NO_SEGMENT = re.compile(r"\(.*\)|@.*")  # Next's (groups) and @slots
_NUXT_METHOD = re.compile(r"\.(get|post|put|patch|delete|head|options)$")


class RouteFile(Struct, frozen=True):
    """A file and the path it serves, as segments; `[id]` is any one, `[...rest]` the remainder."""

    file: str
    segments: tuple[str, ...]

    @property
    def path(self) -> str:
        return "/" + "/".join(self.segments)


def route_of(file: str) -> RouteFile | None:
    """The route of a file (forward slashes, relative to the project); `None` if it is none."""
    for pattern in _ROUTES:
        if found := pattern.fullmatch(file):
            return RouteFile(file, _segments(found[1]))
    return None


def serving(path: str, files: Iterable[str], *, has_base: bool = False) -> str | None:
    """The file that serves a path; a literal name wins over a `[parameter]`.

    An app that `has_base` may be mounted below a path that no file name tells (`basePath` of Next.js):
    where nothing fits the whole path, a route fits that two of its names or more end in.
    """
    wanted, routes = _parts(path), _routes(tuple(files))
    fitting = [route for route in routes if _fits(route.segments, wanted)]
    if has_base and not fitting:
        fitting = [route for route in routes if _ends_in(wanted, route.segments)]
    best = min(fitting, key=_looseness, default=None)
    return best.file if best else None


def without_base(path: str, base: str) -> str | None:
    """The path without the base path (`/app`, or nothing), if it lies below that."""
    if path == base:
        return "/"
    return path.removeprefix(base) if path.startswith(f"{base}/") else None


def _ends_in(path: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    literal = [part for part in pattern if not part.startswith("[")]
    if len(literal) < 2 or pattern[0].startswith("["):
        return False
    return any(
        path[start] == pattern[0] and _fits(pattern, path[start:]) for start in range(len(path))
    )


def _looseness(route: RouteFile) -> tuple[int, ...]:
    """Sorts literal names before `[one]` before `[...rest]`, segment by segment."""
    return tuple(2 * ("..." in part) or part.startswith("[") for part in route.segments)


def concerned(paths: Iterable[str], changed: Iterable[str]) -> set[str]:
    """The paths that changed source files serve. If they serve none, any may be concerned: all.

    Python frameworks put the path into the code, so there a module is taken for a path in which its
    name stands: `routers/orders.py` for `/api/orders/7`.
    """
    files, paths = list(changed), set(paths)
    modules = {name[:-3].rpartition("/")[2] for name in files if name.endswith(".py")}
    served = {
        path
        for path in paths
        if serving(path, files, has_base=True) or modules.intersection(_parts(path))
    }
    return served or paths


def misnamed(path: str, files: Iterable[str]) -> str | None:
    """A file where the route of a path should be, whose name makes no route, or another one."""
    wanted = _parts(path)
    for file in files:
        found = _LIKE_A_ROUTE.fullmatch(file)
        if found and _segments(found[1]) == wanted:
            return file
    return None


def nearest(path: str, files: Iterable[str]) -> RouteFile | None:
    """The route that was probably meant: one segment is a slip, or the first ones are missing."""
    wanted = _parts(path)
    return next(
        (route for route in _routes(tuple(files)) if _is_near(route.segments, wanted)), None
    )


def _is_near(pattern: tuple[str, ...], path: tuple[str, ...]) -> bool:
    if path and len(path) < len(pattern):
        return pattern[-len(path) :] == path
    if len(path) != len(pattern):
        return False
    pairs = zip(pattern, path, strict=True)
    slips = [pair for pair in pairs if not (pair[0] == pair[1] or pair[0].startswith("["))]
    return len(slips) == 1 and most_alike(slips[0][1], slips[0][:1]) is not None


@lru_cache(maxsize=1)  # of an app: each 404 asks several times
def _routes(files: tuple[str, ...]) -> tuple[RouteFile, ...]:
    return tuple(route for file in files if (route := route_of(file)))


def _parts(path: str) -> tuple[str, ...]:
    return tuple(part for part in path.split("/") if part)


def _segments(text: str) -> tuple[str, ...]:
    parts = [part for part in _parts(text) if not _NO_SEGMENT.fullmatch(part)]
    if parts:
        parts[-1] = _NUXT_METHOD.sub("", parts[-1])
    return tuple(parts[:-1] if parts and parts[-1] == "index" else parts)


def _fits(pattern: tuple[str, ...], path: tuple[str, ...]) -> bool:
    if not pattern:
        return not path
    head = pattern[0]
    if head.startswith("[..."):
        return bool(path)
    if head.startswith("[[..."):
        return True
    if not path or not (head == path[0] or head.startswith("[")):
        return False
    return _fits(pattern[1:], path[1:])
