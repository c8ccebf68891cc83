"""The latest time that a process which had the database open has seen on its clock.

Kept for the next process, whose wall clock may have been set back. Knows nothing of virtual time.
"""

from qstash_dev.store.database import Database

_NAME = "time"


class LastTime:
    """Epoch milliseconds, `None` when none was ever kept."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._changes = 0

    def read(self) -> int | None:
        """What was kept last."""
        row = self._db.read_one("SELECT last FROM sequences WHERE name = ?", (_NAME,))
        return int(row[0]) if row else None

    def keep(self, now: int) -> None:
        """It is `now`. Nothing is written if nothing was since the last time: disks may sleep."""
        if self._db.changes == self._changes:
            return
        with self._db:
            self._db.write("INSERT OR REPLACE INTO sequences VALUES (?,?)", (_NAME, now))
        self._changes = self._db.changes
