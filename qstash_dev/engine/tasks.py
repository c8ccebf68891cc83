"""Background work: the one place where tasks are made that nobody waits for.

Each has a name, its failure is in the log, and work that must go on is tried again with back-off.
Knows nothing of what the work is.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from qstash_dev.store.errors import StoreError

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
STEADY_S = 60.0
"""Work that ran so long before it failed is not failing again and again: the pauses begin anew."""

Work = Callable[[], Coroutine[Any, Any, None]]
Sleep = Callable[[float], Awaitable[None]]
log = logging.getLogger(__name__)


class Tasks:
    """The background work of one owner, who calls `stop` at the end.

    `sleep` passes the pauses between trials; `now` is a clock in seconds that never goes back.
    """

    def __init__(
        self, sleep: Sleep = asyncio.sleep, now: Callable[[], float] | None = None
    ) -> None:
        self._sleep = sleep
        self._now = now
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def keep(self, name: str, work: Work) -> asyncio.Task[None]:
        """Run `work` to its end; when it raises, run it again after 1, 2, 4 ... 60 s."""
        return self._begin(name, self._until_done(name, work))

    def once(self, name: str, job: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a job to its end; when it raises, that is its end, and in the log."""
        return self._begin(name, job)

    def forget(self) -> None:
        """Cancel all; what they do from now on is nobody's."""
        for task in self._tasks:
            task.cancel()
        self._tasks = set()

    async def stop(self, grace_s: float = 0) -> None:
        """Let all end for a while, cancel the rest, and return when none is left."""
        tasks = set(self._tasks)
        if tasks and grace_s:
            await asyncio.wait(tasks, timeout=grace_s)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self, name: str, job: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        if self._loop is None:
            self._loop = asyncio.get_running_loop()  # each time, that would be a call of the system
        task = self._loop.create_task(job, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("%s failed by a fault of qstash-dev", task.get_name(), exc_info=error)

    async def _until_done(self, name: str, work: Work) -> None:
        now = self._now or asyncio.get_running_loop().time
        pause_s = FIRST_PAUSE_S
        while True:
            began = now()
            try:
                return await work()
            except Exception as error:
                if now() - began >= STEADY_S:
                    pause_s = FIRST_PAUSE_S
                again = f"{name} failed; it is tried again in {pause_s:g} s"
                if isinstance(error, StoreError):  # a sentence for people, and no fault of ours
                    log.error("%s: %s", again, error)
                else:
                    log.exception("%s", again)
            await self._sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
