"""A server in the test's own loop, spoken to with plain requests; its clock stands still at first."""

import json
from io import BytesIO
from typing import Any

import aiohttp
from yarl import URL

from qstash_dev.protocol.users import DEV_USERS
from qstash_dev.server import Server
from tests.patience import PATIENCE_MS


class Answer:
    """What came back: `json` fails on anything that is not a JSON document."""

    def __init__(self, status: int, headers: Any, body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self) -> Any:
        assert self.headers["Content-Type"].startswith("application/json"), self.body
        return json.loads(self.body)

    @property
    def error(self) -> str:
        document = self.json
        assert list(document) == ["error"], document
        return document["error"]


class Wire:
    """Requests as a client makes them. `user` chooses one of the four predefined users."""

    def __init__(self, server: Server, session: aiohttp.ClientSession) -> None:
        self.server = server
        self.url = server.started.url
        self._session = session

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Any = None,
        *,
        user: int = 0,
        token: str | None = None,
    ) -> Answer:
        """Any request, byte for byte; `body` is sent as it is, or as JSON if it is no text."""
        pairs = list(headers.items() if isinstance(headers, dict) else headers or ())
        if token != "":
            pairs.append(("Authorization", f"Bearer {token or DEV_USERS[user].token}"))
        text = body if isinstance(body, str | bytes | None) else json.dumps(body)
        data = BytesIO(text.encode() if isinstance(text, str) else text) if text else None
        async with self._session.request(
            method,
            URL(self.url + path, encoded=True),
            data=data,
            headers=pairs,
            skip_auto_headers=("Content-Type", "User-Agent", "Accept", "Accept-Encoding"),
        ) as answer:
            return Answer(answer.status, answer.headers, await answer.read())

    async def ok(self, method: str, path: str, *rest: Any, **options: Any) -> Any:
        """The document of a request that must succeed, or its text."""
        answer = await self.ask(method, path, *rest, **options)
        assert 200 <= answer.status < 300, (method, path, answer.status, answer.body)
        is_json = answer.headers.get("Content-Type", "").startswith("application/json")
        return json.loads(answer.body) if is_json else answer.body.decode()

    async def publish(self, destination: str, body: Any = None, **headers: Any) -> str:
        """The id of a message; `retries=0` is the header `Upstash-Retries: 0`."""
        user = headers.pop("user", 0)
        document = await self.ok(
            "POST", f"/v2/publish/{destination}", body, upstash(**headers), user=user
        )
        return document["messageId"]

    async def enqueue(self, queue: str, destination: str, body: Any = None, **headers: Any) -> str:
        """The id of a message in a queue."""
        path = f"/v2/enqueue/{queue}/{destination}"
        return (await self.ok("POST", path, body, upstash(**headers)))["messageId"]

    async def advance(self, seconds: float) -> None:
        """Let time pass, and all that happens in it."""
        await self._pass(advance_ms=int(seconds * 1000))

    async def skip(self) -> None:
        """Let time pass until the next thing is due, and that happen."""
        await self._pass(skip=True)

    async def _pass(self, **order: Any) -> None:
        await self.ok("POST", "/_dev/clock", {**order, "wait_ms": PATIENCE_MS})

    async def idle(self) -> None:
        """Until nothing is under way or due."""
        await self.advance(0)

    async def wait(self, wanted: str, count: int = 1) -> list[dict[str, Any]]:
        """Rows that match a filter, once there are `count`."""
        answer = await self.ok(
            "GET", f"/_dev/wait?filter={wanted}&count={count}&timeout_ms={PATIENCE_MS}"
        )
        assert answer["met"], (wanted, answer)
        return answer["rows"]

    async def events(self, query: str = "", **options: Any) -> list[dict[str, Any]]:
        """The log, oldest first."""
        document = await self.ok("GET", f"/v2/events?order=earliestFirst&{query}", **options)
        return document["events"]

    async def states(self, message_id: str) -> list[str]:
        """What happened to a message."""
        return [event["state"] for event in await self.events(f"messageId={message_id}")]

    async def now(self) -> int:
        """Epoch milliseconds of the server's clock."""
        return (await self.ok("GET", "/_dev/clock"))["now"]


def upstash(**headers: Any) -> dict[str, str]:
    """`retry_delay="1000"` becomes `Upstash-Retry-Delay: 1000`."""
    return {f"Upstash-{name.replace('_', '-')}": str(value) for name, value in headers.items()}
