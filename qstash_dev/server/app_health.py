"""Whether the developer's app accepts connections. Looks only while somebody wants to know."""

import asyncio
from collections.abc import Awaitable, Callable

from msgspec import Struct, field

from qstash_dev.engine.tasks import Tasks

LOOK_S = 3.0


class AppHealth(Struct, eq=False):
    """Connects to `url` every `LOOK_S` after `look`, as long as `is_wanted`; never speaks HTTP.

    `changed` is called when the answer is another one than before.
    """

    url: str
    _connect: Callable[[str], Awaitable[bool]]
    _changed: Callable[[], None]
    _is_wanted: Callable[[], bool]
    _up: bool | None = None
    _tasks: Tasks = field(default_factory=Tasks)
    _task: asyncio.Task[None] | None = None

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
