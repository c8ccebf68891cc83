"""Messages of many that are accepted together, in pieces: nobody delivers them before all are there.

Decides nothing.
"""

from collections.abc import Callable

from qstash_dev.store.database import Database
from qstash_dev.store.errors import StoreError
from qstash_dev.store.sequence import Sequence

# As `settle.created_event`.
_CREATED = """
    INSERT INTO events (seq, time, user, message, state, next_at)
    SELECT ? + row_number() OVER (ORDER BY seq), created_at, user, seq, 'CREATED',
        CASE WHEN due_at > created_at THEN due_at END
    FROM messages WHERE intake = ? ORDER BY seq"""
PIECE = 100
"""So many are written, or removed, in one turn of the loop."""


class Intakes:
    """The mark of messages whose others are not there yet; a mark is a number."""

    def __init__(
        self, database: Database, event_numbers: Sequence, expect: Callable[[], None]
    ) -> None:
        """`expect` is called when messages may wait that did not."""
        self._db = database
        self._expect = expect
        self._event_numbers = event_numbers
        self._last_forgotten = 0

    def let_in(self, number: int) -> None:
        """All are there: they are messages as any other, and readers hear of them.

        Raises StoreError if the first of them were forgotten.
        """
        if number <= self._last_forgotten:
            raise StoreError("everything was reset while this came in: nothing of it was accepted")
        (count,) = self._db.read_one("SELECT count(*) FROM messages WHERE intake = ?", (number,))
        last = self._event_numbers.skip(count)
        self._expect()
        with self._db:
            self._db.write(_CREATED, (last, number))
            self._db.write(
                "UPDATE messages SET claimed = 0, intake = NULL WHERE intake = ?", (number,)
            )

    def forget(self, last: int) -> None:
        """What has a mark up to `last` is not there any more, or not all of it."""
        self._last_forgotten = last

    def numbers(self) -> list[int]:
        """The marks that there are."""
        rows = self._db.read("SELECT DISTINCT intake FROM messages WHERE intake IS NOT NULL")
        return [number for (number,) in rows]

    def some(self, number: int) -> list[int]:
        """The next messages with this mark."""
        rows = self._db.read("SELECT seq FROM messages WHERE intake = ? LIMIT ?", (number, PIECE))
        return [seq for (seq,) in rows]

    def remove(self, seqs: list[int]) -> None:
        """Forget messages that never counted, and that they had originals."""
        with self._db:
            for seq in seqs:
                (id_,) = self._db.write_one(
                    "DELETE FROM messages WHERE seq = ? RETURNING id", (seq,)
                )
                self._db.write("DELETE FROM deduplication WHERE message_id = ?", (id_,))
