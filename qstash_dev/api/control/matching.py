"""Which messages match a filter, followed from commit to commit by looking at what changed alone.

Knows only numbers of messages. It may name some that were deleted: who needs them reads them.
"""

from qstash_dev.devtools.documents import Row
from qstash_dev.devtools.filters import Filter, Term, Words
from qstash_dev.engine.engine import Engine
from qstash_dev.engine.notifier import Notifier

MOST = 1_000
"""Events; after more it is as quick to search all messages."""


class Matching:
    """Messages that match `wanted`, since `begin` was given all of them."""

    def __init__(self, engine: Engine, notifier: Notifier, wanted: Filter) -> None:
        self._store = engine.store
        self._tombstones = engine.tombstones
        self._notifier = notifier
        self._wanted = wanted
        self._changes_by_itself = any(map(_changes_by_itself, wanted.terms))
        self._known: set[int] = set()
        self._here()

    def begin(self, rows: list[Row]) -> list[Row]:
        """These are all that matched when it was made, or when it was last asked; returns them."""
        self._known = {row.seq for row in rows}
        return rows

    def may_be(self, count: int, now: int) -> bool:
        """Whether so many may match now; `False` is certain."""
        changed = self._changed()
        if changed is None or self._changes_by_itself:
            return True
        if changed:
            matching = self._store.rows.matching(self._wanted, changed, now)
            self._known = (self._known - changed) | matching
        return len(self._known) >= count

    def _here(self) -> None:
        self._seq, self._version = self._store.feed.last_seq(), self._notifier.version
        self._deletions = self._tombstones.count

    def _changed(self) -> set[int] | None:
        """Numbers of the messages that something happened to; `None`: too many, or some are back."""
        seq, version = self._seq, self._version
        is_anew = self._tombstones.since(self._deletions) is None
        self._here()
        if is_anew:
            return None

        def find() -> set[int] | None:
            entries = self._store.feed.after(seq, MOST)
            touched = self._notifier.touched_since(version)
            if len(entries) == MOST or touched is None:
                return None
            return {entry.message for entry in entries} | touched

        return self._notifier.shared((seq, version), find)


def _changes_by_itself(term: Term) -> bool:
    """Whether a message may match without an event of its own: by the time, or by new routes."""
    words = {name for value in term.values if isinstance(value, Words) for name in value.names}
    return term.key == "age" or bool(words & {"created", "delayed", "queued", "external"})
