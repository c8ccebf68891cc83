"""One connection to an app: a request out, its answer in, then the next. It never sends twice.

Knows nothing of names, TLS or of other connections.
"""

import asyncio
import select
from collections.abc import Callable
from time import perf_counter
from typing import cast

from qstash_dev.transport import trouble
from qstash_dev.transport.answer import Answer, AnswerReader
from qstash_dev.transport.deadline import Deadline
from qstash_dev.transport.stages import Stages
from qstash_dev.transport.target import Origin

PIECE = 262_144


class Connection(asyncio.Protocol):
    """Made by the event loop. `freed` is called when it can take another request, `lost` once it is
    closed, for whatever reason.
    """

    def __init__(
        self,
        origin: Origin,
        max_body: int,
        idle_s: float,
        freed: Callable[["Connection"], None],
        lost: Callable[["Connection"], None],
    ) -> None:
        self.origin = origin
        self._idle_s = idle_s
        self._freed = freed
        self._lost = lost
        self._reader = AnswerReader(max_body)
        self._deadline = Deadline(self._time_is_up)
        self._loop = asyncio.get_running_loop()
        self._waiter: asyncio.Future[Answer] | None = None
        self._unsent = memoryview(b"")
        self._is_writable = True

    def exchange(
        self, method: str, head: bytes, body: bytes, stages: Stages
    ) -> asyncio.Future[Answer]:
        """Send a request and read its answer. The future's error is a Trouble.

        Whoever stops waiting for it must close the connection.
        """
        self._stages = stages
        self._waiter = waiter = self._loop.create_future()
        self._reader.expect(method)
        if not self.is_open():
            self._ended(None)
            return waiter
        self._deadline.set(stages.deadline)
        if len(body) <= PIECE:
            self._transport.write(head + body)
        else:
            self._transport.write(head)
            self._unsent = memoryview(body)
        self._send_on()
        return waiter

    def is_open(self) -> bool:
        """Whether its end has not been seen yet."""
        return not self._transport.is_closing()

    def is_usable(self) -> bool:
        """Whether nothing came since the last answer: neither bytes nor, above all, the end.

        Asks the kernel: the event loop may not have got round to it.
        """
        return self.is_open() and not self._is_readable()

    def close(self, error: trouble.Trouble | None = None) -> None:
        """Drop it at once; a request that is under way on it fails."""
        waiter, self._waiter = self._waiter, None
        self._deadline.cancel()
        self._transport.abort()
        if waiter is not None and not waiter.done():
            self._stages.done = perf_counter()
            ended = error or trouble.of_end(self._stages, self._reader.in_body, None)
            waiter.set_exception(ended)

    # What the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        # Then "may go on writing" means that the kernel has all of it. TLS is full at `high` already.
        is_tls = transport.get_extra_info("ssl_object") is not None
        self._transport.set_write_buffer_limits(high=int(is_tls), low=0)
        self._is_readable = _readable(transport.get_extra_info("socket").fileno())

    def pause_writing(self) -> None:
        self._is_writable = False

    def resume_writing(self) -> None:
        self._is_writable = True
        if self._waiter is not None:
            self._send_on()

    def data_received(self, data: bytes) -> None:
        if self._waiter is None:
            self.close()
            return
        if self._stages.first_byte is None:
            self._stages.first_byte = perf_counter()
        try:
            answer = self._reader.feed(data)
        except trouble.Trouble as error:
            self.close(error)
        else:
            if answer is not None:
                self._succeed(answer)

    def eof_received(self) -> None:
        self._ended(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended(exc)
        self._deadline.cancel()
        self._lost(self)

    # Inside

    def _send_on(self) -> None:
        """Large bodies go out as fast as they are taken, for the sake of everybody on the loop."""
        while self._unsent and self._is_writable:
            piece, self._unsent = self._unsent[:PIECE], self._unsent[PIECE:]
            self._transport.write(piece)
        if self._is_writable and self._stages.written is None:
            self._stages.written = perf_counter()

    def _ended(self, error: Exception | None) -> None:
        if self._waiter is None:
            return
        try:
            answer = self._reader.end() if error is None else None
        except trouble.Trouble as undecodable:
            self.close(undecodable)
            return
        if answer is not None:
            self._succeed(answer)
        else:
            self.close(trouble.of_end(self._stages, self._reader.in_body, error))

    def _time_is_up(self) -> None:
        self.close(trouble.of_time(self._stages) if self._waiter is not None else None)

    def _succeed(self, answer: Answer) -> None:
        now = self._stages.done = perf_counter()
        waiter, self._waiter = self._waiter, None
        idle_s = self._idle_s if answer.idle_s is None else min(self._idle_s, answer.idle_s - 1)
        if idle_s > 0 and self._stages.written is not None:
            self._deadline.set(now + idle_s)
            self._freed(self)
        else:
            self.close()
        if waiter is not None and not waiter.done():
            waiter.set_result(answer)


def _readable(descriptor: int) -> Callable[[], bool]:
    """Asks whether there is something to read, without waiting."""
    if not hasattr(select, "poll"):  # Windows
        return lambda: bool(select.select([descriptor], [], [], 0)[0])
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return lambda: bool(poll.poll(0))
