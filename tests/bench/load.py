"""A process that publishes: as fast as its connections are answered, or at a steady rate.

Arguments: port, destination, count, connections, messages per second (0: as fast as it goes), first
number. Prints JSON: for each message its number, and when it was sent and answered (monotonic ns).
"""

import asyncio
import json
import sys
from time import monotonic_ns

import uvloop

from qstash_dev.protocol.users import DEV_USERS

PADDING = "x" * 150


class Publisher(asyncio.Protocol):
    """One connection: sends a message, waits for the answer, takes the next."""

    def __init__(self, load: "Load") -> None:
        self._load = load
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def send(self, number: int) -> None:
        self._number = number
        self._sent = monotonic_ns()
        self._transport.write(self._load.request(number))  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self._data += data
        end = self._data.find(b"\r\n\r\n") + 4
        if end == 3:
            return
        head = self._data[:end].lower()
        length = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        if len(self._data) < end + length:
            return
        if not head.startswith(b"http/1.1 20"):
            sys.exit(f"the publish was not accepted: {self._data.decode()}")
        self._data = self._data[end + length :]
        self._load.answered(self, self._number, self._sent)


class Load:
    """Hands out numbers to free connections and collects the times."""

    def __init__(self, target: str, first: int, count: int, rate: int) -> None:
        self._head = (
            f"POST /v2/publish/{target} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Authorization: Bearer {DEV_USERS[0].token}\r\nContent-Type: application/json\r\n"
        ).encode()
        self._next, self._last, self._rate = first, first + count, rate
        self._times: list[tuple[int, int, int]] = []
        self._count = count
        self._idle: list[Publisher] = []
        self.done = asyncio.get_running_loop().create_future()

    def request(self, number: int) -> bytes:
        body = b'{"n":%08d,"padding":"%b"}' % (number, PADDING.encode())
        return self._head + b"Content-Length: %d\r\n\r\n" % len(body) + body

    async def run(self, publishers: list[Publisher]) -> list[tuple[int, int, int]]:
        if self._rate:
            self._idle = publishers
            self._tick(asyncio.get_running_loop().time())
        else:
            for publisher in publishers:
                self._give(publisher)
        await self.done
        return self._times

    def answered(self, publisher: Publisher, number: int, sent: int) -> None:
        self._times.append((number, sent, monotonic_ns()))
        if len(self._times) == self._count:
            self.done.set_result(None)
        if self._rate:
            self._idle.append(publisher)
        else:
            self._give(publisher)

    def _give(self, publisher: Publisher) -> None:
        if self._next < self._last:
            self._next += 1
            publisher.send(self._next - 1)

    def _tick(self, at: float) -> None:
        if self._next < self._last:
            self._give(self._idle.pop())
            at += 1 / self._rate
            asyncio.get_running_loop().call_at(at, self._tick, at)


async def main(port: int, target: str, count: int, width: int, rate: int, first: int) -> None:
    loop = asyncio.get_running_loop()
    load = Load(target, first, count, rate)
    publishers = [
        (await loop.create_connection(lambda: Publisher(load), "127.0.0.1", port))[1]
        for _ in range(width)
    ]
    print(json.dumps(await load.run(publishers)))


if __name__ == "__main__":
    port, target, *numbers = sys.argv[1:]
    count, width, rate, first = map(int, numbers)
    uvloop.run(main(int(port), target, count, width, rate, first))
