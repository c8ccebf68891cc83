"""Readers of the event stream who come back when the server has been restarted."""

import pytest

from qstash_dev.client import Client
from qstash_dev.devtools.documents import Snapshot
from tests.ports import reserved_port

NOWHERE = "http://127.0.0.1:9/"


async def seen(running):
    return (await running.call("GET", "/_dev/snapshot"))["seq"]


async def first_tick(running, after):
    async with running.ticks(after) as ticks:
        return await anext(ticks)


async def cancelled(running):
    message_id = await running.publish(NOWHERE, Upstash_Delay="1h")
    await running.call("POST", f"/_dev/messages/{message_id}/cancel")
    return message_id


@pytest.mark.parametrize("is_all", [False, True])
async def test_who_missed_that_messages_went_begins_anew(start, tmp_path, is_all):
    first = await start(data_dir=tmp_path)
    message_id = await cancelled(first)
    before = await seen(first)
    if is_all:
        await first.call("POST", "/_dev/reset")
    else:
        await first.call("DELETE", f"/_dev/messages/{message_id}")
    after = await seen(first)
    await first.server.stop()
    second = await start(data_dir=tmp_path)
    await second.publish(NOWHERE, Upstash_Delay="1h")
    assert (await first_tick(second, before))["reset"] is True
    tick = await first_tick(second, after)
    assert ("reset" in tick, len(tick["events"])) == (False, 1)


async def test_who_missed_nothing_goes_on(start, tmp_path):
    first = await start(data_dir=tmp_path)
    await cancelled(first)
    before = await seen(first)
    await cancelled(first)
    await first.server.stop()
    second = await start(data_dir=tmp_path)
    tick = await first_tick(second, before)
    assert ("reset" in tick, len(tick["events"])) == (False, 3)


async def test_who_comes_back_to_another_server_begins_anew_whatever_has_happened_there(start):
    with reserved_port() as port:
        first = await start(port=port)
        await first.publish(NOWHERE, Upstash_Delay="1h")
        async with Client(first.url) as client:
            updates = client.watch()
            assert isinstance(await anext(updates), Snapshot)
            await first.server.stop()
            second = await start(port=port)
            ids = [await second.publish(NOWHERE, Upstash_Delay="1h") for _ in range(3)]
            while not isinstance(update := await anext(updates), Snapshot):
                pass
        assert [row.id for row in update.rows] == ids[::-1]
