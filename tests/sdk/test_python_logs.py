"""The Python SDK's `log.list`: sequences of events, every filter, pages."""

from base64 import b64decode
from collections import Counter

import pytest
from qstash.log import LogState

DELIVERED = ["CREATED", "ACTIVE", "DELIVERED"]
FAILED_AT_ONCE = ["CREATED", "ACTIVE", "ERROR", "FAILED"]


def states(logs):
    """Oldest first: the list is newest first."""
    return [log.state.value for log in reversed(logs)]


async def logs_of(qstash, published):
    return (await qstash.log.list(filter={"message_id": published.message_id})).logs


async def test_a_delivery_is_logged_with_the_whole_message(qstash, server, app):
    published = await qstash.message.publish(
        url=app.url + "/a",
        body="text",
        content_type="text/plain",
        headers={"X-A": "1"},
        method="PATCH",
        retries=2,
        retry_delay="1000",
        timeout=30,
        callback=app.url + "/callback",
        callback_headers={"Forward-X-Call": "1"},
        failure_callback=app.url + "/failure",
        failure_callback_headers={"Forward-X-Fail": "1"},
        label="invoice",
        flow_control={"key": "k", "parallelism": 1},
    )
    await server.wait(f"id:{published.message_id} state:delivered")
    logs = await logs_of(qstash, published)
    assert states(logs) == DELIVERED
    times = [log.time for log in logs]
    assert times == sorted(times, reverse=True)
    for log in logs:
        assert log.message_id == published.message_id
        assert log.url == app.url + "/a"
        assert b64decode(log.body_base64) == b"text"
        assert log.headers == {"Content-Type": ["text/plain"], "X-A": ["1"]}
        assert (log.method, log.max_retries, log.timeout) == ("PATCH", 2, 30_000)
        assert log.callback == app.url + "/callback"
        assert log.callback_headers == {"X-Call": ["1"]}
        assert log.failure_callback == app.url + "/failure"
        assert log.failure_callback_headers == {"X-Fail": ["1"]}
        assert (log.label, log.retry_delay_expression) == ("invoice", "1000")
        assert vars(log.flow_control) == {"key": "k", "parallelism": 1, "rate": None, "period": 1}
        assert log.error is None


async def test_a_failure_without_retries_is_four_events(qstash, server, app):
    url = app.answers("/gone", {"status": 404, "body": b"no", "headers": {"X-Why": "gone"}})
    published = await qstash.message.publish(url=url, retries=0)
    await server.wait(f"id:{published.message_id} state:failed")
    logs = await logs_of(qstash, published)
    assert states(logs) == FAILED_AT_ONCE
    error = next(log for log in logs if log.state == LogState.ERROR)
    assert error.error
    assert error.response_status == 404
    assert b64decode(error.response_body) == b"no"
    assert error.response_headers["X-Why"] == ["gone"]


async def test_every_retry_is_logged(qstash, server, app):
    url = app.answers("/flaky", 500, 500, 200)
    published = await qstash.message.publish(url=url, retry_delay="5")
    await server.wait(f"id:{published.message_id} state:delivered")
    logs = await logs_of(qstash, published)
    assert states(logs) == ["CREATED", *["ACTIVE", "ERROR", "RETRY"] * 2, "ACTIVE", "DELIVERED"]
    retries = [log for log in logs if log.state == LogState.RETRY]
    assert all(log.next_delivery_time >= log.time for log in retries)


async def test_an_answer_that_forbids_retries_fails_at_once(qstash, server, app):
    headers = {"Upstash-NonRetryable-Error": "true"}
    url = app.answers("/never", {"status": 489, "headers": headers})
    published = await qstash.message.publish(url=url)
    await server.wait(f"id:{published.message_id} state:failed")
    assert states(await logs_of(qstash, published)) == FAILED_AT_ONCE


async def test_a_callback_has_events_of_its_own(qstash, server, app):
    callback = app.url + "/callback"
    published = await qstash.message.publish(url=app.url, callback=callback)
    await app.one("/callback")
    await server.wait("state:delivered", 2)
    assert states(await logs_of(qstash, published)) == DELIVERED
    logs = (await qstash.log.list(filter={"url": callback})).logs
    assert states(logs) == DELIVERED
    assert {log.message_id for log in logs} & {published.message_id} == set()


@pytest.fixture
async def mixed(qstash, server, app):
    """A delivered message, a failed one, a delayed one; by name."""
    app.answers("/broken", 500)
    publish = qstash.message.publish
    found = {
        "ok": await publish(url=app.url + "/ok", label="red"),
        "failed": await publish(url=app.url + "/broken", retries=0, label="blue"),
        "delayed": await publish(url=app.url + "/later", delay="1h"),
    }
    await server.wait("state:delivered|failed", 2)
    return {name: published.message_id for name, published in found.items()}


async def test_every_filter_selects_its_events(qstash, app, mixed):
    names = {id_: name for name, id_ in mixed.items()}
    for filter_, expected in (
        ({"message_id": mixed["ok"]}, {"ok": 3}),
        ({"message_ids": [mixed["ok"], mixed["failed"]]}, {"ok": 3, "failed": 4}),
        ({"state": LogState.CREATED}, {"ok": 1, "failed": 1, "delayed": 1}),
        ({"state": LogState.DELIVERED}, {"ok": 1}),
        ({"state": LogState.FAILED}, {"failed": 1}),
        ({"state": LogState.IN_PROGRESS}, {"ok": 1, "failed": 2}),
        ({"state": LogState.CANCELED}, {}),
        ({"url": app.url + "/broken"}, {"failed": 4}),
        ({"label": "red"}, {"ok": 3}),
        ({"label": "red", "state": LogState.FAILED}, {}),
        ({"from_time": 1, "to_time": 2}, {}),
        ({"from_time": 1}, {"ok": 3, "failed": 4, "delayed": 1}),
        ({"to_time": 2}, {}),
        ({"url_group": "nobody"}, {}),
        ({"queue": "nobody"}, {}),
        ({"schedule_id": "nobody"}, {}),
    ):
        logs = (await qstash.log.list(filter=filter_)).logs
        assert Counter(names[log.message_id] for log in logs) == expected, filter_


async def test_times_of_a_filter_are_inclusive(qstash, mixed):
    everything = (await qstash.log.list()).logs
    times = sorted(log.time for log in everything)
    first, last = times[0], times[-1]
    whole = await qstash.log.list(filter={"from_time": first, "to_time": last})
    assert len(whole.logs) == len(everything)
    later = await qstash.log.list(filter={"from_time": last + 1})
    assert later.logs == []


async def test_pages_hold_every_event_once_and_the_last_has_no_cursor(qstash, mixed):
    everything = (await qstash.log.list()).logs
    assert len(everything) == 8
    for count in (1, 3, 7, 8):
        pages = []
        cursor = None
        while True:
            page = await qstash.log.list(count=count, cursor=cursor)
            pages.append(page.logs)
            cursor = page.cursor
            if cursor is None:
                break
        assert [log for logs in pages for log in logs] == everything
        assert [len(logs) for logs in pages] == [count] * (8 // count) + [8 % count] * (
            8 % count > 0
        )
