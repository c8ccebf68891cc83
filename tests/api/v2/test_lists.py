"""Logs and the DLQ on the wire: fields, filters, order, pages, and the way back out of the DLQ."""

import asyncio
from base64 import b64encode
from itertools import product

import pytest

from tests.api.wire import upstash


def base64(data):
    return b64encode(data).decode()


@pytest.fixture
async def three(wire, app):
    """A delivered, a failed and a canceled message that differ in all that can be filtered."""
    ok = await wire.publish(f"{app.url}/ok?a=1", b"ok", label="l1,l2")
    await wire.idle()
    await wire.advance(1)
    between = await wire.now()
    await wire.advance(1)
    bad = await wire.enqueue("q", app.answers("/bad", 500), b"bad", label="l2", retries=0)
    await wire.idle()
    late = await wire.publish(
        f"{app.url}/late", delay="1h", flow_control_key="k", flow_control_value="rate=1"
    )
    await wire.ok("DELETE", f"/v2/messages/{late}")
    return {"ok": ok, "bad": bad, "late": late, "between": between, "host": app.url[7:]}


async def test_an_event_holds_the_message_with_both_spellings_of_fields(wire, app):
    url = app.answers("/x", {"status": 503, "headers": {"X-Why": "busy"}, "body": b"\xffbusy"})
    message_id = await wire.publish(
        url,
        b"body",
        forward_x="y",
        method="PUT",
        timeout="30s",
        retries=1,
        retry_delay="1000",
        callback="http://localhost:1/cb",
        callback_forward_c="d",
        failure_callback="http://localhost:1/fcb",
        failure_callback_forward_e="f",
        label="l1,l2",
        flow_control_key="k",
        flow_control_value="parallelism=2,rate=3,period=4",
        delay="1s",
    )
    await wire.advance(1)
    created, _, error, retry, *_ = await wire.events(f"messageId={message_id}")
    now = await wire.now()
    common = {
        "messageId": message_id,
        "url": url,
        "method": "PUT",
        "header": {"X": ["y"]},
        "body": base64(b"body"),
        "timeout": 30_000,
        "maxRetries": 1,
        "retryDelayExpression": "1000",
        "retryDelayExpr": "1000",
        "callback": "http://localhost:1/cb",
        "callbackHeaders": {"C": ["d"]},
        "failureCallback": "http://localhost:1/fcb",
        "failureCallbackHeaders": {"E": ["f"]},
        "label": "l1",
        "labels": ["l1", "l2"],
        "flowControlKey": "k",
        "parallelism": 2,
        "rate": 3,
        "period": 4,
        "callerIP": "127.0.0.1",
        "callerIp": "127.0.0.1",
    }
    assert created == {
        **common, "time": now - 1_000, "state": "CREATED", "nextDeliveryTime": now,
    }  # fmt: skip
    headers = error.pop("responseHeaders")
    assert headers["X-Why"] == ["busy"]
    assert error == {
        **common,
        "time": now,
        "state": "ERROR",
        "error": "503 Service Unavailable",
        "nextDeliveryTime": now + 1_000,
        "responseStatus": 503,
        "responseBody": base64(b"\xffbusy"),
        "responseHeader": headers,
    }
    assert retry == {**common, "time": now, "state": "RETRY", "nextDeliveryTime": now + 1_000}


async def test_what_is_unset_is_absent_in_an_event(wire):
    await wire.publish("http://localhost:1", delay="1h")
    (event,) = await wire.events()
    assert None not in event.values()
    assert "" not in (v for k, v in event.items() if k != "body")
    assert event["body"] == ""


async def test_both_routes_show_the_same_under_their_keys(wire, three):
    events = await wire.ok("GET", "/v2/events?count=3")
    logs = await wire.ok("GET", "/v2/logs?count=3")
    assert logs["logs"] == logs["events"] == events["events"]
    assert logs["cursor"] == events["cursor"]


FILTERS = [
    ("messageId={ok}", ["ok"]),
    ("messageIds={ok}&messageIds={late}", ["ok", "late"]),
    ("messageIds={ok},{bad}", ["ok", "bad"]),
    ("url=http://{host}/bad", ["bad"]),
    ("url=http%3A%2F%2F{host}%2Fok%3Fa%3D1", ["ok"]),
    ("url=http://{host}/ok", []),
    ("host={host}&path=/ok", ["ok"]),
    ("path=/bad&path=/late", ["bad", "late"]),
    ("queueName=q", ["bad"]),
    ("label=l2", ["ok", "bad"]),
    ("label=l1", ["ok"]),
    ("flowControlKey=k", ["late"]),
    ("callerIp=127.0.0.1&label=l1", ["ok"]),
    ("callerIP=127.0.0.2", []),
    ("topicName=g", []),
    ("scheduleId=s", []),
    ("toDate={between}", ["ok"]),
    ("fromDate={between}", ["bad", "late"]),
    ("state=DELIVERED", ["ok"]),
    ("state=failed", ["bad"]),
    ("state=CANCELED", ["late"]),
    ("state=CANCELLED", ["late"]),
    ("state=CANCEL_REQUESTED", ["late"]),
    ("state=DELIVERED,FAILED", ["ok", "bad"]),
    ("state=DELIVERED&state=FAILED", ["ok", "bad"]),
    ("state=IN_PROGRESS&messageId={late}", []),
    ("groupBy=messageId&label=l1", ["ok"]),
]


async def test_filters_select_events(wire, three):
    for route, (query, expected) in product(("events", "logs"), FILTERS):
        path = f"/v2/{route}?order=earliestFirst&{query.format(**three)}"
        found = [e["messageId"] for e in (await wire.ok("GET", path))["events"]]
        assert list(dict.fromkeys(found)) == [three[name] for name in expected], (route, query)


async def test_in_progress_is_active_retry_and_error(wire, app):
    await wire.publish(app.answers("/x", 500, 200), retry_delay="1")
    await wire.advance(1)
    found = await wire.events("state=IN_PROGRESS")
    assert [e["state"] for e in found] == ["ACTIVE", "ERROR", "RETRY", "ACTIVE"]


async def test_the_newest_event_comes_first_unless_asked_otherwise(wire, three):
    newest = (await wire.ok("GET", "/v2/events"))["events"]
    oldest = (await wire.ok("GET", "/v2/events?order=earliestFirst"))["events"]
    assert newest == oldest[::-1]
    assert (await wire.ok("GET", "/v2/events?order=latestFirst"))["events"] == newest
    times = [e["time"] for e in newest]
    assert times == sorted(times, reverse=True)


async def pages(wire, path, key, count):
    """All items, and how many each page had; the cursor must be a string until it is gone."""
    items, sizes, cursor = [], [], ""
    while True:
        document = await wire.ok("GET", f"{path}count={count}&cursor={cursor}")
        items += document[key]
        sizes.append(len(document[key]))
        if "cursor" not in document:
            return items, sizes
        cursor = document["cursor"]
        assert isinstance(cursor, str)
        assert not cursor.isdigit()


@pytest.mark.parametrize("order", ["latestFirst", "earliestFirst"])
async def test_pages_hold_every_event_once_and_the_last_has_no_cursor(wire, three, order):
    whole = (await wire.ok("GET", f"/v2/events?order={order}"))["events"]
    assert len(whole) == 10
    for count in (1, 2, 3, 4, 10, 11, 1000, 5000):
        found, sizes = await pages(wire, f"/v2/events?order={order}&", "events", count)
        assert found == whole, count
        assert sizes[:-1] == [count] * (len(sizes) - 1)
        assert sizes[-1] > 0


async def test_events_that_happen_meanwhile_do_not_move_the_pages(wire, three):
    first = await wire.ok("GET", "/v2/events?count=4")
    await wire.publish("http://localhost:1", delay="1h")
    second = await wire.ok("GET", f"/v2/events?count=100&cursor={first['cursor']}")
    times = [(e["messageId"], e["state"]) for e in first["events"] + second["events"]]
    assert len(times) == len(set(times)) == 10


async def test_without_a_count_there_are_a_thousand_events(wire):
    item = {"destination": "http://localhost:1", "headers": upstash(delay="1h")}
    await wire.ok("POST", "/v2/batch", [item] * 1_001)
    document = await wire.ok("GET", "/v2/events")
    assert len(document["events"]) == 1_000
    rest = await wire.ok("GET", f"/v2/events?cursor={document['cursor']}")
    assert len(rest["events"]) == 1


# The DLQ


async def fail(wire, app, path="/bad", body=b"bad", **headers):
    url = app.url + path if path in app._answers else app.answers(path, 500)
    message_id = await wire.publish(url, body, retries=0, **headers)
    await wire.idle()
    return message_id


async def letters(wire, query=""):
    return (await wire.ok("GET", f"/v2/dlq?{query}"))["messages"]


async def test_a_dead_letter_is_the_message_with_its_last_answer(wire, app):
    answer = {"status": 418, "headers": {"X-Tea": "pot"}, "body": b"teapot"}
    message_id = await wire.publish(app.answers("/x", answer), b"\xff", retries=0, forward_x="y")
    await wire.idle()
    (letter,) = await letters(wire)
    assert await wire.ok("GET", f"/v2/dlq/{letter['dlqId']}") == letter
    assert letter.pop("responseHeader")["X-Tea"] == ["pot"]
    message = await wire.ok("GET", f"/v2/messages/{message_id}")
    assert letter == {
        **message,
        "dlqId": letter["dlqId"],
        "responseStatus": 418,
        "responseBody": "teapot",
    }
    ms, _, number = letter["dlqId"].partition("-")
    assert int(ms) == await wire.now()
    assert number.isdigit()


@pytest.fixture
async def dead(wire, app):
    return await three_dead(wire, app)


async def three_dead(wire, app):
    """Three dead letters and nothing else, the oldest first."""
    await wire.ok("POST", "/_dev/reset")
    app.answers("/b", 404)
    ids = [await fail(wire, app, "/a", label="l1,l2")]
    await wire.advance(1)
    between = await wire.now()
    await wire.advance(1)
    ids.append(await fail(wire, app, "/b", label="l2"))
    headers = {"flow_control_key": "k", "flow_control_value": "rate=9"}
    ids.append(await wire.enqueue("q", app.url + "/a", retries=0, **headers))
    await wire.idle()
    found = {m["messageId"]: m["dlqId"] for m in await letters(wire)}
    return {
        "ids": ids,
        "dlq": [found[i] for i in ids],
        "m": ids,
        "between": between,
        "url": app.url,
    }


DLQ_FILTERS = [
    ("", {0, 1, 2}),
    ("messageId={m[1]}", {1}),
    ("dlqIds={dlq[0]}&dlqIds={dlq[2]}", {0, 2}),
    ("dlqIds={dlq[0]},{dlq[1]}", {0, 1}),
    ("url={url}/a", {0, 2}),
    ("queueName=q", {2}),
    ("label=l2", {0, 1}),
    ("label=l1", {0}),
    ("flowControlKey=k", {2}),
    ("responseStatus=404", {1}),
    ("responseStatus=404&responseStatus=500", {0, 1, 2}),
    ("responseStatus=200", set()),
    ("callerIp=127.0.0.1", {0, 1, 2}),
    ("topicName=g", set()),
    ("scheduleId=s", set()),
    ("fromDate={between}", {1, 2}),
    ("toDate={between}", {0}),
    ("label=l2&responseStatus=404", {1}),
    ("source=workflow", set()),
    ("api=llm", set()),
]


async def test_filters_select_dead_letters_oldest_first(wire, dead):
    for query, expected in DLQ_FILTERS:
        found = [m["messageId"] for m in await letters(wire, query.format(**dead))]
        assert found == [dead["ids"][n] for n in sorted(expected)], query


def as_json(query):
    body = {}
    for name, _, value in (part.partition("=") for part in query.split("&") if part):
        body.setdefault(name, []).append(value)
    return body


@pytest.mark.parametrize("in_body", [False, True], ids=["query", "json"])
async def test_filters_select_what_is_deleted(wire, app, in_body):
    for query, expected in DLQ_FILTERS:
        dead = await three_dead(wire, app)
        given = query.format(**dead)
        path, body = ("/v2/dlq", as_json(given)) if in_body else (f"/v2/dlq?{given}", None)
        assert await wire.ok("DELETE", path, body) == {"deleted": len(expected)}, query
        left = [m["messageId"] for m in await letters(wire)]
        assert left == [id_ for n, id_ in enumerate(dead["ids"]) if n not in expected], query


async def test_ids_in_a_json_body_are_deleted_and_unknown_ones_ignored(wire, dead):
    body = {"dlqIds": [dead["dlq"][1], "1-1", "nonsense"]}
    assert await wire.ok("DELETE", "/v2/dlq", body) == {"deleted": 1}
    assert len(await letters(wire)) == 2


async def test_the_dlq_comes_in_pages_in_either_order(wire, dead):
    oldest = await letters(wire)
    for order, expected in (("earliestFirst", oldest), ("latestFirst", oldest[::-1])):
        for count in (1, 2, 3, 4):
            found, _ = await pages(wire, f"/v2/dlq?order={order}&", "messages", count)
            assert found == expected


async def test_deleting_in_pages_ends(wire, dead):
    first = await wire.ok("DELETE", "/v2/dlq?count=2")
    assert first["deleted"] == 2
    rest = await wire.ok("DELETE", f"/v2/dlq?count=2&cursor={first['cursor']}")
    assert rest == {"deleted": 1}


async def test_a_letter_is_deleted_once(wire, dead):
    path = f"/v2/dlq/{dead['dlq'][0]}"
    assert (await wire.ask("DELETE", path)).status == 200
    for method in ("GET", "DELETE"):
        assert (await wire.ask(method, path)).status == 404


async def test_a_retry_is_a_new_message_with_the_original_body(wire, app):
    app.answers("/x", 500, 200)
    message_id = await wire.publish(
        f"{app.url}/x", b"secret", retries=0, redact_fields="body,header", forward_x="y"
    )
    await wire.idle()
    (letter,) = await letters(wire)
    assert letter["body"].startswith("REDACTED:")
    answer = await wire.ask("POST", f"/v2/dlq/retry/{letter['dlqId']}")
    assert answer.status == 201
    assert set(answer.json) == {"messageId"}
    assert answer.json["messageId"] != message_id
    _, second = await app.received(2)
    assert (second.body, second.headers["X"]) == (b"secret", "y")
    assert second.headers["Upstash-Message-Id"] == answer.json["messageId"]
    assert second.headers["Upstash-Retried"] == "0"
    assert await letters(wire) == []
    again = await wire.ask("POST", f"/v2/dlq/retry/{letter['dlqId']}")
    assert again.status == 404


async def test_a_retry_may_change_the_configuration(wire, app, dead):
    headers = upstash(retries=2, label="again", delay="1h", retry_delay="5", timeout="9s")
    path = f"/v2/dlq/retry?dlqIds={dead['dlq'][0]}"
    (response,) = (await wire.ok("POST", path, None, headers))["responses"]
    message = await wire.ok("GET", f"/v2/messages/{response['messageId']}")
    assert (message["maxRetries"], message["labels"]) == (2, ["again"])
    assert message["retryDelayExpression"] == "5"
    assert message["notBefore"] - message["createdAt"] == 3_600_000
    assert message["body"] == "bad"


@pytest.mark.parametrize(
    ("query", "header", "retries"),
    [
        ("upstash-retries=2", None, 2),
        ("Upstash-Retries=2", "1", 1),
        ("upstash-retries=2", "", 2),
        ("upstash-retries=", None, 0),
        ("upstash-retries", None, 0),
        ("", "", 0),
    ],
)
async def test_the_query_of_a_retry_may_configure_as_that_of_publish(
    wire, dead, query, header, retries
):
    headers = {} if header is None else upstash(retries=header)
    one = await wire.ok("POST", f"/v2/dlq/retry/{dead['dlq'][0]}?{query}", None, headers)
    path = f"/v2/dlq/retry?dlqIds={dead['dlq'][1]}&{query}"
    (many,) = (await wire.ok("POST", path, None, headers))["responses"]
    for answer in (one, many):
        message = await wire.ok("GET", f"/v2/messages/{answer['messageId']}")
        assert message["maxRetries"] == retries


async def test_a_retry_with_a_configuration_that_cannot_be_leaves_the_letter(wire, dead):
    for headers, status in ((upstash(retries="x"), 400), (upstash(retries=9), 412)):
        for path in (f"/v2/dlq/retry/{dead['dlq'][0]}", "/v2/dlq/retry"):
            answer = await wire.ask("POST", path, None, headers)
            assert answer.status == status
            assert "etries" in answer.error
    assert len(await letters(wire)) == 3


async def test_filters_select_what_is_retried(wire, app):
    for query, expected in DLQ_FILTERS:
        dead = await three_dead(wire, app)
        await wire.ok("POST", "/_dev/pause")
        answer = await wire.ask("POST", f"/v2/dlq/retry?{query.format(**dead)}")
        assert answer.status == 201
        assert len(answer.json["responses"]) == len(expected), query
        assert not answer.json.get("cursor")
        left = [m["messageId"] for m in await letters(wire)]
        assert left == [id_ for n, id_ in enumerate(dead["ids"]) if n not in expected], query
        await wire.ok("POST", "/_dev/resume")


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("labeel=a", "unknown filter 'labeel'"),
        ("label=", "the filter 'label' has no value"),
        ("dlqIds=", "the filter 'dlqids' has no value"),
        ("fromDate=", "the filter 'fromDate' has no value"),
        ("source=else", "unknown source 'else': expected workflow"),
    ],
)
async def test_a_filter_that_cannot_be_meant_changes_nothing(wire, dead, query, sentence):
    name, _, value = query.partition("=")
    for method, path in (("DELETE", "/v2/dlq"), ("POST", "/v2/dlq/retry")):
        for target, body in ((f"{path}?{query}", None), (path, {name: value})):
            answer = await wire.ask(method, target, body)
            assert (answer.status, answer.error) == (400, sentence)
    assert len(await letters(wire)) == 3


async def test_what_many_retry_at_once_is_published_once(wire, dead):
    await wire.ok("POST", "/_dev/pause")
    # With connections that are open already the calls arrive together.
    await asyncio.gather(*(wire.ask("GET", "/v2/dlq") for _ in range(10)))
    calls = [wire.ask("POST", "/v2/dlq/retry") for _ in range(8)]
    calls += [wire.ask("DELETE", "/v2/dlq") for _ in range(2)]
    answers = await asyncio.gather(*calls)
    done = [len(a.json["responses"]) if a.status == 201 else a.json["deleted"] for a in answers]
    assert sum(done) == 3
    copies = (await wire.ok("GET", "/_dev/messages?filter=source:dlq"))["total"]
    assert copies == sum(len(a.json["responses"]) for a in answers if a.status == 201)
    assert await letters(wire) == []


async def test_what_is_forgotten_while_it_is_listed_is_left_out(wire, app):
    app.answers("/gone", 500)
    ids = [await wire.publish(f"{app.url}/gone", retries=0) for _ in range(60)]
    await wire.idle()
    lists = ("/v2/events", "/v2/dlq?count=100", "/_dev/dlq", "/_dev/logs?filter=code:500")
    for start in range(0, 60, 6):
        calls = [wire.ask("GET", path) for path in lists * 2]
        calls += [wire.ask("DELETE", f"/_dev/messages/{id_}") for id_ in ids[start : start + 6]]
        calls += [wire.ask("GET", path) for path in lists]
        assert {answer.status for answer in await asyncio.gather(*calls)} == {200}
    assert await wire.events() == []


async def test_a_page_of_the_log_and_what_follows_it_are_all(wire):
    missed = []
    for _ in range(10):
        page, *published = await asyncio.gather(
            wire.ok("GET", "/_dev/logs?limit=1000&filter=-body:zzz"),
            *(wire.publish("http://localhost:3000/n", delay="1h") for _ in range(6)),
        )
        later = await wire.ok("GET", f"/_dev/logs?limit=1000&after={page['seq']}")
        seen = [event["id"] for event in (*page["events"], *later["events"])]
        missed += [id_ for id_ in published if seen.count(id_) != 1]
    assert missed == []


async def test_retrying_tolerates_an_empty_cursor_and_goes_on_by_pages(wire, dead):
    await wire.ok("POST", "/_dev/pause")
    first = await wire.ok("POST", "/v2/dlq/retry?count=2&cursor=")
    assert len(first["responses"]) == 2
    rest = await wire.ok("POST", f"/v2/dlq/retry?count=2&cursor={first['cursor']}")
    assert len(rest["responses"]) == 1
    assert not rest.get("cursor")
    assert await letters(wire) == []


async def test_a_retry_of_a_queue_message_stands_in_line_again(wire, app, dead):
    await wire.ok("POST", "/v2/queues/q/pause")
    answer = await wire.ok("POST", f"/v2/dlq/retry/{dead['dlq'][2]}")
    assert (await wire.ok("GET", "/v2/queues/q"))["lag"] == 1
    message = await wire.ok("GET", f"/v2/messages/{answer['messageId']}")
    assert message["queueName"] == "q"


async def test_a_canceled_message_is_no_dead_letter(wire, app):
    message_id = await wire.publish(app.answers("/x", 500), retries=1)
    await wire.idle()
    await wire.ok("DELETE", f"/v2/messages/{message_id}")
    assert await letters(wire) == []
