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
    "Document",
    "Listeners",
    "RequestHandler",
    "RequestPayloadError",
    "Response",
    "Server",
    "StreamResponse",
]


class Document(Response):
    """JSON in bytes. Where it is all that is said, and the connection stays, it is written as it is:
    aiohttp would look for cookies, compression, pieces and files, at a twentieth of all that a message
    costs.
    """

    def __init__(self, content: bytes, status: int = 200) -> None:
        super().__init__(body=content, status=status, content_type="application/json")
        self._content = content
        self._is_written = False

    @property
    def keep_alive(self) -> bool | None:
        """Whether the connection stays, once that is known."""
        return True if self._is_written else super().keep_alive

    async def prepare(self, request: BaseRequest) -> AbstractStreamWriter | None:
        """Write the head, here with the body."""
        if not self._is_plain(request):
            return await super().prepare(request)
        self._is_written = True
        head = (
            f"HTTP/1.1 {self.status} {self.reason}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(self._content)}\r\nDate: {rfc822_formatted_time()}\r\n\r\n"
        )
        await request.writer.write(head.encode() + self._content)
        return request.writer

    async def write_eof(self, data: bytes = b"") -> None:
        """Write the body, if that was not done."""
        if not self._is_written:
            await super().write_eof(data)

    def _is_plain(self, request: BaseRequest) -> bool:
        if self.keep_alive is False or not request.keep_alive or request.method == "HEAD":
            return False
        return request.version == HttpVersion11 and len(self.headers) == 1


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
