"""`logs --follow` on a server that goes away and comes back."""

import asyncio

from qstash_dev.cli.commands.logs import tail
from qstash_dev.client import Client
from tests.tui.world import World, row


async def test_it_is_told_that_the_server_went_and_came_back(capsys):
    world = World([row(1)])

    async def said(text):
        shown = ""
        while text not in shown:
            await asyncio.sleep(0)
            out, err = capsys.readouterr()
            shown += out + err
        return shown

    async with world.open() as url, Client(url, sleep=lambda _: asyncio.sleep(0)) as client:
        following = asyncio.ensure_future(tail(client, None, 10, as_json=False))
        await said("delivered")
        await world.stop()
        await said("The server has gone: waiting for it.\n")
        await world.start()
        await said("The server is back.\n")
        world.say(row(2, "/api/later"))
        await said("/api/later")
        following.cancel()
