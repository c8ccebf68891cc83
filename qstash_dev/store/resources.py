"""Keys of users, schedules, queues, URL groups, flow-control keys: small tables.

Each row is one value of the protocol, encoded whole. Decides nothing. A row that is damaged is as
if it were not there: the others must not suffer from it.
"""

import logging
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

import msgspec
from msgspec import Struct

from qstash_dev.protocol.model import Schedule
from qstash_dev.store.database import Database

T = TypeVar("T", bound=Struct)
_encode = msgspec.msgpack.encode
log = logging.getLogger(__name__)


class Named(Generic[T]):
    """A table of values that belong to a user and have a name.

    `revision` differs after each write: a reader that knows it need not read again.
    """

    def __init__(self, database: Database, table: str, kind: type[T]) -> None:
        self.revision = 0
        self._db = database
        self._table = table
        self._decoder = msgspec.msgpack.Decoder(kind)
        self._damaged: set[tuple[str, str]] = set()

    def get(self, user: str, name: str) -> T | None:
        """A user's value of that name."""
        row = self._db.read_one(
            f"SELECT content FROM {self._table} WHERE user = ? AND name = ?", (user, name)
        )
        return self._decoded(user, name, row[0]) if row else None

    def of(self, user: str) -> list[T]:
        """All values of a user, by name."""
        rows = self._db.read(
            f"SELECT user, name, content FROM {self._table} WHERE user = ? ORDER BY name", (user,)
        )
        return [value for _, _, value in self._readable(rows)]

    def all(self) -> list[tuple[str, str, T]]:
        """Everything: user, name and value."""
        rows = self._db.read(f"SELECT user, name, content FROM {self._table} ORDER BY user, name")
        return list(self._readable(rows))

    def count(self, user: str | None = None) -> int:
        """How many there are, of one user or of all."""
        if user is None:
            return int(self._db.read_one(f"SELECT count(*) FROM {self._table}")[0])
        row = self._db.read_one(f"SELECT count(*) FROM {self._table} WHERE user = ?", (user,))
        return int(row[0])

    def put(self, user: str, name: str, value: T) -> None:
        """Insert or replace."""
        self.revision += 1
        with self._db:
            self._db.write(
                f"INSERT OR REPLACE INTO {self._table} (user, name, content) VALUES (?,?,?)",
                (user, name, _encode(value)),
            )

    def delete(self, user: str, name: str) -> bool:
        """Remove; whether it was there."""
        self.revision += 1
        with self._db:
            return (
                self._db.write(
                    f"DELETE FROM {self._table} WHERE user = ? AND name = ?", (user, name)
                ).rowcount
                > 0
            )

    def _readable(self, rows: Iterable[tuple[str, str, bytes]]) -> Iterator[tuple[str, str, T]]:
        for user, name, content in rows:
            value = self._decoded(user, name, content)
            if value is not None:
                yield user, name, value

    def _decoded(self, user: str, name: str, content: bytes) -> T | None:
        """The value of a row, or `None` if it is damaged, which is said once."""
        try:
            return self._decoder.decode(content)
        except msgspec.DecodeError as error:
            if (user, name) not in self._damaged:
                self._damaged.add((user, name))
                log.error(
                    "%s of %s in the table %s is damaged and left out: %s; delete it or make it again",
                    *(name, user, self._table, error),
                )
            return None


class Schedules(Named[Schedule]):
    """Schedules, with an index of those that fire next."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, "schedules", Schedule)

    def put(self, user: str, name: str, value: Schedule) -> None:
        """Insert or replace."""
        self.revision += 1
        with self._db:
            self._db.write(
                "INSERT OR REPLACE INTO schedules (user, name, next_at, content) VALUES (?,?,?,?)",
                (user, name, value.next_at, _encode(value)),
            )

    def due(self, now: int, limit: int) -> list[Schedule]:
        """Schedules whose time has come, paused ones too: their time must move on.

        A damaged one has no time from then on: it would be due for ever.
        """
        rows = self._db.read(
            "SELECT user, name, content FROM schedules WHERE next_at <= ? ORDER BY next_at LIMIT ?",
            (now, limit),
        )
        whole = list(self._readable(rows))
        names = {(user, name) for user, name, _ in whole}
        with self._db:
            for user, name, _ in rows:
                if (user, name) not in names:
                    self._db.write(
                        "UPDATE schedules SET next_at = NULL WHERE user = ? AND name = ?",
                        (user, name),
                    )
        return [schedule for _, _, schedule in whole]

    def next_time(self) -> int | None:
        """When the next one is due."""
        row = self._db.read_one(
            "SELECT next_at FROM schedules WHERE next_at IS NOT NULL ORDER BY next_at LIMIT 1"
        )
        return row[0] if row else None


class Keys:
    """The signing keys of users, as they are after rotations. Every delivery asks for them."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._known: dict[str, tuple[str, str] | None] = database.cache()

    def get(self, user: str) -> tuple[str, str] | None:
        """Current and next key."""
        if user not in self._known:
            self._known[user] = self._db.read_one(
                "SELECT current_key, next_key FROM users WHERE id = ?", (user,)
            )
        return self._known[user]

    def put(self, user: str, current: str, next_: str) -> None:
        """Set both keys."""
        self._known.pop(user, None)
        with self._db:
            self._db.write(
                "INSERT INTO users (id, current_key, next_key) VALUES (?,?,?) "
                "ON CONFLICT (id) DO UPDATE SET current_key = excluded.current_key, "
                "next_key = excluded.next_key",
                (user, current, next_),
            )

    def adopt(self, user: str, current: str, next_: str) -> None:
        """Take the keys of the settings, unless these have been rotated from them since."""
        given = f"{current} {next_}"
        row = self._db.read_one("SELECT given FROM users WHERE id = ?", (user,))
        if row and row[0] == given:
            return
        self._known.pop(user, None)
        with self._db:
            self._db.write(
                "INSERT OR REPLACE INTO users VALUES (?,?,?,?)", (user, current, next_, given)
            )
