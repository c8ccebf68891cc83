"""What a test asks of its server, with the official SDK on one side and an app on the other."""

import asyncio
import os
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from qstash import QStash

from qstash_dev.client import ClientError
from qstash_dev.testing import AsyncQstash
from tests.patience import PATIENCE_S
from tests.ports import reserved_port


@pytest.fixture
def client(qstash):
    """What an app has: the SDK, which looks into the environment."""
    client = QStash(os.environ["QSTASH_TOKEN"], base_url=os.environ["QSTASH_URL"])
    yield client
    client.http._client.close()


@pytest.fixture
def publish(client):
    def publish(url, **options):
        return client.message.publish_json(url=url, **options).message_id

    return publish


def test_the_sdk_finds_the_server_by_the_environment(qstash, publish, app):
    message_id = publish(f"{app.url}/200", body={"user": 1})
    (row,) = qstash.wait("state:ok", timeout=PATIENCE_S)
    assert (row.id, row.status) == (message_id, 200)
    assert qstash.env.items() <= os.environ.items()
    assert qstash.body(message_id) == b'{"user": 1}'
    assert qstash.detail(row).attempts[0].number == 1


def test_each_test_begins_without_messages_faults_and_routes(qstash, publish, app):
    assert qstash.messages() == []
    qstash.assert_nothing_sent()
    publish(f"{app.url}/200")
    qstash.settle()
    assert [row.status for row in qstash.assert_delivered("/200")] == [200]


def test_settle_walks_through_retries_to_the_dead_letter_queue(qstash, publish, app):
    publish(f"{app.url}/500", retries=3, delay="7d")
    qstash.settle()
    (row,) = qstash.assert_failed("/500")
    assert (row.try_, len(app.received)) == (4, 4)
    (entry,) = qstash.dlq()
    assert entry.row.id == row.id


def test_time_moves_only_when_it_is_told_to(qstash, publish, app):
    publish(f"{app.url}/200", delay="2h")
    qstash.advance("1h")
    assert qstash.messages("state:ok") == []
    qstash.advance(3600)
    qstash.assert_delivered()


@pytest.mark.parametrize("duration", [2.5, timedelta(hours=2), "soon", -1])
def test_a_time_that_is_none_is_told_what_is_one(qstash, duration):
    with pytest.raises(
        ValueError, match="is not a duration: expected whole numbers with the units"
    ):
        qstash.advance(duration)


def test_time_is_frozen_at_a_moment(qstash, publish, app):
    publish(f"{app.url}/200", delay="2d")
    qstash.freeze(at=datetime(2100, 1, 1, tzinfo=UTC))
    qstash.assert_delivered()


def test_a_failure_on_purpose_ends_after_so_many_times(qstash, publish, app):
    qstash.fail("/200", status=503, times=2)
    publish(f"{app.url}/200", retries=3)
    qstash.settle()
    (row,) = qstash.assert_delivered()
    assert (row.try_, len(app.received)) == (3, 1)


def test_an_answer_is_lost_and_a_delivery_doubled(qstash, publish, app):
    qstash.drop("/200", times=1)
    qstash.duplicate("/201")
    qstash.delay("/202", 0.001)
    for path in ("200", "201", "202"):
        publish(f"{app.url}/{path}", retries=1)
    qstash.settle()
    qstash.assert_delivered(count=3)
    assert sorted(path for path, *_ in app.received) == ["/200"] * 2 + ["/201"] * 2 + ["/202"]


def test_a_production_address_leads_to_the_app(qstash, publish, app):
    qstash.route("https://prod.example", app.url)
    publish("https://prod.example/200")
    qstash.settle()
    qstash.assert_delivered("https://prod.example/200")


def test_a_message_is_replayed_run_and_cancelled(qstash, publish, app):
    later, never = publish(f"{app.url}/200", delay="1d"), publish(f"{app.url}/201", delay="1d")
    qstash.cancel(never)
    qstash.run(later)
    qstash.settle()
    (row,) = qstash.assert_delivered()
    for body in ("again", b"\xff"):
        qstash.replay(row, body=body)
    qstash.settle()
    assert [body for _, _, body in app.received] == [b"null", b"again", b"\xff"]
    with pytest.raises(ClientError, match="invalid body: expected text"):
        qstash.replay(row, body={"order": 1})


def test_a_schedule_fires_when_it_is_told_to(qstash, client, app):
    schedule_id = client.schedule.create(destination=f"{app.url}/200", cron="0 0 1 1 *")
    assert [schedule["scheduleId"] for schedule in qstash.schedules.all()] == [schedule_id]
    qstash.schedules.run(schedule_id)
    qstash.settle()
    qstash.assert_delivered()


def test_a_saved_message_is_sent(qstash, app, tmp_path):
    file = tmp_path / "order.json"
    file.write_text(f'{{"url": "{app.url}/200", "body": {{"id": 7}}, "options": {{"retries": 0}}}}')
    qstash.send_fixture(str(file))
    qstash.settle()
    qstash.assert_delivered(json={"id": 7})


async def test_the_same_for_tests_that_await(aqstash, app):
    async with aqstash.client() as client:
        await client.publish(f"{app.url}/200", b"[1]", {}, aqstash.token)
    await aqstash.settle()
    await aqstash.assert_delivered(json=[1])
    await aqstash.assert_nothing_sent("/elsewhere")


async def test_a_test_that_awaits_may_use_the_calls_that_block(qstash):
    assert qstash.messages() == []


def told(expect):
    with pytest.raises(AssertionError) as caught:
        expect()
    return str(caught.value)


def test_a_failed_expectation_shows_what_was_sent_instead(qstash, publish, app):
    assert told(lambda: qstash.assert_delivered("/api/mail", json={"user": 1})) == (
        'Expected 1 message delivered to /api/mail with the body {"user": 1}, found 0.\n'
        "Nothing was sent."
    )
    publish(f"{app.url}/500", body={"user": 1}, retries=0)
    qstash.settle()
    text = told(lambda: qstash.assert_delivered(count=2))
    assert text.startswith("Expected 2 messages delivered, found 0.\nSent:\n")
    assert f'  failed 500  POST {app.url}/500  {{"user": 1}}\n      ' in text
    assert f"POST {app.url}/500" in told(qstash.assert_nothing_sent)
    assert "0 of 1 messages matched 'state:ok' within 0 s." in told(
        lambda: qstash.wait("state:ok", timeout=0)
    )


def test_what_never_comes_to_rest_is_named(qstash, publish, app):
    publish(f"{app.url}/200", delay="1d")
    urllib.request.urlopen(
        urllib.request.Request(f"{qstash.url}/_dev/pause", method="POST")
    ).close()
    assert "1 message waits for ever: deliveries are paused\n  delayed  POST" in told(qstash.settle)


def test_what_is_under_way_when_time_was_moved_is_named(qstash, publish, app):
    qstash.delay("/200", 60)
    message_id = publish(f"{app.url}/200")
    qstash.wait("state:active", timeout=PATIENCE_S)
    text = told(lambda: qstash.advance("2h", timeout=0))
    assert text.startswith("Time was moved, but not all that became due was delivered within 0s")
    assert text.endswith(f"; still under way: POST {app.url}/200 ({message_id}).")


def test_a_filter_that_cannot_be_read_is_a_sentence(qstash):
    with pytest.raises(ClientError, match="state"):
        qstash.messages("stat:ok")


@pytest.mark.parametrize(
    ("filter", "nearest"),
    [
        ("dest:/ap/mial", "all but dest:/ap/mial: failed 500 POST {app}/api/mail/500 (msg_"),
        ("dest:/api/mail state:ok", "Nearest: 1 message matches all but state:ok: failed 500 "),
        (
            'dest:/api/mail label:"a b"',
            'Nearest: 1 message matches all but label:"a b": failed 500 ',
        ),
        ("queue:none label:x", ""),
    ],
)
def test_a_filter_that_matches_nothing_shows_what_is_nearest(
    qstash, publish, app, filter, nearest
) -> None:
    publish(f"{app.url}/api/mail/500", retries=0)
    qstash.settle()
    text = told(lambda: qstash.wait(filter, timeout=0))
    assert text.startswith(f"0 of 1 messages matched {filter!r} within 0 s.")
    assert nearest.format(app=app.url) in text
    assert ("Nearest" in text) == bool(nearest)
    assert f"failed 500  POST {app.url}/api/mail/500" in text


def test_bad_use_is_a_sentence(qstash, publish, app, monkeypatch) -> None:
    """Of what people do first: a clock that stands still, no app, a wrong path, another server."""
    delayed = publish(f"{app.url}/200", delay="2h")
    text = told(lambda: qstash.wait("state:ok", timeout=0))
    assert "The clock stands still, and 1 message waits for a time (the first in 2h)" in text
    qstash.cancel(delayed)
    publish("http://127.0.0.1:1/api/mail", retries=0)
    qstash.settle()
    text = told(lambda: qstash.assert_delivered("/api/mail"))
    assert "Nothing listens on 127.0.0.1:1" in text
    text = told(lambda: qstash.assert_failed("/ap/mail"))
    assert "Nearest: http://127.0.0.1:1/api/mail" in text
    qstash.forget()
    monkeypatch.setenv("QSTASH_URL", "http://127.0.0.1:8080")
    text = told(lambda: qstash.assert_delivered("/api/mail"))
    assert "QSTASH_URL is now http://127.0.0.1:8080: is that another server?" in text


def test_without_a_server_each_call_says_so() -> None:
    with reserved_port() as port:
        url = f"http://127.0.0.1:{port}"
        server = AsyncQstash(url, {"QSTASH_TOKEN": "x"}, Path())
        for call in (server.messages, server.settle, server.assert_nothing_sent):
            with pytest.raises(ClientError, match="No qstash-dev server answers at"):
                asyncio.run(call())


def test_a_second_server_of_a_directory_names_the_first(start, launch) -> None:
    first = start("--data-dir", "state")
    second = launch("serve", "--data-dir", "state", "--port", "0")
    _, errors = second.communicate(timeout=60)
    assert second.returncode == 1
    port = first.ready["port"]
    assert f"in use by the qstash-dev with pid {first.process.pid} on port {port}" in errors
