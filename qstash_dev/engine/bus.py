"""Tells readers that something was committed. The store is the queue: readers fetch from there.

So a slow reader costs nothing, loses nothing, and resumes by sequence number.
"""

import asyncio
import contextlib
from collections.abc import Iterator


class Bus:
    """A counter of commits that can be waited for. `readers` follow the stream of events."""

    def __init__(self) -> None:
        self.version = 0
        self.readers = 0
        self._waiters: set[asyncio.Future[None]] = set()

    def publish(self) -> None:
        """Wake every reader."""
        self.version += 1
        waiters, self._waiters = self._waiters, set()
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Count one more reader while it reads."""
        self.readers += 1
        try:
            yield
        finally:
            self.readers -= 1

    async def changed_since(self, version: int) -> int:
        """Wait until `version` is no longer the current one; returns the current one."""
        while self.version == version:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.add(waiter)
            try:
                await waiter
            finally:
                self._waiters.discard(waiter)
        return self.version
