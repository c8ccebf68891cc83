"""Header bytes that are no text, at the doors of the API: taken, or refused by the header's name."""

import asyncio
import json

import pytest

from tests.api.conftest import TOKENS, Api

BYTES = ["Zo\xeb", "\xff\xfe", "\xed\xa0\x80", "\xc0\x80"]
APP = "http://127.0.0.1:1/a"
LINES = [
    *(f"POST /v2/publish/{APP}", f"POST /v2/enqueue/q/{APP}", f"POST /v2/schedules/{APP}"),
    *("GET /v2/keys", "GET /v2/messages/x", "GET /v2/logs", "OPTIONS /v2/keys", "POST /v2/batch"),
    *("POST /v2/dlq/retry/x", "GET /_dev/snapshot", "POST /v2/wait/event", "GET /_dev/messages"),
    f"POST /v2/trigger/{APP}",
]
NAMES = [
    *("X-Name", "Content-Type", "User-Agent", "Cookie", "Accept", "Last-Event-ID", "Expect"),
    *("Origin", "Referer", "Sec-Fetch-Site", "Access-Control-Request-Headers", "Content-Encoding"),
    *("Upstash-Method", "Upstash-Delay", "Upstash-Not-Before", "Upstash-Retries", "Upstash-Label"),
    *("Upstash-Retry-Delay", "Upstash-Timeout", "Upstash-Deduplication-Id", "Upstash-Callback"),
    *("Upstash-Failure-Callback", "Upstash-Flow-Control-Key", "Upstash-Redact-Fields"),
    *("Upstash-Flow-Control-Value", "Upstash-Cron", "Upstash-Schedule-Id", "Upstash-Queue-Name"),
    *("Upstash-Forward-X", "Upstash-Callback-Forward-X", "Upstash-Unknown", "Upstash-Topic-Name"),
    *("Upstash-Workflow-RunId", "Upstash-Workflow-Init", "Upstash-Workflow-Url"),
    *("Upstash-Workflow-CreatedAt", "Upstash-Workflow-Invoke-Count", "Upstash-Feature-Set"),
]
BESIDE = ["", "Upstash-Header-Forward: true", "Upstash-Cron: 0 0 1 1 *", "Upstash-Delay: 1h"]


async def answer_to(api: Api, line: str, *headers: str) -> int:
    lines = [
        f"{line} HTTP/1.1",
        "Host: localhost",
        f"Authorization: Bearer {TOKENS['defaultUser']}",
        *filter(None, headers),
        "Content-Length: 2",
        "Connection: close",
        "",
        "{}",
    ]
    status, _, body = await api.raw("\r\n".join(lines).encode("latin-1"))
    assert status < 400 or list(json.loads(body)) == ["error"], (line, headers)
    return status


@pytest.mark.parametrize("line", LINES)
async def test_no_header_that_is_no_text_is_our_fault(api: Api, line: str) -> None:
    for place, name in enumerate(NAMES):
        # Each value and each header beside it; of the pairs of both, others with each name.
        beside = BESIDE[place % 4 :] + BESIDE[: place % 4]
        pairs = zip(BYTES, beside, strict=True)
        requests = [answer_to(api, line, f"{name}: {value}", more) for value, more in pairs]
        assert max(await asyncio.gather(*requests)) < 500, name


async def test_a_webhook_of_a_run_is_called_with_bytes_that_are_no_text(api: Api) -> None:
    delay = {"Upstash-Delay": "1h"}
    run = (await api.ok("POST", f"/v2/trigger/{APP}", headers=delay))["workflowRunId"]
    line = f"POST /v2/workflows/hooks/defaultUser/{run}/event"
    for value in BYTES:
        assert await answer_to(api, line, f"X-Name: {value}") == 200
