"""How many messages are in each state, counted as they change: readers ask ten times a second."""

import sqlite3

from qstash_dev.protocol.model import State
from qstash_dev.store.database import Database
from qstash_dev.store.due import FREE

WAITING = "WAITING"
"""Created, and to be tried at its time: neither in a lane nor held."""
# Nearly all messages are delivered, and few are active: those are counted when somebody asks.
_UNCOUNTED = tuple(map(str, (State.ACTIVE, State.DELIVERED)))
_KINDS = (WAITING, *(state for state in State if state not in _UNCOUNTED))
_KIND = f"""CASE WHEN {{0}}state = 'CREATED' AND {{0}}claimed = 0 AND {{0}}held IS NULL
    AND {{0}}finished_at IS NULL THEN '{WAITING}' ELSE {{0}}state END"""


class Tally:
    """In a table of the connection that no file has; what is undone is undone there, too."""

    def __init__(self, database: Database) -> None:
        self._db = database
        database.prepare(_begin)

    def counts(self) -> dict[str, int]:
        """By state, and `WAITING` apart from the other ones that were created. Those that are active
        or delivered are not counted.
        """
        return dict(self._db.read("SELECT kind, count FROM tally"))


def _begin(connection: sqlite3.Connection) -> None:
    connection.executescript(_SCRIPT)


def _add(number: int, row: str) -> str:
    return f"UPDATE tally SET count = count + {number} WHERE kind = {_KIND.format(row)};"


def _is_counted(row: str) -> str:
    return f"{row}state NOT IN {_UNCOUNTED}"


_SCRIPT = f"""
CREATE TEMP TABLE IF NOT EXISTS tally (kind TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID;
REPLACE INTO tally VALUES {",".join(f"('{kind}', 0)" for kind in _KINDS)};
REPLACE INTO tally SELECT state, count(*) FROM messages INDEXED BY messages_state
    WHERE state <> 'DELIVERED' AND {_is_counted("")} GROUP BY state;
REPLACE INTO tally SELECT '{WAITING}', count(*) FROM messages INDEXED BY messages_due
    WHERE {FREE} AND state = 'CREATED';
UPDATE tally SET count = count - (SELECT count FROM tally WHERE kind = '{WAITING}')
    WHERE kind = 'CREATED';
CREATE TEMP TRIGGER IF NOT EXISTS message_came AFTER INSERT ON main.messages WHEN {_is_counted("new.")}
BEGIN {_add(1, "new.")} END;
CREATE TEMP TRIGGER IF NOT EXISTS message_changed
AFTER UPDATE OF state, claimed, held, finished_at ON main.messages
WHEN {_is_counted("old.")} OR {_is_counted("new.")}
BEGIN {_add(-1, "old.")} {_add(1, "new.")} END;
CREATE TEMP TRIGGER IF NOT EXISTS message_went AFTER DELETE ON main.messages WHEN {_is_counted("old.")}
BEGIN {_add(-1, "old.")} END;
"""
