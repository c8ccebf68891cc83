"""The JSON documents of the API, field by field: what is there, under which names, and what is not."""

from hashlib import sha256
from typing import Any

import pytest
from msgspec.structs import replace

from qstash_dev.protocol.model import (
    BulkAction,
    Callback,
    DeadLetter,
    Event,
    FlowControl,
    Outcome,
    Query,
    Queue,
    Schedule,
    Spec,
    State,
)
from qstash_dev.protocol.wire import (
    bulk_action_document,
    dead_letter_document,
    event_document,
    group_document,
    message_document,
    queue_document,
    schedule_document,
)
from tests.samples import NOW, URL, answer, attempt, group, message, no_answer

RICH: dict[str, Any] = {
    "method": "PUT",
    "headers": (("Content-Type", "application/json"), ("X-A", "1"), ("X-A", "2")),
    "max_retries": 5,
    "retry_delay": "1000",
    "timeout_ms": 30_000,
    "callback": Callback("http://a/cb?x=1", headers=(("X-B", "3"),)),
    "failure_callback": Callback("http://a/fail"),
    "labels": ("first", "second"),
    "flow": FlowControl("k", 3, None, 60),
    "queue": "q",
    "topic": "orders",
    "endpoint": "e0",
    "schedule_id": "scd_1",
    "caller_ip": "127.0.0.1",
}
SHARED = {
    "messageId": "msg_1",
    "url": URL,
    "method": "PUT",
    "maxRetries": 5,
    "header": {"Content-Type": ["application/json"], "X-A": ["1", "2"]},
    "topicName": "orders",
    "endpointName": "e0",
    "queueName": "q",
    "scheduleId": "scd_1",
    "callerIP": "127.0.0.1",
    "callback": "http://a/cb?x=1",
    "failureCallback": "http://a/fail",
    "label": "first",
    "labels": ["first", "second"],
    "retryDelayExpression": "1000",
    "flowControlKey": "k",
    "parallelism": 3,
    "period": 60,
}


def hashed(data: bytes) -> str:
    return f"REDACTED:{sha256(data).hexdigest()}"


def event(state: State, **fields: Any) -> Event:
    return replace(Event(NOW, "defaultUser", "msg_1", state), **fields)


# Messages


def test_a_plain_message_has_only_what_is_always_there() -> None:
    assert message_document(message(body=b"")) == {
        "messageId": "msg_1",
        "url": URL,
        "method": "POST",
        "maxRetries": 3,
        "notBefore": NOW,
        "createdAt": NOW,
        "header": {},
    }


def test_a_message_with_everything() -> None:
    assert message_document(message(body=b'{"a": 1}', **RICH)) == {
        **SHARED,
        "notBefore": NOW,
        "createdAt": NOW,
        "body": '{"a": 1}',
        "callbackHeader": {"X-B": ["3"]},
    }


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b"text \xc3\xa9", {"body": "text é"}),
        (b"\xff\x00", {"bodyBase64": b"\xff\x00"}),
        (b"\xc3", {"bodyBase64": b"\xc3"}),
    ],
)
def test_a_body_is_text_if_it_is_utf_8(body: bytes, shown: dict[str, str]) -> None:
    document = message_document(message(body=body))
    assert {k: v for k, v in document.items() if k.startswith("body")} == shown


@pytest.mark.parametrize(
    ("flow", "shown"),
    [
        (FlowControl("k", 3), {"flowControlKey": "k", "parallelism": 3, "period": 1}),
        (FlowControl("k", None, 5, 86_400), {"flowControlKey": "k", "rate": 5, "period": 86_400}),
    ],
)
def test_limits_that_are_not_set_are_absent(flow: FlowControl, shown: dict[str, Any]) -> None:
    document = message_document(message(flow=flow))
    names = ("flowControlKey", "parallelism", "rate", "period")
    assert {k: v for k, v in document.items() if k in names} == shown


@pytest.mark.parametrize(
    ("redact", "body", "header"),
    [
        (("body",), hashed(b"secret"), {"X-A": ["1"], "X-B": ["2"]}),
        (("header",), "secret", {"X-A": [hashed(b"1")], "X-B": [hashed(b"2")]}),
        (("header[X-B]",), "secret", {"X-A": ["1"], "X-B": [hashed(b"2")]}),
    ],
)
def test_redacted_fields_are_hashes_everywhere(
    redact: tuple[str, ...], body: str, header: dict[str, list[str]]
) -> None:
    source = message(body=b"secret", headers=(("X-A", "1"), ("X-B", "2")), redact=redact)
    letter = DeadLetter("1-1", "defaultUser", "msg_1", NOW)
    for document in (message_document(source), dead_letter_document(letter, source, None)):
        assert (document["body"], document["header"]) == (body, header)
    logged = event_document(event(State.CREATED), source, None)
    assert (logged["body"], logged["header"]) == (body.encode(), header)


# The log


def test_an_event_of_a_plain_message() -> None:
    assert event_document(event(State.CREATED), message(body=b"x"), None) == {
        "time": NOW,
        "messageId": "msg_1",
        "state": "CREATED",
        "url": URL,
        "method": "POST",
        "maxRetries": 3,
        "header": {},
        "body": b"x",
    }


def test_an_event_of_a_message_with_everything_in_both_spellings() -> None:
    source = message(body=b"x", **RICH)
    logged = event(State.RETRY, next_at=NOW + 5, attempt=1)
    assert event_document(logged, source, attempt(source, answer(500))) == {
        **SHARED,
        "time": NOW,
        "state": "RETRY",
        "body": b"x",
        "nextDeliveryTime": NOW + 5,
        "timeout": 30_000,
        "retryDelayExpr": "1000",
        "callerIp": "127.0.0.1",
        "callbackHeaders": {"X-B": ["3"]},
    }


@pytest.mark.parametrize("state", [State.ERROR, State.FAILED])
def test_a_failure_shows_the_answer_in_both_spellings(state: State) -> None:
    source = message()
    reply = answer(502, (("x-a", "1"),), b"\xff")
    document = event_document(event(state, error="502"), source, attempt(source, reply))
    assert document["error"] == "502"
    assert document["responseStatus"] == 502
    assert document["responseBody"] == b"\xff"
    assert document["responseHeaders"] == document["responseHeader"] == {"X-A": ["1"]}


@pytest.mark.parametrize("state", [State.ACTIVE, State.DELIVERED, State.RETRY, State.CREATED])
def test_other_events_show_no_answer(state: State) -> None:
    source = message()
    document = event_document(event(state), source, attempt(source, answer(200, body=b"ok")))
    assert not [name for name in document if name.startswith("response")]


def test_a_failure_without_an_answer_has_an_error_and_no_response() -> None:
    source = message()
    failed = attempt(source, no_answer())
    document = event_document(event(State.ERROR, error="refused"), source, failed)
    assert document["error"] == "refused"
    assert not [name for name in document if name.startswith("response")]


# The dead letter queue


@pytest.mark.parametrize(
    ("outcome", "shown"),
    [
        (
            answer(500, (("content-length", "3"),), b"bad"),
            {
                "responseStatus": 500,
                "responseHeader": {"Content-Length": ["3"]},
                "responseBody": "bad",
            },
        ),
        (
            answer(500, (), b"\xff"),
            {"responseStatus": 500, "responseHeader": {}, "responseBodyBase64": b"\xff"},
        ),
        (answer(404), {"responseStatus": 404, "responseHeader": {}}),
        (no_answer(detail="EOF"), {"responseStatus": 0, "responseBody": "EOF"}),
        (None, {"responseStatus": 0}),
    ],
)
def test_a_dead_letter_is_its_message_and_its_last_answer(
    outcome: Outcome | None, shown: dict[str, Any]
) -> None:
    source = message(body=b"x", **RICH)
    letter = DeadLetter("1787313600000-7", "defaultUser", "msg_1", NOW)
    last = attempt(source, outcome) if outcome is not None else None
    assert dead_letter_document(letter, source, last) == {
        "dlqId": "1787313600000-7",
        **message_document(source),
        **shown,
    }


# Resources


def test_a_plain_schedule() -> None:
    made = Schedule("u", "scd_1", "* * * * *", URL, Spec(URL), b"", NOW, NOW + 60_000)
    assert schedule_document(made, {}) == {
        "scheduleId": "scd_1",
        "cron": "* * * * *",
        "destination": URL,
        "createdAt": NOW,
        "method": "POST",
        "isPaused": False,
        "retries": 3,
        "header": {},
        "nextScheduleTime": NOW + 60_000,
    }


def test_a_schedule_with_everything() -> None:
    made = Schedule(
        "u", "scd_1", "* * * * *", "orders", replace(Spec(URL), **RICH), b"x", NOW, None,
        delay_ms=90_000, paused=True, last_at=NOW - 1, error="topic orders not found",
    )  # fmt: skip
    of_message = ("messageId", "url", "maxRetries", "topicName", "endpointName")
    assert schedule_document(made, {"msg_1": "SUCCESS"}) == {
        **{name: value for name, value in SHARED.items() if name not in of_message},
        "cron": "* * * * *",
        "destination": "orders",
        "createdAt": NOW,
        "isPaused": True,
        "retries": 5,
        "body": "x",
        "callbackHeader": {"X-B": ["3"]},
        "delay": 90,
        "timeout": 30,
        "callerIp": "127.0.0.1",
        "lastScheduleTime": NOW - 1,
        "lastScheduleStates": {"msg_1": "SUCCESS"},
        "error": "topic orders not found",
    }


def test_a_queue() -> None:
    assert queue_document(Queue("u", "q", NOW, NOW + 1, 2, True), 5) == {
        "name": "q",
        "createdAt": NOW,
        "updatedAt": NOW + 1,
        "parallelism": 2,
        "paused": True,
        "lag": 5,
    }


def test_a_group_lists_its_endpoints_in_order() -> None:
    pair = group("http://a", "http://b")
    unnamed = replace(pair.endpoints[1], name=None)
    assert group_document(replace(pair, endpoints=(pair.endpoints[0], unnamed))) == {
        "name": "pair",
        "createdAt": NOW,
        "updatedAt": NOW,
        "endpoints": [{"name": "e0", "url": "http://a"}, {"url": "http://b"}],
    }


@pytest.mark.parametrize(
    ("completed_at", "more"),
    [
        (None, {"state": "IN_PROGRESS"}),
        (NOW + 9, {"state": "FINISHED", "completedAt": NOW + 9}),
    ],
)
def test_a_bulk_action(completed_at: int | None, more: dict[str, Any]) -> None:
    query = Query({"label": ("a", "b")}, from_date=5)
    action = BulkAction("u", "bulk_1", query, 10, NOW, 4, completed_at)
    assert bulk_action_document(action) == {
        "actionId": "bulk_1",
        "kind": "cancel",
        "total": 10,
        "processed": 4,
        "createdAt": NOW,
        "filter": {"label": ["a", "b"], "fromDate": ["5"]},
        **more,
    }
