"""A moment after which something is called, that may be put off cheaply. Real time only."""

import asyncio
from collections.abc import Callable
from time import perf_counter

# Event loops round, and their own time lags behind: what comes too early is waited for again.
_SHORTEST_S = 0.001


class Deadline:
    """Calls `passed` once the moment that was set last is over.

    A connection has a new one with every request, most of them far away, and none of them is
    reached: so the timer stays as it is, and when it fires, what is left is looked at.
    """

    def __init__(self, passed: Callable[[], None]) -> None:
        self._passed = passed
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._fires_at = self._at = 0.0

    def set(self, at: float) -> None:
        """`at` is a moment of `perf_counter`."""
        self._at = at
        if self._timer is None or at < self._fires_at:
            self._arm()

    def cancel(self) -> None:
        """Nothing is called any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        self.cancel()
        self._fires_at = self._at
        wait_s = max(self._at - perf_counter(), _SHORTEST_S)
        self._timer = self._loop.call_later(wait_s, self._fired)

    def _fired(self) -> None:
        self._timer = None
        if perf_counter() < self._at:
            self._arm()
        else:
            self._passed()
