"""Which message or schedule a deduplication key stands for, until when. Decides nothing."""

from collections.abc import Iterable

from msgspec import Struct

from qstash_dev.store.database import Database

KEPT_MS = 90 * 86_400_000
MOST_KEPT = 10_000
"""Keys whose window is over are kept for a while: the cloud's window may be longer than ours."""


class Known(Struct, frozen=True):
    """A key, the id of what was accepted with it, and until when others are its duplicates."""

    user: str
    key: str
    original: str
    expires_at: int


class Deduplication:
    """A table of keys. What a key is made of is not known here."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def find(self, user: str, keys: Iterable[str], now: int) -> Known | None:
        """The first of these keys that is known at this time."""
        found = (self._get(user, key) for key in keys)
        return next((one for one in found if one and one.expires_at > now), None)

    def find_over(self, user: str, keys: Iterable[str], now: int) -> Known | None:
        """The first of these keys whose window is over."""
        found = (self._get(user, key) for key in keys)
        return next((one for one in found if one and one.expires_at <= now), None)

    def remember(self, user: str, keys: Iterable[str], id_: str, expires_at: int) -> None:
        """From now on what has one of these keys is a duplicate."""
        with self._db:
            self._db.write_many(
                "INSERT OR REPLACE INTO deduplication VALUES (?,?,?,?)",
                ((user, key, id_, expires_at) for key in keys),
            )

    def count(self, original: str) -> None:
        """One more duplicate of a message was dropped."""
        with self._db:
            self._db.write(
                "UPDATE messages SET duplicates = duplicates + 1 WHERE id = ?", (original,)
            )

    def all(self, now: int) -> list[Known]:
        """Keys that are in force, the latest first."""
        rows = self._db.read(
            "SELECT user, key, message_id, expires_at FROM deduplication "
            "WHERE expires_at > ? ORDER BY expires_at DESC LIMIT 10000",
            (now,),
        )
        return [Known(*row) for row in rows]

    def forget(self, user: str, keys: Iterable[str]) -> None:
        """What has one of these keys is no duplicate any more."""
        with self._db:
            for key in keys:
                self._db.write("DELETE FROM deduplication WHERE user = ? AND key = ?", (user, key))

    def shorten(self, latest: int) -> None:
        """No key is in force for longer than until then."""
        with self._db:
            self._db.write(
                "UPDATE deduplication SET expires_at = ? WHERE expires_at > ?", (latest, latest)
            )

    def expire(self, now: int) -> None:
        """Forget what is long over, and of what is over all but the latest."""
        row = self._db.read_one(
            "SELECT expires_at FROM deduplication WHERE expires_at <= ? "
            f"ORDER BY expires_at DESC LIMIT 1 OFFSET {MOST_KEPT}",
            (now,),
        )
        limit = max(now - KEPT_MS, row[0] if row else 0)
        with self._db:
            self._db.write("DELETE FROM deduplication WHERE expires_at <= ?", (limit,))

    def _get(self, user: str, key: str) -> Known | None:
        row = self._db.read_one(
            "SELECT user, key, message_id, expires_at FROM deduplication "
            "WHERE user = ? AND key = ?",
            (user, key),
        )
        return Known(*row) if row else None
