"""Prints what is committed. The store is the queue: it is read from where the last look ended."""

from qstash_dev.console import Console, Line
from qstash_dev.engine.notifier import Notifier
from qstash_dev.protocol.model import State
from qstash_dev.store.feed import Feed

PAGE = 500


async def report(feed: Feed, notifier: Notifier, console: Console) -> None:
    """Print events from now on, in order, until cancelled."""
    seq = feed.last_seq()
    while True:
        version = notifier.version
        entries = feed.after(seq, PAGE)
        for entry in entries:
            seq = entry.seq
            console.event(
                Line(
                    seq=entry.seq,
                    time=entry.time,
                    id=entry.id,
                    user=entry.user,
                    state=State(entry.state),
                    method=entry.method,
                    url=entry.url,
                    attempt=entry.attempt,
                    status=entry.status,
                    duration_ms=entry.duration_ms if entry.attempt else None,
                    next_at=entry.next_at,
                    error=entry.error,
                    hint=entry.hint,
                )
            )
        if len(entries) < PAGE:
            await notifier.changed_since(version)
