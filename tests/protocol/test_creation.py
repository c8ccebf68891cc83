"""From a draft to messages: fan-out, due times, replays, retries out of the DLQ."""

import pytest
from msgspec.structs import replace

from qstash_dev.protocol import creation
from qstash_dev.protocol.creation import Changes
from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.model import FlowControl, Headers, Kind, Message, Spec, State
from qstash_dev.protocol.publish.draft import Draft
from qstash_dev.protocol.quota import QUOTAS
from tests.samples import DAY, NOW, URL, active, callback, group, message

PAYG = QUOTAS["payg"]


# Fan-out and due times


def test_without_a_group_there_is_one_message() -> None:
    assert creation.expand_group(Spec(URL), None) == (Spec(URL),)


def test_a_group_makes_one_message_for_each_endpoint_in_order() -> None:
    spec = Spec("", max_retries=1, labels=("a",))
    assert creation.expand_group(spec, group("http://a", "http://b?x")) == (
        replace(spec, url="http://a", topic="pair", endpoint="e0"),
        replace(spec, url="http://b?x", topic="pair", endpoint="e1"),
    )


@pytest.mark.parametrize(
    ("delay", "not_before", "due"),
    [
        (0, None, NOW),
        (5_000, None, NOW + 5_000),
        (5_000, NOW + 60_000, NOW + 60_000),  # not-before wins
        (5_000, NOW - 60_000, NOW),  # what is past is now
        (0, 0, NOW),
        (0, NOW + 365 * DAY, NOW + 365 * DAY),
    ],
)
def test_when_the_first_delivery_is_due(delay: int, not_before: int | None, due: int) -> None:
    draft = Draft(Spec(URL), delay_ms=delay, not_before=not_before)
    made = creation.new_message(
        draft.spec, "u", b"x", NOW, creation.due_at(draft, PAYG, NOW), "msg_1"
    )
    assert made == Message("msg_1", "u", Spec(URL), b"x", NOW, due, State.CREATED, due)


def test_a_not_before_beyond_the_plans_longest_delay_is_refused() -> None:
    draft = Draft(Spec(URL), not_before=NOW + 365 * DAY + 1)
    with pytest.raises(QStashError) as refused:
        creation.due_at(draft, PAYG, NOW)
    assert (refused.value.status, refused.value.message) == (
        412,
        "quota maxDelay exceeded, current limit: 31536000",
    )
    assert creation.due_at(draft, QUOTAS["pro"], NOW) == draft.not_before


def test_creating_messages_logs_each() -> None:
    messages = (message(id="msg_1"), message(id="msg_2", due_at=NOW + 5))
    change = creation.created(messages, NOW)
    assert change.created == messages
    assert [(e.message_id, e.state, e.next_at) for e in change.events] == [
        ("msg_1", State.CREATED, None),
        ("msg_2", State.CREATED, NOW + 5),
    ]


# Replay


def test_a_replay_is_a_linked_copy_that_is_due_now_and_in_no_line() -> None:
    source = active(
        state=State.FAILED,
        retried=3,
        finished_at=NOW,
        headers=(("X-A", "1"),),
        queue="q",
        flow=FlowControl("k", 1),
        callback=callback(),
        topic="orders",
        line="msg_0",
    )
    copy = creation.replay(source, Changes(), NOW + 9, "msg_2")
    spec = replace(source.spec, kind=Kind.REPLAY, parent_id="msg_1", queue=None, flow=None)
    due = NOW + 9
    assert copy == Message("msg_2", source.user, spec, b"{}", due, due, State.CREATED, due)


def test_a_replay_may_change_everything_that_is_sent() -> None:
    changes = Changes(body=b"", headers=(("X-B", "2"),), url="http://b", method="PUT")
    copy = creation.replay(active(headers=(("X-A", "1"),)), changes, NOW, "msg_2")
    spec = copy.spec
    assert (copy.body, spec.headers, spec.url, spec.method) == (
        b"",
        (("X-B", "2"),),
        "http://b",
        "PUT",
    )


# Retry out of the DLQ


def test_a_retry_without_headers_is_the_message_again() -> None:
    source = active(
        state=State.FAILED,
        max_retries=4,
        retried=4,
        redact=("body",),
        queue="q",
        flow=FlowControl("k", 1),
        headers=(("X-A", "1"),),
        labels=("a",),
    )
    ordinary = (("Authorization", "Bearer t"), ("Content-Type", "x/y"), ("Upstash-Foo", "1"))
    made = creation.dlq_retry(source, ordinary, PAYG, NOW, "msg_2")
    spec = replace(source.spec, kind=Kind.DLQ_RETRY, parent_id="msg_1")
    assert made == Message("msg_2", source.user, spec, b"{}", NOW, NOW, State.CREATED, NOW)


@pytest.mark.parametrize(
    ("headers", "field", "value"),
    [
        ((("Upstash-Retries", "0"),), "max_retries", 0),
        ((("Upstash-Retries", ""), ("Upstash-Label", " ")), "max_retries", 2),
        ((("UPSTASH-METHOD", "put"),), "method", "PUT"),
        ((("Upstash-Forward-x-a", "2"),), "headers", (("X-A", "2"),)),
        ((("Upstash-Forward-X-B", "2"),), "headers", (("X-A", "1"), ("X-B", "2"))),
        ((("Content-Type", "a/b"), ("X-Own", "2")), "headers", (("X-A", "1"),)),
        ((("Upstash-Retry-Delay", "5"),), "retry_delay", "5"),
        ((("Upstash-Timeout", "5s"),), "timeout_ms", 5_000),
        ((("Upstash-Label", "a,b"),), "labels", ("a", "b")),
        ((("Upstash-Callback", "http://c"),), "callback", callback(url="http://c")),
        ((("Upstash-Failure-Callback", "http://c"),), "failure_callback", callback(url="http://c")),
        ((("Upstash-Redact-Fields", "body"),), "redact", ("body",)),
        (
            (("Upstash-Flow-Control-Key", "k"), ("Upstash-Flow-Control-Value", "rate=1")),
            "flow",
            FlowControl("k", None, 1),
        ),
    ],
)
def test_headers_of_the_retry_request_override(headers: Headers, field: str, value: object) -> None:
    source = active(max_retries=2, headers=(("X-A", "1"),), labels=("old",), callback=callback())
    made = creation.dlq_retry(source, headers, PAYG, NOW, "msg_2")
    overridden = {"kind": Kind.DLQ_RETRY, "parent_id": "msg_1", field: value}
    assert made.spec == replace(source.spec, **overridden)


@pytest.mark.parametrize(
    ("headers", "due"),
    [
        ((("Upstash-Delay", "1m"),), NOW + 60_000),
        ((("Upstash-Not-Before", str(NOW // 1000 + 5)),), NOW + 5_000),
    ],
)
def test_a_retry_may_be_delayed(headers: Headers, due: int) -> None:
    made = creation.dlq_retry(active(), headers, PAYG, NOW, "msg_2")
    assert (made.due_at, made.not_before) == (due, due)


@pytest.mark.parametrize(
    ("name", "value", "status"), [("Upstash-Retries", "9", 412), ("Upstash-Timeout", "x", 400)]
)
def test_a_bad_override_is_refused_as_by_publish(name: str, value: str, status: int) -> None:
    with pytest.raises(QStashError) as refused:
        creation.dlq_retry(active(), ((name, value),), PAYG, NOW, "msg_2")
    assert refused.value.status == status
