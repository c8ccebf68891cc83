"""A server in the test's own event loop, and apps for it to deliver to."""

import asyncio
import contextlib
import json

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from qstash_dev.config import Config
from qstash_dev.server import Server
from tests.patience import PATIENCE_MS
from tests.ports import reserved_port


class Running:
    """A started server and a client for it."""

    def __init__(self, server, session):
        self.server = server
        self.url = server.started.url
        self._session = session

    async def call(self, method, path, body=None, headers=None, status=200):
        token = self.server.started.user.token
        data = body if isinstance(body, str | bytes) or body is None else json.dumps(body)
        headers = {"Authorization": f"Bearer {token}", **(headers or {})}
        async with self._session.request(
            method, URL(self.url + path, encoded="[" in path), data=data, headers=headers
        ) as answer:
            text = await answer.text()
            assert answer.status == status, (answer.status, text)
            return json.loads(text) if text.startswith(("{", "[")) else text

    async def publish(self, url, body="{}", **headers):
        headers = {name.replace("_", "-"): str(value) for name, value in headers.items()}
        answer = await self.call("POST", f"/v2/publish/{url}", body, headers)
        return answer["messageId"]

    async def wait(self, wanted, count=1):
        answer = await self.call(
            "GET", f"/_dev/wait?filter={wanted}&count={count}&timeout_ms={PATIENCE_MS}"
        )
        assert answer["met"], (wanted, answer)
        return answer["rows"]

    async def found(self, wanted):
        """Whether there is such a message before long."""
        answer = await self.call("GET", f"/_dev/wait?filter={wanted}&timeout_ms=2000")
        return answer["met"]

    async def row(self, message_id):
        return (await self.call("GET", f"/_dev/messages/{message_id}"))["row"]

    @contextlib.asynccontextmanager
    async def ticks(self, after=None):
        """What the event stream says from now on, or after an event: one document for each tick."""
        query = "" if after is None else f"?after={after}"
        async with self._session.get(f"{self.url}/_dev/events{query}") as answer:
            yield _documents(answer.content)

    async def clock(self, status=200, **order):
        """Change the clock; what becomes due is done then."""
        return await self.call(
            "POST", "/_dev/clock", {"wait_ms": PATIENCE_MS, **order}, status=status
        )

    async def status(self):
        return (await self.call("GET", "/_dev/snapshot"))["server"]


async def _documents(content):
    async for line in content:
        if line.startswith(b"data: "):
            yield json.loads(line[6:])


@pytest.fixture
async def start():
    """Starts servers that forget, on free ports: `await start(hold=True)`."""
    async with contextlib.AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())

        async def start_one(system_clock=None, **settings):
            settings = {"port": 0, "data_dir": None, "host": ("127.0.0.1",), **settings}
            server = Server(Config(**settings), system_clock=system_clock)
            await server.start()
            stack.push_async_callback(server.stop)
            return Running(server, session)

        yield start_one


class App:
    """What the developer runs. `answer` decides: a status, from the path and how often it was asked."""

    def __init__(self, port, answer):
        self.host, self.port = "127.0.0.1", port
        self.url = f"http://127.0.0.1:{port}"
        self.requests = []
        self.headers = {}
        self._answer = answer
        self._runner = None

    async def start(self):
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
        await self._runner.setup()
        await web.TCPSite(self._runner, self.host, self.port).start()

    async def stop(self):
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _serve(self, request):
        body = await request.read()
        self.requests.append((request.method, request.path, dict(request.headers), body))
        answer = self._answer(request.path, len(self.requests))
        if asyncio.iscoroutine(answer):
            answer = await answer
        text = "done" if answer < 400 else ""
        return web.Response(status=answer, text=text, headers=self.headers)


@pytest.fixture
async def make_app():
    """Makes apps: `make_app(lambda path, count: 500)`. They run after `await app.start()`."""
    apps = []
    with contextlib.ExitStack() as ports:

        def make(answer=lambda path, count: 200):
            apps.append(App(ports.enter_context(reserved_port()), answer))
            return apps[-1]

        yield make
        for app in apps:
            await app.stop()
