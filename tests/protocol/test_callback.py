"""The message that tells an app how a delivery went: its document and its configuration."""

from base64 import b64encode
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from qstash_dev.protocol.callback import Result, callback_body, callback_message
from qstash_dev.protocol.headers import header_map
from qstash_dev.protocol.model import Callback, FlowControl, Kind, Message, Outcome
from tests.samples import NOW, active, answer, callback, no_answer


def document(source: Message, outcome: Outcome, dlq_id: str | None = None) -> dict[str, Any]:
    made: dict[str, Any] = msgspec.json.decode(callback_body(source, Result(outcome, dlq_id)))
    return made


def base64(data: bytes) -> str:
    return b64encode(data).decode()


def test_the_document_of_an_answer() -> None:
    source = active(
        body=b"\xff\x00binary",
        method="PUT",
        headers=(("X-A", "1"), ("X-A", "2"), ("Content-Type", "text/plain")),
        retried=2,
        caller_ip="127.0.0.1",
        topic="orders",
        endpoint="first",
        schedule_id="scd_1",
    )
    reply = answer(201, (("Fail-Header-Foo", "a"), ("set-cookie", "b"), ("Set-Cookie", "c")), b"ok")
    assert document(source, reply, "1787313600000-1") == {
        "status": 201,
        "header": {"Fail-Header-Foo": ["a"], "Set-Cookie": ["b", "c"]},
        "body": base64(b"ok"),
        "retried": 2,
        "maxRetries": 3,
        "sourceMessageId": "msg_1",
        "topicName": "orders",
        "endpointName": "first",
        "scheduleId": "scd_1",
        "url": source.spec.url,
        "method": "PUT",
        "sourceHeader": {"X-A": ["1", "2"], "Content-Type": ["text/plain"]},
        "sourceBody": base64(b"\xff\x00binary"),
        "notBefore": NOW,
        "createdAt": NOW,
        "callerIP": "127.0.0.1",
        "dlqId": "1787313600000-1",
    }


def test_what_is_not_set_is_not_in_the_document() -> None:
    assert document(active(), answer(204)).keys() == {
        "status", "header", "body", "retried", "maxRetries", "sourceMessageId", "url", "method",
        "sourceHeader", "sourceBody", "notBefore", "createdAt",
    }  # fmt: skip


def test_without_an_answer_the_status_is_minus_1_and_the_body_the_reason() -> None:
    told = document(active(), no_answer(detail="dial tcp: connection refused"))
    assert (told["status"], told["header"]) == (-1, {})
    assert told["body"] == base64(b"dial tcp: connection refused")


def test_a_callback_is_an_ordinary_message_with_the_configuration_of_its_family() -> None:
    configured = Callback(
        "http://localhost:3000/cb",
        method="PUT",
        headers=(("X-A", "1"), ("content-type", "text/html")),
        retries=1,
        retry_delay="1000",
        timeout_ms=5_000,
        delay_ms=60_000,
        flow=FlowControl("k", 1),
        failure_callback=callback(),
    )
    source = active(caller_ip="127.0.0.1", labels=("a",), topic="t", schedule_id="scd_1")
    made = callback_message(source, configured, Kind.CALLBACK, Result(answer()), NOW + 40, "msg_2")
    spec = made.spec
    assert (spec.url, spec.method) == ("http://localhost:3000/cb", "PUT")
    assert spec.headers == (("Content-Type", "application/json"), ("X-A", "1"))
    assert (spec.max_retries, spec.retry_delay, spec.timeout_ms) == (1, "1000", 5_000)
    assert (spec.flow, spec.failure_callback) == (FlowControl("k", 1), callback())
    assert (spec.kind, spec.parent_id, spec.caller_ip) == (Kind.CALLBACK, "msg_1", "127.0.0.1")
    assert (spec.callback, spec.queue, spec.labels, spec.topic) == (None, None, (), None)
    assert (made.id, made.user, made.created_at) == ("msg_2", source.user, NOW + 40)
    assert (made.due_at, made.attempts, made.retried) == (NOW + 60_040, 0, 0)


@pytest.mark.parametrize(("own", "retries"), [(None, 5), (0, 0), (2, 2)])
def test_a_callback_without_retries_of_its_own_takes_those_of_its_source(
    own: int | None, retries: int
) -> None:
    source = active(max_retries=5)
    made = callback_message(
        source, callback(retries=own), Kind.CALLBACK, Result(answer()), NOW, "msg_2"
    )
    assert made.spec.max_retries == retries


@pytest.mark.parametrize(
    ("place", "kept"),
    [
        ({}, (None, None)),
        ({"queue": "q"}, ("msg_1", "q")),
        ({"line": "msg_0", "line_queue": "q"}, ("msg_0", "q")),
    ],
)
def test_a_callback_keeps_the_place_of_its_source_in_a_queue(
    place: dict[str, str], kept: tuple[str | None, str | None]
) -> None:
    source = active(**place)
    made = callback_message(source, callback(), Kind.CALLBACK, Result(answer()), NOW, "msg_2")
    assert (made.line, made.line_queue) == kept


@pytest.mark.parametrize("redact", [("body",), ("header",), ("header[X-A]",), ()])
def test_a_callback_hides_what_its_source_hides_and_its_body(
    redact: tuple[str, ...],
) -> None:
    source = active(redact=redact, body=b"secret")
    made = callback_message(source, callback(), Kind.CALLBACK, Result(answer()), NOW, "msg_2")
    assert made.spec.redact == (tuple(dict.fromkeys(("body", *redact))) if redact else ())
    # ... but the app gets the original
    assert msgspec.json.decode(made.body)["sourceBody"] == base64(b"secret")


def test_header_maps_have_canonical_names_and_lists() -> None:
    headers = (("x-a", "1"), ("content-length", "0"), ("X-A", "2"))
    assert header_map(headers) == {"X-A": ["1", "2"], "Content-Length": ["0"]}


def test_the_document_holds_any_bytes() -> None:
    source = replace(active(), body=bytes(range(256)))
    told = document(source, answer(body=bytes(range(256))))
    assert told["sourceBody"] == told["body"] == base64(bytes(range(256)))
