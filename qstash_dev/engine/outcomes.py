"""While messages wait for a place, what apps answered waits to be written: first those go out, and more
answers are written at once. Knows nothing of what is written.
"""

import asyncio
from collections import deque
from collections.abc import Callable

from qstash_dev.engine.lanes import Lanes
from qstash_dev.protocol.model import Attempt, Response

TURNS = 64
"""So many turns of the event loop an outcome waits at most: if all are full, a tenth of a second.
What is not written yet is delivered again after a crash.
"""
AT_ONCE = 50
"""So many are written in one turn, then others are served."""


class Outcomes:
    """Of deliveries that have places in `lanes`; `wake` when others may begin."""

    def __init__(self, lanes: Lanes, wake: Callable[[], None]) -> None:
        self._lanes = lanes
        self._wake = wake
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._turn = 0

    async def wait(self, attempt: Attempt) -> None:
        """Leave the place of an attempt that was answered to others, until it may be written.

        What went wrong does not wait: others may not begin because of it.
        """
        if not isinstance(attempt.outcome, Response):
            return
        self._lanes.places.free(attempt.message_id)
        if self._lanes.is_stirred:
            self._wake()
        if not (self._waiting or self._lanes.places.is_waited_for):
            return
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._pass, loop)
        waiter = loop.create_future()
        self._waiting.append((self._turn + TURNS, waiter))
        await waiter

    def _pass(self, loop: asyncio.AbstractEventLoop) -> None:
        self._turn += 1
        is_crowded = self._lanes.places.is_waited_for
        for _ in range(min(AT_ONCE, len(self._waiting))):
            if is_crowded and self._waiting[0][0] > self._turn:
                break
            _, waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
        if self._waiting:
            loop.call_soon(self._pass, loop)
