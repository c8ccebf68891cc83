"""Attempts under way: one task of the event loop for each, and the message as it is meanwhile.

And when none may begin, because this process has no means for it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial

from qstash_dev.engine.loop import CallLater
from qstash_dev.engine.tasks import Tasks
from qstash_dev.protocol.model import Message, Outcome, Reason, SendFailure

LONG_S = 1.0
PAUSE_S = 1.0
log = logging.getLogger(__name__)


class InFlight:
    """Runs `deliver` for a message and calls `ended` after it, unless it was abandoned.

    `messages` are those under way by id; `long` are the ids of those that took more than a second
    since `watch_long` said that it matters. Nothing is sent before it is known that its attempt is
    kept: `once_kept` calls something then.
    """

    def __init__(
        self,
        deliver: Callable[[Message], Awaitable[None]],
        ended: Callable[[Message], None],
        wake: Callable[[], None],
        once_kept: Callable[[Callable[[], None]], object],
    ) -> None:
        self._deliver = deliver
        self._ended = ended
        self._wake = wake
        self._once_kept = once_kept
        self._tasks = Tasks()
        self._abandoned = 0
        self.messages: dict[str, Message] = {}
        self.long: set[str] = set()

    def begin(self, message: Message, watch_long: bool) -> None:
        """A task for a message that has just become ACTIVE."""
        self.messages[message.id] = message
        self._once_kept(partial(self._start, message, self._abandoned))
        if watch_long:
            asyncio.get_running_loop().call_later(LONG_S, self._takes_long, message.id)

    def follow(self, message: Message) -> None:
        """It has changed; if it is under way that is how it is now."""
        if message.id in self.messages:
            self.messages[message.id] = message

    def abandon(self) -> None:
        """What is under way has no effect any more."""
        self._abandoned += 1
        self._tasks.forget()
        self.messages.clear()
        self.long.clear()

    async def stop(self, grace_s: float) -> None:
        """Let tasks end for a while, then cancel them."""
        await self._tasks.stop(grace_s)

    def _start(self, message: Message, abandoned: int) -> None:
        if abandoned == self._abandoned:
            run = self._run(message, abandoned)
            self._tasks.once(f"delivering message {message.id}", run)

    async def _run(self, message: Message, abandoned: int) -> None:
        try:
            await self._deliver(message)
        finally:
            # Not if it was abandoned: then the message may be under way in another task already.
            if abandoned == self._abandoned:
                self.long.discard(message.id)
                self.messages.pop(message.id, None)
                self._ended(message)

    def _takes_long(self, message_id: str) -> None:
        if message_id in self.messages:
            self.long.add(message_id)
            self._wake()


class Shortage:
    """While this process has no file descriptors left nothing is started: `is_on`; then `over`.

    That is no app's fault, so an attempt that failed for it does not count. Real time, also on a frozen
    clock.
    """

    def __init__(self, call_later: CallLater, over: Callable[[], None]) -> None:
        self._call_later = call_later
        self._over = over
        self.is_on = False

    def is_why(self, outcome: Outcome) -> bool:
        """Whether a request could not be made for want of descriptors; then a pause begins."""
        if not isinstance(outcome, SendFailure) or outcome.reason != Reason.NO_DESCRIPTORS:
            return False
        if not self.is_on:
            log.warning(
                "qstash-dev has too many open files: deliveries wait for %g s; raise `ulimit -n`",
                PAUSE_S,
            )
            self.is_on = True
            self._call_later(PAUSE_S, self._end)
        return True

    def _end(self) -> None:
        self.is_on = False
        self._over()
