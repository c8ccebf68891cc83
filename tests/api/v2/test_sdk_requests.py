"""Requests as the SDKs sent them, byte for byte, and what must come of each."""

import json
from pathlib import Path

import pytest

from qstash_dev.protocol.quota import QUOTAS

RECORDED = json.loads(
    (Path(__file__).parents[3] / "fixtures" / "sdk_requests.json").read_text("utf-8")
)
URL = "http://localhost:3000/api/job?x=1"
CALLBACKS = {"callback": "http://localhost:3000/cb", "failureCallback": "http://localhost:3000/fcb"}


def case(name):
    found = [r for r in RECORDED if r["name"] == name]
    return pytest.mark.parametrize("recorded", found, ids=[r["source"] for r in found])


async def send(wire, recorded):
    await wire.ok("POST", "/_dev/pause")
    headers = [(name, value) for name, value in recorded["headers"]]
    return await wire.ok(recorded["method"], recorded["path"], recorded["body"], headers)


async def message(wire, answer):
    found = await wire.ok("GET", f"/v2/messages/{answer['messageId']}")
    return {name: value for name, value in found.items() if name != "messageId"}


@case("publish-everything")
async def test_every_option_of_publish_is_understood(wire, recorded):
    found = await message(wire, await send(wire, recorded))
    now = await wire.now()
    body = found.pop("body")
    header = found.pop("header")
    if "redact" in str(recorded["headers"]):
        assert body.startswith("REDACTED:")
        assert header["X-Custom"][0].startswith("REDACTED:")
    else:
        assert json.loads(body) == {"a": 1}
        assert header["X-Custom"] == ["1"]
    assert header["Y"] == ["2"]
    assert header["Content-Type"] == ["application/json"]
    assert set(header) == {"X-Custom", "Y", "Content-Type"}
    assert found == {
        "url": URL,
        "method": "PUT",
        "maxRetries": 2,
        "retryDelayExpression": "1000 * (1 + retried)",
        "notBefore": now + 60_000,
        "createdAt": now,
        "label": "l",
        "labels": ["l"],
        "flowControlKey": "k",
        "parallelism": 3,
        "rate": 5,
        "period": 60,
        "callerIP": "127.0.0.1",
        **CALLBACKS,
    }


@case("publish-bare")
async def test_a_bare_publish_has_the_defaults(wire, recorded):
    found = await message(wire, await send(wire, recorded))
    assert (found["body"], found["method"], found["maxRetries"]) == ("text", "POST", 3)
    assert "label" not in found


@case("publish-not-before")
async def test_a_moment_and_content_based_deduplication_are_understood(start_wire, recorded):
    wire = await start_wire(limits=QUOTAS["pro"])
    first = await send(wire, recorded)
    assert (await message(wire, first))["notBefore"] == 4_102_444_800_000
    assert (await send(wire, recorded))["deduplicated"] is True


async def make_group(wire):
    (recorded, *_) = [r for r in RECORDED if r["name"] == "group"]
    await send(wire, recorded)


@case("group")
async def test_endpoints_are_added_with_and_without_a_name(wire, recorded):
    await send(wire, recorded)
    assert (await wire.ok("GET", "/v2/topics/g"))["endpoints"] == [
        {"name": "one", "url": "http://localhost:3000/1"},
        {"url": "http://localhost:3000/2"},
    ]


@case("publish-group")
async def test_a_group_answers_with_a_bare_array(wire, recorded):
    await make_group(wire)
    answers = await send(wire, recorded)
    assert [a["url"][-1] for a in answers] == ["1", "2"]


@case("enqueue")
async def test_enqueueing_needs_no_queue_before(wire, recorded):
    found = await message(wire, await send(wire, recorded))
    assert (found["queueName"], found["url"], found["maxRetries"]) == ("q", URL, 1)
    assert (await wire.ok("GET", "/v2/queues/q"))["lag"] == 1


@case("batch")
async def test_a_batch_of_a_url_a_group_and_a_queue_is_understood(wire, recorded):
    await make_group(wire)
    plain, group, queued = await send(wire, recorded)
    found = await message(wire, plain)
    assert found["notBefore"] - found["createdAt"] == 10_000
    assert json.loads(found["body"]) == {"n": 1}
    assert len(group) == 2
    found = await message(wire, queued)
    assert (found["queueName"], found["labels"]) == ("q", ["l"])


@case("queue")
async def test_a_queue_is_made_as_it_was_asked_for(wire, recorded):
    await send(wire, recorded)
    queue = await wire.ok("GET", "/v2/queues/q")
    assert (queue["parallelism"], queue["paused"]) == (2, False)


@case("schedule-everything")
async def test_every_option_of_a_schedule_is_understood(wire, recorded):
    assert await send(wire, recorded) == {"scheduleId": "s"}
    found = await wire.ok("GET", "/v2/schedules/s")
    expected = {
        "cron": "CRON_TZ=Europe/Berlin */5 * * * *",
        "destination": URL,
        "method": "POST",
        "body": "b",
        "queueName": "q",
        "delay": 5,
        "retries": 1,
        "timeout": 10,
        "label": "l",
        "callback": "http://localhost:3000/cb",
        "flowControlKey": "k",
        "rate": 1,
        "isPaused": False,
    }
    assert {name: found[name] for name in expected} == expected
    assert found["header"]["X-Custom"] == ["1"]


@case("schedule-bare")
async def test_a_bare_schedule_has_no_body(wire, recorded):
    schedule_id = (await send(wire, recorded))["scheduleId"]
    found = await wire.ok("GET", f"/v2/schedules/{schedule_id}")
    assert (found["cron"], found["destination"]) == ("* * * * *", URL)
    assert "body" not in found


async def test_every_recorded_request_is_used_for_both_sdks():
    names = [r["name"] for r in RECORDED]
    assert sorted(names) == sorted(2 * sorted(set(names)))
    assert all(r["source"].startswith(("@upstash/qstash ", "qstash-py ")) for r in RECORDED)
