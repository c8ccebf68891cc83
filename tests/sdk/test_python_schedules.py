"""The Python SDK's `schedule`. Time is moved forward by the control API; nothing waits."""

from datetime import UTC, datetime

import pytest
from qstash.errors import QStashError
from qstash.schedule import ScheduleState

NEVER = "0 0 1 1 *"
DAY_S = 86_400


@pytest.fixture(autouse=True)
async def frozen(server):
    """Time passes when a test says so: no real midnight comes between."""
    await server.call("/_dev/clock", "POST", json={"mode": "frozen"})


async def test_a_schedule_is_reported_as_it_was_created(qstash, app):
    schedule_id = await qstash.schedule.create_json(
        destination=app.url + "/a?b=c",
        cron="0 8 * * 1",
        body={"a": 1},
        method="PUT",
        headers={"test-header": "test-value"},
        callback=app.url + "/callback",
        callback_headers={"Forward-X-Call": "1"},
        failure_callback=app.url + "/failure",
        failure_callback_headers={"Forward-X-Fail": "1"},
        retries=2,
        retry_delay="1000",
        delay="1m",
        timeout=30,
        queue="mail",
        flow_control={"key": "k", "parallelism": 3, "rate": 4, "period": 2},
        label="weekly",
    )
    assert schedule_id.startswith("scd_")
    schedule = await qstash.schedule.get(schedule_id)
    assert schedule.schedule_id == schedule_id
    assert schedule.destination == app.url + "/a?b=c"
    assert schedule.cron == "0 8 * * 1"
    assert (schedule.body, schedule.body_base64) == ('{"a": 1}', None)
    assert schedule.method == "PUT"
    assert schedule.headers == {
        "Content-Type": ["application/json"],
        "Test-Header": ["test-value"],
    }
    assert schedule.callback == app.url + "/callback"
    assert schedule.callback_headers == {"X-Call": ["1"]}
    assert schedule.failure_callback == app.url + "/failure"
    assert schedule.failure_callback_headers == {"X-Fail": ["1"]}
    assert (schedule.retries, schedule.retry_delay_expression) == (2, "1000")
    assert (schedule.delay, schedule.timeout) == (60, 30)
    assert schedule.queue == "mail"
    assert vars(schedule.flow_control) == {"key": "k", "parallelism": 3, "rate": 4, "period": 2}
    assert (schedule.label, schedule.caller_ip, schedule.paused) == ("weekly", "127.0.0.1", False)
    next_ = datetime.fromtimestamp(schedule.next_schedule_time / 1000, UTC)
    assert (next_.isoweekday(), next_.hour, next_.minute, next_.second) == (1, 8, 0, 0)
    assert await qstash.schedule.list() == [schedule]


async def test_what_was_not_set_is_absent(qstash, app):
    schedule_id = await qstash.schedule.create(destination=app.url, cron=NEVER)
    schedule = await qstash.schedule.get(schedule_id)
    unset: tuple[str, ...] = (
        "body",
        "body_base64",
        "callback",
        "failure_callback",
        "queue",
        "delay",
        "timeout",
    )
    unset += ("callback_headers", "failure_callback_headers", "flow_control", "label", "error")
    unset += ("last_schedule_time", "last_schedule_states", "retry_delay_expression")
    assert {name: getattr(schedule, name) for name in unset} == dict.fromkeys(unset)
    assert (schedule.retries, schedule.method) == (3, "POST")


async def test_a_time_zone_belongs_to_the_cron_expression(qstash, app):
    cron = "CRON_TZ=Asia/Tokyo 30 9 1 1 *"
    schedule_id = await qstash.schedule.create(destination=app.url, cron=cron)
    schedule = await qstash.schedule.get(schedule_id)
    assert schedule.cron == cron
    next_ = datetime.fromtimestamp(schedule.next_schedule_time / 1000, UTC)
    assert (next_.month, next_.day, next_.hour, next_.minute) == (1, 1, 0, 30)


async def test_a_cron_expression_that_never_fires_is_refused(qstash, app):
    wrong = ("", "* * * *", "61 * * * *", "0 0 30 2 *", "CRON_TZ=Nowhere/City * * * * *", "soon")
    for cron in wrong:
        with pytest.raises(QStashError, match="400"):
            await qstash.schedule.create(destination=app.url, cron=cron)
    assert await qstash.schedule.list() == []


async def test_a_destination_or_id_that_cannot_be_is_refused(qstash, app):
    with pytest.raises(QStashError, match=r"400.*invalid scheme"):
        await qstash.schedule.create(destination="example.com/x", cron=NEVER)
    with pytest.raises(QStashError, match=r"400.*Upstash-Schedule-Id"):
        await qstash.schedule.create(destination=app.url, cron=NEVER, schedule_id="a b")


async def test_creating_with_the_same_id_replaces_it_whole(qstash, app):
    create = qstash.schedule.create
    await create(
        destination=app.url + "/a", cron=NEVER, schedule_id="weekly", body="old", label="old"
    )
    assert await create(destination=app.url + "/b", cron="5 * * * *", schedule_id="weekly")
    (schedule,) = await qstash.schedule.list()
    assert (schedule.schedule_id, schedule.destination) == ("weekly", app.url + "/b")
    assert (schedule.cron, schedule.body, schedule.label) == ("5 * * * *", None, None)


async def test_a_deleted_schedule_is_gone(qstash, app):
    schedule_id = await qstash.schedule.create(destination=app.url, cron=NEVER)
    await qstash.schedule.delete(schedule_id)
    assert await qstash.schedule.list() == []
    for act in (qstash.schedule.get, qstash.schedule.delete):
        with pytest.raises(QStashError, match="404"):
            await act(schedule_id)


async def test_a_schedule_fires_at_its_times(qstash, server, app):
    schedule_id = await qstash.schedule.create(
        destination=app.url, cron="0 0 * * *", body="text", headers={"X-A": "1"}, label="daily"
    )
    planned = (await qstash.schedule.get(schedule_id)).next_schedule_time
    await server.advance(2 * DAY_S)
    got = await app.received(2)
    assert len(app.requests) == 2
    for one in got:
        assert (one.text, one.headers["X-A"]) == ("text", "1")
        assert one.headers["Upstash-Schedule-Id"] == schedule_id
    schedule = await qstash.schedule.get(schedule_id)
    assert schedule.last_schedule_time == planned + DAY_S * 1000
    assert schedule.next_schedule_time == planned + 2 * DAY_S * 1000
    (last,) = schedule.last_schedule_states.items()
    assert last == (got[1].headers["Upstash-Message-Id"], ScheduleState.SUCCESS)
    logs = (await qstash.log.list(filter={"schedule_id": schedule_id})).logs
    assert len(logs) == 6
    assert {(log.schedule_id, log.label) for log in logs} == {(schedule_id, "daily")}


async def test_a_firing_that_failed_says_so(qstash, server, app):
    url = app.answers("/broken", 500)
    schedule_id = await qstash.schedule.create(destination=url, cron="0 0 * * *", retries=0)
    await server.advance(DAY_S)
    await server.wait(f"schedule:{schedule_id} state:failed")
    schedule = await qstash.schedule.get(schedule_id)
    assert list(schedule.last_schedule_states.values()) == [ScheduleState.FAIL]
    (letter,) = (await qstash.dlq.list(filter={"schedule_id": schedule_id})).messages
    assert letter.schedule_id == schedule_id


async def test_a_paused_schedule_skips_its_times(qstash, server, app):
    schedule_id = await qstash.schedule.create(destination=app.url, cron="0 0 * * *")
    await qstash.schedule.pause(schedule_id)
    await qstash.schedule.pause(schedule_id)
    assert (await qstash.schedule.get(schedule_id)).paused
    await server.advance(3 * DAY_S)
    await qstash.schedule.resume(schedule_id)
    assert not (await qstash.schedule.get(schedule_id)).paused
    assert app.requests == []
    await server.advance(DAY_S)
    await app.one()
    assert len(app.requests) == 1


async def test_a_schedule_delivers_to_every_endpoint_of_a_group(qstash, server, app):
    endpoints = [{"url": app.url + "/a"}, {"url": app.url + "/b"}]
    await qstash.url_group.upsert_endpoints("letters", endpoints)
    schedule_id = await qstash.schedule.create(destination="letters", cron="0 0 * * *")
    await server.advance(DAY_S)
    assert sorted(r.path for r in await app.received(2)) == ["/a", "/b"]
    assert len((await qstash.schedule.get(schedule_id)).last_schedule_states) == 2

    await qstash.url_group.delete("letters")
    await server.advance(DAY_S)
    schedule = await qstash.schedule.get(schedule_id)
    assert "topic letters not found" in schedule.error
    assert len(app.requests) == 2


async def test_a_schedule_enqueues_and_keeps_the_queues_parallelism(qstash, server, app):
    await qstash.queue.upsert("mail", parallelism=7)
    await qstash.schedule.create(destination=app.url, cron="0 0 * * *", queue="mail")
    await qstash.schedule.create(destination=app.url, cron="0 0 * * *", queue="new")
    await server.advance(DAY_S)
    await app.received(2)
    await server.wait("queue:mail state:delivered")
    await server.wait("queue:new state:delivered")
    assert (await qstash.queue.get("mail")).parallelism == 7
    assert (await qstash.queue.get("new")).parallelism == 1


async def test_a_delay_is_added_to_every_firing(qstash, server, app):
    schedule_id = await qstash.schedule.create(
        destination=app.url, cron="0 0 * * *", delay="2h", schedule_id="late"
    )
    planned = (await qstash.schedule.get(schedule_id)).next_schedule_time
    await server.skip()
    assert app.requests == []
    await server.skip()
    message_id = (await app.one()).headers["Upstash-Message-Id"]
    message = await qstash.message.get(message_id)
    assert (message.created_at, message.not_before) == (planned, planned + 7_200_000)


async def test_callbacks_of_a_firing_name_the_schedule(qstash, server, app):
    schedule_id = await qstash.schedule.create(
        destination=app.url + "/task", cron="0 0 * * *", callback=app.url + "/callback"
    )
    await server.advance(DAY_S)
    assert (await app.one("/callback")).json["scheduleId"] == schedule_id


async def test_a_redacted_schedule_hides_and_delivers(qstash, server, app):
    schedule_id = await qstash.schedule.create(
        destination=app.url, cron="0 0 * * *", body="secret", redact={"body": True}
    )
    schedule = await qstash.schedule.get(schedule_id)
    assert schedule.body.startswith("REDACTED:")
    await server.skip()
    got = await app.one()
    assert got.text == "secret"
    message = await qstash.message.get(got.headers["Upstash-Message-Id"])
    assert message.body == schedule.body
