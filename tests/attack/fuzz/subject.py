"""The server under fire, as people start it, and an app behind it that answers anything."""

import asyncio
import re
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from zlib import crc32

import aiohttp
import psutil

from tests.attack.fuzz.requests import KEYS, PUBLIC_HOST, TOKEN
from tests.ports import reserved_port
from tests.process.conftest import COMMAND, clean_environment
from tests.raw_server import RawServer

MARK = "X-App"
ANSWERS = (
    b"200 OK\r\nContent-Length: 2\r\n\r\nok",
    b'200 OK\r\nContent-Type: application/json\r\nContent-Length: 8\r\n\r\n{"a":\xff\xfe}',
    b"204 No Content\r\n\r\n",
    b"404 Nicht da\xff\r\nX-Name: Zo\xeb\r\nContent-Length: 0\r\n\r\n",
    b"500 Broken\r\nRetry-After: 99999999999999999999\r\nContent-Length: 3\r\n\r\n\x00\x01\x02",
    b"489 Stop\r\nUpstash-NonRetryable-Error: true\r\nContent-Length: 0\r\n\r\n",
    b"200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    b"200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00",
    b"302 Found\r\nLocation: http://\xff/\r\nContent-Length: 0\r\n\r\n",
)


class Subject:
    """A server that runs. `ports` by surface; `log` is all that it said."""

    def __init__(self, process: subprocess.Popen[bytes], url: str, log: Path) -> None:
        self._process = psutil.Process(process.pid)
        self.url = url
        self.log = log
        self.ports: dict[str, int] = {}
        self.webhook_token = ""

    async def call(self, method: str, path: str, **options: Any) -> Any:
        """An orderly call, which must succeed."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with (
            aiohttp.ClientSession(self.url, headers=headers) as session,
            session.request(method, path, **options) as answer,
        ):
            document = await answer.json()
            assert answer.ok, f"{method} {path}: {answer.status} {document}"
            return document

    async def forget(self) -> None:
        """As at the beginning: time, routes, faults, messages."""
        await self.call("POST", "/_dev/clock", json={"mode": "real"})
        await self.call("PUT", "/_dev/routes", json={"routes": []})
        await self.call("DELETE", "/_dev/faults")
        await self.call("POST", "/_dev/resume")
        await self.call("POST", "/_dev/reset")

    def memory_mib(self) -> float:
        """What it keeps of the machine's memory."""
        return round(self._process.memory_info().rss / 1_048_576, 1)


@asynccontextmanager
async def running() -> AsyncIterator[tuple[Subject, str]]:
    """A server that faces the internet with its own directory, and the URL of the app."""
    async with AsyncExitStack() as stack:
        app_url = f"http://127.0.0.1:{await RawServer(stack).start(_answer)}"
        place = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        log_port = stack.enter_context(reserved_port())
        process, subject = _started(place, app_url, log_port)
        stack.callback(process.wait)
        stack.callback(process.kill)
        assert process.stdout is not None
        stack.callback(process.stdout.close)
        tunnel = await subject.call("GET", "/_dev/tunnel")
        ingress = int(tunnel["ingress"].rpartition(":")[2])
        own = int(subject.url.rpartition(":")[2])
        subject.webhook_token = tunnel["webhook"].rpartition("=")[2]
        subject.ports = {"api": own, "control": own, "log port": log_port, "ingress": ingress}
        yield subject, app_url


def _started(place: Path, app_url: str, log_port: int) -> tuple[subprocess.Popen[bytes], Subject]:
    """Nothing that is made up is called: what is not on this machine is refused."""
    names = ("QSTASH_CLOUD_CURRENT_SIGNING_KEY", "QSTASH_CLOUD_NEXT_SIGNING_KEY")
    options = (
        *("serve", "--port", "0", "--log-port", str(log_port), "--output", "quiet"),
        *("--app", app_url, "--external", "deny", "--max-messages", "1000"),
        *("--public-url", f"https://{PUBLIC_HOST}", "--ingress-port", "0", "--tunnel-open"),
    )
    log = place / "said.log"
    with log.open("wb") as said:
        process = subprocess.Popen(
            [*COMMAND, *options],
            stdout=subprocess.PIPE,
            stderr=said,
            cwd=place,
            env=clean_environment(**dict(zip(names, KEYS, strict=True))),
        )
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.match(rb"QSTASH_URL=(\S+)", line):
            return process, Subject(process, found[1].decode(), log)
    raise AssertionError(log.read_text("utf-8", "replace"))


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """By the path, so that the same request has the same answer."""
    with suppress(asyncio.LimitOverrunError, asyncio.CancelledError):  # cancelled at the very end
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            found = re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
            await reader.readexactly(int(found[1]) if found else 0)
            _, _, rest = head.partition(b" ")  # none where it is asked for HTTP/2
            answer = ANSWERS[crc32(rest.partition(b" ")[0]) % len(ANSWERS)]
            status, _, rest = answer.partition(b"\r\n")
            writer.write(b"HTTP/1.1 " + status + b"\r\n" + f"{MARK}: yes\r\n".encode() + rest)
            await writer.drain()
