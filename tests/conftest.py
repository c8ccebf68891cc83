"""A real server in a process of its own, and an app in the test's process that records deliveries."""

import asyncio
import gc
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import aiohttp
import pytest
from aiohttp import web
from hypothesis import settings
from multidict import CIMultiDictProxy

from tests.patience import PATIENCE_MS, PATIENCE_S
from tests.workers import WholeFiles, place

# Else each process that a test starts would compile the whole package again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# A shell starts what runs in the background with Ctrl-C ignored, and so would be all that we start.
signal.signal(signal.SIGINT, signal.default_int_handler)
# A machine under load is no reason to fail: what takes too long meets pytest's own limit.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

QUIETLY = ("--port", "0", "--memory", "--output", "json")


def pytest_addoption(parser: pytest.Parser) -> None:
    """How long the crash tests go on, and which moments they choose."""
    parser.addoption("--crash-rounds", type=int, default=8, help="kills of a crash test")
    parser.addoption("--crash-seed", type=int, default=1, help="the moments of these kills")


def pytest_xdist_auto_num_workers() -> int:
    """Two more than there are processors: most tests wait for processes that they have started, or for
    a screen. On two processors the third is idle half of its time, and so is the fourth.
    """
    return (os.cpu_count() or 1) + 2


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Whole files, or what the command line asks for."""
    return WholeFiles(config, log) if config.option.dist == "load" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest goes first."""
    items.sort(key=lambda item: place(item.nodeid))


class LocalServer:
    """A running `qstash-dev serve`. `env` is what an app needs to use it; `output` what it printed."""

    def __init__(self, *options: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "qstash_dev", "serve", *QUIETLY, *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=tempfile.gettempdir(),
            env={k: v for k, v in os.environ.items() if not k.startswith("QSTASH")},
            text=True,
        )
        assert self.process.stdout is not None
        first = self.process.stdout.readline()
        assert first, f"the server ended with {self.process.wait()} before it was ready"
        ready = json.loads(first)
        assert ready["type"] == "ready"
        self.url: str = ready["url"]
        self.port: int = ready["port"]
        self.output: deque[str] = deque([first], maxlen=10_000)
        self._reader = threading.Thread(target=self.output.extend, args=(self.process.stdout,))
        self._reader.start()
        self.env: dict[str, str] = self.ask("/_dev/snapshot")["server"]["env"]

    def ask(self, path: str, order: dict[str, Any] | None = None) -> Any:
        """The control API, for code that cannot await; with an order it is a POST."""
        data = None if order is None else json.dumps(order).encode()
        with urlopen(Request(self.url + path, data), timeout=PATIENCE_S) as answer:
            return json.load(answer)

    async def advance(self, seconds: int) -> None:
        """Let time pass; what becomes due on the way is delivered."""
        await self._pass(advance_ms=seconds * 1000)

    async def call(self, path: str, method: str = "GET", **options: Any) -> Any:
        """The JSON answer to any request, with the default user's token; fails on an error."""
        headers = {"Authorization": f"Bearer {self.env['QSTASH_TOKEN']}"}
        async with (
            aiohttp.ClientSession(self.url, headers=headers) as session,
            session.request(method, path, **options) as answer,
        ):
            text = await answer.text()
            assert answer.ok, f"{method} {path}: {answer.status} {text}"
            return json.loads(text)

    async def skip(self) -> None:
        """Let time pass until the next thing is due, and that be delivered."""
        await self._pass(skip=True)

    async def _pass(self, **order: Any) -> None:
        await self.call("/_dev/clock", "POST", json={**order, "wait_ms": PATIENCE_MS})

    async def wait(self, filter_: str, count: int = 1) -> list[dict[str, Any]]:
        """Rows of messages that match a filter, once there are `count`."""
        params = {"filter": filter_, "count": str(count), "timeout_ms": str(PATIENCE_MS)}
        answer = await self.call("/_dev/wait", params=params)
        assert answer["met"], f"only {len(answer['rows'])} of {count} messages match {filter_!r}"
        rows: list[dict[str, Any]] = answer["rows"]
        return rows

    def stop(self) -> None:
        """Kill it: nothing it holds is needed any more."""
        self.process.kill()
        self.process.wait()
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def start_server() -> Iterator[Callable[..., LocalServer]]:
    """Starts servers with options of the test's own, for example `start_server("--quota", "pro")`."""
    started: list[LocalServer] = []

    def start(*options: str) -> LocalServer:
        started.append(LocalServer(*options))
        return started[-1]

    yield start
    for one in started:
        one.stop()


@pytest.fixture(scope="session")
def _server() -> Iterator[LocalServer]:
    # What has ended is still there however long a test took, and however fast its time went by.
    server = LocalServer("--finished-readable", "1h", "--max-age", "1000d")
    yield server
    server.stop()


@pytest.fixture
def server(_server: LocalServer) -> Iterator[LocalServer]:
    """An empty server. The process is kept for the next test, its state is not."""
    yield _server
    _server.ask("/_dev/clock", {"mode": "real"})
    _server.ask("/_dev/reset", {})


@dataclass(frozen=True)
class Received:
    """One request as it arrived: `path` is the raw path with its query, `url` the whole."""

    method: str
    url: str
    path: str
    headers: CIMultiDictProxy[str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class App:
    """A developer's app. Answers 200 unless told otherwise, and keeps what it was sent."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[Received] = []
        self._answers: dict[str, deque[dict[str, Any]]] = {}
        self._arrived = asyncio.Condition()

    def answers(self, path: str, *answers: int | dict[str, Any]) -> str:
        """What `path` answers, one after the other, the last one for ever; returns its URL.

        A status, or any of `status`, `body`, `headers`, and `hold`: an event to wait for.
        """
        wanted = (answer if isinstance(answer, dict) else {"status": answer} for answer in answers)
        self._answers[path] = deque(wanted)
        return self.url + path

    async def received(self, count: int = 1, path: str = "") -> list[Received]:
        """Requests whose path begins with `path`, once there are `count`."""
        found: list[Received] = []

        def enough() -> bool:
            found[:] = [r for r in self.requests if r.path.startswith(path)]
            return len(found) >= count

        async with self._arrived:
            try:
                await asyncio.wait_for(self._arrived.wait_for(enough), PATIENCE_S)
            except TimeoutError:
                seen = [(r.method, r.path) for r in self.requests]
                pytest.fail(f"{len(found)} of {count} requests to {path!r} arrived; all: {seen}")
        return found

    async def one(self, path: str = "") -> Received:
        """The first request to `path`."""
        return (await self.received(1, path))[0]

    def forget(self) -> None:
        """As it was at the start."""
        self.requests.clear()
        self._answers.clear()

    async def _serve(self, request: web.Request) -> web.Response:
        body = await request.read()
        url = f"{self.url}{request.raw_path}"
        received = Received(request.method, url, request.raw_path, request.headers, body)
        async with self._arrived:
            self.requests.append(received)
            self._arrived.notify_all()
        queue = self._answers.get(request.path) or deque([{}])
        answer = queue.popleft() if len(queue) > 1 else queue[0]
        if (hold := answer.get("hold")) is not None:
            await hold.wait()
        return web.Response(
            status=answer.get("status", 200),
            body=answer.get("body", b"ok"),
            headers=answer.get("headers"),
        )


@asynccontextmanager
async def running_app() -> AsyncIterator[App]:
    """An app that runs on this event loop, on a free port."""
    app = App()
    application = web.Application(client_max_size=0)
    application.router.add_route("*", "/{path:.*}", app._serve)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.01)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    app.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield app
    await runner.cleanup()


@pytest.fixture
async def app() -> AsyncIterator[App]:
    """An app that runs on the test's event loop, on a free port."""
    async with running_app() as app:
        yield app


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Certificate and key for `localhost` and this machine's own name, self-signed."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("there is no openssl to make a certificate with")
    directory = tmp_path_factory.mktemp("tls")
    key, certificate = directory / "key.pem", directory / "certificate.pem"
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    own = f"subjectAltName=DNS:localhost,DNS:{socket.gethostname()}"
    names = ["-subj", "/CN=localhost", "-addext", own]
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*command, *names, *files], check=True, capture_output=True)
    return certificate, key


@pytest.fixture(scope="session")
def tls(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    """What a server with that certificate needs."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is collected stays: nothing of it is garbage, and no search for garbage goes through it.

    Searches are rare afterwards: drawing makes a million objects, and each search costs. Most of them
    are gone with their test, so the first search is the rarest.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(100_000, 20, 100)
        gc.enable()


def pytest_unconfigure() -> None:
    """Search for garbage until there is none, so that pytest tells what complains when it goes. Its own
    five searches, each through all that the libraries remember, have nothing to go through then.
    """
    for _ in range(5):
        if not gc.collect():
            break
    gc.freeze()
