"""The Python SDK's `queue`, and `message.enqueue`."""

import asyncio

import pytest
from qstash.errors import QStashError


async def test_a_queue_is_created_changed_listed_and_deleted(qstash):
    await qstash.queue.upsert("mail", parallelism=3)
    queue = await qstash.queue.get("mail")
    assert (queue.name, queue.parallelism, queue.paused, queue.lag) == ("mail", 3, False, 0)
    assert queue.created_at <= queue.updated_at
    await qstash.queue.upsert("mail", parallelism=2, paused=True)
    changed = await qstash.queue.get("mail")
    assert (changed.parallelism, changed.paused) == (2, True)
    assert changed.created_at == queue.created_at
    await qstash.queue.upsert("a.b-c_1")
    assert [q.name for q in await qstash.queue.list()] == ["a.b-c_1", "mail"]
    await qstash.queue.delete("mail")
    assert [q.name for q in await qstash.queue.list()] == ["a.b-c_1"]
    # A queue that does not exist can be deleted, but not read.
    await qstash.queue.delete("mail")
    with pytest.raises(QStashError, match="404"):
        await qstash.queue.get("mail")


@pytest.mark.parametrize("parallelism", [0, -1])
async def test_a_queue_without_parallelism_is_refused(qstash, parallelism):
    with pytest.raises(QStashError, match="400"):
        await qstash.queue.upsert("mail", parallelism=parallelism)


async def test_enqueueing_creates_a_queue_that_delivers_one_at_a_time(qstash, server, app):
    enqueued = await qstash.message.enqueue(queue="mail", url=app.url, body="first")
    assert (await app.one()).text == "first"
    queue = await qstash.queue.get("mail")
    assert (queue.parallelism, queue.paused) == (1, False)
    assert (await qstash.message.get(enqueued.message_id)).queue == "mail"
    logs = (await qstash.log.list(filter={"queue": "mail"})).logs
    assert {log.queue for log in logs} == {"mail"}


async def test_every_option_of_enqueue_arrives(qstash, app):
    await qstash.message.enqueue_json(
        queue="mail",
        url=app.url + "/task",
        body={"a": 1},
        method="PUT",
        headers={"X-Tenant": "acme"},
        callback=app.url + "/callback",
        callback_headers={"Forward-X-Call": "1"},
        retries=2,
        timeout="30s",
        label="invoice",
    )
    got = await app.one("/task")
    assert (got.method, got.json, got.headers["X-Tenant"]) == ("PUT", {"a": 1}, "acme")
    assert got.headers["Upstash-Max-Retries"] == "2"
    assert (await app.one("/callback")).headers["X-Call"] == "1"


async def test_deduplication_works_in_a_queue(qstash, app):
    first = await qstash.message.enqueue(queue="mail", url=app.url, deduplication_id="7")
    second = await qstash.message.enqueue(queue="mail", url=app.url, deduplication_id="7")
    assert (second.message_id, second.deduplicated) == (first.message_id, True)


async def test_messages_are_delivered_in_order_one_after_the_other(qstash, server, app):
    release = asyncio.Event()
    app.answers("/0", {"hold": release})
    for n in range(5):
        await qstash.message.enqueue(queue="mail", url=f"{app.url}/{n}")
    await server.wait("state:queued", 4)
    assert [r.path for r in await app.received()] == ["/0"]
    assert (await qstash.queue.get("mail")).lag == 5
    release.set()
    assert [r.path for r in await app.received(5)] == ["/0", "/1", "/2", "/3", "/4"]


async def test_the_line_waits_for_the_retries_of_its_head(qstash, app):
    app.answers("/first", 500, 500, 200)
    await qstash.message.enqueue(queue="mail", url=app.url + "/first", retry_delay="5")
    await qstash.message.enqueue(queue="mail", url=app.url + "/second")
    paths = [r.path for r in await app.received(4)]
    assert paths == ["/first", "/first", "/first", "/second"]


async def test_the_line_waits_for_the_callback_of_its_head(qstash, server, app):
    release = asyncio.Event()
    callback = app.answers("/callback", {"hold": release})
    await qstash.message.enqueue(queue="mail", url=app.url + "/first", callback=callback)
    second = await qstash.message.enqueue(queue="mail", url=app.url + "/second")
    await app.one("/callback")
    await server.wait(f"id:{second.message_id} state:queued")
    assert [r.path for r in app.requests] == ["/first", "/callback"]
    release.set()
    await app.one("/second")


async def test_so_many_are_under_way_as_the_queue_allows(qstash, server, app):
    release = asyncio.Event()
    await qstash.queue.upsert("mail", parallelism=2)
    for n in range(4):
        url = app.answers(f"/{n}", {"hold": release})
        await qstash.message.enqueue(queue="mail", url=url)
    await app.received(2)
    await server.wait("state:queued", 2)
    assert sorted(r.path for r in app.requests) == ["/0", "/1"]
    release.set()
    await app.received(4)


async def test_a_paused_queue_collects_and_goes_on_with_the_oldest(qstash, server, app):
    await qstash.queue.upsert("mail", paused=True)
    for n in range(3):
        await qstash.message.enqueue(queue="mail", url=f"{app.url}/{n}")
    await qstash.message.publish(url=app.url + "/beside")
    await app.one("/beside")
    queue = await qstash.queue.get("mail")
    assert (queue.paused, queue.lag) == (True, 3)
    await qstash.queue.resume("mail")
    assert [r.path for r in await app.received(4)] == ["/beside", "/0", "/1", "/2"]
    await server.wait("queue:mail state:delivered", 3)
    await qstash.queue.pause("mail")
    queue = await qstash.queue.get("mail")
    assert (queue.paused, queue.lag) == (True, 0)


async def test_a_dead_letter_knows_its_queue_and_does_not_stop_the_line(qstash, server, app):
    url = app.answers("/broken", 500)
    await qstash.message.enqueue(queue="mail", url=url, retries=0)
    await qstash.message.enqueue(queue="mail", url=app.url + "/next")
    await app.one("/next")
    (letter,) = (await qstash.dlq.list(filter={"queue": "mail"})).messages
    assert (letter.url, letter.queue) == (url, "mail")
