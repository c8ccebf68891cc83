"""Attempts under way: one task of the event loop for each, and the message as it is meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable

from qstash_dev.engine.tasks import Tasks
from qstash_dev.protocol.model import Message

LONG_S = 1.0


class InFlight:
    """Runs `deliver` for a message and calls `ended` after it, unless it was abandoned.

    `messages` are those under way by id; `long` are the ids of those that took more than a second
    since `watch_long` said that it matters.
    """

    def __init__(
        self,
        deliver: Callable[[Message], Awaitable[None]],
        ended: Callable[[Message], None],
        wake: Callable[[], None],
    ) -> None:
        self._deliver = deliver
        self._ended = ended
        self._wake = wake
        self._tasks = Tasks()
        self.messages: dict[str, Message] = {}
        self.long: set[str] = set()

    def begin(self, message: Message, watch_long: bool) -> None:
        """Start a task for a message that has just become ACTIVE."""
        loop = asyncio.get_running_loop()
        self.messages[message.id] = message
        self._tasks.once(f"delivering message {message.id}", self._run(message))
        if watch_long:
            loop.call_later(LONG_S, self._takes_long, message.id)

    def abandon(self) -> None:
        """What is under way has no effect any more."""
        self._tasks.forget()
        self.messages.clear()
        self.long.clear()

    async def stop(self, grace_s: float) -> None:
        """Let tasks end for a while, then cancel them."""
        await self._tasks.stop(grace_s)

    async def _run(self, message: Message) -> None:
        try:
            await self._deliver(message)
        finally:
            # Not if it was abandoned: then the message may be under way in another task already.
            if asyncio.current_task() in self._tasks:
                self.long.discard(message.id)
                self.messages.pop(message.id, None)
                self._ended(message)

    def _takes_long(self, message_id: str) -> None:
        if message_id in self.messages:
            self.long.add(message_id)
            self._wake()
