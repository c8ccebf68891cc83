"""What we are measured against: aiohttp that takes a POST, answers an id and posts the body on.

No signature, no storage, no retries; the same event loop and client library. Prints its port.
"""

import asyncio
from itertools import count

import aiohttp
import uvloop
from aiohttp import web
from yarl import URL


async def main() -> None:
    tasks: set[asyncio.Task[None]] = set()
    ids = count()
    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=100))

    async def accept(request: web.Request) -> web.Response:
        target = request.raw_path.partition("/v2/publish/")[2]
        task = asyncio.create_task(forward(target, await request.read(), request.content_type))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        return web.json_response({"messageId": f"msg_{next(ids)}"})

    async def forward(target: str, body: bytes, content_type: str) -> None:
        url = URL(target, encoded=True)
        async with session.post(url, data=body, headers={"Content-Type": content_type}) as answer:
            await answer.read()

    app = web.Application()
    app.router.add_post("/{rest:.*}", accept)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main())
