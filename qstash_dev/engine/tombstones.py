"""What was forgotten, for readers of the event stream: it leaves no events behind."""

from collections import deque

KEPT = 1_000


class Tombstones:
    """Counts tombstones and keeps the last ones, each with the number of the event in front of it."""

    def __init__(self) -> None:
        self.count = 0
        self._kept: deque[tuple[int, list[str]]] = deque(maxlen=KEPT)
        self._begun_anew_at = -1

    def add(self, ids: list[str], seq: int) -> None:
        """These messages are gone; `seq` is the number of the last event."""
        self._kept.append((seq, ids))
        self.count += 1

    def begin_anew(self, seq: int) -> None:
        """All is gone: who has seen no event after `seq` knows nothing that is still true."""
        self._kept.clear()
        self.count += 1
        self._begun_anew_at = seq

    def since(self, count: int) -> list[str] | None:
        """Ids that went after `count` tombstones; `None` when that is too long ago to tell."""
        missing = self.count - count
        if missing > len(self._kept):
            return None
        return [id_ for _, ids in list(self._kept)[len(self._kept) - missing :] for id_ in ids]

    def seen_by(self, seq: int) -> int:
        """The count at which a reader was that knows the events up to `seq`."""
        missed = sum(at >= seq for at, _ in self._kept)
        if seq <= self._begun_anew_at or missed == KEPT:
            return -1
        return self.count - missed
