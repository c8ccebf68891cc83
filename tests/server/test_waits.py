"""Why a message waits, what was dropped as a duplicate, and callbacks as people read them."""

import asyncio
import json

import pytest

from tests.patience import PATIENCE_S


async def detail(server, message_id):
    return await server.call("GET", f"/_dev/messages/{message_id}")


async def waits(server, message_id):
    return (await detail(server, message_id))["waits"]


@pytest.fixture
async def slow(make_app):
    """An app that answers `/slow` only when the test is over, and all else at once."""
    over = asyncio.Event()

    async def answer(path):
        if path == "/slow":
            await over.wait()
        return 200

    app = make_app(lambda path, count: answer(path))
    await app.start()
    yield app
    over.set()


async def under_way(app, count=1):
    async with asyncio.timeout(PATIENCE_S):
        while len(app.requests) < count:
            await asyncio.sleep(0)


async def test_a_message_in_a_queue_waits_behind_the_one_that_has_its_turn(start, slow):
    server = await start()
    queue = [
        (await server.call("POST", f"/v2/enqueue/mail/{slow.url}/slow", "{}"))["messageId"]
        for _ in range(3)
    ]
    await under_way(slow)
    first = queue[0]
    assert await waits(server, first) is None
    assert await waits(server, queue[1]) == f"waits behind {first} in the queue mail"
    assert await waits(server, queue[2]) == f"waits behind {first} in the queue mail, 1 ahead"
    await server.call("POST", "/v2/queues/mail/pause")
    assert await waits(server, queue[1]) == "the queue mail is paused"


async def test_a_message_waits_for_the_parallelism_of_its_key(start, slow):
    server = await start()
    flow = {"Upstash_Flow_Control_Key": "k1", "Upstash_Flow_Control_Value": "parallelism=1"}
    await server.publish(f"{slow.url}/slow", **flow)
    await under_way(slow)
    second = await server.publish(f"{slow.url}/slow", **flow)
    assert await waits(server, second) == "waits for flow control k1: 1 of 1 are under way"
    await server.call("POST", "/v2/flowControl/k1/pause")
    assert await waits(server, second) == "waits for flow control k1: it is paused"


async def test_a_message_waits_for_the_next_period_of_its_key(start, slow):
    server = await start(clock_mode="frozen")
    flow = {"Upstash_Flow_Control_Key": "k1", "Upstash_Flow_Control_Value": "rate=1,period=60"}
    await server.publish(slow.url, **flow)
    await server.wait("state:delivered")
    second, third = [await server.publish(slow.url, **flow) for _ in range(2)]
    await server.clock(advance_ms=9_000)
    used_up = "waits for flow control k1: 1 per 1m is used up, next in 51s"
    assert await waits(server, second) == used_up
    assert await waits(server, third) == f"{used_up}, 1 ahead"


async def test_a_message_waits_while_all_deliveries_are_under_way(start, slow):
    server = await start(global_parallelism=1)
    await server.publish(f"{slow.url}/slow")
    await under_way(slow)
    second = await server.publish(f"{slow.url}/slow")
    assert await waits(server, second) == (
        f"1 deliveries are under way, 1 of them to {slow.url}: the limit is 1 (global-parallelism)"
    )


async def test_a_message_waits_for_an_app_or_for_everything(start, make_app):
    app = make_app()
    server = await start(hold=True)
    held = await server.publish(app.url)
    await server.wait("state:held")
    assert await waits(server, held) == f"waits for the app at {app.url}, which is not running"
    await server.call("POST", "/_dev/pause")
    paused = await server.publish(app.url)
    assert "everything is paused" in await waits(server, paused)
    later = await server.publish(app.url, Upstash_Delay="1h")
    assert await waits(server, later) is None


async def test_a_duplicate_is_counted_at_its_original_and_told(start, make_app):
    app = make_app()
    await app.start()
    server = await start()
    first = await server.publish(app.url, Upstash_Deduplication_Id="order-7")
    again = await server.call(
        "POST", f"/v2/publish/{app.url}", "{}", {"Upstash-Deduplication-Id": "order-7"}, 202
    )
    assert again["messageId"] == first
    assert (await server.row(first))["duplicates"] == 1
    notice = (await server.status())["notice"]
    assert notice["number"] == 1
    assert notice["text"].startswith(
        f"nothing was sent: duplicate of {first} by the deduplication id order-7, for another "
    )


async def test_deduplication_ids_are_listed_and_forgotten(start, make_app):
    app = make_app()
    await app.start()
    server = await start()
    first = await server.publish(app.url, Upstash_Deduplication_Id="order-7")
    await server.publish(app.url, "same", Upstash_Content_Based_Deduplication="true")
    listed = (await server.call("GET", "/_dev/deduplication"))["deduplication"]
    assert ("order-7", first) in [(one["id"], one["original"]) for one in listed]
    assert any(one["id"].startswith("content:") for one in listed)
    await server.call("DELETE", "/_dev/deduplication/order-7")
    assert await server.publish(app.url, Upstash_Deduplication_Id="order-7") != first
    await server.call("DELETE", "/_dev/deduplication/none", status=404)


async def test_what_only_the_longer_window_of_the_cloud_would_drop_is_marked(start, make_app):
    app = make_app()
    await app.start()
    server = await start(clock_mode="frozen")
    first = await server.publish(app.url, Upstash_Deduplication_Id="order-7")
    await server.clock(advance_ms=600_000)
    second = await server.publish(app.url, Upstash_Deduplication_Id="order-7")
    mark = (await server.row(second))["lints"][-1]
    assert mark.startswith(f"Published before by the deduplication id order-7 ({first}): ")


async def test_the_bodies_within_a_callback_are_shown_decoded_beside_the_raw_one(start, make_app):
    app = make_app()
    await app.start()
    server = await start()
    await server.publish(app.url, '{"order": 7}', Upstash_Callback=f"{app.url}/done")
    (row,) = [row for row in await server.wait("state:delivered", 2) if row["kind"] == "callback"]
    request = (await detail(server, row["id"]))["request"]
    assert json.loads(request["body"]["text"])["body"] == "ZG9uZQ=="
    assert {name: body["text"] for name, body in request["decoded"].items()} == {
        "body": "done",
        "sourceBody": '{"order": 7}',
    }
