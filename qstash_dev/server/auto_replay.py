"""On save: waits until edits have settled and the app is up, then has armed messages delivered.

Watches only once something was armed. Knows nothing of which messages an edit concerns.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

from qstash_dev.devtools.text import counted
from qstash_dev.engine.auto_replay import ArmedMessages
from qstash_dev.engine.tasks import Tasks
from qstash_dev.sources.watch import CannotWatch

POLL_S = 0.1
ECHOES_S = (0.5, 1.5)
"""When to try again if the app answers as before the edit: reloaders take up to seconds to notice, and
until they have, the old code answers."""


class AutoReplay:
    """Follows `edits` of source files. `connect` says whether an origin accepts connections."""

    def __init__(
        self,
        auto_replay: ArmedMessages,
        edits: Callable[[], AsyncIterator[frozenset[str]]],
        connect: Callable[[str], Awaitable[bool]],
        tell: Callable[[str], None],
        wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
        report: Callable[[str, bool], None] = lambda text, good: None,
    ) -> None:
        """`report` is told what came of a save, and whether all is well."""
        self._auto_replay = auto_replay
        self._edits = edits
        self._connect = connect
        self._tell = tell
        self._wait = wait
        self._report = report
        self._tasks = Tasks(wait)
        self._watching: asyncio.Task[None] | None = None
        self._trial: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Watch from now on."""
        if self._watching is None:
            self._watching = self._tasks.keep("replay on save", self._watch)

    async def stop(self) -> None:
        """Watch no more."""
        await self._tasks.stop()

    async def _watch(self) -> None:
        try:
            async with contextlib.aclosing(self._edits()) as edits:  # type: ignore[type-var]
                async for files in edits:
                    if self._trial is not None:
                        self._trial.cancel()
                    if len(self._auto_replay):
                        self._trial = self._tasks.once("replaying after a save", self._try(files))
        except CannotWatch as error:
            self._tell(f"no replay on save: {error}")

    async def _try(self, files: frozenset[str]) -> None:
        """A later edit cancels what is left of this."""
        await self._app_is_up()
        count = self._auto_replay.source_changed(files)
        name = min(files) if len(files) == 1 else f"{len(files)} files"
        what = counted(count, "message is", "messages are")
        self._tell(f"{name} changed: {what} delivered again")
        for pause_s in ECHOES_S:
            await self._wait(pause_s)
            if self._is_healed:
                break
            await self._app_is_up()
            self._auto_replay.unmoved()
        if count and not self._is_healed:
            await self._wait(ECHOES_S[0])
        tried, ok = self._auto_replay.healed
        if count:
            rest = "" if ok == tried else f", {tried - ok} not"
            self._report(f"{name} saved: {tried} delivered again, {ok} ok{rest}", ok == tried)

    @property
    def _is_healed(self) -> bool:
        tried, ok = self._auto_replay.healed
        return tried == ok

    async def _app_is_up(self) -> None:
        """Wait, as long as it takes, until all apps that are concerned accept connections."""
        for origin in self._auto_replay.origins():
            while not await self._connect(origin):
                await self._wait(POLL_S)
