"""Saved requests: what is written can be read, and a mistake names its field."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qstash_dev.devtools.documents import Detail, Request, Row
from qstash_dev.devtools.fixtures import (
    Fixture,
    FixtureError,
    fixture_of,
    publish_headers,
    read_fixture,
    write_fixture,
)
from qstash_dev.protocol.publish.draft import parse_draft
from qstash_dev.protocol.quota import QUOTAS

URL = "http://localhost:3000/api/orders"


def test_a_url_is_enough() -> None:
    assert read_fixture(json.dumps({"url": URL})) == Fixture(URL)


def test_a_whole_fixture_is_read() -> None:
    text = """{"url": "http://localhost:3000/api/orders", "method": "put",
        "headers": {"Content-Type": "application/json", "X-Tag": ["a", "b"]},
        "body": {"id": 7, "name": "ö"},
        "options": {"delay": "10s", "retries": 0, "queue": "mail",
                    "contentBasedDeduplication": true}}"""
    fixture = read_fixture(text)
    assert fixture == Fixture(
        URL,
        "PUT",
        (("Content-Type", "application/json"), ("X-Tag", "a"), ("X-Tag", "b")),
        '{"id":7,"name":"ö"}'.encode(),
        (
            ("delay", "10s"),
            ("retries", "0"),
            ("queue", "mail"),
            ("contentBasedDeduplication", "true"),
        ),
    )


@pytest.mark.parametrize(
    ("field", "body"),
    [
        ({"body": "plain\ntext"}, b"plain\ntext"),
        ({"body": [1, 2]}, b"[1,2]"),
        ({"body": 42}, b"42"),
        ({"body": None}, b""),
        ({"body": ""}, b""),
        ({"bodyBase64": "/wA="}, b"\xff\x00"),
        ({}, b""),
    ],
)
def test_a_body_is_text_json_or_bytes(field: dict[str, object], body: bytes) -> None:
    assert read_fixture(json.dumps({"url": URL} | field)).body == body


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("[]", "The fixture is a list"),
        ("{", "The fixture is not JSON"),
        ("[" * 100_000, "The fixture is not JSON"),
        ("{}", "The field url is null"),
        ('{"url": 7}', "The field url is a number"),
        ('{"url": " "}', "The field url is empty"),
        ('{"url": "u", "header": {}}', "no field 'header': expected url, method, headers,"),
        ('{"url": "u", "method": 1}', "The field method is 1"),
        ('{"url": "u", "method": ""}', "The field method is ''"),
        ('{"url": "u", "headers": []}', "The field headers is a list"),
        ('{"url": "u", "headers": {"A": 1}}', "The field headers.A is 1"),
        ('{"url": "u", "headers": {"A": ["x", 1]}}', "The field headers.A is"),
        ('{"url": "u", "headers": {"A": "x\\r\\nB: y"}}', "The field headers.A holds a line break"),
        ('{"url": "u", "headers": {"": "x"}}', "or no name"),
        ('{"url": "u", "body": "x", "bodyBase64": "eA=="}', "exclude each other"),
        ('{"url": "u", "bodyBase64": "***"}', "The field bodyBase64 is not base64"),
        ('{"url": "u", "bodyBase64": 1}', "The field bodyBase64 is not base64"),
        ('{"url": "u", "body": "\\ud800"}', "The field body holds half a character"),
        ('{"url": "u", "options": 1}', "The field options is a number"),
        (
            '{"url": "u", "options": {"retry": 1}}',
            "no option options.retry: expected one of delay,",
        ),
        ('{"url": "u", "options": {"delay": []}}', "The field options.delay is []"),
        ('{"url": "u", "options": {"label": "a\\nb"}}', "The field options.label"),
    ],
)
def test_a_mistake_names_the_field(value: str, words: str) -> None:
    with pytest.raises(FixtureError) as refused:
        read_fixture(value)
    assert words in str(refused.value)


def test_compact_json_is_written_so_that_it_can_be_edited() -> None:
    text = write_fixture(Fixture(URL, body='{"id":7,"ö":[]}'.encode()))
    assert json.loads(text)["body"] == {"id": 7, "ö": []}
    assert "ö" in text
    assert text.endswith("}\n")


@pytest.mark.parametrize("body", [b'{"id": 7}', b'{"a":1,"a":2}', b"1.0", b'"x"', b"true", b"{"])
def test_any_other_text_is_written_byte_for_byte(body: bytes) -> None:
    assert json.loads(write_fixture(Fixture(URL, body=body)))["body"] == body.decode()


def test_empty_parts_are_left_out() -> None:
    assert json.loads(write_fixture(Fixture(URL))) == {"url": URL, "method": "POST"}


def test_the_publish_request_carries_headers_and_options() -> None:
    fixture = Fixture(
        URL,
        "PUT",
        (("content-type", "text/plain"), ("X-A", "1")),
        b"x",
        (
            ("delay", "10s"),
            ("queue", "mail"),
            ("redact", "body"),
            ("Upstash-Callback-Retries", "2"),
        ),
    )
    assert publish_headers(fixture) == (
        ("Upstash-Method", "PUT"),
        ("content-type", "text/plain"),
        ("Upstash-Forward-X-A", "1"),
        ("Upstash-Delay", "10s"),
        ("Upstash-Queue-Name", "mail"),
        ("Upstash-Redact-Fields", "body"),
        ("Upstash-Callback-Retries", "2"),
    )


SENT: dict[str, str] = {
    "Upstash-Retries": "5",
    "Upstash-Retry-Delay": "1000 * retried",
    "Upstash-Timeout": "30s",
    "Upstash-Callback": "http://a.test/told",
    "Upstash-Callback-Method": "PUT",
    "Upstash-Callback-Delay": "5s",
    "Upstash-Callback-Flow-Control-Key": "calls",
    "Upstash-Callback-Flow-Control-Value": "rate=1,period=60",
    "Upstash-Callback-Failure-Callback": "http://a.test/untold",
    "Upstash-Callback-Failure-Callback-Retries": "1",
    "Upstash-Callback-Forward-X-From": "here",
    "Upstash-Failure-Callback": "http://a.test/failed",
    "Upstash-Label": "a,b",
    "Upstash-Flow-Control-Key": "k",
    "Upstash-Flow-Control-Value": "parallelism=3,period=1",
    "Upstash-Queue-Name": "mail",
}


def detail_of(headers: dict[str, str]) -> Detail:
    """What the control API tells of a message that was published with these headers."""
    spec = parse_draft(URL, headers.items(), QUOTAS["pro"]).spec
    told = msgspec.to_builtins(spec)
    kept = {name: told[name] for name in told if name not in ("url", "method", "headers")}
    return Detail(Row(1, "msg_1", "delivered", URL), kept, Request("POST", URL, list(spec.headers)))


def test_a_message_is_saved_with_all_its_options_and_sent_with_the_same() -> None:
    fixture = fixture_of(detail_of(SENT), b"{}")
    assert dict(publish_headers(read_fixture(write_fixture(fixture)))) == SENT | {
        "Upstash-Method": "POST"
    }


def test_secrets_are_saved_only_when_asked_for() -> None:
    secret = {
        f"{prefix}Forward-{name}": "****9876"
        for prefix in ("Upstash-", "Upstash-Callback-")
        for name in ("Authorization", "Cookie", "Set-Cookie", "X-Api-Key", "X-Auth-Token")
    }
    detail = detail_of({"Upstash-Callback": "http://a.test", "Upstash-Retries": "3"} | secret)
    assert "****9876" not in write_fixture(fixture_of(detail, b""))
    saved = dict(publish_headers(fixture_of(detail, b"", secrets=True)))
    assert secret.items() <= saved.items()


NAMES = st.text("abcXYZ-", min_size=1, max_size=8)
VALUES = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=10)


@given(
    url=st.text(st.characters(codec="utf-8"), min_size=1, max_size=20).filter(str.strip),
    headers=st.dictionaries(NAMES, st.lists(VALUES, min_size=1, max_size=3), max_size=3),
    body=st.binary(max_size=60)
    | st.recursive(st.integers() | st.text(), st.lists, max_leaves=5).map(
        lambda value: json.dumps(value, separators=(",", ":")).encode()
    ),
    delay=VALUES,
)
def test_what_is_written_is_read_back(
    url: str, headers: dict[str, list[str]], body: bytes, delay: str
) -> None:
    pairs = tuple((name, value) for name, values in headers.items() for value in values)
    fixture = Fixture(url, "POST", pairs, body, (("delay", delay),))
    assert read_fixture(write_fixture(fixture)) == fixture


@given(st.text(max_size=60) | st.binary(max_size=60))
def test_any_file_is_a_fixture_or_a_fixture_error(text: str | bytes) -> None:
    try:
        read_fixture(text)
    except FixtureError:
        return
