"""A destination that speaks bytes: for tests of how it is treated when it misbehaves."""

import asyncio
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from typing import cast

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
MAX_HEAD = 1_000_000

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class RawServer:
    """Raw TCP servers for one test. `heads` and `bodies` are what arrived, byte for byte."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack
        self._stack.push_async_callback(self._end)
        self._handlers: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self.heads: list[bytes] = []
        self.bodies: list[bytes] = []
        self.connections = 0
        self._servers: list[asyncio.Server] = []

    async def start(
        self, handle: Handler, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
    ) -> int:
        """Listen; returns the port."""

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.connections += 1
            task = cast(asyncio.Task[None], asyncio.current_task())
            self._handlers[task] = writer
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await handle(reader, writer)
            writer.close()
            with suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()
            del self._handlers[task]

        server = await asyncio.start_server(connected, host, 0, ssl=tls, limit=MAX_HEAD)
        self._stack.callback(server.close)
        self._servers.append(server)
        port: int = server.sockets[0].getsockname()[1]
        return port

    def stop_listening(self) -> None:
        """Take no more connections."""
        for server in self._servers:
            server.close()

    async def _end(self) -> None:
        """Nothing that a handler still waits for comes any more."""
        for task, writer in self._handlers.items():
            task.cancel()
            writer.transport.abort()
        await asyncio.gather(*self._handlers, return_exceptions=True)

    async def read(self, reader: asyncio.StreamReader) -> None:
        """One request."""
        head = await reader.readuntil(b"\r\n\r\n")
        length = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        self.heads.append(head)
        self.bodies.append(await reader.readexactly(length))

    async def answering(self, *answers: bytes, **options: object) -> int:
        """Listen and answer these bytes, then close; returns the port."""

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            for answer in answers:
                await self.read(reader)
                writer.write(answer)
                await writer.drain()

        return await self.start(handle, **options)  # type: ignore[arg-type]


def reset(writer: asyncio.StreamWriter) -> None:
    """End a connection as the kernel does for a process that was killed: with a TCP reset."""
    at_once = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
    writer.transport.abort()
