"""The request of a delivery: which headers, in whose name, to which URL."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qstash_dev.protocol.delivery import build_request, host_and_path
from qstash_dev.protocol.model import FlowControl, Message, Request
from qstash_dev.protocol.publish.readers import flow_value
from qstash_dev.protocol.signature import inspect
from tests.samples import URL, active

KEY = "sig_7kYjw48mhY7kAjqNGcy6cr29RJ6r"
NOW_S = 1_787_313_600


def request(message: Message, target: str = URL) -> Request:
    return build_request(message, target, KEY, NOW_S, "jwt_1")


def headers_of(message: Message) -> dict[str, str]:
    made = request(message).headers
    assert len({name.lower() for name, _ in made}) == len(made)
    return dict(made)


def test_a_plain_delivery_has_exactly_these_headers() -> None:
    found = headers_of(active())
    signature = found.pop("Upstash-Signature")
    assert signature.count(".") == 2
    assert found == {
        "User-Agent": "Upstash-QStash",
        "Upstash-Message-Id": "msg_1",
        "Upstash-Retried": "0",
        "Upstash-Retries": "0",
        "Upstash-Max-Retries": "3",
        "Upstash-Region": "EU-CENTRAL-1",
    }


def test_what_the_message_has_is_told() -> None:
    found = headers_of(
        active(
            retried=2,
            max_retries=5,
            headers=(("Content-Type", "text/plain"), ("X-A", "1")),
            flow=FlowControl("k", 3),
            retry_delay="1000 * retried",
            schedule_id="scd_1",
            topic="orders",
            caller_ip="127.0.0.1",
            labels=("a",),
            queue="q",
        )
    )
    del found["Upstash-Signature"]
    assert found == {
        "Content-Type": "text/plain",
        "X-A": "1",
        "User-Agent": "Upstash-QStash",
        "Upstash-Message-Id": "msg_1",
        "Upstash-Retried": "2",
        "Upstash-Retries": "2",
        "Upstash-Max-Retries": "5",
        "Upstash-Region": "EU-CENTRAL-1",
        "Upstash-Flow-Control-Key": "k",
        "Upstash-Flow-Control-Value": "parallelism=3,period=1",
        "Upstash-Retry-Delay": "1000 * retried",
        "Upstash-Schedule-Id": "scd_1",
        "Upstash-Topic-Name": "orders",
        "Upstash-Caller-Ip": "127.0.0.1",
    }


@pytest.mark.parametrize(
    ("flow", "value"),
    [
        (FlowControl("k", 3), "parallelism=3,period=1"),
        (FlowControl("k", None, 5, 60), "rate=5,period=60"),
        (FlowControl("k", 3, 5, 86_400), "parallelism=3,rate=5,period=86400"),
    ],
)
def test_flow_control_is_echoed_in_one_spelling(flow: FlowControl, value: str) -> None:
    assert flow_value(flow) == value


@pytest.mark.parametrize(
    "name",
    ["upstash-signature", "Upstash-Message-Id", "UPSTASH-RETRIED", "user-agent", "Upstash-Region"],
)
def test_the_servers_own_headers_replace_forwarded_ones(name: str) -> None:
    plain, forwarded = headers_of(active()), headers_of(active(headers=((name, "theirs"),)))
    assert forwarded == plain


@pytest.mark.parametrize(
    "name", ["Host", "content-length", "Transfer-Encoding", "Connection", "Expect", "TE"]
)
def test_headers_of_a_connection_are_never_forwarded(name: str) -> None:
    assert headers_of(active(headers=((name, "x"),))) == headers_of(active())


def test_a_routed_delivery_tells_the_app_of_the_url_that_was_published() -> None:
    message = active(
        url="https://me:pw@my.example:8443/x?y=1", headers=(("X-Forwarded-Host", "x"),)
    )
    made = dict(request(message, "http://localhost:3000/x?y=1").headers)
    assert (made["X-Forwarded-Host"], made["X-Forwarded-Proto"]) == ("my.example:8443", "https")
    assert "Host" not in made
    kept = build_request(message, "http://localhost:3000/x", KEY, NOW_S, "jwt_1", keep_host=True)
    assert dict(kept.headers)["Host"] == "my.example:8443"


def test_repeated_forwarded_headers_are_all_sent_in_order() -> None:
    made = request(active(headers=(("X-A", "1"), ("X-B", "2"), ("X-A", "3")))).headers
    assert made[:3] == (("X-A", "1"), ("X-B", "2"), ("X-A", "3"))


def test_body_and_method_are_those_of_the_message() -> None:
    made = request(active(method="PATCH", body=b"\x00\xff"))
    assert (made.method, made.body) == ("PATCH", b"\x00\xff")


@pytest.mark.parametrize(
    ("asked", "timeout"), [(None, 7_200_000), (5_000, 5_000), (9_000_000, 7_200_000)]
)
def test_a_timeout_may_only_shorten_the_plans(asked: int | None, timeout: int) -> None:
    assert request(active(timeout_ms=asked)).timeout_ms == timeout


def test_the_signature_is_for_the_published_url_wherever_it_is_sent() -> None:
    source = active(url="https://app.example.com//x?a=%41", body=b"body")
    made = request(source, target="http://localhost:3000//x?a=%41")
    token = dict(made.headers)["Upstash-Signature"]
    inspection = inspect(token, (KEY, "sig_next"), b"body", source.spec.url, NOW_S)
    assert (inspection.valid, inspection.key, inspection.problems) == (True, "current", ())
    assert (made.url, made.target) == (source.spec.url, "http://localhost:3000//x?a=%41")


@pytest.mark.parametrize(
    ("url", "host", "path"),
    [
        ("http://localhost:3000/a/b?c=d#e", "localhost:3000", "/a/b"),
        ("https://example.com", "example.com", "/"),
        ("https://user:pw@example.com/x", "example.com", "/x"),
    ],
)
def test_host_and_path_for_log_filters(url: str, host: str, path: str) -> None:
    assert host_and_path(url) == (host, path)


@given(st.binary(max_size=200))
def test_any_body_is_signed_so_that_it_verifies(body: bytes) -> None:
    token = headers_of(active(body=body))["Upstash-Signature"]
    assert inspect(token, (KEY, "sig_next"), body, URL, NOW_S).valid
