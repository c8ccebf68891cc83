"""An app that hangs: its messages wait, those to other apps do not."""

import asyncio


async def test_a_hundred_hung_deliveries_keep_no_other_app_waiting(start, make_app):
    may_answer = asyncio.Event()

    async def hang():
        await may_answer.wait()
        return 200

    hung, other = make_app(lambda path, count: hang()), make_app()
    await hung.start()
    await other.start()
    server = await start()
    await asyncio.gather(*(server.publish(f"{hung.url}/{number}") for number in range(150)))
    await server.wait("state:active", 90)
    message_id = await server.publish(f"{other.url}/quick")
    (row,) = await server.wait(f"state:delivered id:{message_id}")
    assert row["id"] == message_id
    waiting = (await server.wait("state:queued"))[0]["id"]
    detail = await server.call("GET", f"/_dev/messages/{waiting}")
    assert detail["waits"] == (
        f"90 deliveries to {hung.url} are under way: the others of 100 places are for other apps "
        "(global-parallelism)"
    )
    may_answer.set()
    await server.wait("state:delivered", 151)
