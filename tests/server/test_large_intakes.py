"""A thousand messages at once: nobody else waits for them, their body is stored once, all or none."""

import asyncio
import json

import pytest

from tests.server.test_storage_trouble import AT_COMMIT, AT_ONCE, break_store

MANY = 450
BODY = json.dumps({"found": "x" * 20_000})


def batch(app, *paths):
    return [{"destination": f"{app.url}/{path}", "body": "{}"} for path in paths]


async def group(running, app, *paths):
    endpoints = [{"url": f"{app.url}/{path}"} for path in paths]
    for start in range(0, len(endpoints), 100):
        body = {"endpoints": endpoints[start : start + 100]}
        await running.call("POST", "/v2/topics/all/endpoints", body)


async def count(running, what="messages"):
    return (await running.call("GET", "/_dev/snapshot"))["counts"][what]


@pytest.fixture
async def app(make_app):
    app = make_app()
    await app.start()
    return app


async def test_a_large_batch_is_delivered_whole_and_each_bad_item_is_told(start, app):
    running = await start()
    items = batch(app, *map(str, range(MANY)))
    items[7]["destination"] = "ftp://nobody"
    answers = await running.call("POST", "/v2/batch", items)
    assert [n for n, answer in enumerate(answers) if "error" in answer] == [7]
    await running.wait("state:delivered", MANY - 1)
    assert sorted(int(path[1:]) for _, path, _, _ in app.requests) == [
        n for n in range(MANY) if n != 7
    ]


async def test_every_endpoint_of_a_large_group_gets_the_body_that_is_stored_once(start, app):
    running = await start()
    await group(running, app, *map(str, range(MANY)))
    answers = await running.call("POST", "/v2/publish/all", BODY)
    assert len({answer["messageId"] for answer in answers}) == MANY
    await running.wait("state:delivered", MANY)
    assert {body.decode() for *_, body in app.requests} == {BODY}
    assert await count(running) == len(app.requests) == MANY
    database = running.server._store.database
    assert database.read("SELECT count(*), sum(length(body)) FROM bodies") == [(1, len(BODY))]
    await running.wait("body:found", MANY)
    detail = await running.call("GET", f"/_dev/messages/{answers[0]['messageId']}")
    assert detail["request"]["body"]["text"] == BODY


async def test_a_shared_body_is_there_as_long_as_a_message_has_it_or_may_come_back(start, app):
    running = await start()
    await group(running, app, "a", "b")
    ids = [a["messageId"] for a in await running.call("POST", "/v2/publish/all", BODY)]
    await running.wait("state:delivered", 2)
    engine = running.server._engine
    answer = await running.call("DELETE", "/_dev/messages")
    engine.prune()
    await running.call("POST", "/_dev/undo", {"ids": [answer["undo"]]})
    detail = await running.call("GET", f"/_dev/messages/{ids[1]}")
    assert detail["request"]["body"]["text"] == BODY
    await running.call("DELETE", "/_dev/messages")
    engine.undo.clear()
    engine.prune()
    assert running.server._store.database.read("SELECT * FROM bodies") == []


async def test_another_publish_does_not_wait_for_a_large_batch(start, app):
    running = await start()
    items = batch(app, *map(str, range(10 * MANY)))
    large = asyncio.create_task(running.call("POST", "/v2/batch", items))
    while not running.server._store.intakes.numbers():
        await running.call("GET", "/v2/keys")
    assert await count(running) == 0
    for wanted in ("", "?filter=state:queued"):
        assert (await running.call("GET", f"/_dev/messages{wanted}"))["rows"] == []
    assert (await running.call("GET", "/v2/events"))["events"] == []
    small = await running.publish(f"{app.url}/small")
    await running.wait(f"state:delivered id:{small}")
    assert [path for _, path, _, _ in app.requests] == ["/small"], "a part of the batch came first"
    assert not large.done()
    assert len(await large) == len(items)
    assert await count(running) == len(items) + 1
    created = await running.call("GET", f"/v2/events?state=CREATED&count=1000&messageId={small}")
    assert len(created["events"]) == 1
    row = (await running.call("GET", "/_dev/messages?limit=1"))["rows"][0]
    events = await running.call("GET", f"/_dev/messages/{row['id']}")
    assert events["events"][0]["state"] == "CREATED"


@pytest.mark.parametrize("statements", [AT_COMMIT, AT_ONCE], ids=["at commit", "at once"])
async def test_of_a_large_batch_that_cannot_be_stored_whole_nothing_is_left(start, app, statements):
    running = await start()
    break_store(running, statements)
    items = batch(app, *map(str, range(MANY - 1)), "doomed")
    items[0]["headers"] = {"Upstash-Deduplication-Id": "once"}
    items[1]["headers"] = {"Upstash-Cron": "0 0 1 1 *"}
    error = await running.call("POST", "/v2/batch", items, status=500)
    assert error["error"].startswith("cannot write to the database")
    while await count(running):
        await asyncio.sleep(0)
    assert await running.call("GET", "/v2/schedules") == []
    kept = await running.publish(f"{app.url}/kept", upstash_deduplication_id="once")
    await running.wait(f"state:delivered id:{kept}")
    assert [path for _, path, _, _ in app.requests] == ["/kept"]


async def test_a_large_batch_with_a_run_that_is_over_is_refused_whole_and_leaves_nothing(
    start, app
):
    running = await start()
    first = {
        "Upstash-Workflow-Init": "true",
        "Upstash-Workflow-RunId": "wfr_1",
        "Upstash-Workflow-Url": f"{app.url}/run",
        "Upstash-Delay": "1h",
    }
    run = {"destination": f"{app.url}/run", "headers": first, "body": "{}"}
    items = [*batch(app, *map(str, range(MANY))), run]
    answers = await running.call("POST", "/v2/batch", items)
    assert len({answer["messageId"] for answer in answers}) == MANY + 1
    await running.wait("state:delivered", MANY)
    late = {**first, "Upstash-Workflow-Init": "false", "Upstash-Workflow-RunId": "wfr_none"}
    refused = [*batch(app, *map(str, range(MANY))), {**run, "headers": late}]
    await running.call("POST", "/v2/batch", refused, status=400)
    while running.server._store.intakes.numbers():
        await running.call("GET", "/v2/keys")
    assert await count(running) == MANY + 1


async def test_no_publish_is_the_duplicate_of_a_part_of_a_batch_that_is_never_accepted(start, app):
    running = await start()
    break_store(running, AT_ONCE)
    items = batch(app, *map(str, range(2 * MANY)), "doomed")
    items[0]["headers"] = {"Upstash-Deduplication-Id": "once"}
    large = asyncio.create_task(running.call("POST", "/v2/batch", items, status=500))
    while not running.server._store.intakes.numbers():
        await running.call("GET", "/v2/keys")
    kept = await running.publish(f"{app.url}/kept", upstash_deduplication_id="once")
    assert large.done()
    await running.wait(f"state:delivered id:{kept}")


async def test_of_a_large_batch_that_a_reset_has_cut_nothing_is_left_and_its_client_is_told(
    start, app
):
    running = await start()
    items = batch(app, *map(str, range(2 * MANY)))
    items[0]["headers"] = {"Upstash-Cron": "0 0 1 1 *"}
    large = asyncio.create_task(running.call("POST", "/v2/batch", items, status=500))
    while not running.server._store.intakes.numbers():
        await running.call("GET", "/v2/keys")
    await running.call("POST", "/_dev/reset")
    assert "was reset" in (await large)["error"]
    while running.server._store.intakes.numbers():
        await running.call("GET", "/v2/keys")
    assert await count(running) == len(app.requests) == 0
    assert await running.call("GET", "/v2/schedules") == []
