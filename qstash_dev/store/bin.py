"""What was deleted a moment ago, whole, so that it can be put back. Forgets with the process.

Temporary twins of the tables of messages: what moves there is undone with the change that moved it.
Decides nothing, not even for how long.
"""

from collections.abc import Iterable

from qstash_dev.store.database import Database
from qstash_dev.store.sequence import Sequence

_KEYS = {
    "messages": "seq",
    "contents": "message",
    "labels": "message",
    "attempts": "message",
    "events": "message",
    "dlq": "message",
}
"""The tables of a message, in the order in which they can be written, and its number in each."""


class Bin:
    """Rows under the name of the order that deleted them."""

    def __init__(self, database: Database, event_numbers: Sequence) -> None:
        self._db = database
        self._event_numbers = event_numbers
        self._columns: dict[str, str] = {}

    def keep(self, order: str, seqs: Iterable[int]) -> int:
        """Copy finished messages that are about to be deleted, but for those of workflow runs;
        returns how many.
        """
        count = 0
        with self._db:
            self._prepare()
            for seq in seqs:
                meant = self._db.read_one(
                    "SELECT 1 FROM messages WHERE seq = ? AND finished_at IS NOT NULL "
                    "AND run IS NULL",
                    (seq,),
                )
                for table in _KEYS if meant else ():
                    self._copy(order, table, f"{_KEYS[table]} = ?", seq)
                count += meant is not None
        return count

    def keep_letter(self, order: str, dlq_id: str) -> None:
        """Copy a dead letter that is about to be removed."""
        with self._db:
            self._prepare()
            self._copy(order, "dlq", "id = ?", dlq_id)

    def restore(self, order: str) -> int:
        """Put back what that order deleted, each row as it was; returns how many messages or dead
        letters that were.
        """
        with self._db:
            self._prepare()
            self._event_numbers.keep()
            counts = [self._put_back(order, table) for table in _KEYS]
            self.forget([order])
        return counts[0] or counts[-1]

    def shared_bodies(self) -> list[int]:
        """What messages here would miss if it were deleted."""
        with self._db:
            self._prepare()
        rows = self._db.read(
            "SELECT DISTINCT shared FROM temp.bin_contents WHERE shared IS NOT NULL"
        )
        return [number for (number,) in rows]

    def forget(self, orders: Iterable[str]) -> None:
        """Delete for good."""
        with self._db:
            self._prepare()
            for order in orders:
                for table in _KEYS:
                    self._db.write(f"DELETE FROM temp.bin_{table} WHERE bin = ?", (order,))

    def _prepare(self) -> None:
        for table in _KEYS:
            if table not in self._columns:
                columns = [row[1] for row in self._db.read(f"PRAGMA main.table_info({table})")]
                self._columns[table] = ", ".join(columns)
            self._db.write(
                f"CREATE TEMP TABLE IF NOT EXISTS bin_{table} AS "
                f"SELECT '' AS bin, {self._columns[table]} FROM main.{table} WHERE 0"
            )

    def _copy(self, order: str, table: str, where: str, value: int | str) -> None:
        self._db.write(
            f"INSERT INTO temp.bin_{table} SELECT ?, {self._columns[table]} "
            f"FROM main.{table} WHERE {where}",
            (order, value),
        )

    def _put_back(self, order: str, table: str) -> int:
        columns = self._columns[table]
        # A dead letter outlives no message: pruned meanwhile, there is nothing to put it on.
        known = "" if table == "messages" else f"AND {_KEYS[table]} IN (SELECT seq FROM messages)"
        return self._db.write(
            f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM temp.bin_{table} "
            f"WHERE bin = ? {known} ORDER BY rowid",
            (order,),
        ).rowcount
