"""Whether the developer's app accepts connections. Looks only while somebody wants to know."""

import asyncio
from collections.abc import Awaitable, Callable

from qstash_dev.engine.tasks import Tasks

LOOK_S = 3.0


class AppHealth:
    """Connects to `url` every `LOOK_S` after `look`, as long as `is_wanted`; never speaks HTTP.

    `changed` is called when the answer is another one than before.
    """

    def __init__(
        self,
        url: str,
        connect: Callable[[str], Awaitable[bool]],
        changed: Callable[[], None],
        is_wanted: Callable[[], bool],
    ) -> None:
        self.url = url
        self._connect = connect
        self._changed = changed
        self._is_wanted = is_wanted
        self._up: bool | None = None
        self._tasks = Tasks()
        self._task: asyncio.Task[None] | None = None

    def look(self) -> bool | None:
        """The last answer, `None` before the first; a new one is on its way."""
        if self._task is None or self._task.done():
            self._task = self._tasks.keep("looking at the app", self._run)
        return self._up

    async def stop(self) -> None:
        """Look no more."""
        await self._tasks.stop()

    async def _run(self) -> None:
        while True:
            up = await self._connect(self.url)
            if up != self._up:
                self._up = up
                self._changed()
            await asyncio.sleep(LOOK_S)
            if not self._is_wanted():
                return
