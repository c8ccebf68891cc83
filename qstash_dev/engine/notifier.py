"""Tells readers that something was committed. The store is the queue: readers fetch from there.

So a slow reader costs nothing, loses nothing, and resumes by sequence number.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Iterator


class Closed(Exception):
    """Nothing will be published any more."""


class Notifier:
    """A counter of commits that can be waited for. `readers` follow the stream of events."""

    def __init__(self) -> None:
        self.version = 0
        self.readers = 0
        self._closed = False
        self._touched: deque[tuple[int, int]] = deque(maxlen=10_000)
        self._waiters: set[asyncio.Future[None]] = set()

    def publish(self) -> None:
        """Wake every reader."""
        self.version += 1
        waiters, self._waiters = self._waiters, set()
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def touch(self, message_seq: int) -> None:
        """Tell readers of a message that looks different now although the log says nothing."""
        self._touched.append((self.version + 1, message_seq))
        self.publish()

    def touched_since(self, version: int) -> set[int]:
        """Sequence numbers of messages that were touched after this version."""
        return {seq for at, seq in self._touched if at > version}

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Count one more reader while it reads."""
        self.readers += 1
        try:
            yield
        finally:
            self.readers -= 1

    async def changed_since(self, version: int) -> int:
        """Wait until `version` is no longer the current one; returns the current one.

        Raises Closed once the notifier is.
        """
        while self.version == version and not self._closed:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.add(waiter)
            try:
                await waiter
            finally:
                self._waiters.discard(waiter)
        if self._closed:
            raise Closed
        return self.version

    def close(self) -> None:
        """Send all readers away: the server stops, and would wait for them."""
        self._closed = True
        self.publish()
