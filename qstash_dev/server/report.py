"""Tells what is committed. The store is the queue: it is read from where the last look ended."""

import asyncio
from collections.abc import Awaitable, Callable

from qstash_dev.devtools.documents import Event
from qstash_dev.engine.notifier import Closed, Notifier
from qstash_dev.store.feed import Entry, Feed

PAGE = 500


class Report:
    """What happens from now on, for who takes it. After a failure `run` goes on where it was.

    What happens while it is not wanted is not read at all, which all who publish would wait for.
    """

    def __init__(
        self,
        feed: Feed,
        notifier: Notifier,
        take: Callable[[Event], Awaitable[None]],
        is_wanted: Callable[[], bool] = lambda: True,
    ) -> None:
        self._feed = feed
        self._notifier = notifier
        self._take = take
        self._is_wanted = is_wanted
        self._seq = feed.last_seq()

    async def run(self) -> None:
        """Hand over events in order, until cancelled or nothing will be published any more."""
        while True:
            version = self._notifier.version
            entries = self._news()
            for entry in entries:
                self._seq = entry.seq
                await self._take(entry)
            if len(entries) == PAGE:
                await asyncio.sleep(0)
                continue
            try:
                await self._notifier.changed_since(version)
            except Closed:
                return

    def _news(self) -> list[Entry]:
        if self._is_wanted():
            return self._feed.after(self._seq, PAGE)
        self._seq = self._feed.last_seq()
        return []
