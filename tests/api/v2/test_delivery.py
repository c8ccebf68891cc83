"""Deliveries as an app sees them: headers, signature, retries, callbacks, events."""

import asyncio
import hashlib
from base64 import b64decode, urlsafe_b64encode
from email.utils import formatdate

import jwt
import pytest

from qstash_dev.protocol.users import DEV_USERS
from tests.api.wire import upstash

SEQUENCES = {
    "success": ([200], 0, ["CREATED", "ACTIVE", "DELIVERED"]),
    "exhausted": ([404], 0, ["CREATED", "ACTIVE", "ERROR", "FAILED"]),
    "retry, then success": (
        [500, 201],
        1,
        ["CREATED", "ACTIVE", "ERROR", "RETRY", "ACTIVE", "DELIVERED"],
    ),
    "exhausted after retries": (
        [500, 300, 199 + 200],
        2,
        ["CREATED", *["ACTIVE", "ERROR", "RETRY"] * 2, "ACTIVE", "ERROR", "FAILED"],
    ),
    "redirect": ([302], 0, ["CREATED", "ACTIVE", "ERROR", "FAILED"]),
    "489 alone": ([489, 200], 1, ["CREATED", "ACTIVE", "ERROR", "RETRY", "ACTIVE", "DELIVERED"]),
}


@pytest.mark.parametrize("name", SEQUENCES)
async def test_the_log_tells_what_happened_in_order(wire, app, name):
    statuses, retries, expected = SEQUENCES[name]
    message_id = await wire.publish(app.answers("/x", *statuses), retries=retries, retry_delay="1")
    await wire.advance(60)
    assert await wire.states(message_id) == expected


async def test_an_attempt_that_says_so_is_the_last(wire, app):
    headers = {"Upstash-NonRetryable-Error": "true"}
    url = app.answers("/x", {"status": 489, "headers": headers, "body": b"no"})
    message_id = await wire.publish(url, retries=3)
    await wire.idle()
    assert await wire.states(message_id) == ["CREATED", "ACTIVE", "ERROR", "FAILED"]
    (letter,) = (await wire.ok("GET", "/v2/dlq"))["messages"]
    assert (letter["responseStatus"], letter["responseBody"]) == (489, "no")


async def test_redirects_are_not_followed(wire, app):
    url = app.answers("/x", {"status": 307, "headers": {"Location": f"{app.url}/elsewhere"}})
    await wire.publish(url, retries=0)
    await wire.idle()
    assert [r.path for r in app.requests] == ["/x"]


async def test_a_delivery_carries_all_headers_of_qstash_and_a_signature(wire, app):
    url = f"{app.url}/a?b=%20"
    body = b"\x00body"
    headers = upstash(
        retries=2,
        retry_delay="1000",
        forward_x="y",
        label="l",
        callback=f"{app.url}/callback",
        flow_control_key="k",
        flow_control_value="rate=5",
        timeout="30s",
        deduplication_id="d",
    )
    answer = await wire.ok("POST", f"/v2/publish/{url}", body, {"Content-Type": "a/b", **headers})
    received = await app.one("/a")
    signature = received.headers["Upstash-Signature"]
    standard = {"Host", "Accept", "Accept-Encoding", "Content-Length", "Connection"}
    shown = {n: v for n, v in received.headers.items() if n.title() not in standard}
    assert shown == {
        "User-Agent": "Upstash-QStash",
        "Content-Type": "a/b",
        "X": "y",
        "Upstash-Message-Id": answer["messageId"],
        "Upstash-Retried": "0",
        "Upstash-Retries": "0",
        "Upstash-Max-Retries": "2",
        "Upstash-Retry-Delay": "1000",
        "Upstash-Flow-Control-Key": "k",
        "Upstash-Flow-Control-Value": "rate=5,period=1",
        "Upstash-Caller-Ip": "127.0.0.1",
        "Upstash-Region": "EU-CENTRAL-1",
        "Upstash-Signature": signature,
    }
    claims = jwt.decode(signature, DEV_USERS[0].current_key, ["HS256"], issuer="Upstash")
    assert claims["sub"] == url
    assert claims["body"] == urlsafe_b64encode(hashlib.sha256(body).digest()).decode()
    assert claims["exp"] == claims["iat"] + 300
    assert claims["nbf"] <= claims["iat"]
    assert claims["jti"].startswith("jwt_")
    assert jwt.get_unverified_header(signature) == {"alg": "HS256", "typ": "JWT"}


async def test_forwarded_headers_of_the_servers_own_names_are_replaced(wire, app):
    names = ("Upstash-Signature", "Upstash-Message-Id", "Upstash-Retried", "Host", "User-Agent")
    headers = {f"Upstash-Forward-{name}": "theirs" for name in names}
    headers["Upstash-Forward-Content-Length"] = "99"
    await wire.ok("POST", f"/v2/publish/{app.url}", b"body", headers)
    received = await app.one()
    for name in (*names, "Content-Length"):
        assert len(received.headers.getall(name)) == 1
        assert received.headers[name] not in ("theirs", "99")


async def test_after_a_rotation_the_former_next_key_signs(wire, app):
    await wire.ok("POST", "/v2/keys/rotate")
    await wire.publish(app.url)
    signature = (await app.one()).headers["Upstash-Signature"]
    jwt.decode(signature, DEV_USERS[0].next_key, ["HS256"])


# When it is tried again


async def waits(wire, app, count, **headers):
    """Seconds between the attempts of a message, by the server's clock."""
    message_id = await wire.publish(f"{app.url}/x", retries=count, **headers)
    await wire.advance(10 * 86_400)
    events = await wire.events(f"messageId={message_id}")
    begun = [e["time"] for e in events if e["state"] == "ACTIVE"]
    planned = [e["nextDeliveryTime"] for e in events if e["state"] == "RETRY"]
    assert begun[1:] == planned
    failed = [e["time"] for e in events if e["state"] == "ERROR"]
    return [(b - a) / 1000 for a, b in zip(failed, begun[1:], strict=False)]


async def test_the_default_backoff_is_qstashs(wire, app):
    app.answers("/x", 500)
    assert await waits(wire, app, 5) == [12, 148, 1_808, 22_026, 86_400]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("1000 * (1 + retried)", [1, 2, 3]),
        ("pow(2, retried) * 1000", [1, 2, 4]),
        ("min(3000, 2000 * (retried + 1))", [2, 3, 3]),
        ("-5", [0, 0, 0]),
        ("1e12", [86_400, 86_400, 86_400]),
        ("max(retried, 1) * 500 + round(0.4)", [0.5, 0.5, 1]),
    ],
)
async def test_an_expression_decides_in_milliseconds(wire, app, expression, expected):
    app.answers("/x", 500)
    assert await waits(wire, app, 3, retry_delay=expression) == expected


@pytest.mark.parametrize(
    "expression", ["retried +", "eval(1)", "1000ms", "a", "pow(1)", "__import__"]
)
async def test_an_expression_that_cannot_be_is_refused(wire, app, expression):
    answer = await wire.ask("POST", f"/v2/publish/{app.url}", b"", upstash(retry_delay=expression))
    assert answer.status == 400
    assert "Upstash-Retry-Delay" in answer.error


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Retry-After": "30"}, 30),
        ({"Retry-After": "0"}, 0),
        ({"Retry-After": "6m5s"}, 365),
        ({"X-RateLimit-Reset": "7"}, 7),
        ({"x-ratelimit-reset-requests": "1m"}, 60),
        ({"X-RateLimit-Reset-Tokens": "250ms"}, 0.25),
        ({"Retry-After": "5", "X-RateLimit-Reset": "9"}, 5),
        ({"Retry-After": "86401"}, 12),
        ({"Retry-After": "soon", "X-RateLimit-Reset": "9"}, 9),
        ({"Retry-After": "-1"}, 12),
    ],
)
async def test_the_app_may_say_when(wire, app, headers, expected):
    app.answers("/x", {"status": 429, "headers": headers}, 200)
    assert await waits(wire, app, 1) == [expected]


async def test_the_app_may_say_when_by_a_date(wire, app):
    at = (await wire.now()) // 1000 + 100
    headers = {"Retry-After": formatdate(at, usegmt=True)}
    app.answers("/x", {"status": 503, "headers": headers}, 200)
    message_id = await wire.publish(f"{app.url}/x")
    await wire.idle()
    (retry,) = await wire.events(f"messageId={message_id}&state=RETRY")
    assert retry["nextDeliveryTime"] == at * 1000


async def test_every_wait_can_be_replaced_by_one(start_wire, app):
    wire = await start_wire(retry_interval_ms=2_000)
    app.answers("/x", {"status": 500, "headers": {"Retry-After": "600"}})
    assert await waits(wire, app, 3, retry_delay="99000") == [2, 2, 2]


async def test_an_attempt_ends_when_its_timeout_is_over(start_wire, app):
    wire = await start_wire(clock_mode="real")
    hold = asyncio.Event()
    url = app.answers("/slow", {"hold": hold})
    message_id = await wire.publish(url, timeout="1s", retries=0)
    await wire.wait("state:failed")
    hold.set()
    (failed,) = await wire.events(f"messageId={message_id}&state=ERROR")
    assert "Client.Timeout" in failed["error"] or "deadline" in failed["error"]
    assert "responseStatus" not in failed
    (letter,) = (await wire.ok("GET", "/v2/dlq"))["messages"]
    assert letter["responseStatus"] == 0


@pytest.mark.parametrize("timeout", ["0", "0s", "fast", "-1s"])
async def test_a_timeout_that_cannot_be_is_refused(wire, app, timeout):
    answer = await wire.ask("POST", f"/v2/publish/{app.url}", b"", upstash(timeout=timeout))
    assert answer.status == 400
    assert "Upstash-Timeout" in answer.error


# Callbacks


async def test_a_callback_tells_everything_about_the_delivery(wire, app):
    url = app.answers("/x", {"status": 201, "headers": {"X-Answer": "a"}, "body": b"\x00done"})
    message_id = await wire.publish(
        url, b"\xffsource", callback=f"{app.url}/callback", method="PUT", forward_x="y", retries=1
    )
    received = await app.one("/callback")
    message = await wire.ok("GET", f"/v2/messages/{message_id}")
    document = received.json
    assert document.pop("header")["X-Answer"] == ["a"]
    assert document == {
        "status": 201,
        "body": "AGRvbmU=",
        "retried": 0,
        "maxRetries": 1,
        "sourceMessageId": message_id,
        "url": url,
        "method": "PUT",
        "sourceHeader": {"X": ["y"]},
        "sourceBody": "/3NvdXJjZQ==",
        "notBefore": message["notBefore"],
        "createdAt": message["createdAt"],
        "callerIP": "127.0.0.1",
    }
    assert received.method == "POST"
    assert received.headers["Content-Type"] == "application/json"
    assert received.headers["Upstash-Message-Id"] != message_id
    claims = jwt.decode(received.headers["Upstash-Signature"], DEV_USERS[0].current_key, ["HS256"])
    assert claims["sub"] == f"{app.url}/callback"
    await wire.idle()
    own = await wire.states(received.headers["Upstash-Message-Id"])
    assert own == ["CREATED", "ACTIVE", "DELIVERED"]


async def test_each_failed_attempt_has_its_callback_and_the_last_its_failure_callback(wire, app):
    url = app.answers("/x", {"status": 500, "body": b"broken"})
    message_id = await wire.publish(
        url,
        b"source",
        retries=1,
        retry_delay="1000",
        callback=f"{app.url}/callback",
        failure_callback=f"{app.url}/failure",
    )
    await wire.advance(5)
    callbacks = [r.json for r in await app.received(2, "/callback")]
    assert [(c["status"], c["retried"], c["maxRetries"]) for c in callbacks] == [
        (500, 0, 1),
        (500, 1, 1),
    ]
    assert not any("dlqId" in c for c in callbacks)
    (failure,) = await app.received(1, "/failure")
    (letter,) = (await wire.ok("GET", "/v2/dlq"))["messages"]
    assert failure.json["dlqId"] == letter["dlqId"]
    assert failure.json["sourceMessageId"] == letter["messageId"] == message_id
    assert b64decode(failure.json["sourceBody"]) == b"source"
    assert b64decode(failure.json["body"]) == b"broken"


async def test_a_callback_has_a_configuration_of_its_own(wire, app):
    url = app.answers("/callback", 500)
    await wire.publish(
        app.url + "/x",
        retries=3,
        forward_x="source",
        callback=url,
        callback_method="PATCH",
        callback_retries=1,
        callback_retry_delay="2000",
        callback_delay="10",
        callback_timeout="7s",
        callback_forward_x="callback",
        callback_forward_authorization="Bearer theirs",
        callback_flow_control_key="ck",
        callback_flow_control_value="rate=1,period=5",
        callback_failure_callback=f"{app.url}/nested",
        callback_failure_callback_forward_y="nested",
        callback_failure_callback_method="PUT",
    )
    await app.one("/x")
    await wire.advance(9.9)
    assert [r.path for r in app.requests] == ["/x"]
    await wire.advance(60)
    first, second = await app.received(2, "/callback")
    assert (first.method, first.headers["X"]) == ("PATCH", "callback")
    assert first.headers["Authorization"] == "Bearer theirs"
    assert first.headers["Upstash-Flow-Control-Value"] == "rate=1,period=5"
    assert first.headers["Upstash-Max-Retries"] == "1"
    assert second.headers["Upstash-Retried"] == "1"
    nested = await app.one("/nested")
    assert (nested.method, nested.headers["Y"]) == ("PUT", "nested")
    assert nested.json["sourceMessageId"] == first.headers["Upstash-Message-Id"]
    assert "dlqId" in nested.json
    assert "X" not in nested.headers


async def test_the_families_of_both_callbacks_are_kept_apart(wire, app):
    app.answers("/x", 500)
    await wire.publish(
        f"{app.url}/x",
        retries=0,
        callback=f"{app.url}/callback",
        callback_forward_a="callback",
        failure_callback=f"{app.url}/failure",
        failure_callback_forward_a="failure",
        failure_callback_method="DELETE",
    )
    callback, failure = await app.one("/callback"), await app.one("/failure")
    assert (callback.method, callback.headers["A"]) == ("POST", "callback")
    assert (failure.method, failure.headers["A"]) == ("DELETE", "failure")


@pytest.mark.parametrize("name", ["callback", "failure_callback", "callback_failure_callback"])
async def test_a_callback_url_that_cannot_be_is_refused(wire, app, name):
    headers = upstash(callback=app.url) | upstash(**{name: "localhost/x"})
    answer = await wire.ask("POST", f"/v2/publish/{app.url}", b"", headers)
    assert answer.status == 400
    assert "add http:// or https://" in answer.error


async def test_without_an_answer_a_callback_has_the_status_minus_one(wire, app, unused_tcp_port):
    url = f"http://127.0.0.1:{unused_tcp_port}/"
    await wire.publish(url, retries=0, failure_callback=f"{app.url}/failure")
    document = (await app.one("/failure")).json
    assert document["status"] == -1
    assert b"refused" in b64decode(document["body"])
