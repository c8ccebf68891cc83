"""The API of a real server in this process, on a free port and with its state in memory."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, BinaryIO

import aiohttp
import pytest
from yarl import URL

from qstash_dev.config import Config
from qstash_dev.protocol.users import DEV_USERS
from qstash_dev.server import Server
from tests.api.wire import Wire
from tests.patience import PATIENCE_MS, PATIENCE_S
from tests.raw_answer import read_one

TOKENS = {user.id: user.token for user in DEV_USERS}


class Api:
    """A running server. `call` speaks JSON with the default user's token; `raw` speaks bytes."""

    def __init__(self, server: Server, session: aiohttp.ClientSession) -> None:
        self.server = server
        self.session = session
        self.url = server.started.url
        self.port = server.started.port
        self.host = f"127.0.0.1:{self.port}"

    async def call(
        self, method: str, path: str, *, user: str | None = "defaultUser", **options: Any
    ) -> tuple[int, Any]:
        """Status and JSON document. The path goes out as it is written."""
        headers = {"Authorization": f"Bearer {TOKENS[user]}"} if user else {}
        headers |= options.pop("headers", {})
        url = URL(self.url + path, encoded=True)
        async with self.session.request(method, url, headers=headers, **options) as response:
            text = await response.text()
            assert response.headers["Content-Type"].startswith("application/json"), text
            return response.status, json.loads(text)

    async def ok(self, method: str, path: str, **options: Any) -> Any:
        """The document of a request that succeeds."""
        status, document = await self.call(method, path, **options)
        assert 200 <= status < 300, (status, document)
        return document

    async def error(self, method: str, path: str, **options: Any) -> tuple[int, str]:
        """Status and sentence of a request that is refused; there is nothing else in the answer."""
        status, document = await self.call(method, path, **options)
        assert status >= 400
        assert list(document) == ["error"]
        return status, document["error"]

    async def publish(
        self, destination: str, body: bytes | BinaryIO = b"", **headers: object
    ) -> str:
        """The id of a new message; `retries=0` is the header `Upstash-Retries: 0`."""
        named = {f"Upstash-{name.replace('_', '-')}": str(v) for name, v in headers.items()}
        path = f"/v2/publish/{destination}"
        document = await self.ok("POST", path, data=body, headers=named)
        message_id: str = document["messageId"]
        return message_id

    async def wait(self, filter_: str, count: int = 1) -> list[dict[str, Any]]:
        """Rows that match a filter, once there are `count`."""
        query = URL.build(query={"filter": filter_, "count": count, "timeout_ms": PATIENCE_MS})
        found = await self.ok("GET", f"/_dev/wait{query}")
        assert found["met"], found
        rows: list[dict[str, Any]] = found["rows"]
        return rows

    async def raw(self, request: bytes) -> tuple[int, bytes, bytes]:
        """Status, head and body of the answer to bytes; the connection is closed after them."""
        async with asyncio.timeout(PATIENCE_S):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            writer.write(request)
            answer = (
                await reader.read() if b"Connection: close" in request else await read_one(reader)
            )
            writer.close()
            await writer.wait_closed()
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split(b" ")[1]), head, body


StartApi = Callable[..., Awaitable[Api]]


@asynccontextmanager
async def starting(kind: Callable[..., Any], **defaults: Any) -> AsyncIterator[Any]:
    """Starts servers in memory, each with a session, and stops them all at the end."""
    async with AsyncExitStack() as stack:

        async def start(*, command: Sequence[str] = (), **settings: Any) -> Any:
            config = Config(**{"port": 0, "data_dir": None, **defaults, **settings})
            server = Server(config, command=command)
            await server.start()
            stack.push_async_callback(server.stop)
            session = await stack.enter_async_context(aiohttp.ClientSession())
            return kind(server, session)

        yield start


@pytest.fixture
async def start_api() -> AsyncIterator[StartApi]:
    """Starts servers with settings of the test's own: `await start_api(quota="pro")`."""
    async with starting(Api) as start:
        yield start


@pytest.fixture
async def api(start_api: StartApi) -> Api:
    """A server with the default settings."""
    return await start_api()


StartWire = Callable[..., Awaitable[Wire]]


@pytest.fixture
async def start_wire() -> AsyncIterator[StartWire]:
    """As `start_api`, with a clock that stands still until the test lets time pass."""
    async with starting(Wire, clock_mode="frozen") as start:
        yield start


@pytest.fixture
async def wire(start_wire: StartWire) -> Wire:
    """A server with the default settings whose clock stands still."""
    return await start_wire()
