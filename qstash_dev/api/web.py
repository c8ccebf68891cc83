"""What we use of `aiohttp.web`, by its modules: the whole of it brings applications, static files and a
command line, for which a server that starts with every `npm run dev` would wait in vain.
"""

import asyncio
import socket

from aiohttp.abc import AbstractStreamWriter
from aiohttp.helpers import rfc822_formatted_time
from aiohttp.http import HttpVersion11
from aiohttp.web_protocol import RequestHandler, RequestPayloadError
from aiohttp.web_request import BaseRequest
from aiohttp.web_response import Response, StreamResponse
from aiohttp.web_server import Server

__all__ = [
    "BaseRequest",
    "Listeners",
    "PlainResponse",
    "RequestHandler",
    "RequestPayloadError",
    "Response",
    "Server",
    "StreamResponse",
]


class PlainResponse(Response):
    """One with a body of bytes. aiohttp looks in each answer for compression, cookies, pieces and
    files, which takes a fiftieth of all that a message costs; here there are none.
    """

    async def _start(self, request: BaseRequest) -> AbstractStreamWriter:
        is_kept = (
            request.version == HttpVersion11 and request.keep_alive and self.keep_alive is None
        )
        if not is_kept or self._must_be_empty_body or not isinstance(self.body, bytes):
            return await super()._start(request)
        self._req, self._keep_alive = request, True
        writer = self._payload_writer = request.writer
        self.headers["Content-Length"] = str(len(self.body))
        self.headers["Date"] = rfc822_formatted_time()
        await writer.write_headers(f"HTTP/1.1 {self.status} {self.reason}", self.headers)
        return writer


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
