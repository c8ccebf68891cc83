"""What there is to read about something: parts that any face can draw, and what can be done to it."""

from typing import Any

import pytest

from tests.api.conftest import Api

TO = "http://127.0.0.1:9/x"


def text(parts: list[dict[str, Any]]) -> str:
    """All that they say, moments with their marks."""
    facts = [fact["pieces"] for part in parts for fact in part.get("facts", ())]
    lines = [part["line"] for part in parts if "line" in part]
    return "\n".join("".join(p.get("text", "") for p in line) for line in lines + facts)


@pytest.mark.parametrize(
    ("place", "verb", "told"),
    [
        ("messages/{id}", "message.run", "◷ delayed"),
        ("schedules/s", "server.pause", "up to 3"),
        ("queues/mail", "server.pause", "0  (at most 1 at a time)"),
        ("flow/key", "server.pause", "at most 3 in 1m"),
    ],
)
async def test_it_tells_what_a_thing_is_and_what_can_be_done(
    api: Api, place: str, verb: str, told: str
) -> None:
    flow = {"Upstash-Flow-Control-Key": "key", "Upstash-Flow-Control-Value": "rate=3,period=1m"}
    cron = {"Upstash-Cron": "0 9 * * 1", "Upstash-Schedule-Id": "s"}
    later = {"Upstash-Delay": "1d", **flow}
    made = await api.ok("POST", f"/v2/enqueue/mail/{TO}", headers=later)
    await api.ok("POST", f"/v2/schedules/{TO}", headers=cron)
    found = await api.ok("GET", f"/_dev/about/{place.format(id=made['messageId'])}")
    assert told in text(found["parts"])
    assert verb in found["verbs"]


@pytest.mark.parametrize(
    "place", ["queues/none", "groups/none", "flow/none", "schedules/none", "workflows/none", "x/y"]
)
async def test_what_is_not_there_is_said_in_a_sentence(api: Api, place: str) -> None:
    status, document = await api.call("GET", f"/_dev/about/{place}")
    assert (status, "error" in document) == (404, True)
