"""Hands the app one key at a time: the next when all that the one before opened is there.

Textual delivers a key to what has the focus at that moment, so that keys typed fast reach the list
while a dialog is still on its way. Knows no commands and no meaning of any key.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from textual import events
from textual.app import App
from textual.message_pump import MessagePump
from textual.worker import Worker

Deliver = Callable[[events.Event], Awaitable[None]]


class Keyboard:
    """`deliver` gives an event to what has the focus; `may_go_on` says that no key is waited for."""

    def __init__(self, app: App[Any], deliver: Deliver, may_go_on: Callable[[], bool]) -> None:
        self._app = app
        self._deliver = deliver
        self._may_go_on = may_go_on
        self._waiting: deque[events.Event] = deque()
        self._opener: Worker[None] | None = None
        self._pump: Worker[None] | None = None
        self._news = asyncio.Event()
        self._gives_up = False

    @property
    def is_idle(self) -> bool:
        """Whether every key was taken in, with all that it opened."""
        return self._pump is None or self._pump.is_finished

    def take(self, event: events.Key | events.Paste) -> None:
        """Take a key or a paste in; it is delivered when its turn comes.

        Escape while something is only about to open gives that up, with what was typed for it.
        """
        if isinstance(event, events.Key) and event.key == "escape" and self._is_opening:
            self._waiting.clear()
            self._gives_up = True
            self.nudge()
        self._waiting.append(event)
        if self.is_idle:
            self._pump = self._app.run_worker(self._run(), group="keyboard")

    def hold_for(self, opener: Worker[None]) -> None:
        """Keep the keys until this has ended, or opened something to take them."""
        self._opener = opener

    def nudge(self) -> None:
        """Something opened, or came to its end."""
        self._news.set()

    async def _run(self) -> None:
        await self._opened()
        while self._waiting:
            await self._deliver(self._waiting.popleft())
            await self._handled()
            await self._opened()

    @property
    def _is_opening(self) -> bool:
        running = self._opener is not None and not self._opener.is_finished
        return running and len(self._app.screen_stack) == 1 and not self._may_go_on()

    async def _opened(self) -> None:
        """Until nothing is about to open, and what opened can take keys."""
        while self._is_opening:
            self._news.clear()
            if self._gives_up:
                await self._give_up()
            else:
                await self._news.wait()
        self._gives_up = False
        await _all_said(self._app.screen)
        await _all_said(self._app)

    async def _give_up(self) -> None:
        # A worker that is cancelled before its first step never says that it ended.
        await asyncio.sleep(0)
        if self._is_opening and self._opener is not None:
            self._gives_up = False
            self._waiting.popleft()
            self._opener.cancel()

    async def _handled(self) -> None:
        """Until the key has gone from what has the focus up to the app, and its effects, too."""
        for _ in range(2):
            for pump in list((self._app.focused or self._app.screen).ancestors_with_self):
                await _all_said(pump)


async def _all_said(pump: MessagePump) -> None:
    """Until whatever was posted to it so far was handled."""
    done = asyncio.Event()
    if pump.call_later(done.set):
        await done.wait()
