"""Calls `step` when it is time: once in a loop turn when woken, else at the next due time, which it
tells a moment before.

The only part of the engine that knows the event loop's timers.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable

from qstash_dev.engine.clock import Clock
from qstash_dev.store.errors import StoreError

log = logging.getLogger(__name__)
# The loop's timers stand still while a laptop sleeps, and the wall clock can be set: look again.
LONGEST_WAIT_S = 20.0
AHEAD_S = 0.05
"""Memory that was not used for long comes back page by page (1,000 that were due at once left up to
40 ms later for it), and what is due next can be read before its time.
"""
FIRST_REST_S = 1.0
LONGEST_REST_S = 16.0

CallLater = Callable[[float, Callable[[], None]], object]


def call_later(delay_s: float, call: Callable[[], None]) -> object:
    """On the running event loop."""
    return asyncio.get_running_loop().call_later(delay_s, call)


class Loop:
    """Runs `step` (returns whether there is more) and asks `next_time` for the next appointment.

    `prepare` is called a moment before one that was waited for; it changes nothing.
    """

    def __init__(
        self,
        clock: Clock,
        step: Callable[[], bool],
        next_time: Callable[[], int | None],
        prepare: Callable[[], None] = lambda: None,
    ) -> None:
        self._clock = clock
        self._step = step
        self._next_time = next_time
        self._prepare = prepare
        self._loop = asyncio.get_running_loop()
        self._rest_s = 0.0
        self._rests = self._for_store = False
        self._rested_at = self._loop.time()
        self._turn: asyncio.Handle | None = None
        self._timer: asyncio.TimerHandle | None = None

    def wake(self) -> None:
        """Step in the next turn of the loop; many calls in one turn are one step."""
        if self._turn is None:
            self._turn = self._loop.call_soon(self._run)

    def rest(self, for_store: bool = True) -> None:
        """Something failed: step again after a while, a longer one each time, whoever wakes it; if it
        was the store, also when something could be written (`go_on`).

        What fails meanwhile does not put the next step off.
        """
        if self._rests:
            return
        self._rests, self._for_store = True, for_store
        if self._loop.time() - self._rested_at > LONGEST_REST_S:
            self._rest_s = 0.0  # that went well for a while
        self._rest_s = min(max(FIRST_REST_S, 2 * self._rest_s), LONGEST_REST_S)
        if self._turn is not None:
            self._turn.cancel()
        self._turn = self._loop.call_later(self._rest_s, self._run)
        log.warning("after a failure nothing is started for %g s", self._rest_s)

    def go_on(self) -> None:
        """Something was written: the store is no reason to rest any more."""
        if self._rests and self._for_store and self._turn is not None:
            self._turn.cancel()
            self._turn = self._loop.call_soon(self._run)

    def stop(self) -> None:
        """No more steps."""
        for handle in (self._turn, self._timer):
            if handle is not None:
                handle.cancel()
        self._turn = self._timer = None

    def _run(self) -> None:
        self._turn = None
        if self._rests:
            self._rests = False
            self._rested_at = self._loop.time()
        try:
            more = self._step()
        except StoreError as error:
            log.error("a step of the engine failed: %s", error)
            self.rest()
            return
        except Exception:
            log.exception("a step of the engine failed")
            self.rest(for_store=False)
            return
        if more:
            self.wake()
        else:
            self._arm(self._wait_s())

    def _wait_s(self) -> float | None:
        at = self._next_time()
        return None if at is None else self._clock.seconds_until(at)

    def _arm(self, seconds: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if seconds is not None and seconds > AHEAD_S:
            wait_s = min(seconds - AHEAD_S, LONGEST_WAIT_S)
            self._timer = self._loop.call_later(wait_s, self._look_ahead)
        elif seconds is not None:
            self._timer = self._loop.call_later(seconds, self.wake)

    def _look_ahead(self) -> None:
        self._arm(seconds := self._wait_s())
        if seconds is not None and seconds <= AHEAD_S:
            with contextlib.suppress(StoreError):  # the step will find it, too
                self._prepare()
