"""Finds out when an app that messages are held for is back. Runs only while something is held.

How to connect and how to wait come in from outside.
"""

import asyncio
from collections.abc import Awaitable, Callable

from qstash_dev.devtools.hold import is_origin
from qstash_dev.devtools.text import counted
from qstash_dev.engine.tasks import Tasks

PROBE_S = 0.3


class AppMonitor:
    """Tries the ports of the `held` origins every `PROBE_S` and awaits `release` for an open one.

    If that fails all is tried again: `held` is asked anew, so what was undone is not forgotten.

    `tell` gets a sentence for people when an app is missed and when it is back.
    """

    def __init__(
        self,
        held: Callable[[], list[str]],
        release: Callable[[str], Awaitable[int]],
        connect: Callable[[str], Awaitable[bool]],
        tell: Callable[[str], None] = lambda text: None,
        wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._held = held
        self._release = release
        self._connect = connect
        self._tell = tell
        self._wait = wait
        self._missed: set[str] = set()
        self._tasks = Tasks(wait)
        self._task: asyncio.Task[None] | None = None

    def wake(self, awaited: str = "") -> None:
        """Something may be held: look after it until nothing is."""
        if is_origin(awaited) and awaited not in self._missed:
            self._missed.add(awaited)
            self._tell(f"{awaited} refuses connections: messages for it are held until it is up")
        if self._task is None or self._task.done():
            self._task = self._tasks.keep("looking for apps", self._run)

    async def stop(self) -> None:
        """Look no more."""
        await self._tasks.stop()

    async def _run(self) -> None:
        while origins := [awaited for awaited in self._held() if is_origin(awaited)]:
            await self._wait(PROBE_S)
            answers = await asyncio.gather(*map(self._connect, origins))
            for origin, is_up in zip(origins, answers, strict=True):
                if is_up:
                    await self._back(origin)
        self._missed.clear()

    async def _back(self, origin: str) -> None:
        count = await self._release(origin)
        self._missed.discard(origin)
        what = counted(count, "message is", "messages are")
        self._tell(f"{origin} is up again: {what} delivered")
