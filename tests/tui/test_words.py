"""What is shown of a thing is words with units, and no field as programs call it: on a real server."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from qstash_dev.client import Client
from qstash_dev.devtools.documents import Snapshot
from qstash_dev.tui.model.message_list import Feed
from qstash_dev.tui.render.block import Piece
from qstash_dev.tui.render.pages import PAGES, When
from qstash_dev.tui.views.dlq import DLQ
from qstash_dev.tui.views.logs import LOGS
from qstash_dev.tui.views.things import FLOW, GROUPS, QUEUES, SCHEDULES

TO = "http://localhost:1/x"
ALL = {
    "Content-Type": "application/json",
    "Upstash-Delay": "1h",
    "Upstash-Retries": "5",
    "Upstash-Retry-Delay": "1000 * retried",
    "Upstash-Timeout": "15s",
    "Upstash-Flow-Control-Key": "mail",
    "Upstash-Flow-Control-Value": "parallelism=2,rate=3,period=90",
    "Upstash-Callback": f"{TO}/done",
    "Upstash-Callback-Retries": "2",
    "Upstash-Callback-Timeout": "20s",
    "Upstash-Callback-Flow-Control-Key": "back",
    "Upstash-Callback-Flow-Control-Value": "rate=1,period=2",
    "Upstash-Callback-Forward-X-Tenant": "acme",
    "Upstash-Failure-Callback": f"{TO}/failed",
    "Upstash-Redact-Fields": "header[Authorization]",
    "Upstash-Label": "shop",
}
RAW = re.compile(r"[a-z]_[a-z]|\b[a-z]+[A-Z][a-z]+")
"""How programs write names of several words."""

LINES = {
    "message": {
        "retries": "up to 5",
        "retry delay": "1000 * retried (milliseconds)",
        "time-out": "15s for each attempt",
        "flow control": "mail  2 at a time, 3 in 1m30s",
        "callback": f"{TO}/done  headers X-Tenant: acme  retries up to 2"
        "  time-out 20s for each attempt  flow control back  1 in 2s",
        "redacted": "header[Authorization]",
    },
    "schedule": {
        "state": "▶ on",
        "delay": "1h",
        "time-out": "15s for each attempt",
        "key": "mail  2 at a time, 3 in 1m30s",
    },
    "queue": {"waiting": "1 message", "under way": "0  (at most 1 at a time)"},
    "key": {
        "waiting": "0 messages",
        "under way": "0  (at most 4 at a time)",
        "started": "0  (at most 3 in 1m30s)",
        "pinned": "how many at a time",
    },
    "group": {"defaults": "upstash-retries: 2"},
}


async def test_pages_say_all_in_words_with_units(client: Client) -> None:
    async def do(method: str, path: str, json: Any = None, **headers: str) -> Any:
        return await client.request(method, path, json=json, headers=headers)

    answer = await do("POST", f"/v2/publish/{TO}", {"a": 1}, **ALL)
    cron = {"Upstash-Cron": "0 9 * * *", "Upstash-Schedule-Id": "daily"}
    await do("POST", f"/v2/schedules/{TO}", {"a": 1}, **ALL, **cron)
    await do("POST", f"/v2/enqueue/mail/{TO}", **{"Upstash-Delay": "1h"})
    await do("POST", "/v2/topics/team/endpoints", {"endpoints": [{"url": TO}]})
    await do("PATCH", "/v2/topics/team", {"headers": {"Upstash-Retries": ["2"]}})
    await do("POST", "/v2/flowControl/mail/pin?parallelism=4")
    detail = await client.message(answer["messageId"])
    when = When(detail.row.created_at + 1000)
    pages: dict[str, Sequence[Piece]] = {"message": PAGES["Overview"](detail, when)}
    for name, view in zip(("schedule", "queue", "group", "key"), THINGS, strict=True):
        assert view.page is not None
        pages[name] = view.page((await view.fetch(client, 100))[0], when)
    for name, lines in LINES.items():
        shown = facts(pages[name])
        assert {key: shown.get(key) for key in lines} == lines
        assert [text for text in shown if RAW.search(text)] == []


async def test_in_every_view_the_newest_is_at_the_end(client: Client) -> None:
    ids = []
    for path in ("a", "b", "c"):
        headers = {"Upstash-Retries": "0"}
        sent = await client.request("POST", f"/v2/publish/{TO}/{path}", headers=headers)
        ids.append(sent["messageId"])
    await client.wait("state:failed", 3, 20_000)
    created = [event.id for event in await LOGS.fetch(client, 100) if event.state == "CREATED"]
    assert created == ids
    failed = {entry.row.id: entry.time for entry in await DLQ.fetch(client, 100)}
    assert sorted(failed) == sorted(ids)
    assert list(failed.values()) == sorted(failed.values())
    feed = Feed()
    async for update in client.watch(None, 10):
        if isinstance(update, Snapshot):
            feed.load(update)
            break
    assert [feed.at(place).id for place in range(3)] == ids


THINGS = (SCHEDULES, QUEUES, GROUPS, FLOW)


def facts(lines: Sequence[Piece]) -> Mapping[str, str]:
    """Names with their values."""
    return {
        line[0][0].strip(): "".join(text for text, _ in line[1:]).strip()
        for line in lines
        if isinstance(line, list) and len(line) > 1
    }
