"""A server that faces the internet, an app behind it, and somebody who can send anything.

The public name is made up: requests go straight to the ingress port, as the end of a tunnel brings
them.
"""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from typing import Any

import aiohttp
from aiohttp import web
from msgspec import Struct

from qstash_dev.config import Config
from qstash_dev.engine.clock import SystemClock
from qstash_dev.protocol.signature import sign
from qstash_dev.protocol.users import DEV_USERS
from qstash_dev.server import Server
from tests.patience import PATIENCE_MS
from tests.raw_answer import read_one

PUBLIC_HOST = "mine.ngrok-free.app"
PUBLIC = f"https://{PUBLIC_HOST}"
KEYS = ("sig_cloudCurrent4vNGcy6cr29RJ6rX", "sig_cloudNextB1wjE8S6rZ7eenA8PdXX")
ENVIRON = {
    "QSTASH_CLOUD_CURRENT_SIGNING_KEY": KEYS[0],
    "QSTASH_CLOUD_NEXT_SIGNING_KEY": KEYS[1],
}
DEV = DEV_USERS[0]


def now_s() -> int:
    return SystemClock().wall() // 1000


class Got(Struct):
    """One request that the app received."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class App:
    """The developer's app: remembers what it got, and answers as it is told."""

    def __init__(self) -> None:
        self.got: list[Got] = []
        self.answer: Any = lambda got: web.Response(text="ok")
        self._runner: web.ServerRunner | None = None

    async def start(self, port: int = 0) -> int:
        self._runner = web.ServerRunner(web.Server(self._serve, auto_decompress=False))
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        got = Got(request.method, request.raw_path, dict(request.headers), body)
        self.got.append(got)
        answer = self.answer(got)
        return await answer if asyncio.iscoroutine(answer) else answer


class Answer(Struct):
    """What came back from a socket."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class World:
    """`server` with its control API, `app`, and the ingress port at `ingress`."""

    def __init__(self, server: Server, app: App, session: aiohttp.ClientSession) -> None:
        self.server = server
        self.app = app
        self.session = session
        self.url = server.started.url
        self.ingress = 0
        self._numbers = count(1)

    async def dev(self, path: str, method: str = "GET", **options: Any) -> Any:
        """A call of the control API."""
        async with self.session.request(method, f"{self.url}/_dev/{path}", **options) as answer:
            document = await answer.json()
            assert answer.ok, document
            return document

    async def rows(self, wanted: str = "") -> list[dict[str, Any]]:
        return (await self.dev("messages", params={"filter": wanted}))["rows"]

    async def wait(self, wanted: str, count: int = 1) -> list[dict[str, Any]]:
        """Rows that match, as soon as there are so many."""
        params = {"filter": wanted, "count": str(count), "timeout_ms": str(PATIENCE_MS)}
        found = await self.dev("wait", params=params)
        assert found["met"], (wanted, await self.rows())
        return found["rows"]

    async def refusals(self) -> list[dict[str, Any]]:
        return (await self.dev("tunnel"))["refusals"]

    async def raw(self, head: str, body: bytes = b"") -> Answer:
        """Bytes as they are through the tunnel; lines of `head` end as HTTP wants it."""
        text = "\r\n".join([*head.strip("\n").split("\n"), "Connection: close"]) + "\r\n\r\n"
        return await self.send(text.encode("latin-1") + body)

    async def send(self, data: bytes) -> Answer:
        """Bytes, and what is answered."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.ingress)
        writer.write(data)
        await writer.drain()
        whole = await read_one(reader)
        writer.close()
        return _parsed(whole)

    async def deliver(
        self,
        path: str = "/api/x",
        body: bytes = b'{"a":1}',
        *,
        message_id: str = "msg_cloud1",
        retried: int = 0,
        key: str = KEYS[0],
        headers: str = "",
        token: str | None = None,
        method: str = "POST",
    ) -> Answer:
        """A delivery of the cloud."""
        token = token or self.token(path, body, key=key)
        return await self.raw(
            f"{method} {path} HTTP/1.1\nHost: {PUBLIC_HOST}\nContent-Length: {len(body)}\n"
            f"User-Agent: Upstash-QStash\nUpstash-Signature: {token}\n"
            f"Upstash-Message-Id: {message_id}\nUpstash-Retried: {retried}\n"
            f"Content-Type: application/json\n{headers}",
            body,
        )

    def token(self, path: str, body: bytes, *, key: str = KEYS[0]) -> str:
        return sign(f"{PUBLIC}{path}", body, key, now_s(), f"jwt_{next(self._numbers)}")


@asynccontextmanager
async def outside_world(
    environ: dict[str, str] | None = None, app_port: int = 0, **settings: Any
) -> AsyncIterator[World]:
    """A world with an external tunnel, unless the settings say otherwise."""
    app = App()
    port = app_port or await app.start()
    given = {"public_url": PUBLIC, "ingress_port": 0, "data_dir": None, **settings}
    config = Config(port=0, host=("127.0.0.1",), app_url=f"http://localhost:{port}", **given)
    server = Server(config, environ=ENVIRON if environ is None else environ)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(app.stop)
        await server.start()
        stack.push_async_callback(server.stop)
        session = await stack.enter_async_context(aiohttp.ClientSession())
        world = World(server, app, session)
        world.ingress = int((await world.dev("tunnel"))["ingress"].rpartition(":")[2])
        yield world


def zipped(body: bytes) -> bytes:
    return gzip.compress(body, mtime=0)


def _parsed(whole: bytes) -> Answer:
    head, _, body = whole.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines[1:])
    return Answer(int(lines[0].split(" ")[1]), headers, body)
