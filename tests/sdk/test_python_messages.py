"""The Python SDK's `message.get`, `cancel`, `cancel_many` and `cancel_all`."""

import asyncio

import pytest
from qstash.errors import QStashError


async def test_a_message_is_reported_as_it_was_published(qstash, app):
    published = await qstash.message.publish(
        url=app.url + "/a?b=c",
        body="text",
        content_type="text/plain",
        method="PUT",
        headers={"test-header": "test-value"},
        delay="1h",
        retries=2,
        retry_delay="1000 * pow(2, retried)",
        timeout="30s",
        callback=app.url + "/callback?x=1",
        callback_headers={"Forward-X-Call": "1"},
        failure_callback=app.url + "/failure",
        failure_callback_headers={"Forward-X-Fail": "2"},
        label="invoice",
        flow_control={"key": "k", "parallelism": 3, "rate": 4, "period": "1d"},
    )
    message = await qstash.message.get(published.message_id)
    assert message.message_id == published.message_id
    assert message.url == app.url + "/a?b=c"
    assert (message.body, message.body_base64) == ("text", None)
    assert message.method == "PUT"
    assert message.headers == {"Content-Type": ["text/plain"], "Test-Header": ["test-value"]}
    assert message.callback == app.url + "/callback?x=1"
    assert message.callback_headers == {"X-Call": ["1"]}
    assert message.failure_callback == app.url + "/failure"
    assert message.failure_callback_headers == {"X-Fail": ["2"]}
    assert message.max_retries == 2
    assert message.retry_delay_expression == "1000 * pow(2, retried)"
    assert message.not_before == message.created_at + 3_600_000
    assert message.caller_ip == "127.0.0.1"
    assert message.label == "invoice"
    assert vars(message.flow_control) == {
        "key": "k",
        "parallelism": 3,
        "rate": 4,
        "period": 86_400,
    }


async def test_what_was_not_set_is_absent(qstash, app):
    published = await qstash.message.publish(url=app.url, delay=60)
    message = await qstash.message.get(published.message_id)
    unset: tuple[str, ...] = (
        "url_group",
        "endpoint",
        "queue",
        "body",
        "body_base64",
        "callback_headers",
    )
    unset += ("failure_callback_headers", "callback", "failure_callback", "schedule_id")
    unset += ("flow_control", "label", "retry_delay_expression")
    assert {name: getattr(message, name) for name in unset} == dict.fromkeys(unset)


async def test_a_binary_body_is_reported_in_base64(qstash, app):
    published = await qstash.message.publish(url=app.url, body=b"\xff\x00")
    message = await qstash.message.get(published.message_id)
    assert (message.body, message.body_base64) == (None, "/wA=")


async def test_a_message_can_be_read_shortly_after_its_delivery(qstash, server, app):
    published = await qstash.message.publish(url=app.url)
    await server.wait(f"id:{published.message_id} state:delivered")
    assert (await qstash.message.get(published.message_id)).url == app.url


async def test_an_unknown_message_is_not_found(qstash):
    for act in (qstash.message.get, qstash.message.cancel):
        with pytest.raises(QStashError, match=r"404.*message msg_nobody not found"):
            await act("msg_nobody")


async def test_a_cancelled_message_is_never_delivered(qstash, server, app):
    published = await qstash.message.publish(url=app.url + "/cancelled", delay=1)
    await qstash.message.cancel(published.message_id)
    (row,) = await server.wait(f"id:{published.message_id} state:canceled")
    assert row["try"] == 0
    logs = (await qstash.log.list(filter={"message_id": published.message_id})).logs
    assert [log.state.value for log in logs] == ["CANCELED", "CANCEL_REQUESTED", "CREATED"]
    with pytest.raises(QStashError, match="404"):
        await qstash.message.cancel(published.message_id)


async def test_a_message_that_waits_for_a_retry_is_cancelled_without_a_dead_letter(
    qstash, server, app
):
    url = app.answers("/broken", 500)
    published = await qstash.message.publish(url=url, failure_callback=app.url + "/failure")
    await server.wait(f"id:{published.message_id} state:retry")
    await qstash.message.cancel(published.message_id)
    await server.wait(f"id:{published.message_id} state:canceled")
    assert (await qstash.dlq.list()).messages == []
    assert [r.path for r in app.requests] == ["/broken"]


async def test_a_message_under_way_can_be_cancelled(qstash, server, app):
    release = asyncio.Event()
    url = app.answers("/slow", {"hold": release, "status": 500})
    published = await qstash.message.publish(url=url)
    await app.one()
    await qstash.message.cancel(published.message_id)
    release.set()
    await server.wait(f"id:{published.message_id} state:canceled")
    assert len(app.requests) == 1


async def test_cancelling_many_counts_those_that_could_be_cancelled(qstash, server, app):
    waiting = [await qstash.message.publish(url=app.url, delay="1h") for _ in range(5)]
    done = await qstash.message.publish(url=app.url)
    await server.wait(f"id:{done.message_id} state:delivered")
    ids = [p.message_id for p in waiting[:3]]
    asked = [*ids, done.message_id, "msg_nobody"]
    assert await qstash.message.cancel_many(asked) == 3
    assert await qstash.message.cancel_many(asked) == 0
    await server.wait("state:canceled", 3)
    assert await qstash.message.cancel_all() == 2
    assert await qstash.message.cancel_all() == 0
