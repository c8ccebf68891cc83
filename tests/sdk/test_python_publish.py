"""Every option of the Python SDK's `message.publish`, seen where it arrives."""

import asyncio
import json
import re
from base64 import b64decode
from hashlib import sha256
from typing import Any

import pytest
from qstash import QStash
from qstash.errors import QStashError
from qstash.message import FlowControlProperties


async def test_a_body_arrives_byte_for_byte_with_its_type(qstash, app):
    for body, content_type in (
        ("plain text", "text/plain"),
        ("ünïcødé ☃ \n\t", "text/plain; charset=utf-8"),
        (b"\x00\xff\x80 not utf-8", "application/octet-stream"),
        ('{"a": 1,  "b":[]}', "application/json"),
        ("a=1&b=%20", "application/x-www-form-urlencoded"),
        ("no type", None),
        (None, None),
    ):
        await qstash.message.publish(url=app.url, body=body, content_type=content_type)
        got = await app.one()
        assert got.method == "POST"
        assert got.body == (body.encode() if isinstance(body, str) else body or b"")
        assert got.headers.get("Content-Type") == content_type
        app.forget()


async def test_publish_json_serialises_the_body(qstash, app):
    for value in ({"a": [1, None, "ü"]}, [], "text", 7, None):
        await qstash.message.publish_json(url=app.url, body=value)
        got = await app.one()
        assert got.json == value
        assert got.headers["Content-Type"] == "application/json"
        app.forget()


async def test_the_destination_is_called_with_the_wanted_method(qstash, app):
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        await qstash.message.publish(url=app.url, method=method, body="with a body")
        got = await app.one()
        assert (got.method, got.body) == (method, b"with a body")
        app.forget()


async def test_the_destination_is_called_as_it_was_written(qstash, app):
    for path in (
        "/",
        "/api/long-task?user=7&empty=&x",
        "/a%2Fb/%7Euser?q=%20%2B+",
        "//double//slash/",
        "/trailing/",
        "/?url=https://example.com/?a=b",
    ):
        published = await qstash.message.publish(url=app.url + path)
        assert (await app.one()).path == path
        message = await qstash.message.get(published.message_id)
        assert message.url == app.url + path
        app.forget()


async def test_localhost_is_found_where_the_app_listens(qstash, app):
    url = app.url.replace("127.0.0.1", "localhost") + "/task"
    await qstash.message.publish(url=url)
    got = await app.one()
    assert got.headers["Host"] == url.split("/")[2]


async def test_a_large_body_arrives_whole_and_a_larger_one_is_refused(qstash, app):
    body = bytes(range(256)) * 39_000
    await qstash.message.publish(url=app.url, body=body)
    assert (await app.one()).body == body
    with pytest.raises(QStashError, match=r"412.*quota maxMessageSize exceeded"):
        await qstash.message.publish(url=app.url, body=b"x" * 10_500_000)


async def test_a_delivery_carries_the_headers_of_qstash_and_no_configuration(qstash, app):
    published = await qstash.message.publish(url=app.url, retries=2, headers={"X-Tenant": "acme"})
    headers = (await app.one()).headers
    assert headers["User-Agent"] == "Upstash-QStash"
    assert headers["Upstash-Message-Id"] == published.message_id
    assert headers["Upstash-Retried"] == "0"
    assert headers["Upstash-Max-Retries"] == "2"
    assert headers["Upstash-Region"] == "EU-CENTRAL-1"
    assert headers["Upstash-Caller-Ip"] == "127.0.0.1"
    assert headers["X-Tenant"] == "acme"
    assert headers["Upstash-Signature"].count(".") == 2
    assert "Authorization" not in headers
    assert not [name for name in headers if name.lower().startswith("upstash-forward")]


async def test_forwarded_headers_keep_their_values(qstash, app):
    headers = {
        "X-Spaces": "a  b",
        "Authorization": "Bearer of the app",
        "Upstash-Forward-Direct": "1",
        "x-lower": "ok",
        "Cookie": "a=1; b=2",
    }
    await qstash.message.publish(url=app.url, headers=headers)
    got = (await app.one()).headers
    assert got["X-Spaces"] == "a  b"
    assert got.getall("Authorization") == ["Bearer of the app"]
    assert got["Direct"] == "1"
    assert got["X-Lower"] == "ok"
    assert got["Cookie"] == "a=1; b=2"


@pytest.mark.parametrize(
    ("delay", "wait_ms"), [("1h", 3_600_000), (90, 90_000), ("1d2h3m4s", 93_784_000)]
)
async def test_a_delayed_message_waits(qstash, app, delay, wait_ms):
    published = await qstash.message.publish(url=app.url, delay=delay)
    message = await qstash.message.get(published.message_id)
    assert message.not_before - message.created_at == wait_ms
    # One that is published later and has arrived shows that the first did not.
    await qstash.message.publish(url=app.url + "/now")
    await app.one("/now")
    assert [r.path for r in app.requests] == ["/now"]


async def test_not_before_is_a_moment_and_wins_over_delay(qstash, server, app):
    tomorrow = (await server.call("/_dev/snapshot"))["now"] // 1000 + 86_400
    published = await qstash.message.publish(url=app.url, delay="1h", not_before=tomorrow)
    message = await qstash.message.get(published.message_id)
    assert message.not_before == tomorrow * 1000


async def test_not_before_in_the_past_means_now(qstash, app):
    await qstash.message.publish(url=app.url, not_before=1)
    await app.one()


async def test_a_failing_destination_is_called_again(qstash, app):
    url = app.answers("/flaky", 500, 503, 200)
    published = await qstash.message.publish(url=url, retries=3, retry_delay="5 * (1 + retried)")
    got = await app.received(3)
    assert [r.headers["Upstash-Retried"] for r in got] == ["0", "1", "2"]
    assert {r.headers["Upstash-Message-Id"] for r in got} == {published.message_id}
    message = await qstash.message.get(published.message_id)
    assert (message.max_retries, message.retry_delay_expression) == (3, "5 * (1 + retried)")


async def test_a_destination_that_is_slower_than_the_timeout_failed(qstash, server, app):
    url = app.answers("/slow", {"hold": asyncio.Event()})
    published = await qstash.message.publish(url=url, timeout=1, retries=0)
    (row,) = await server.wait(f"id:{published.message_id} state:failed")
    assert "within 1 seconds" in row["error"]


async def test_a_callback_tells_what_the_destination_answered(qstash, app):
    url = app.answers("/task", {"status": 201, "body": b"done", "headers": {"x-answer": "yes"}})
    published = await qstash.message.publish(
        url=url,
        body="task",
        headers={"X-Source": "1"},
        callback=app.url + "/callback?for=task",
        callback_headers={
            "Forward-X-Call": "mine",
            "Upstash-Callback-Retries": "1",
            "Method": "PUT",
        },
    )
    got = await app.one("/callback?for=task")
    told = got.json
    assert got.method == "PUT"
    assert got.headers["Content-Type"] == "application/json"
    assert got.headers["X-Call"] == "mine"
    assert got.headers["Upstash-Max-Retries"] == "1"
    assert got.headers["Upstash-Message-Id"] != published.message_id
    assert told["status"] == 201
    assert b64decode(told["body"]) == b"done"
    assert told["header"]["X-Answer"] == ["yes"]
    assert told["sourceMessageId"] == published.message_id
    assert (told["url"], told["method"]) == (url, "POST")
    assert b64decode(told["sourceBody"]) == b"task"
    assert told["sourceHeader"]["X-Source"] == ["1"]
    assert (told["retried"], told["maxRetries"]) == (0, 3)
    assert isinstance(told["createdAt"], int)
    assert "dlqId" not in told


async def test_a_failure_callback_names_the_dead_letter(qstash, app):
    url = app.answers("/broken", {"status": 500, "body": b"boom"})
    published = await qstash.message.publish(
        url=url,
        retries=1,
        retry_delay="1",
        failure_callback=app.url + "/failed",
        failure_callback_headers={"Forward-X-Call": "mine"},
    )
    got = await app.one("/failed")
    assert got.headers["X-Call"] == "mine"
    assert got.json["status"] == 500
    assert b64decode(got.json["body"]) == b"boom"
    assert (got.json["retried"], got.json["maxRetries"]) == (1, 1)
    letter = await qstash.dlq.get(got.json["dlqId"])
    assert letter.message_id == published.message_id == got.json["sourceMessageId"]


async def test_the_same_deduplication_id_is_delivered_once(qstash, app):
    first = await qstash.message.publish(url=app.url + "/a", deduplication_id="order 7/a b")
    second = await qstash.message.publish(url=app.url + "/b", deduplication_id="order 7/a b")
    other = await qstash.message.publish(url=app.url + "/c", deduplication_id="order 8")
    assert (first.deduplicated, second.deduplicated, other.deduplicated) == (False, True, False)
    assert second.message_id == first.message_id != other.message_id
    await app.one("/c")
    assert sorted(r.path for r in await app.received(2)) == ["/a", "/c"]


async def test_the_same_content_is_delivered_once(qstash, app):
    async def publish(body, **options):
        return await qstash.message.publish_json(
            url=app.url, body=body, content_based_deduplication=True, **options
        )

    first = await publish({"a": 1})
    assert (await publish({"a": 1})).message_id == first.message_id
    assert (await publish({"a": 1})).deduplicated
    assert not (await publish({"a": 2})).deduplicated
    assert not (await publish({"a": 1}, headers={"X-Other": "1"})).deduplicated


async def test_a_label_is_reported(qstash, app):
    published = await qstash.message.publish(url=app.url, label="invoice")
    assert (await qstash.message.get(published.message_id)).label == "invoice"


@pytest.mark.parametrize(
    ("asked", "shown", "echoed"),
    [
        ({"parallelism": 3}, (3, None, 1), "parallelism=3,period=1"),
        ({"rate": 100, "period": "1m"}, (None, 100, 60), "rate=100,period=60"),
        (
            {"parallelism": 2, "rate": 9, "period": "1h30m3s"},
            (2, 9, 5403),
            "parallelism=2,rate=9,period=5403",
        ),
        ({"rate": 5, "period": 7}, (None, 5, 7), "rate=5,period=7"),
    ],
)
async def test_flow_control_is_reported_and_echoed(qstash, app, asked, shown, echoed):
    published = await qstash.message.publish(url=app.url, flow_control={"key": "k.1-_", **asked})
    headers = (await app.one()).headers
    assert headers["Upstash-Flow-Control-Key"] == "k.1-_"
    assert headers["Upstash-Flow-Control-Value"] == echoed
    message = await qstash.message.get(published.message_id)
    assert message.flow_control == FlowControlProperties("k.1-_", *shown)


@pytest.mark.parametrize(
    ("redact", "hidden"),
    [
        ({"body": True}, {"body"}),
        ({"header": True}, {"X-Secret", "X-Open"}),
        ({"header": ["x-secret"]}, {"X-Secret"}),
        ({"body": True, "header": ["X-Secret"]}, {"body", "X-Secret"}),
    ],
)
async def test_what_is_redacted_is_delivered_but_not_shown(qstash, server, app, redact, hidden):
    def shown(name, value):
        digest = sha256(value.encode()).hexdigest()
        return f"REDACTED:{digest}" if name in hidden else value

    url = app.answers("/broken", 500)
    published = await qstash.message.publish(
        url=url,
        body="the body",
        headers={"X-Secret": "s3cret", "X-Open": "hello"},
        redact=redact,
        retries=0,
    )
    got = await app.one()
    assert (got.text, got.headers["X-Secret"], got.headers["X-Open"]) == (
        "the body",
        "s3cret",
        "hello",
    )
    await server.wait(f"id:{published.message_id} state:failed")
    message = await qstash.message.get(published.message_id)
    (letter,) = (await qstash.dlq.list()).messages
    logs = (await qstash.log.list(filter={"message_id": published.message_id})).logs
    for one in (message, letter):
        assert one.body == shown("body", "the body")
    for one in (message, letter, *logs):
        assert one.headers["X-Secret"] == [shown("X-Secret", "s3cret")]
        assert one.headers["X-Open"] == [shown("X-Open", "hello")]
    for one in logs:
        assert b64decode(one.body_base64).decode() == shown("body", "the body")


REFUSED: list[tuple[dict[str, Any], int, str]] = [
    (
        {"url": "example.com/x"},
        400,
        "invalid destination url: endpoint has invalid scheme, add http:// or https://",
    ),
    ({"url_group": "nobody"}, 404, "topic nobody not found"),
    ({"url": "http://localhost", "retries": 6}, 412, "quota maxRetries exceeded"),
    (
        {"url": "http://localhost", "deduplication_id": "a:b"},
        400,
        "DeduplicationId cannot contain ':'",
    ),
    ({"url": "http://localhost", "delay": "soon"}, 400, "Upstash-Delay"),
    ({"url": "http://localhost", "retry_delay": "import os"}, 400, "Upstash-Retry-Delay"),
    ({"url": "http://localhost", "callback": "localhost/x"}, 400, "callback"),
    ({"url": "http://localhost", "flow_control": {"key": "k"}}, 400, "Flow-Control-Value"),
]


async def test_a_publish_that_cannot_be_is_refused_with_a_sentence(qstash):
    for options, status, text in REFUSED:
        with pytest.raises(QStashError) as caught:
            await qstash.message.publish(**options)
        found = re.fullmatch(r"Request failed with status: (\d+), body: (.*)", str(caught.value))
        assert found is not None
        assert int(found[1]) == status
        assert text in json.loads(found[2])["error"]


def test_a_wrong_token_is_refused(server):
    client = QStash("wrong", base_url=server.url)
    with pytest.raises(QStashError, match=r"401, body.*unable to authenticate: invalid token"):
        client.message.publish(url="http://localhost")
    client.http._client.close()
