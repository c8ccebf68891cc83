"""Requests as bytes, for each surface: from routes of the real tables, and damaged in their framing."""

from collections.abc import Callable, Iterable
from itertools import count
from urllib.parse import quote

from msgspec import Struct

from qstash_dev.api.app import all_routes
from qstash_dev.api.v2.all_routes import ROUTES
from qstash_dev.protocol.signature import sign
from qstash_dev.protocol.users import DEV_USERS
from tests.attack.fuzz.words import Words, encoded

TOKEN = DEV_USERS[0].token
PUBLIC_HOST = "fuzzed.example"
KEYS = ("sig_ofTheCloudCurrent", "sig_ofTheCloudNext")
WAITING = ("/_dev/wait", "/_dev/events", "/_dev/clock")
"""What answers late, or goes on."""
METHODS = (
    "GET",
    "POST",
    "PUT",
    "DELETE",
    "PATCH",
    "HEAD",
    "OPTIONS",
    "TRACE",
    "CONNECT",
    "get",
    "X",
)
ROUTES_BY_SURFACE = {
    "api": ROUTES,
    "control": [route for route in all_routes() if route.pattern.startswith("/_dev/")],
    "log port": all_routes(),
}
SURFACES = ("api", "api", "api", "control", "control", "log port", "ingress", "ingress")


class Shot(Struct, frozen=True):
    """One connection: bytes, and whether they are HTTP that must be answered by itself soon."""

    surface: str
    data: bytes
    is_whole: bool
    is_head: bool


class Requests:
    """Draws requests. `webhook_token` lets some in at the ingress; `wall` (ms) dates signatures."""

    def __init__(self, words: Words, webhook_token: str, wall: Callable[[], int]) -> None:
        self._words = words
        self._random = words.random
        self._webhook_token = webhook_token
        self._wall = wall
        self._numbers = count(1)

    def draw(self) -> Shot:
        """The next one."""
        surface = self._random.choice(SURFACES)
        method, path = self._line(surface)
        body = self._words.body() if self._words.chance(60) else b""
        signed = surface == "ingress" and self._words.chance(50)
        headers = [*self._own(surface, path, body, signed), *self._more()]
        is_late = f"/{path.lower().lstrip('/')}".startswith(WAITING) or "/../" in path
        if self._words.chance(85):
            data = _written(method, path, [*headers, ("Content-Length", str(len(body)))], body)
            return Shot(surface, data, not is_late, method == "HEAD")
        return Shot(surface, self._framed(method, path, headers, body), False, method == "HEAD")

    def _line(self, surface: str) -> tuple[str, str]:
        if surface == "ingress":
            path = self._random.choice(
                ("/api/x", "/v2/publish/*", "/.qstash-dev/to/*", "/", "/v2/batch", "/_dev/snapshot")
            )
            methods = "POST"
        else:
            route = self._random.choice(ROUTES_BY_SURFACE[surface])
            path, methods = route.pattern, route.methods.replace("ANY", "POST PUT GET")
        method = self._random.choice(methods.split())
        if self._words.chance(6):
            method = self._random.choice(METHODS)
        return method, self._path(path) + self._query()

    def _path(self, pattern: str) -> str:
        parts = []
        for part in pattern.split("/"):
            if part == "*":
                parts.append(self._destination())
            elif part.startswith("{"):
                parts.append(_quoted(self._words.value("name"), self._words.chance(90)))
            else:
                parts.append(part.upper() if self._words.chance(2) else part)
        path = "/".join(parts)
        return self._words.random.choice((f"/{path}", f"{path}/", f"/x/..{path}")) if (
            self._words.chance(4)
        ) else path  # fmt: skip

    def _destination(self) -> str:
        url = self._words.value("url")
        if self._words.chance(20):
            return quote(url, safe="", errors="replace")
        return _quoted(url, self._words.chance(90))

    def _query(self) -> str:
        if self._words.chance(50):
            return ""
        pairs = [self._words.parameter() for _ in range(self._random.choice((1, 2, 4)))]
        if self._words.chance(10):
            pairs.append(("qstash_token", self._random.choice((TOKEN, self._webhook_token, "x"))))
        return "?" + "&".join(f"{n}={_quoted(v, self._words.chance(90))}" for n, v in pairs)

    def _own(self, surface: str, path: str, body: bytes, signed: bool) -> Iterable[tuple[str, str]]:
        host = PUBLIC_HOST if surface == "ingress" else "localhost:8080"
        yield "Host", host if self._words.chance(97) else self._words.nasty()
        if signed:
            yield "Upstash-Signature", self._signature(path, body)
        elif self._words.chance(94):
            token = TOKEN if surface != "ingress" else self._webhook_token
            yield "Authorization", f"Bearer {token}"
        if self._words.chance(3):
            origins = ("http://localhost:3000", "https://evil.example", self._words.nasty())
            yield "Origin", self._random.choice(origins)

    def _signature(self, path: str, body: bytes) -> str:
        if self._words.chance(10):
            return self._words.nasty()
        url = f"https://{PUBLIC_HOST}{path}"
        token = sign(
            url.encode(errors="replace").decode(),
            body,
            KEYS[0],
            self._wall() // 1000,
            f"jwt_{next(self._numbers)}",
        )
        return (
            self._words.mutated(token.encode()).decode("latin-1")
            if self._words.chance(10)
            else token
        )

    def _more(self) -> Iterable[tuple[str, str]]:
        for _ in range(self._random.choice((0, 0, 1, 2, 5))):
            yield self._words.option()
        if self._words.chance(40):
            yield "Content-Type", self._words.value("type")
        if self._words.chance(5):
            yield self._words.nasty(), self._words.nasty()

    def _framed(self, method: str, path: str, headers: list[tuple[str, str]], body: bytes) -> bytes:
        """HTTP that is not quite so, or more than one request."""
        length = ("Content-Length", str(len(body)))
        whole = _written(method, path, [*headers, length], body)
        chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        coded = ("Transfer-Encoding", "chunked")
        makers = (
            lambda: self._words.mutated(whole),
            lambda: self._words.mutated(whole),
            lambda: whole[: self._random.randrange(len(whole))],
            lambda: whole * 3,
            lambda: whole.replace(b"\r\n", b"\n"),
            lambda: whole.replace(b" HTTP/1.1", self._random.choice((b"", b" HTTP/1.0", b" HTTP/9"))),
            lambda: whole.replace(b" /", b" http://localhost:8080/", 1),
            lambda: _written(method, path, [*headers, coded], chunked),
            lambda: _written(method, path, [*headers, coded], self._words.mutated(chunked)),
            lambda: _written(method, path, [*headers, coded, length], chunked),
            lambda: _written(method, path, [*headers, length, length], body),
            lambda: _written(method, path, [*headers, ("Content-Length", self._words.nasty())], body),
            lambda: _written(method, path, [*headers, ("Expect", "100-continue"), length], body),
            lambda: _written(method, path, [*headers, ("Content-Encoding", "gzip"), length], body),
            lambda: _written(
                method, path, [*headers, ("Connection", "Upgrade"), ("Upgrade", "websocket")], body
            ),
            lambda: _written(method, path, [*headers, *[("X", "y" * 90)] * 1_200], body),
            lambda: _written(method, path + "a" * 70_000, [*headers, length], body),
            lambda: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            lambda: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + self._random.randbytes(60),
            lambda: self._random.randbytes(self._random.choice((1, 40, 3_000))),
        )  # fmt: skip
        return self._random.choice(makers)()


def _written(method: str, path: str, headers: Iterable[tuple[str, str]], body: bytes) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
    return encoded("\r\n".join([*lines, "", ""])) + body


def _quoted(text: str, well: bool) -> str:
    return quote(text, safe="/:.=,", errors="replace") if well else text
