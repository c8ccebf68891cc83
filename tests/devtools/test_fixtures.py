"""Saved requests: what is written can be read, and a mistake names its field."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qstash_dev.devtools.fixtures import (
    Fixture,
    FixtureError,
    publish_headers,
    read_fixture,
    write_fixture,
)

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
    assert fixture.queue == "mail"


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
        (("delay", "10s"), ("queue", "mail"), ("redact", "body")),
    )
    assert publish_headers(fixture) == (
        ("Upstash-Method", "PUT"),
        ("content-type", "text/plain"),
        ("Upstash-Forward-X-A", "1"),
        ("Upstash-Delay", "10s"),
        ("Upstash-Redact-Fields", "body"),
    )


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
