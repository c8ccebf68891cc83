"""A stream of messages of every kind. Talks to the server by HTTP, as any app does."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Iterable
from itertools import cycle

import aiohttp
from msgspec import Struct
from yarl import URL

from qstash_dev.protocol.headers import bearer
from qstash_dev.protocol.users import User

log = logging.getLogger(__name__)

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
    async with aiohttp.ClientSession(headers=bearer(user.token)) as session:
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
