"""A process that swallows deliveries and notes when each arrived, at a few microseconds apiece.

Prints its port; for every line `N` on stdin it prints, once N deliveries are there, their numbers
and monotonic nanoseconds as JSON, and forgets them.
"""

import asyncio
import json
import sys
from time import monotonic_ns

import uvloop

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"


class Arrivals:
    """What arrived since it was last asked for."""

    def __init__(self) -> None:
        self._seen: list[tuple[int, int]] = []
        self._wanted: list[int] = []

    def add(self, number: int) -> None:
        self._seen.append((number, monotonic_ns()))
        self._report()

    def want(self, count: int) -> None:
        self._wanted.append(count)
        self._report()

    def _report(self) -> None:
        if self._wanted and len(self._seen) >= self._wanted[0]:
            self._wanted.pop(0)
            print(json.dumps(self._seen), flush=True)
            self._seen = []


class Connection(asyncio.Protocol):
    """As much of HTTP/1.1 as our clients speak: headers with a length, then a body."""

    def __init__(self, arrivals: Arrivals) -> None:
        self._arrivals = arrivals
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._data += data
        while True:
            end = self._data.find(b"\r\n\r\n") + 4
            if end == 3:
                return
            head = self._data[:end].lower()
            length = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
            if len(self._data) < end + length:
                return
            # The body begins with {"n":"12345678"
            self._arrivals.add(int(self._data[end + 6 : end + 14]))
            self._data = self._data[end + length :]
            self._transport.write(ANSWER)  # type: ignore[attr-defined]


async def main() -> None:
    loop = asyncio.get_running_loop()
    arrivals = Arrivals()
    server = await loop.create_server(lambda: Connection(arrivals), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    orders = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    async for line in orders:
        arrivals.want(int(line))


if __name__ == "__main__":
    uvloop.run(main())
