"""Messages on the wire: read, cancelled one by one and in bulk, run now."""

import asyncio

import pytest

from tests.api.wire import upstash
from tests.patience import PATIENCE_S

URL = "http://localhost:3000/job"


async def delayed(wire, url=URL, user=0, **headers):
    return await wire.publish(url, b"x", user=user, **{"delay": "1h", **headers})


async def states(wire, ids):
    return [(await wire.states(id_))[-1] for id_ in ids]


async def test_a_message_shows_exactly_what_was_set(wire):
    headers = {"Upstash-Forward-test-header": "test-value", **upstash(delay="10s")}
    message_id = (await wire.ok("POST", f"/v2/publish/{URL}", b"text", headers))["messageId"]
    now = await wire.now()
    assert await wire.ok("GET", f"/v2/messages/{message_id}") == {
        "messageId": message_id,
        "url": URL,
        "method": "POST",
        "maxRetries": 3,
        "notBefore": now + 10_000,
        "createdAt": now,
        "header": {"Test-Header": ["test-value"]},
        "body": "text",
        "callerIP": "127.0.0.1",
    }


async def test_a_message_can_be_read_for_a_while_after_its_end(start_wire, app):
    wire = await start_wire(finished_readable_ms=10_000)
    message_id = await wire.publish(app.url)
    await wire.idle()
    await wire.advance(10)
    assert (await wire.ok("GET", f"/v2/messages/{message_id}"))["messageId"] == message_id
    await wire.advance(0.001)
    answer = await wire.ask("GET", f"/v2/messages/{message_id}")
    assert (answer.status, answer.error) == (404, f"message {message_id} not found")


async def test_cancelling_is_202_once_and_404_after(wire, app):
    message_id = await delayed(wire, app.url)
    answer = await wire.ask("DELETE", f"/v2/messages/{message_id}")
    assert (answer.status, answer.json) == (202, {"cancelled": 1})
    assert await wire.states(message_id) == ["CREATED", "CANCEL_REQUESTED", "CANCELED"]
    for method in ("DELETE", "GET"):
        again = await wire.ask(method, f"/v2/messages/{message_id}")
        assert (again.status, again.error) == (404, f"message {message_id} not found")
    await wire.advance(4_000)
    assert not app.requests
    assert (await wire.ok("GET", "/v2/dlq"))["messages"] == []


@pytest.mark.parametrize("status", [200, 500])
async def test_a_finished_message_cannot_be_cancelled(wire, app, status):
    message_id = await wire.publish(app.answers("/x", status), retries=0)
    await wire.idle()
    assert (await wire.ask("DELETE", f"/v2/messages/{message_id}")).status == 404


@pytest.mark.parametrize(("status", "end"), [(200, "DELIVERED"), (500, "CANCELED")])
async def test_what_is_under_way_ends_with_its_attempt(wire, app, status, end):
    hold = asyncio.Event()
    message_id = await wire.publish(app.answers("/x", {"hold": hold, "status": status}))
    await app.one()
    assert await wire.ok("DELETE", f"/v2/messages/{message_id}") == {"cancelled": 1}
    assert await wire.ok("DELETE", "/v2/messages") == {"cancelled": 0}
    hold.set()
    await wire.idle()
    assert (await wire.states(message_id))[-1] == end


IDS = {
    "repeated": lambda ids: ("?" + "&".join(f"messageIds={i}" for i in ids), None),
    "comma list": lambda ids: (f"?messageIds={','.join(ids)}", None),
    "json body": lambda ids: ("", {"messageIds": ids}),
    "query and body": lambda ids: (f"?messageIds={ids[0]}", {"messageIds": ids[1:]}),
    "as the javascript sdk": lambda ids: (
        "?" + "&".join(f"messageIds={i}" for i in ids) + "&count=100",
        None,
    ),
}


@pytest.mark.parametrize("form", IDS.values(), ids=IDS)
async def test_ids_are_cancelled_in_any_form_and_unknown_ones_are_skipped(wire, app, form):
    done = await wire.publish(app.url)
    await wire.idle()
    ids = [await delayed(wire) for _ in range(3)]
    query, body = form([ids[0], "msg_unknown", ids[2], done])
    answer = await wire.ask("DELETE", f"/v2/messages{query}", body)
    assert (answer.status, answer.json) == (202, {"cancelled": 2})
    assert await states(wire, ids) == ["CANCELED", "CREATED", "CANCELED"]


async def test_ids_override_filters(wire):
    ids = [await delayed(wire, label="a"), await delayed(wire, label="b")]
    query = f"messageIds={ids[1]}&label=a"
    assert await wire.ok("DELETE", f"/v2/messages?{query}") == {"cancelled": 1}
    assert await states(wire, ids) == ["CREATED", "CANCELED"]


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ("", None),
        ("", {}),
        ("", {"messageIds": []}),
        ("", {"messageIds": None}),
        ("?count=100", None),
        ("?all=true", {"all": True}),
    ],
)
async def test_without_ids_and_filters_everything_is_cancelled(wire, query, body):
    ids = [await delayed(wire) for _ in range(3)]
    assert await wire.ok("DELETE", f"/v2/messages{query}", body) == {"cancelled": 3}
    assert set(await states(wire, ids)) == {"CANCELED"}


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ("?count=2", None),
        ("?label=l&count=2", None),
        ("?all=true&count=2", None),
        ("", {"label": "l", "count": 2}),
    ],
)
async def test_a_count_cancels_so_many_of_the_oldest(wire, query, body):
    ids = [await delayed(wire, label="l") for _ in range(3)]
    assert await wire.ok("DELETE", f"/v2/messages{query}", body) == {"cancelled": 2}
    assert await states(wire, ids) == ["CANCELED", "CANCELED", "CREATED"]
    assert await wire.ok("DELETE", f"/v2/messages{query}", body) == {"cancelled": 1}
    assert await wire.ok("DELETE", f"/v2/messages{query}", body) == {"cancelled": 0}


async def test_a_count_of_0_is_no_order_to_cancel_everything(wire):
    ids = [await delayed(wire)]
    for path in ("/v2/messages?count=0", "/v2/dlq?count=0"):
        answer = await wire.ask("DELETE", path)
        assert answer.status == 400
        assert "invalid count" in answer.error
    assert await states(wire, ids) == ["CREATED"]


@pytest.fixture
async def five(wire):
    """Five messages that differ in all that can be filtered; their ids, and a time between."""
    await wire.ok("POST", "/v2/topics/g/endpoints", {"endpoints": [{"url": f"{URL}/g"}]})
    headers = upstash(delay="1h", label="l1,l2")
    ((in_group,),) = [await wire.ok("POST", "/v2/publish/g", b"", headers)]
    queued = await wire.enqueue("q", "http://other.example/a?b=1", delay="1h", label="l2")
    path = f"/v2/schedules/{URL}/s"
    headers = upstash(cron="* * * * *", schedule_id="s", delay="1h")
    await wire.ok("POST", path, b"", headers)
    await wire.advance(60)
    (fired,) = await wire.events("scheduleId=s")
    await wire.ok("DELETE", "/v2/schedules/s")
    between = await wire.now() + 1
    await wire.advance(1)
    limited = await delayed(wire, flow_control_key="k", flow_control_value="rate=1")
    plain = await delayed(wire, f"{URL}/p")
    return [in_group["messageId"], queued, fired["messageId"], limited, plain], between


FILTERS = [
    ("topicName=g", {0}),
    ("queueName=q", {1}),
    ("scheduleId=s", {2}),
    ("flowControlKey=k", {3}),
    ("label=l1", {0}),
    ("label=l2", {0, 1}),
    ("label=l1&label=other", {0}),
    ("label=l2&queueName=q", {1}),
    ("label=l1&queueName=q", set()),
    (f"url={URL}/p", {4}),
    (f"url={URL}/p&url={URL}/g", {0, 4}),
    ("url=http%3A%2F%2Fother.example%2Fa%3Fb%3D1", {1}),
    ("host=other.example", {1}),
    ("host=localhost:3000", {0, 2, 3, 4}),
    ("path=/a", {1}),
    ("path=/job&path=/job/p", {3, 4}),
    ("callerIp=127.0.0.1", {0, 1, 2, 3, 4}),
    ("callerIP=127.0.0.1&queueName=q", {1}),
    ("callerIp=10.0.0.1", set()),
    ("fromDate={between}", {3, 4}),
    ("toDate={between}", {0, 1, 2}),
    ("fromDate={between}&toDate={between}", set()),
    ("queuename=q", {1}),
    ("topicName=g&topicName=", {0}),
    ("source=workflow", set()),
    ("api=llm", set()),
]


@pytest.mark.parametrize("as_json", [False, True], ids=["query", "json"])
@pytest.mark.parametrize(("query", "expected"), FILTERS)
async def test_filters_cancel_exactly_what_they_name(wire, five, query, expected, as_json):
    ids, between = five
    query = query.format(between=between)
    path, body = f"/v2/messages?{query}", None
    if as_json:
        body = {}
        for name, _, value in (part.partition("=") for part in query.split("&")):
            decoded = value.replace("%3A", ":").replace("%2F", "/").replace("%3F", "?")
            body.setdefault(name, []).append(decoded.replace("%3D", "="))
        path = "/v2/messages"
    answer = await wire.ok("DELETE", path, body)
    assert answer == {"cancelled": len(expected)}
    canceled = {n for n, state in enumerate(await states(wire, ids)) if state == "CANCELED"}
    assert canceled == expected


async def test_bounds_of_time_are_inclusive(wire):
    await delayed(wire)
    now = await wire.now()
    query = f"fromDate={now}&toDate={now}"
    assert await wire.ok("DELETE", f"/v2/messages?{query}") == {"cancelled": 1}


@pytest.mark.parametrize("name", ["labeel", "state", "responseStatus", "dlqIds", "foo"])
async def test_an_unknown_filter_is_refused_and_cancels_nothing(wire, name):
    await delayed(wire)
    for path, body in ((f"/v2/messages?{name}=1", None), ("/v2/messages", {name: "1"})):
        answer = await wire.ask("DELETE", path, body)
        assert answer.status == 400
        assert name.lower() in answer.error
    assert await wire.ok("DELETE", "/v2/messages") == {"cancelled": 1}


async def finished(wire, action_id):
    async with asyncio.timeout(PATIENCE_S):
        while True:
            action = await wire.ok("GET", f"/v2/bulkActions/{action_id}")
            if action["state"] == "FINISHED":
                return action


async def test_cancelling_in_the_background_gives_an_action_to_watch(wire):
    await wire.ok("POST", "/v2/batch", [{"destination": URL, "headers": upstash(delay="1h")}] * 250)
    await delayed(wire, label="other")
    answer = await wire.ok("DELETE", "/v2/messages?async=true&url=" + URL + "&toDate=9999999999999")
    assert list(answer) == ["actionId"]
    now = await wire.now()
    assert await finished(wire, answer["actionId"]) == {
        "actionId": answer["actionId"],
        "kind": "cancel",
        "state": "FINISHED",
        "total": 251,
        "processed": 251,
        "createdAt": now,
        "completedAt": now,
        "filter": {"url": [URL], "toDate": ["9999999999999"]},
    }


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ("?async=true", {"label": "x"}),
        ("?async=True&label=x", None),
        ("?async=1", {"label": ["x"]}),
        ("", {"async": True, "label": "x"}),
        ("", {"ASYNC": "true", "label": "x"}),
    ],
)
async def test_the_order_to_work_in_the_background_comes_in_every_form(wire, query, body):
    ids = [await delayed(wire, label="x"), await delayed(wire, label="y")]
    answer = await wire.ok("DELETE", f"/v2/messages{query}", body)
    action = await finished(wire, answer["actionId"])
    assert (action["total"], action["filter"]) == (1, {"label": ["x"]})
    assert await states(wire, ids) == ["CANCELED", "CREATED"]


@pytest.mark.parametrize("query", ["label=", "messageIds=", "queueName=%20", "async=perhaps"])
async def test_an_empty_filter_is_not_everything(wire, query):
    await delayed(wire)
    name, _, value = query.partition("=")
    for path, body in (
        (f"/v2/messages?{query}", None),
        ("/v2/messages", {name: value.strip("%20")}),
    ):
        answer = await wire.ask("DELETE", path, body)
        assert answer.status == 400
        assert name.lower() in answer.error.lower()
    assert await wire.ok("DELETE", "/v2/messages?all=true") == {"cancelled": 1}


async def test_actions_are_listed_newest_first_in_pages(wire):
    ids = []
    for _ in range(3):
        ids.append((await wire.ok("DELETE", "/v2/messages?async=true"))["actionId"])
        await finished(wire, ids[-1])
        await wire.advance(1)
    listed = await wire.ok("GET", "/v2/bulkActions")
    assert [a["actionId"] for a in listed["bulkActions"]] == ids[::-1]
    assert "cursor" not in listed
    first = await wire.ok("GET", "/v2/bulkActions?count=2")
    rest = await wire.ok("GET", f"/v2/bulkActions?count=2&cursor={first['cursor']}")
    assert [a["actionId"] for p in (first, rest) for a in p["bulkActions"]] == ids[::-1]
    assert "cursor" not in rest
    assert (await wire.ok("GET", "/v2/bulkActions?state=IN_PROGRESS"))["bulkActions"] == []
    assert len((await wire.ok("GET", "/v2/bulkActions?state=finished"))["bulkActions"]) == 3


async def test_a_delayed_message_runs_now_without_using_a_retry(wire, app):
    message_id = await delayed(wire, app.url)
    answer = await wire.ask("POST", f"/v2/messages/{message_id}/retry")
    assert answer.status == 200
    received = await app.one()
    assert received.headers["Upstash-Retried"] == "0"
    await wire.idle()
    assert await wire.states(message_id) == ["CREATED", "ACTIVE", "DELIVERED"]
    await wire.advance(4_000)
    assert len(app.requests) == 1


async def test_a_message_that_waits_for_its_retry_runs_now(wire, app):
    message_id = await wire.publish(app.answers("/x", 500, 500, 200), retries=2)
    await wire.idle()
    for count in (2, 3):
        await wire.ok("POST", f"/v2/messages/{message_id}/retry")
        await wire.idle()
        assert len(app.requests) == count
    assert [r.headers["Upstash-Retried"] for r in app.requests] == ["0", "1", "2"]
    assert (await wire.states(message_id))[-1] == "DELIVERED"


async def test_what_cannot_run_now_says_why(wire, app):
    queued = await wire.enqueue("q", app.url, delay="1h")
    answer = await wire.ask("POST", f"/v2/messages/{queued}/retry")
    assert answer.status == 400
    assert "queue" in answer.error
    done = await wire.publish(app.url)
    await wire.idle()
    canceled = await delayed(wire)
    await wire.ok("DELETE", f"/v2/messages/{canceled}")
    hold = asyncio.Event()
    active = await wire.publish(app.answers("/slow", {"hold": hold}))
    await app.one("/slow")
    for message_id in (done, canceled, active):
        answer = await wire.ask("POST", f"/v2/messages/{message_id}/retry")
        assert 400 <= answer.status < 500
        assert message_id in answer.error
    hold.set()
