"""The answers of the servers that apps run on: uvicorn, and Node's http and https."""

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from qstash_dev.protocol.model import Outcome, Reason
from qstash_dev.transport.delivery import Sender
from tests.transport.sending import LARGE, MAX_BODY, failure, request, response

APPS = Path(__file__).parent / "apps"

ANSWERS = {
    "/length": (200, b"ok"),
    "/chunks": (200, b"abc"),
    "/nothing": (204, b""),
    "/unchanged": (304, b""),
    "/moved": (302, b""),
    "/gzip": (200, b"plain text"),
    "/deflate": (200, b"plain text"),
    "/br": (200, b"plain text"),
    "/closes": (200, b"ok"),
    "/failed": (500, b"failed"),
}
ONLY_NODE = {"/trailers": (200, b"ok"), "/hints": (200, b"ok")}


@dataclass
class App:
    """A process of its own, and where it listens."""

    name: str
    url: str

    async def get(self, sender: Sender, path: str, body: bytes = b"{}") -> Outcome:
        return await sender(request(self.url + path, body=body))


@pytest.fixture(params=["uvicorn", "node http", "node https"])
async def app(request: pytest.FixtureRequest) -> AsyncIterator[App]:
    command = [sys.executable, str(APPS / "app.py")]
    if request.param == "uvicorn":
        pytest.importorskip("uvicorn")
    else:
        node = shutil.which("node")
        if node is None:
            pytest.skip("there is no Node")
        command = [node, str(APPS / "app.mjs")]
    if request.param == "node https":
        command += map(str, request.getfixturevalue("certificate"))
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    port = int(await process.stdout.readline())
    scheme = "https" if request.param == "node https" else "http"
    yield App(request.param, f"{scheme}://127.0.0.1:{port}")
    process.kill()
    await process.communicate()


async def test_every_kind_of_answer_is_understood(app: App, sender: Sender) -> None:
    answers = ANSWERS if app.name == "uvicorn" else ANSWERS | ONLY_NODE
    for path in (*answers, *reversed(answers)):  # each behind others over the same connection
        found = response(await app.get(sender, path))
        assert (path, found.status, found.body) == (path, *answers[path])


async def test_an_app_that_dies_has_had_each_request_once(app: App, sender: Sender) -> None:
    paths = ["/dies-in-body"] if app.name == "uvicorn" else ["/dies", "/dies-in-body"]
    for path in paths * 2:
        response(await app.get(sender, "/length"))
        assert failure(await app.get(sender, path)).reason == Reason.RESET
    assert response(await app.get(sender, "/count")).body == b"%d" % (4 * len(paths))


async def test_large_bodies_come_and_go(app: App, sender: Sender) -> None:
    short = LARGE[:MAX_BODY]
    assert response(await app.get(sender, "/echo", short)).body == short
    assert response(await app.get(sender, "/echo", LARGE)).truncated
    found = response(await app.get(sender, "/large"))
    assert (len(found.body), found.truncated) == (MAX_BODY, True)


async def test_a_hundred_requests_at_once_are_a_hundred_requests(app: App, sender: Sender) -> None:
    for _ in range(2):
        bodies = [b"%d" % number for number in range(100)]
        found = await asyncio.gather(*(app.get(sender, "/echo", body) for body in bodies))
        assert [response(outcome).body for outcome in found] == bodies
    assert response(await app.get(sender, "/count")).body == b"200"
