"""Forgets what is too old or too many, notes the time, keeps the write-ahead log short."""

import asyncio
from collections.abc import Awaitable, Callable

from msgspec import Struct

from qstash_dev.engine.engine import Engine
from qstash_dev.store.sqlite import LONGEST_LOG_BYTES

EVERY_S = 5.0
BREATH_S = 0.01
"""Between two pieces of what is forgotten, so that others are served."""

QUIET_MS = 500
"""So long nothing has happened, and nothing is due: between two of many messages it is quiet, too."""
PATIENCE = 6
"""So many rounds it waits for a quiet moment: who publishes meanwhile would have to wait for it."""
LONG_LOG_BYTES = LONGEST_LOG_BYTES * 3 // 4
"""A longer one is copied whoever publishes meanwhile, before SQLite copies it within a commit, where
all would wait until it is on the disk. That is twenty seconds of all that it can do.
"""
WORTHWHILE_BYTES = 8_000_000
"""Of some hundred messages: a longer log is copied as soon as it is quiet."""
LOOK_S = 0.5


class Housekeeping(Struct, eq=False):
    """Of one engine's store. `note_time` keeps what time it is for the next process; `copy_log`
    copies the log into the database.
    """

    _engine: Engine
    _note_time: Callable[[], None]
    _copy_log: Callable[[], Awaitable[None]]
    _sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def run(self) -> None:
        """For ever. Raises StoreError: run it again."""
        busy = 0
        while True:
            self._note_time()
            await self._sleep(EVERY_S)
            seen = self._engine.store.feed.last_seq()
            await self._sleep(QUIET_MS / 1000)
            busy = 0 if self._is_quiet(seen) else busy + 1
            if not 0 < busy < PATIENCE:
                seen = await self._forget(seen, is_urgent=busy > 0)
            if self._engine.store.database.uncopied_bytes and self._is_quiet(seen):
                await self._copy_log()

    async def keep_log_short(self) -> None:
        """For ever, the longest one whoever publishes meanwhile. Raises StoreError: run it again."""
        while True:
            seen = self._engine.store.feed.last_seq()
            await self._sleep(LOOK_S)
            length = self._engine.store.database.uncopied_bytes
            if length > LONG_LOG_BYTES or (length > WORTHWHILE_BYTES and self._is_quiet(seen)):
                await self._copy_log()

    async def _forget(self, seen: int, is_urgent: bool) -> int:
        """What it forgets has numbers, too: answers with `seen` as it is after those."""
        feed = self._engine.store.feed
        while is_urgent or self._is_quiet(seen):
            before = feed.last_seq()
            if not self._engine.prune():
                break
            seen += feed.last_seq() - before
            await self._sleep(BREATH_S)
        return seen

    def _is_quiet(self, seen: int) -> bool:
        """Whether nobody is kept waiting."""
        next_time = self._engine.next_time()
        soon = self._engine.clock.now() + QUIET_MS
        if self._engine.store.feed.last_seq() != seen:
            return False
        return self._engine.is_idle() and (next_time is None or next_time > soon)
