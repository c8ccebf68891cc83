"""What we use of `aiohttp.web`, by its modules: the whole of it brings applications, static files and a
command line, for which a server that starts with every `npm run dev` would wait in vain.
"""

import asyncio
import socket

from aiohttp.web_protocol import RequestHandler, RequestPayloadError
from aiohttp.web_request import BaseRequest
from aiohttp.web_response import Response, StreamResponse
from aiohttp.web_server import Server

__all__ = [
    "BaseRequest",
    "Listeners",
    "RequestHandler",
    "RequestPayloadError",
    "Response",
    "Server",
    "StreamResponse",
]


class Listeners:
    """Sockets on which a server answers, until `close`. Answers under way have `grace_s` to end."""

    def __init__(self, server: Server, grace_s: float) -> None:
        self._server = server
        self._grace_s = grace_s
        self._open: list[asyncio.Server] = []

    async def add(self, sock: socket.socket) -> None:
        """Begin to listen."""
        loop = asyncio.get_running_loop()
        self._open.append(await loop.create_server(self._server, sock=sock, backlog=128))

    async def close(self) -> None:
        """Take nothing more in, and let what is under way end for a while."""
        for listener in self._open:
            listener.close()
        await asyncio.sleep(0)  # what has come in begins
        self._server.pre_shutdown()
        await self._server.shutdown(self._grace_s)
