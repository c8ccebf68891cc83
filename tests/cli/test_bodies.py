import io
import json

import pytest

from qstash_dev.cli.bodies import body_of, forwarded, headers_of, read_body
from qstash_dev.cli.commands.send import ids_of, read_fixture, saved_headers
from qstash_dev.cli.exits import Failure
from qstash_dev.devtools.written import absolute


def test_a_body_is_text_a_file_or_stdin(tmp_path, monkeypatch):
    (tmp_path / "b").write_bytes(b"\x00\n")
    assert read_body("hi") == b"hi"
    assert read_body(f"@{tmp_path / 'b'}") == b"\x00\n"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"from stdin")))
    assert read_body("-") == b"from stdin"


def test_a_missing_body_is_a_usage_error():
    with pytest.raises(Failure, match='The body "nowhere" cannot be read') as caught:
        read_body("@nowhere")
    assert caught.value.code == 2


def test_a_body_that_is_no_text_travels_as_base64(tmp_path):
    (tmp_path / "b").write_bytes(b"\xff\x00")
    assert body_of("hé") == "hé"
    assert body_of(f"@{tmp_path / 'b'}") == {"base64": "/wA="}


def test_headers_are_names_and_values():
    assert headers_of(["A: b:c", "X-Y:z"]) == {"A": "b:c", "X-Y": "z"}
    for bad in ["A", ": b"]:
        with pytest.raises(ValueError, match="expected NAME:VALUE"):
            headers_of([bad])


def test_only_foreign_headers_are_forwarded():
    given = {"X-Tenant": "1", "content-type": "a/b", "Upstash-Retries": "2"}
    assert forwarded(given) == {
        "Upstash-Forward-X-Tenant": "1",
        "content-type": "a/b",
        "Upstash-Retries": "2",
    }


@pytest.mark.parametrize(
    ("destination", "url"),
    [
        ("/api/orders", "http://localhost:3000/api/orders"),
        (":3001/x", "http://localhost:3001/x"),
        ("localhost:3001/x", "http://localhost:3001/x"),
        ("[::1]:3001/x", "http://[::1]:3001/x"),
        ("localhost", "localhost"),
        ("https://h/x?y=1", "https://h/x?y=1"),
        ("my-group", "my-group"),
    ],
)
def test_a_path_belongs_to_the_app(destination, url):
    assert absolute(destination, "http://localhost:3000") == url


@pytest.mark.parametrize(
    ("answer", "ids"),
    [
        ({"messageId": "a"}, ["a"]),
        ([{"messageId": "a"}, {"messageId": "b"}], ["a", "b"]),
        ({"scheduleId": "s"}, []),
    ],
)
def test_the_ids_of_a_publish_are_found(answer, ids):
    assert ids_of(answer) == ids


def test_a_fixture_becomes_the_headers_of_a_publish(tmp_path):
    path = tmp_path / "f.json"
    headers = {"Content-Type": "text/plain", "X-A": ["1", "2"]}
    fixture = {"url": "u", "headers": headers, "options": {"retries": 0, "queue": "q"}}
    path.write_text(json.dumps(fixture))
    assert saved_headers(read_fixture(path)) == {
        "Upstash-Method": "POST",
        "Content-Type": "text/plain",
        "Upstash-Forward-X-A": "1, 2",
        "Upstash-Retries": "0",
        "Upstash-Queue-Name": "q",
    }


def test_a_broken_fixture_is_explained(tmp_path):
    path = tmp_path / "f.json"
    path.write_text("[]")
    with pytest.raises(Failure, match="cannot be used: The fixture is a list"):
        read_fixture(path)
    with pytest.raises(Failure, match="cannot be used"):
        read_fixture(tmp_path / "nowhere")
