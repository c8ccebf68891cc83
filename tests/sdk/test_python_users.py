"""Four users share a server and see nothing of each other."""

import asyncio

import pytest
from qstash import AsyncQStash, Receiver
from qstash.errors import QStashError

USERS = {
    "eyJVc2VySUQiOiJkZWZhdWx0VXNlciIsIlBhc3N3b3JkIjoiZGVmYXVsdFBhc3N3b3JkIn0=": (
        "sig_7kYjw48mhY7kAjqNGcy6cr29RJ6r",
        "sig_5ZB6DVzB1wjE8S6rZ7eenA8Pdnhs",
    ),
    "eyJVc2VySUQiOiJ0ZXN0VXNlcjEiLCJQYXNzd29yZCI6InRlc3RQYXNzd29yZCJ9": (
        "sig_7GVPjvuwsfqF65iC8fSrs1dfYruM",
        "sig_5NoELc3EFnZn4DVS5bDs2Nk4b7Ua",
    ),
    "eyJVc2VySUQiOiJ0ZXN0VXNlcjIiLCJQYXNzd29yZCI6InRlc3RQYXNzd29yZCJ9": (
        "sig_6jWGaWRxHsw4vMSPJprXadyvrybF",
        "sig_7qHbvhmahe5GwfePDiS5Lg3pi6Qx",
    ),
    "eyJVc2VySUQiOiJ0ZXN0VXNlcjMiLCJQYXNzd29yZCI6InRlc3RQYXNzd29yZCJ9": (
        "sig_5T8FcSsynBjn9mMLBsXhpacRovJf",
        "sig_7GFR4YaDshFcqsxWRZpRB161jguD",
    ),
}


@pytest.fixture
async def clients(server):
    made = [AsyncQStash(token, base_url=server.url, retry=False) for token in USERS]
    yield made
    for client in made:
        await client.http._client.aclose()


async def test_deliveries_are_signed_with_the_keys_of_their_user(clients, app):
    for client, keys in zip(clients, USERS.values(), strict=True):
        found = await client.signing_key.get()
        assert (found.current, found.next) == keys
        app.requests.clear()
        await client.message.publish(url=app.url + "/task", body="x")
        got = await app.one()
        signature = got.headers["Upstash-Signature"]
        Receiver(keys[0], "none").verify(signature=signature, body=got.text, url=got.url)


async def test_nothing_of_one_user_is_visible_to_another(clients, server, app):
    one, other = clients[:2]
    url = app.answers("/broken", 500)
    dead = await one.message.publish(url=url, retries=0)
    flow = {"key": "k", "parallelism": 1}
    waiting = await one.message.publish(url=app.url, delay="1h", flow_control=flow)
    await one.message.enqueue(queue="mail", url=app.url)
    await one.url_group.upsert_endpoints("letters", [{"url": app.url}])
    schedule_id = await one.schedule.create(destination=app.url, cron="0 0 1 1 *")
    await server.wait(f"id:{dead.message_id} state:failed")
    (letter,) = (await one.dlq.list()).messages

    assert (await other.dlq.list()).messages == []
    assert (await other.log.list()).logs == []
    assert await other.queue.list() == []
    assert await other.url_group.list() == []
    assert await other.schedule.list() == []
    for act, name in (
        (other.message.get, waiting.message_id),
        (other.message.cancel, waiting.message_id),
        (other.dlq.get, letter.dlq_id),
        (other.dlq.delete, letter.dlq_id),
        (other.queue.get, "mail"),
        (other.url_group.get, "letters"),
        (other.schedule.get, schedule_id),
        (other.schedule.delete, schedule_id),
        (other.flow_control.get, "k"),
    ):
        with pytest.raises(QStashError, match="404"):
            await act(name)
    assert await other.message.cancel_all() == 0
    assert await other.dlq.delete_many([letter.dlq_id]) == 0
    with pytest.raises(QStashError, match="topic letters not found"):
        await other.message.publish(url_group="letters")
    assert await one.message.cancel_all() >= 1


async def test_deduplication_and_names_belong_to_a_user(clients, app):
    one, other = clients[:2]
    first = await one.message.publish(url=app.url, deduplication_id="7")
    second = await other.message.publish(url=app.url, deduplication_id="7")
    assert not second.deduplicated
    assert second.message_id != first.message_id
    await one.queue.upsert("mail", parallelism=5)
    await other.queue.upsert("mail", parallelism=2)
    assert (await one.queue.get("mail")).parallelism == 5


async def test_many_clients_at_once_lose_and_repeat_nothing(clients, app):
    async def publish(n):
        return await clients[n % 4].message.publish(url=f"{app.url}/{n}", body=str(n))

    published = await asyncio.gather(*(publish(n) for n in range(200)))
    got = await app.received(200)
    assert sorted(int(r.text) for r in got) == list(range(200))
    sent = {p.message_id for p in published}
    assert {r.headers["Upstash-Message-Id"] for r in got} == sent
    assert len(sent) == 200
