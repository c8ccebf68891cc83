"""Sequence numbers of messages and events: they only go up, also after the newest row was deleted.

SQLite's AUTOINCREMENT promises the same and updates a table of its own with every row.
"""

from qstash_dev.store.database import Database


class Sequence:
    """The numbers of one table, or of several that share them. Numbers of a transaction that was
    rolled back are left out.
    """

    def __init__(self, database: Database, table: str, *others: str) -> None:
        self._db = database
        self._table = table
        kept = database.read_one("SELECT last FROM sequences WHERE name = ?", (table,))
        self.deleted_at: int = kept[0] if kept else 0
        """The last number that there was when a former process last deleted rows."""
        newest = ", ".join(f"ifnull((SELECT max(seq) FROM {name}), 0)" for name in (table, *others))
        self.last: int = database.read_one(f"SELECT max({newest}, ?)", (self.deleted_at,))[0]

    def next(self) -> int:
        """A number that was never given before."""
        self.last += 1
        return self.last

    def skip(self, count: int) -> int:
        """The last number before so many that are given now."""
        self.last += count
        return self.last - count

    def keep(self) -> None:
        """Rows are about to be deleted, or put back: remember how far the numbers are, with a gap that
        tells before from after.
        """
        row = (self._table, self.next())
        self._db.write("INSERT OR REPLACE INTO sequences VALUES (?,?)", row)
