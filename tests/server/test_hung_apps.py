"""An app that hangs: its messages wait, those to other apps do not."""

import asyncio

from qstash_dev.protocol.urls import origin_of


async def test_a_hundred_hung_deliveries_keep_no_other_app_waiting(start, make_app):
    may_answer = asyncio.Event()

    async def hang():
        await may_answer.wait()
        return 200

    hung, other = make_app(lambda path, count: hang()), make_app()
    await hung.start()
    await other.start()
    server = await start()
    names = ("127.0.0.1", "localhost", "127.1", "app.localhost")
    urls = [f"http://{name}:{hung.port}/{number}" for number in range(38) for name in names]
    await asyncio.gather(*map(server.publish, urls))
    await server.wait("state:active", 90)
    message_id = await server.publish(f"{other.url}/quick")
    (row,) = await server.wait(f"state:delivered id:{message_id}")
    assert row["id"] == message_id
    waiting = (await server.wait("state:queued"))[0]
    detail = await server.call("GET", f"/_dev/messages/{waiting['id']}")
    assert detail["waits"] == (
        f"90 deliveries to {origin_of(waiting['url'])} are under way: "
        "the others of 100 places are for other apps (global-parallelism)"
    )
    may_answer.set()
    await server.wait("state:delivered", 1 + len(urls))
