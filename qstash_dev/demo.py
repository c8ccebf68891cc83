"""A small app that receives deliveries, and a stream of messages for it: what `demo` shows.

Talks to the server by HTTP, as any app does; knows nothing of how it works inside.
"""

import asyncio
import hmac
import json
import logging
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from hashlib import sha256
from itertools import cycle

import aiohttp
import jwt
from aiohttp import web
from aiohttp.typedefs import Middleware
from msgspec import Struct
from yarl import URL

from qstash_dev.protocol.users import User

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

SLOW_S = 2.0
PAUSE_S = 0.8
"""Between two messages of the stream."""


class Sample(Struct, frozen=True):
    """One request to the server. In `path`, `{app}` stands for the address of the sample app."""

    title: str
    path: str
    headers: dict[str, str] = {}
    body: bytes = b""


JSON = {"Content-Type": "application/json"}


def order(number: int) -> bytes:
    return json.dumps({"order": number, "items": ["tea", "cup"], "total": 12.5}).encode()


SETUP = (
    Sample(
        "URL group",
        "/v2/topics/demo-signups/endpoints",
        JSON,
        b'{"endpoints": [{"url": "{app}/api/mail", "name": "mail"},'
        b' {"url": "{app}/api/metrics", "name": "metrics"}]}',
    ),
    Sample(
        "schedule",
        "/v2/schedules/{app}/api/cleanup",
        {"Upstash-Cron": "* * * * *", "Upstash-Schedule-Id": "demo-every-minute"},
    ),
)

SAMPLES = (
    Sample("delivered at once", "/v2/publish/{app}/api/orders", JSON, order(1)),
    Sample(
        "with a callback",
        "/v2/publish/{app}/api/orders",
        {**JSON, "Upstash-Callback": "{app}/api/callback"},
        order(2),
    ),
    Sample(
        "fails twice, then succeeds",
        "/v2/publish/{app}/api/flaky",
        {**JSON, "Upstash-Retry-Delay": "1000", "Upstash-Label": "flaky"},
        order(3),
    ),
    Sample("takes two seconds", "/v2/publish/{app}/api/slow", JSON, order(4)),
    Sample(
        "always fails: dead letter queue and failure callback",
        "/v2/publish/{app}/api/broken",
        {
            **JSON,
            "Upstash-Retries": "2",
            "Upstash-Retry-Delay": "1500",
            "Upstash-Failure-Callback": "{app}/api/failed",
        },
        order(5),
    ),
    Sample("not to be retried (489)", "/v2/publish/{app}/api/rejected", JSON, order(6)),
    Sample("delayed", "/v2/publish/{app}/api/remind", {**JSON, "Upstash-Delay": "20s"}, order(7)),
    Sample("in a queue, first", "/v2/enqueue/demo-mail/{app}/api/slow", JSON, order(8)),
    Sample("in a queue, second", "/v2/enqueue/demo-mail/{app}/api/mail", JSON, order(9)),
    Sample("to a URL group", "/v2/publish/demo-signups", JSON, b'{"user": "ada"}'),
    Sample(
        "with flow control",
        "/v2/publish/{app}/api/limited",
        {
            **JSON,
            "Upstash-Flow-Control-Key": "demo-limited",
            "Upstash-Flow-Control-Value": "parallelism=1, rate=1, period=2s",
        },
        order(10),
    ),
    Sample(
        "with secrets that the log does not show",
        "/v2/publish/{app}/api/orders",
        {
            **JSON,
            "Upstash-Forward-Authorization": "Bearer secret",
            "Upstash-Redact-Fields": "body, header[Authorization]",
        },
        b'{"card": "4111 1111 1111 1111"}',
    ),
    Sample(
        "binary",
        "/v2/publish/{app}/api/thumb",
        {"Content-Type": "image/png"},
        b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
    ),
    Sample(
        "by GET, with a query",
        "/v2/publish/{app}/api/search?q=caf%C3%A9&page=2",
        {"Upstash-Method": "GET"},
    ),
    Sample(
        "several at once",
        "/v2/batch",
        JSON,
        b'[{"destination": "{app}/api/orders", "body": "one"},'
        b' {"destination": "{app}/api/orders", "body": "two"}]',
    ),
)


def make_app(user: User) -> web.Application:
    """The sample app. Every handler answers 401 to what this user's keys did not sign."""
    app = web.Application(middlewares=[verified((user.current_key, user.next_key))])
    app.router.add_route("*", "/api/slow", slow)
    app.router.add_route("*", "/api/flaky", flaky)
    app.router.add_route("*", "/api/broken", broken)
    app.router.add_route("*", "/api/rejected", rejected)
    app.router.add_route("*", "/api/{name}", accept)
    return app


async def accept(request: web.Request) -> web.Response:
    body = await request.read()
    return web.json_response({"handler": request.match_info["name"], "received": len(body)})


async def slow(request: web.Request) -> web.Response:
    await asyncio.sleep(SLOW_S)
    return web.json_response({"done": True})


async def flaky(request: web.Request) -> web.Response:
    tries = int(request.headers.get("Upstash-Retried", "0"))
    if tries < 2:
        return web.json_response({"error": f"the database is busy (try {tries + 1})"}, status=503)
    return web.json_response({"done": True})


async def broken(request: web.Request) -> web.Response:
    return web.json_response({"error": "TypeError: order.lines is undefined"}, status=500)


async def rejected(request: web.Request) -> web.Response:
    headers = {"Upstash-NonRetryable-Error": "true"}
    return web.json_response({"error": "no such customer"}, status=489, headers=headers)


def verified(keys: tuple[str, str]) -> Middleware:
    """Lets only signed requests through, as the receivers of the SDKs do."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        token = request.headers.get("Upstash-Signature", "")
        problem = why_invalid(token, await request.read(), keys)
        if problem is not None:
            return web.json_response({"error": problem}, status=401)
        return await handler(request)

    return check


def why_invalid(token: str, body: bytes, keys: Iterable[str]) -> str | None:
    """What is wrong with a signature under every key, or `None`."""
    problem = "there is no Upstash-Signature header"
    for key in keys:
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=["HS256"],
                issuer="Upstash",
                options={"require": ["iss", "sub", "exp", "nbf", "body"]},
            )
        except jwt.InvalidTokenError as error:
            problem = str(error)
            continue
        digest = urlsafe_b64encode(sha256(body).digest()).decode().rstrip("=")
        same = hmac.compare_digest(str(claims["body"]).rstrip("="), digest)
        return None if same else "the body is not the one that was signed"
    return problem


@asynccontextmanager
async def running_app(user: User) -> AsyncIterator[str]:
    """The sample app on a free port of 127.0.0.1; yields its address."""
    runner = web.AppRunner(make_app(user), access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def send_samples(
    server: str,
    user: User,
    app: str,
    *,
    samples: Iterable[Sample] | None = None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Sets the scene, then sends samples with a pause between; without `samples`, for ever.

    What the server refuses is logged, and the rest is sent.
    """
    headers = {"Authorization": f"Bearer {user.token}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        for sample in SETUP:
            await send(session, server, app, sample)
        for sample in cycle(SAMPLES) if samples is None else samples:
            await send(session, server, app, sample)
            await sleep(PAUSE_S)


async def send(session: aiohttp.ClientSession, server: str, app: str, sample: Sample) -> None:
    url = URL(server + sample.path.replace("{app}", app), encoded=True)
    headers = {name: value.replace("{app}", app) for name, value in sample.headers.items()}
    body = sample.body.replace(b"{app}", app.encode())
    async with session.post(url, headers=headers, data=body) as answer:
        if answer.status >= 300:
            why = await answer.text()
            log.warning("The sample %r was refused: %d %s", sample.title, answer.status, why)
