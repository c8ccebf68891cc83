"""The answers of tests/transport/test_real_servers.py by uvicorn; prints its port."""

import asyncio
import gzip
import zlib
from collections.abc import Awaitable, Callable
from typing import Any

import brotli
import uvicorn

Part = dict[str, Any]
Send = Callable[[Part], Awaitable[None]]
Header = tuple[bytes, bytes]

COUNT = 0


async def app(scope: Part, receive: Callable[[], Awaitable[Part]], send: Send) -> None:
    global COUNT
    body, more = b"", True
    while more:
        part = await receive()
        body, more = body + part.get("body", b""), part["more_body"]
    COUNT += 1
    await answer(scope["path"], body, send)


async def answer(path: str, body: bytes, send: Send) -> None:
    match path:
        case "/length":
            await answered(send, 200, [(b"content-length", b"2")], b"ok")
        case "/chunks":
            await answered(send, 200, [], b"a", b"b", b"c")
        case "/nothing":
            await answered(send, 204, [])
        case "/unchanged":
            await answered(send, 304, [])
        case "/moved":
            await answered(send, 302, [(b"location", b"/length")])
        case "/gzip":
            await answered(send, 200, coding(b"gzip"), gzip.compress(b"plain text"))
        case "/deflate":
            await answered(send, 200, coding(b"deflate"), zlib.compress(b"plain text"))
        case "/br":
            await answered(send, 200, coding(b"br"), brotli.compress(b"plain text"))
        case "/closes":
            await answered(send, 200, [(b"connection", b"close")], b"ok")
        case "/failed":
            await answered(send, 500, [], b"failed")
        case "/large":
            await answered(send, 200, [], b"x" * 10_000_000)
        case "/echo":
            await answered(send, 200, [], body)
        case "/dies-in-body":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"half", "more_body": True})
            raise RuntimeError("on purpose")
        case "/count":
            await answered(send, 200, [], str(COUNT - 1).encode())


async def answered(send: Send, status: int, headers: list[Header], *parts: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    for part in parts:
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body"})


def coding(name: bytes) -> list[Header]:
    return [(b"content-encoding", name)]


async def main() -> None:
    config = uvicorn.Config(app, port=0, lifespan="off", log_level="critical")
    server = uvicorn.Server(config)
    serving = asyncio.ensure_future(server.serve())
    while not server.started:
        await asyncio.sleep(0)
    print(server.servers[0].sockets[0].getsockname()[1], flush=True)
    await serving


if __name__ == "__main__":
    asyncio.run(main())
