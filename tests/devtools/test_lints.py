"""Marks for what would not work in the cloud."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qstash_dev.devtools.lints import lints
from qstash_dev.protocol.model import Callback, Place, Spec
from qstash_dev.protocol.quota import Limits

LIMITS = Limits(max_retries=3, max_delay_s=604_800, max_message_size=1_000)
LOCAL = "http://localhost:3000/api"
PUBLIC = "https://example.com/api"
JSON = (("Content-Type", "application/json"),)


def marks(url: str = LOCAL, body: bytes = b"", delay_ms: int = 0, **spec: Any) -> tuple[str, ...]:
    return lints(Spec(url, **spec), body, LIMITS, delay_ms=delay_ms)


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"body": b'{"a":1}', "headers": JSON},
        {"body": b"plain text"},
        {"body": b'{"a":"Hi \\ud83d"}', "headers": JSON},
        {"body": b'"a text"', "headers": JSON},
        {"body": b'{"a":1}', "headers": (("Content-Type", "application/x-ndjson"),)},
        {"body": b'{"a":1}', "headers": (("Content-Type", "application/vnd.api+json"),)},
        {"body": b"42"},
        {"body": b"{not json}"},
        {"url": PUBLIC, "callback": Callback("https://other.example/cb")},
        {"callback": Callback("http://localhost:3000/cb")},
        {"max_retries": 3, "delay_ms": 604_800_000, "body": b"x" * 1_000},
        {"method": "GET"},
        {"method": "PUT", "body": b"x"},
    ],
)
def test_what_works_in_the_cloud_has_no_mark(spec: dict[str, Any]) -> None:
    assert marks(**spec) == ()


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"url": "http://192.168.1.5/x"}, "cannot reach 192.168.1.5"),
        ({"url": "http://web:3000/x"}, "cannot reach web"),
        (
            {"url": PUBLIC, "callback": Callback("http://localhost:3000/cb")},
            "the callback goes to localhost: the cloud will never reach it",
        ),
        (
            {"url": PUBLIC, "failure_callback": Callback("http://10.0.0.1/cb")},
            "the failure callback goes to 10.0.0.1",
        ),
        ({"callback": Callback(PUBLIC)}, "although the destination is local"),
        ({"max_retries": 4}, "4 retries are more than the 3"),
        ({"delay_ms": 10 * 86_400_000}, "A delay of 10d is longer than the 7d"),
        ({"body": b"x" * 1_001}, "1001 bytes are more than the 1000"),
        ({"body": b' {"a":1}\n'}, "JSON without a Content-Type"),
        ({"body": b"[1]", "headers": (("X-A", "b"),)}, "JSON without a Content-Type"),
        (
            {"body": b'{"a":"\\ud83d"}', "headers": (("Content-Type", "text/plain"),)},
            "JSON, but its Content-Type is text/plain",
        ),
        (
            {
                "body": b'{"a":1}',
                "headers": (("Content-Type", "application/x-www-form-urlencoded"),),
            },
            "its Content-Type is application/x-www-form-urlencoded",
        ),
        ({"body": b'"{\\"a\\":1}"', "headers": JSON}, "stringified twice"),
        ({"body": b"a=1", "headers": JSON}, "the body is not JSON"),
        ({"headers": JSON}, "the body is empty"),
        (
            {"body": b"a", "headers": (("content-type", "application/json; charset=utf-8"),)},
            "the body is not JSON",
        ),
        ({"method": "GET", "body": b"x"}, "A GET request with a body"),
    ],
)
def test_what_would_not_work_is_marked_once(spec: dict[str, Any], words: str) -> None:
    (mark,) = marks(**spec)
    assert words in mark


def test_a_get_without_a_body_and_a_step_of_a_run_may_be_labelled_as_json() -> None:
    assert marks(headers=JSON, method="GET") == ()
    assert marks(body=b"text", headers=JSON, place=Place("wfr_1", 0)) == ()


def test_every_difference_has_its_own_mark() -> None:
    assert len(marks("http://10.0.0.1", b"x" * 2_000, method="GET", max_retries=9)) == 4


def test_without_limits_nothing_is_over_the_plan() -> None:
    free = Limits(max_retries=None, max_delay_s=None, max_message_size=None)
    assert lints(Spec(LOCAL, max_retries=10**6), b"x" * 10**6, free, delay_ms=10**12) == ()


def test_a_large_body_is_judged_by_its_ends() -> None:
    large = Limits(max_retries=None, max_delay_s=None, max_message_size=None)
    assert lints(Spec(LOCAL), b"{" + b"x" * 10**6 + b"}", large)
    assert not lints(Spec(LOCAL, headers=JSON), b"x" * 10**6, large)


@given(url=st.text(max_size=40), body=st.binary(max_size=60), callback=st.text(max_size=40))
def test_any_message_is_judged_without_an_error(url: str, body: bytes, callback: str) -> None:
    found = lints(Spec(url, headers=JSON, callback=Callback(callback)), body, LIMITS)
    assert all(mark.endswith(".") for mark in found)
