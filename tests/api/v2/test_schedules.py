"""Schedules on the wire: what is asked for, what is shown, what fires."""

from base64 import b64decode, b64encode

import pytest

from tests.api.wire import upstash

URL = "http://localhost:3000/job"
MINUTE = 60_000


async def create(wire, destination=URL, body=b"", cron="0 0 1 1 *", **headers):
    path = f"/v2/schedules/{destination}"
    return (await wire.ok("POST", path, body, upstash(cron=cron, **headers)))["scheduleId"]


async def get(wire, schedule_id):
    return await wire.ok("GET", f"/v2/schedules/{schedule_id}")


async def test_a_bare_schedule_has_the_fields_that_are_always_there_and_no_nulls(wire):
    schedule_id = await create(wire, cron="  */5 * * * * ")
    assert schedule_id.startswith("scd_")
    found = await get(wire, schedule_id)
    now = await wire.now()
    assert found == {
        "scheduleId": schedule_id,
        "cron": "*/5 * * * *",
        "destination": URL,
        "createdAt": now,
        "method": "POST",
        "isPaused": False,
        "retries": 3,
        "header": {},
        "callerIP": "127.0.0.1",
        "callerIp": "127.0.0.1",
        "nextScheduleTime": now - now % (5 * MINUTE) + 5 * MINUTE,
    }
    assert await wire.ok("GET", "/v2/schedules") == [found]


async def test_everything_that_was_asked_for_is_shown(wire):
    schedule_id = await create(
        wire,
        body=b"\xff",
        method="PUT",
        delay="90s",
        timeout="1m",
        retries=2,
        retry_delay="1000 * retried",
        callback="http://localhost/cb",
        failure_callback="http://localhost/fcb",
        callback_forward_a="1",
        failure_callback_forward_b="2",
        queue_name="q",
        flow_control_key="k",
        flow_control_value="parallelism=2",
        label="a,b",
        forward_x="y",
        schedule_id="my.schedule_1-A",
    )
    assert schedule_id == "my.schedule_1-A"
    found = await get(wire, schedule_id)
    expected = {
        "bodyBase64": b64encode(b"\xff").decode(),
        "method": "PUT",
        "delay": 90,
        "timeout": 60,
        "retries": 2,
        "retryDelayExpression": "1000 * retried",
        "callback": "http://localhost/cb",
        "failureCallback": "http://localhost/fcb",
        "callbackHeader": {"A": ["1"]},
        "failureCallbackHeader": {"B": ["2"]},
        "queueName": "q",
        "flowControlKey": "k",
        "parallelism": 2,
        "period": 1,
        "label": "a",
        "labels": ["a", "b"],
        "header": {"X": ["y"]},
    }
    assert {name: found[name] for name in expected} == expected


async def test_the_same_id_replaces_the_schedule_and_an_omitted_body_clears_the_old_one(wire):
    path = f"/v2/schedules/{URL}"
    old = {"Content-Type": "text/plain", **upstash(cron="* * * * *", schedule_id="s", label="a")}
    await wire.ok("POST", path, b"old", old)
    assert (await get(wire, "s"))["body"] == "old"
    assert (await get(wire, "s"))["header"] == {"Content-Type": ["text/plain"]}
    await create(wire, f"{URL}/new", cron="CRON_TZ=Europe/Berlin 0 9 * * MON", schedule_id="s")
    found = await get(wire, "s")
    assert "body" not in found
    assert "label" not in found
    assert found["header"] == {}
    assert found["destination"] == f"{URL}/new"
    assert found["cron"] == "CRON_TZ=Europe/Berlin 0 9 * * MON"
    assert len(await wire.ok("GET", "/v2/schedules")) == 1


@pytest.mark.parametrize(
    ("cron", "text"),
    [
        ("* * * *", "has 4 fields"),
        ("* * * * * *", "has 6 fields"),
        ("61 * * * *", "minute"),
        ("* 24 * * *", "hour"),
        ("0 0 30 2 *", "never fires"),
        ("@daily", "expected five"),
        ("CRON_TZ=Mars/Base * * * * *", "Mars/Base"),
        ("CRON_TZ=Europe/Berln * * * * *", "Europe/Berlin"),
        ("CRON_TZ=../../etc/passwd * * * * *", "time zone"),
        ("TZ=UTC * * * * *", "fields"),
        ("*/0 * * * *", "minute"),
        ("* " * 5_000, "longer than"),
        (" ", "Cron"),
    ],
)
@pytest.mark.parametrize("path", [f"/v2/schedules/{URL}", f"/v2/publish/{URL}"])
async def test_a_cron_expression_that_cannot_be_is_refused_and_says_why(wire, path, cron, text):
    if (path, cron) == (f"/v2/publish/{URL}", " "):
        return  # an empty header is none
    answer = await wire.ask("POST", path, b"", upstash(cron=cron))
    assert answer.status == 400
    assert text in answer.error
    assert await wire.ok("GET", "/v2/schedules") == []


async def test_a_schedule_needs_a_cron_expression(wire):
    answer = await wire.ask("POST", f"/v2/schedules/{URL}")
    assert (answer.status, answer.error) == (400, "a schedule needs an Upstash-Cron header")


@pytest.mark.parametrize("schedule_id", ["a/b", "100%", "a b", "a:b", "Ã¼"])
async def test_an_id_of_other_characters_is_refused(wire, schedule_id):
    headers = upstash(cron="* * * * *", schedule_id=schedule_id)
    answer = await wire.ask("POST", f"/v2/schedules/{URL}", b"", headers)
    assert answer.status == 400
    assert "Upstash-Schedule-Id" in answer.error


async def test_an_id_of_ten_thousand_characters_works_as_a_short_one(wire):
    schedule_id = await create(wire, schedule_id="s" * 10_000)
    assert (await get(wire, schedule_id))["scheduleId"] == schedule_id
    await wire.ok("PATCH", f"/v2/schedules/{schedule_id}/pause")
    await wire.ok("DELETE", f"/v2/schedules/{schedule_id}")


@pytest.mark.parametrize("destination", ["", "nobody", "localhost:3000", "a%2Fb"])
async def test_a_destination_that_is_none_is_refused(wire, destination):
    answer = await wire.ask("POST", f"/v2/schedules/{destination}", b"", upstash(cron="* * * * *"))
    assert answer.status in (400, 404)
    assert len(answer.error) > 10


async def test_publishing_with_a_cron_header_makes_a_schedule(wire):
    answer = await wire.ok("POST", f"/v2/publish/{URL}", b"x", upstash(cron="* * * * *"))
    assert list(answer) == ["scheduleId"]
    found = await get(wire, answer["scheduleId"])
    assert (found["body"], found["destination"]) == ("x", URL)
    assert await wire.events() == []


async def test_enqueueing_with_a_cron_header_makes_one_that_enqueues(wire):
    answer = await wire.ok("POST", f"/v2/enqueue/q/{URL}", b"x", upstash(cron="* * * * *"))
    assert (await get(wire, answer["scheduleId"]))["queueName"] == "q"


@pytest.mark.parametrize("path", ["/v2/schedules", "/v2/publish", "/v2/enqueue/q"])
@pytest.mark.parametrize(
    "headers", [{"deduplication_id": "a"}, {"content_based_deduplication": "true"}]
)
async def test_a_duplicate_of_a_schedule_is_answered_with_the_first(wire, path, headers):
    order = ("POST", f"{path}/{URL}", b"x", upstash(cron="* * * * *", **headers))
    first = await wire.ok(*order)
    again = await wire.ask(*order)
    assert (again.status, again.json) == (202, {**first, "deduplicated": True})
    assert len(await wire.ok("GET", "/v2/schedules")) == 1


async def test_enqueueing_with_a_cron_header_and_the_queue_header_takes_the_path(wire):
    headers = upstash(cron="* * * * *", queue_name="other")
    answer = await wire.ok("POST", f"/v2/enqueue/q/{URL}", b"x", headers)
    assert (await get(wire, answer["scheduleId"]))["queueName"] == "q"


async def test_publishing_with_a_cron_header_and_a_queue_makes_one_that_enqueues(wire, app):
    headers = upstash(cron="* * * * *", queue_name="q")
    answer = await wire.ok("POST", f"/v2/publish/{app.url}", b"x", headers)
    assert (await get(wire, answer["scheduleId"]))["queueName"] == "q"
    await wire.advance(60)
    received = await app.one()
    events = await wire.events(f"messageId={received.headers['Upstash-Message-Id']}")
    assert {event["queueName"] for event in events} == {"q"}


async def test_a_schedule_is_deleted_once(wire):
    schedule_id = await create(wire)
    await wire.ok("DELETE", f"/v2/schedules/{schedule_id}")
    assert (await wire.ask("GET", f"/v2/schedules/{schedule_id}")).status == 404
    assert (await wire.ask("DELETE", f"/v2/schedules/{schedule_id}")).status == 404
    assert await wire.ok("GET", "/v2/schedules") == []


@pytest.mark.parametrize("verb", ["PATCH", "POST", "PUT"])
async def test_pause_and_resume_work_with_any_verb_and_may_be_repeated(wire, app, verb):
    schedule_id = await create(wire, app.url, cron="* * * * *")
    for _ in range(2):
        await wire.ok(verb, f"/v2/schedules/{schedule_id}/pause")
        assert (await get(wire, schedule_id))["isPaused"] is True
    await wire.advance(150)
    assert not app.requests
    found = await get(wire, schedule_id)
    assert found["nextScheduleTime"] > await wire.now()
    assert "lastScheduleTime" not in found
    for _ in range(2):
        await wire.ok(verb, f"/v2/schedules/{schedule_id}/resume")
        assert (await get(wire, schedule_id))["isPaused"] is False
    await wire.advance(60)
    assert len(await app.received(1)) == 1


async def test_a_firing_shows_in_message_delivery_log_and_schedule(wire, app):
    schedule_id = await create(
        wire,
        app.url + "/job?x=1",
        b"tick",
        cron="* * * * *",
        method="PATCH",
        forward_x="y",
        label="l",
        callback=app.url + "/callback",
    )
    next_time = (await get(wire, schedule_id))["nextScheduleTime"]
    await wire.advance((next_time - await wire.now()) / 1000 + 1)
    received = await app.one("/job")
    assert (received.method, received.path, received.body) == ("PATCH", "/job?x=1", b"tick")
    assert received.headers["Upstash-Schedule-Id"] == schedule_id
    assert received.headers["Upstash-Caller-Ip"] == "127.0.0.1"
    assert received.headers["X"] == "y"
    message_id = received.headers["Upstash-Message-Id"]
    message = await wire.ok("GET", f"/v2/messages/{message_id}")
    assert (message["scheduleId"], message["createdAt"]) == (schedule_id, next_time)
    assert (await app.one("/callback")).json["scheduleId"] == schedule_id
    await wire.idle()
    events = await wire.events(f"scheduleId={schedule_id}")
    assert [e["state"] for e in events] == ["CREATED", "ACTIVE", "DELIVERED"]
    found = await get(wire, schedule_id)
    assert found["lastScheduleTime"] == next_time
    assert found["nextScheduleTime"] == next_time + MINUTE
    assert found["lastScheduleStates"] == {message_id: "SUCCESS"}
    assert "error" not in found


async def test_a_group_that_is_gone_when_it_fires_is_an_error_of_the_schedule(wire, app):
    await wire.ok("POST", "/v2/topics/g/endpoints", {"endpoints": [{"url": app.url}]})
    schedule_id = await create(wire, "g", cron="* * * * *")
    assert (await get(wire, schedule_id))["destination"] == "g"
    await wire.ok("DELETE", "/v2/topics/g")
    await wire.advance(60)
    found = await get(wire, schedule_id)
    assert found["error"] == "topic g not found"
    assert "lastScheduleStates" not in found
    await wire.ok("POST", "/v2/topics/g/endpoints", {"endpoints": [{"url": app.url}]})
    await wire.advance(60)
    assert (await app.one()).headers["Upstash-Topic-Name"] == "g"
    assert "error" not in await get(wire, schedule_id)


async def test_a_schedule_passes_its_redaction_on_and_hides_its_own_body(wire, app):
    schedule_id = await create(
        wire, app.url, b"secret", cron="* * * * *", redact_fields="body,header[X]", forward_x="y"
    )
    found = await get(wire, schedule_id)
    assert found["body"].startswith("REDACTED:")
    assert found["header"]["X"][0].startswith("REDACTED:")
    await wire.advance(60)
    received = await app.one()
    assert (received.body, received.headers["X"]) == (b"secret", "y")
    (event, *_) = await wire.events(f"scheduleId={schedule_id}")
    assert b64decode(event["body"]).decode() == found["body"]
    assert event["header"] == found["header"]
