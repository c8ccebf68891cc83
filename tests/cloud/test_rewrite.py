"""Local URLs leave by the tunnel and come back as they were; everything else stays untouched."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qstash_dev.cloud.rewrite import (
    Borders,
    Call,
    Sent,
    destinations,
    outbound,
    sent,
    wrapped_url,
)

PUBLIC = "https://mine.ngrok-free.app"
TO = f"{PUBLIC}/.qstash-dev/to"
ROUTES = (("https://shop.example", "http://localhost:4000"),)
BORDERS = Borders(PUBLIC, ROUTES)


def call(
    path: str, query: str = "", *, method: str = "POST", body: bytes = b"", **headers: str
) -> Call:
    pairs = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Call(method, path, query, pairs, body)


@pytest.mark.parametrize(
    ("url", "outside"),
    [
        ("http://localhost:3000/api/x", f"{TO}/http/localhost:3000/api/x"),
        ("http://localhost:3000", f"{TO}/http/localhost:3000"),
        ("http://127.0.0.1:3000?a=1", f"{TO}/http/127.0.0.1:3000?a=1"),
        ("https://app.localhost//x/%2F?u=http://y", f"{TO}/https/app.localhost//x/%2F?u=http://y"),
        ("http://[::1]:3000/x", f"{TO}/http/%5B::1%5D:3000/x"),
        ("https://shop.example/pay", f"{TO}/https/shop.example/pay"),
        ("https://shop.example.org/pay", "https://shop.example.org/pay"),
        ("https://shop.example:x@evil.example/", "https://shop.example:x@evil.example/"),
        ("https://example.com/x", "https://example.com/x"),
        ("my-group", "my-group"),
        ("http://[broken", "http://[broken"),
    ],
)
def test_only_urls_of_this_machine_leave_by_the_tunnel(url: str, outside: str) -> None:
    assert BORDERS.out(url) == outside


_paths = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters='"\\<>'))


@given(
    scheme=st.sampled_from(["http", "https"]),
    host=st.sampled_from(["localhost", "127.0.0.1:3000", "[::1]:8000", "a.localhost:1"]),
    path=_paths.map(lambda text: f"/{text}"),
)
def test_what_went_out_comes_back_byte_for_byte(scheme: str, host: str, path: str) -> None:
    url = f"{scheme}://{host}{path}"
    outside = BORDERS.out(url)
    assert wrapped_url(outside.removeprefix(PUBLIC)) == url
    assert BORDERS.back(json.dumps({"url": outside}).encode()) == json.dumps({"url": url}).encode()


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "/api",
        "/.qstash-dev/to/",
        "/.qstash-dev/to/http",
        "/.qstash-dev/to/http/",
        "/.qstash-dev/to/http//x",
        "/.qstash-dev/to/file/etc/passwd",
        "/.qstash-dev/tohttp/a",
    ],
)
def test_other_targets_hold_no_url(target: str) -> None:
    assert wrapped_url(target) is None


@pytest.mark.parametrize(
    ("path", "query", "new_path", "new_query"),
    [
        (
            "/v2/publish/http://localhost:3000/x",
            "a=1&qstash_token=dev&b=http://localhost:3000",
            f"/v2/publish/{TO}/http/localhost:3000/x",
            "a=1&b=http://localhost:3000",
        ),
        (
            "/v2/publish/http%3A%2F%2Flocalhost%3A3000%2Fx",
            "",
            f"/v2/publish/{TO}/http/localhost:3000/x",
            "",
        ),
        (
            "/v2/enqueue/mail/http://localhost:3000/x",
            "",
            f"/v2/enqueue/mail/{TO}/http/localhost:3000/x",
            "",
        ),
        (
            "/v2/schedules/http://localhost:3000/x",
            "",
            f"/v2/schedules/{TO}/http/localhost:3000/x",
            "",
        ),
        ("/v2/publish/https://example.com/x", "a=1", "/v2/publish/https://example.com/x", "a=1"),
        ("/v2/publish/my-group", "qstash_token=dev", "/v2/publish/my-group", ""),
        ("/v2/publish/not%20a%20name", "", "/v2/publish/not%20a%20name", ""),
        ("/v2/schedules/scd_1/pause", "", "/v2/schedules/scd_1/pause", ""),
    ],
)
def test_the_destination_of_a_publish_leaves_by_the_tunnel(
    path: str, query: str, new_path: str, new_query: str
) -> None:
    out = outbound(call(path, query), BORDERS)
    assert (out.path, out.query) == (new_path, new_query)


def test_callbacks_leave_by_the_tunnel_and_forwarded_headers_stay() -> None:
    out = outbound(
        call(
            "/v2/publish/https://example.com",
            Upstash_Callback="http://localhost:3000/done",
            Upstash_Failure_Callback="https://example.com/failed",
            Upstash_Callback_Failure_Callback="http://localhost:3000/oh",
            Upstash_Forward_Back="http://localhost:3000/own",
            Upstash_Callback_Forward_Back="http://localhost:3000/own",
            Referer="http://localhost:3000/page",
        ),
        BORDERS,
    )
    assert dict(out.headers) == {
        "Upstash-Callback": f"{TO}/http/localhost:3000/done",
        "Upstash-Failure-Callback": "https://example.com/failed",
        "Upstash-Callback-Failure-Callback": f"{TO}/http/localhost:3000/oh",
        "Upstash-Forward-Back": "http://localhost:3000/own",
        "Upstash-Callback-Forward-Back": "http://localhost:3000/own",
        "Referer": "http://localhost:3000/page",
    }


def test_configuration_in_the_query_of_a_local_destination_becomes_headers() -> None:
    query = "upstash-callback=http%3A%2F%2Flocalhost%3A3000%2Fdone&upstash-retries=1&a=1"
    out = outbound(call("/v2/publish/http://localhost:3000/x", query, upstash_retries="3"), BORDERS)
    assert out.query == "a=1"
    assert dict(out.headers) == {
        "upstash-retries": "3",
        "Upstash-Callback": f"{TO}/http/localhost:3000/done",
    }


def test_an_empty_header_does_not_hide_what_the_query_says() -> None:
    query = "upstash-callback=http%3A%2F%2Flocalhost%3A3000%2Fdone"
    called = call("/v2/publish/http://localhost:3000/x", query, upstash_callback=" ")
    assert outbound(called, BORDERS).headers[-1] == (
        "Upstash-Callback",
        f"{TO}/http/localhost:3000/done",
    )


def test_items_of_a_batch_leave_by_the_tunnel() -> None:
    items = [
        {
            "destination": "http://localhost:3000/x",
            "headers": {"Upstash-Callback": ["http://localhost:3000/done"]},
            "body": "http://localhost:3000/own",
            "queue": None,
        },
        {"destination": "https://example.com", "headers": None},
    ]
    out = outbound(call("/v2/batch", body=json.dumps(items).encode()), BORDERS)
    assert json.loads(out.body) == [
        {
            "destination": f"{TO}/http/localhost:3000/x",
            "headers": {"Upstash-Callback": [f"{TO}/http/localhost:3000/done"]},
            "body": "http://localhost:3000/own",
            "queue": None,
        },
        {"destination": "https://example.com", "headers": None},
    ]


def test_endpoints_of_a_url_group_leave_by_the_tunnel() -> None:
    body = {"endpoints": [{"url": "http://localhost:3000/x", "name": "x"}, {"name": "y"}]}
    out = outbound(call("/v2/topics/g/endpoints", body=json.dumps(body).encode()), BORDERS)
    assert json.loads(out.body) == {
        "endpoints": [{"url": f"{TO}/http/localhost:3000/x", "name": "x"}, {"name": "y"}]
    }


@pytest.mark.parametrize("path", ["/v2/batch", "/v2/topics/g/endpoints"])
@pytest.mark.parametrize("body", [b"", b"{", b"1", b"[1]", b'{"endpoints": 1}', b"\xff"])
def test_a_body_that_cannot_be_read_is_left_for_the_cloud_to_refuse(path: str, body: bytes) -> None:
    assert outbound(call(path, body=body), BORDERS).body == body


def test_a_filter_by_url_asks_for_the_url_that_the_cloud_knows() -> None:
    query = "url=http%3A%2F%2Flocalhost%3A3000%2Fx&state=FAILED"
    out = outbound(call("/v2/events", query, method="GET"), BORDERS)
    encoded = "https%3A%2F%2Fmine.ngrok-free.app%2F.qstash-dev%2Fto%2Fhttp%2Flocalhost%3A3000%2Fx"
    assert out.query == f"url={encoded}&state=FAILED"


@pytest.mark.parametrize(
    ("made", "answer", "expected"),
    [
        (
            call("/v2/publish/http://localhost:3000/x", "a=1", body=b"hi"),
            {"messageId": "msg_1", "url": f"{TO}/http/localhost:3000/x?a=1"},
            [Sent("msg_1", "http://localhost:3000/x?a=1", (), b"hi")],
        ),
        (
            call("/v2/publish/http://localhost:3000/x", "upstash-retries=1"),
            {"messageId": "msg_1"},
            [Sent("msg_1", "http://localhost:3000/x", (("Upstash-Retries", "1"),), b"")],
        ),
        (call("/v2/publish/https://example.com"), {"messageId": "msg_1"}, []),
        (
            call("/v2/publish/my-group"),
            [
                {"messageId": "msg_1", "url": f"{TO}/http/localhost:3000/a"},
                {"messageId": "msg_2", "url": "https://example.com"},
            ],
            [Sent("msg_1", "http://localhost:3000/a", (), b"")],
        ),
        (call("/v2/schedules/http://localhost:3000/x"), {"scheduleId": "scd_1"}, []),
        (call("/v2/publish/http://localhost:3000/x"), {"error": "quota exceeded"}, []),
        (
            call(
                "/v2/batch",
                body=json.dumps(
                    [
                        {"destination": "http://localhost:3000/x", "body": "1"},
                        {
                            "destination": "http://localhost:3000/y",
                            "headers": {"Upstash-Label": "l"},
                        },
                        {"destination": "my-group"},
                    ]
                ).encode(),
            ),
            [
                {"messageId": "msg_1"},
                {"error": "no"},
                [{"messageId": "msg_3", "url": f"{TO}/http/localhost:3000/z"}],
            ],
            [
                Sent("msg_1", "http://localhost:3000/x", (), b"1"),
                Sent("msg_3", "http://localhost:3000/z", (), b""),
            ],
        ),
    ],
)
def test_messages_that_will_come_back_are_known_from_the_answer(
    made: Call, answer: object, expected: list[Sent]
) -> None:
    assert list(sent(made, json.dumps(answer).encode(), BORDERS)) == expected


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (call("/v2/publish/http://localhost:3000/x", "a=1"), ("http://localhost:3000/x?a=1",)),
        (call("/v2/enqueue/q/my-group"), ("my-group",)),
        (call("/v2/batch", body=b'[{"destination": "g"}, {"destination": "h"}]'), ("g", "h")),
        (call("/v2/batch", body=b'[{"body": "g"}]'), ()),
        (call("/v2/batch", body=b"{"), ()),
        (call("/v2/publish/not%20a%20name"), ()),
        (call("/v2/schedules/http://localhost:3000/x"), ()),
        (call("/v2/messages/msg_1", method="DELETE"), ()),
    ],
)
def test_the_destinations_of_a_publish_are_known_as_the_app_wrote_them(
    made: Call, expected: tuple[str, ...]
) -> None:
    assert destinations(made) == expected


def test_an_answer_that_is_no_json_creates_nothing() -> None:
    assert sent(call("/v2/publish/http://localhost:3000/x"), b"<html>", BORDERS) == ()
