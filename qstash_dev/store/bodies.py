"""Bodies that several messages have: those of one publish to a URL group. Each is stored once.

Knows nothing of messages but which of them refer to it.
"""

from collections.abc import Iterable

from qstash_dev.store.database import Database

BODY = "iif(c.shared IS NULL, c.body, (SELECT body FROM bodies WHERE id = c.shared))"
"""SQL for the body of a row of `contents c`."""
SHARED_FROM = 1_000
"""Shorter ones cost less than to look for them."""


class Bodies:
    """The table of shared bodies."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._last: dict[str, tuple[bytes, int]] = database.cache()

    def share(self, body: bytes) -> int | None:
        """The number under which this body is stored, `None` if it is too short to be shared.

        The same object, asked for once more, has the same number.
        """
        if len(body) < SHARED_FROM:
            return None
        known = self._last.get("body")
        if known is not None and known[0] is body:
            return known[1]
        number: int = self._db.write_one(
            "INSERT INTO bodies (body) VALUES (?) RETURNING id", (body,)
        )[0]
        self._last["body"] = body, number
        return number

    def sweep(self, needed: Iterable[int]) -> None:
        """Delete what no message has, but for these: those of deleted messages that may come back."""
        self._last.clear()
        used = self._db.read("SELECT DISTINCT shared FROM contents WHERE shared IS NOT NULL")
        kept = {number for (number,) in used} | set(needed)
        stored = {number for (number,) in self._db.read("SELECT id FROM bodies")}
        with self._db:
            self._db.write_many("DELETE FROM bodies WHERE id = ?", ((n,) for n in stored - kept))

    def are_any(self) -> bool:
        """Whether there is anything to sweep."""
        return self._db.read_one("SELECT 1 FROM bodies LIMIT 1") is not None
