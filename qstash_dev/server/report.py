"""Prints what is committed. The store is the queue: it is read from where the last look ended."""

import asyncio

from qstash_dev.console import Console
from qstash_dev.engine.notifier import Closed, Notifier
from qstash_dev.store.feed import Feed

PAGE = 500


class Report:
    """What happens from now on, for a console. After a failure `run` goes on where it was."""

    def __init__(self, feed: Feed, notifier: Notifier, console: Console) -> None:
        self._feed = feed
        self._notifier = notifier
        self._console = console
        self._seq = feed.last_seq()

    async def run(self) -> None:
        """Print events in order, until cancelled or nothing will be published any more."""
        while True:
            version = self._notifier.version
            entries = self._feed.after(self._seq, PAGE)
            for entry in entries:
                self._seq = entry.seq
                self._console.event(entry)
            if len(entries) == PAGE:
                await asyncio.sleep(0)
                continue
            try:
                await self._notifier.changed_since(version)
            except Closed:
                return
