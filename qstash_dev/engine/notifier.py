"""Wakes the readers of the event stream when something was committed or deleted.

It hands over nothing: each reader then reads in the store what came after the last event that it has.
So a slow reader costs nothing, loses nothing, and resumes by sequence number.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

T = TypeVar("T")

KEPT_TOMBSTONES = 1_000
KEPT_IDS = 10_000
"""Deletions, and ids in all of them; also touched messages. Who has missed more loads all anew."""
KEPT_FOUND = 1_000


class Closed(Exception):
    """Nothing will be published any more."""


class Notifier:
    """A counter of commits that can be waited for. `readers` follow the stream of events, and
    `searchers` wait until something matches.
    """

    def __init__(self) -> None:
        self.version = 0
        self.readers = 0
        self.searchers = 0
        self._found: dict[Any, Any] = {}
        self._closed = False
        self._touched: deque[tuple[int, int, int]] = deque(maxlen=KEPT_IDS)
        self._waiters: set[asyncio.Future[None]] = set()

    def publish(self) -> None:
        """Wake every reader."""
        self.version += 1
        self._found.clear()
        waiters, self._waiters = self._waiters, set()
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def touch(self, messages: Iterable[int], seq: int) -> None:
        """Tell readers of messages that look different now although the log says nothing; `seq` is the
        number of the last event before.
        """
        self._touched.extend((self.version + 1, seq, message) for message in messages)
        self.publish()

    def touched_since(self, version: int) -> set[int] | None:
        """Sequence numbers of messages that were touched after this version; `None`: too many."""
        if len(self._touched) == KEPT_IDS and self._touched[0][0] > version:
            return None
        return {message for at, _, message in self._touched if at > version}

    def seen_by(self, seq: int) -> int:
        """The version that a reader would have who knows the events up to `seq`."""
        missed = (at for at, last, _ in self._touched if last >= seq)
        return next(missed, self.version + 1) - 1

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Count one more reader while it reads."""
        self.readers += 1
        try:
            yield
        finally:
            self.readers -= 1

    def shared(self, key: object, find: Callable[[], T]) -> T:
        """What `find` returns: called once for all who ask with the same key before the next commit."""
        if key not in self._found:
            self.keep(key, find())
        found: T = self._found[key]
        return found

    def found(self, key: object) -> Any:
        """What was kept under this key since the last commit, or `None`."""
        return self._found.get(key)

    def keep(self, key: object, found: T) -> T:
        """Keeps it for those who ask with the same key before the next commit."""
        if len(self._found) >= KEPT_FOUND:
            self._found.clear()
        self._found[key] = found
        return found

    @contextlib.contextmanager
    def searching(self) -> Iterator[None]:
        """Count one more who looks for something after each commit."""
        self.searchers += 1
        try:
            yield
        finally:
            self.searchers -= 1

    async def changed_since(self, version: int) -> int:
        """Wait until `version` is no longer the current one; returns the current one.

        Raises Closed once the notifier is.
        """
        while self.version == version and not self._closed:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.add(waiter)
            try:
                await waiter
            finally:
                self._waiters.discard(waiter)
        if self._closed:
            raise Closed
        return self.version

    def close(self) -> None:
        """Send all readers away: the server stops, and would wait for them."""
        self._closed = True
        self.publish()


class Tombstones:
    """Which messages were deleted, for readers that still show them. A deleted message takes its events
    with it, so the stream itself could not tell.

    Deletions are counted; a reader remembers the count, and asks for the ids that went `since`. The
    last ones are kept, each with the number of the event before it: who comes back knows only that.
    Which messages a former process deleted is not known, but that was not after `known_after`.
    """

    def __init__(self, known_after: int = -1) -> None:
        self.count = 0
        self._kept: deque[tuple[int, list[str]]] = deque()
        self._size = 0
        self._known_after = known_after

    def add(self, ids: list[str], seq: int) -> None:
        """These messages are gone; `seq` is the number of the last event."""
        self._kept.append((seq, ids))
        self.count += 1
        self._size += len(ids)
        while len(self._kept) > KEPT_TOMBSTONES or self._size > KEPT_IDS:
            self._known_after, dropped = self._kept.popleft()
            self._size -= len(dropped)

    def begin_anew(self, seq: int) -> None:
        """All is gone: who has seen no event after `seq` knows nothing that is still true."""
        self._kept.clear()
        self.count += 1
        self._size = 0
        self._known_after = seq

    def since(self, count: int) -> list[str] | None:
        """Ids that were deleted after the first `count` deletions; `None` when that is too long ago."""
        missing = self.count - count
        if missing > len(self._kept):
            return None
        return [id_ for _, ids in list(self._kept)[len(self._kept) - missing :] for id_ in ids]

    def seen_by(self, seq: int) -> int:
        """The count that a reader would have who knows the events up to `seq`; -1: too long ago."""
        if seq <= self._known_after:
            return -1
        return self.count - sum(at >= seq for at, _ in self._kept)
