"""Duplicates: found in one place, and never dropped without a word. Knows what QStash's own answer
leaves out: who the original is and until when.
"""

from collections.abc import Callable

from msgspec import Struct

from qstash_dev.engine.clock import Clock
from qstash_dev.engine.policy import Policy
from qstash_dev.protocol.deduplication import Keys, name_of
from qstash_dev.protocol.timing import format_duration
from qstash_dev.store.store import Store


class Duplicates(Struct, eq=False):
    """`tell` gets a sentence for each publish that was dropped."""

    _store: Store
    _clock: Clock
    _policy: Callable[[], Policy]
    _tell: Callable[[str], None]

    def original(self, user: str, keys: Keys) -> str | None:
        """The id of what this is a duplicate of. It is counted there, and told once it is written."""
        if not keys.sought:
            return None
        now = self._clock.now()
        found = self._store.deduplication.find(user, keys.sought, now)
        if found is None:
            return None
        with self._store.database:
            self._store.deduplication.count(found.original)
            left = format_duration(found.expires_at - now)
            text = (
                f"nothing was sent: duplicate of {found.original} by {name_of(found.key)}, for "
                f"another {left}"
            )
            self._store.database.after(lambda: self._tell(text))
        return found.original

    def remember(self, user: str, keys: Keys, id_: str) -> None:
        """Within the window what has one of these keys is a duplicate."""
        if keys.kept:
            expires_at = self._clock.now() + self._policy().dedup_window_ms
            self._store.deduplication.remember(user, keys.kept, id_, expires_at)

    def follow_time_back(self) -> None:
        """Where the clock shows an earlier time than it did, no window is longer than any is."""
        latest = self._clock.now() + self._policy().dedup_window_ms
        self._store.deduplication.shorten(latest)

    def lint(self, user: str, keys: Keys) -> tuple[str, ...]:
        """A mark for what was accepted again only because the window here is over.

        The docs say 10 minutes, comments in the SDKs and users of the cloud up to 90 days.
        """
        if not keys.sought:
            return ()
        now = self._clock.now()
        found = self._store.deduplication.find_over(user, keys.sought, now)
        if found is None:
            return ()
        window = format_duration(self._policy().dedup_window_ms)
        return (
            f"Published before by {name_of(found.key)} ({found.original}): the window of {window} is "
            "over here, but the cloud has been seen to drop such duplicates for up to 90 days.",
        )
