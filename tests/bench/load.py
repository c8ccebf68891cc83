"""A process that publishes: as fast as its connections are answered, or at a steady rate.

Arguments: see `--help`. Prints JSON: for each message its number, and when it was sent and answered
(monotonic ns).
"""

import argparse
import asyncio
import json
import sys
from collections import deque
from time import monotonic_ns

import uvloop

from qstash_dev.protocol.users import DEV_USERS

UNLIKE = (
    "traceparent: 00-{n:032x}-{n:016x}-01\r\nUpstash-Forward-X-Order: order-{n}\r\n"
    "Upstash-Forward-X-Request-Id: req_{n:08d}\r\nUpstash-Retries: {retries}\r\n"
)
"""What differs from message to message, if it is asked for."""


class Publisher(asyncio.Protocol):
    """One connection: sends a message, waits for the answer, takes the next."""

    def __init__(self, load: "Load") -> None:
        self._load = load
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def send(self, number: int, at_ns: int) -> None:
        self._number = number
        self._sent = at_ns
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

    def __init__(self, options: argparse.Namespace) -> None:
        first, count, rate = options.first, options.count, options.rate
        self._unlike = options.unlike
        self._padding = b"x" * options.padding
        self._head = (
            f"POST /v2/publish/{options.target} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Authorization: Bearer {DEV_USERS[0].token}\r\nContent-Type: application/json\r\n"
        ).encode()
        self._next, self._last, self._rate = first, first + count, rate
        self._times: list[tuple[int, int, int]] = []
        self._count = count
        self._idle: list[Publisher] = []
        self._late: deque[int] = deque()
        self.done = asyncio.get_running_loop().create_future()

    def request(self, number: int) -> bytes:
        body = b'{"n":"%08d","padding":"%b"}' % (number, self._padding)
        unlike = UNLIKE.format(n=number, retries=number % 5).encode() if self._unlike else b""
        return self._head + unlike + b"Content-Length: %d\r\n\r\n" % len(body) + body

    async def run(self, publishers: list[Publisher]) -> list[tuple[int, int, int]]:
        if self._rate:
            self._idle = publishers
            self._tick(asyncio.get_running_loop().time())
        else:
            for publisher in publishers:
                self._give(publisher, monotonic_ns())
        await self.done
        return self._times

    def answered(self, publisher: Publisher, number: int, sent: int) -> None:
        self._times.append((number, sent, monotonic_ns()))
        if len(self._times) == self._count:
            self.done.set_result(None)
        if self._late:
            self._give(publisher, self._late.popleft())
        elif self._rate:
            self._idle.append(publisher)
        else:
            self._give(publisher, monotonic_ns())

    def _give(self, publisher: Publisher, at_ns: int) -> None:
        if self._next < self._last:
            self._next += 1
            publisher.send(self._next - 1, at_ns)

    def _tick(self, at: float) -> None:
        if self._next + len(self._late) < self._last:
            if self._idle:
                self._give(self._idle.pop(), monotonic_ns())
            else:  # all wait for answers: it counts from now on
                self._late.append(monotonic_ns())
            at += 1 / self._rate
            asyncio.get_running_loop().call_at(at, self._tick, at)


async def main(options: argparse.Namespace) -> None:
    loop = asyncio.get_running_loop()
    load = Load(options)
    publishers = [
        (await loop.create_connection(lambda: Publisher(load), "127.0.0.1", options.port))[1]
        for _ in range(options.connections)
    ]
    print(json.dumps(await load.run(publishers)))


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.load")
    parser.add_argument("port", type=int)
    parser.add_argument("target")
    parser.add_argument("count", type=int)
    parser.add_argument("connections", type=int)
    parser.add_argument("rate", type=int, help="messages a second; 0: as fast as it goes")
    parser.add_argument("first", type=int, help="number of the first message")
    parser.add_argument("--padding", type=int, default=150, help="bytes in each body")
    parser.add_argument("--unlike", action="store_true", help="other headers in each publish")
    return parser.parse_args()


if __name__ == "__main__":
    uvloop.run(main(options()))
