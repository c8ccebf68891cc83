"""Few or many: which messages can match, as far as an index knows. The one place that decides it.

An index lists the messages that have a name (a queue, a label, a URL). If these are few, only they are
asked all else; if they are many, callers read in the order of time, a window after the other, until
their page is full. Knows no filter.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from qstash_dev.store.database import Database
from qstash_dev.store.lists.windows import WHOLE, WINDOW


class Limits(Struct, frozen=True):
    """`few` messages are looked at one by one; `few_in_order` where each has many rows, or where a page
    in the order of time is full soon. Of events between two dates `few_events`, a tenth with other
    conditions. With more than `names` different ones each message is compared instead. `window` is of
    events.
    """

    few: int = 5_000
    few_in_order: int = 2_000
    few_events: int = 50_000
    names: int = 1_000
    window: int = WINDOW


USUAL = Limits()


class Index(NamedTuple):
    """Lists messages by the names in `column`; `seq` is the column with the message's number. What
    nearly all messages have is `unlisted`. `by_number` is what to read where it can also be asked
    whether one message has one name.
    """

    table: str
    column: str
    seq: str
    unlisted: tuple[str, ...] = ()
    by_number: str = ""

    def where(self, test: str) -> str:
        """The column passes a test. SQLite wants to see the condition of an index."""
        return f"{self.column} {test}" + "".join(
            f" AND {self.column} <> '{name}'" for name in self.unlisted
        )


_NUMBERED = {"url": "url", "topic": "topic", "queue": "queue", "flow_key": "flow", "step": "step"}
INDEXES = {
    "id": Index("messages", "id", "seq"),
    "schedule_id": Index("messages", "schedule_id", "seq"),
    **{
        column: Index("messages", column, "seq", (), f"messages INDEXED BY messages_{name}")
        for column, name in _NUMBERED.items()
    },
    "label": Index("labels", "label", "message", (), "labels"),
    "caller_ip": Index("messages", "caller_ip", "seq", ("127.0.0.1", "::1")),
    "dlq_id": Index("dlq", "id", "message"),
}


NAMES = "SELECT value FROM json_each(:names)"


class Source(Struct, frozen=True):
    """SQL, with its values, that lists all messages that can match a condition, each by one of its
    `parts`: exactly those that do, if it is `exact`. `index`, if it is one of `INDEXES`, has the `size`
    names in the array `:names`.
    """

    parts: tuple[str, ...]
    values: dict[str, Any]
    exact: bool = True
    index: str = ""
    size: int = 0

    @property
    def sql(self) -> str:
        return " UNION ALL ".join(self.parts)

    @property
    def count(self) -> str:
        """SQL that counts them: each part by itself, of which SQLite makes no rows."""
        return "SELECT " + " + ".join(f"(SELECT count(*) FROM ({part}))" for part in self.parts)


def having(name: str, names: Sequence[Any]) -> Source | None:
    """The messages with one of these in an index, `None` if it does not list all of them; a message
    has many labels.
    """
    index = INDEXES[name]
    if not set(index.unlisted).isdisjoint(names):
        return None
    test = "=" if len(names) == 1 else "IN"
    where = index.where(f"{test} ({NAMES})")
    sql = f"SELECT {index.seq} AS seq FROM {index.table} WHERE {where}"
    exact = name != "label" or len(names) < 2
    return Source((sql,), {"names": as_json(list(names))}, exact, name, len(names))


class Candidates:
    """Asks the indexes; each gives up when it has seen more than a few."""

    def __init__(self, database: Database, limits: Limits = USUAL) -> None:
        self._db = database
        self.limits = limits

    def few(self, source: Source, most: int) -> list[int] | None:
        """The numbers of all messages of a source, in order; `None` if they are more."""
        rows = self._db.read(f"{source.sql} LIMIT :limit", {**source.values, "limit": most + 1})
        return sorted({seq for (seq,) in rows}) if len(rows) <= most else None

    def also_in(self, few: list[int], sources: Iterable[Source]) -> list[int]:
        """Those of a few that these sources list as well, as far as that is asked of an index sooner
        than of the messages themselves.
        """
        for source in sources:
            index = INDEXES.get(source.index)
            if index is None or not index.by_number or source.size != 1:
                continue
            rows = self._db.read(
                f"SELECT f.value FROM json_each(:few) f CROSS JOIN {index.by_number} "
                f"WHERE {index.where(f'= ({NAMES})')} AND {index.seq} = f.value",
                {**source.values, "few": as_json(few)},
            )
            few = [seq for (seq,) in rows]
        return few

    def ends(self, sources: Iterable[Source]) -> tuple[int, int]:
        """Between which numbers all messages are that all of these sources list, as far as can be told
        at once.
        """
        first, last = 0, WHOLE
        for source in sources:
            if not source.index or source.size > self.limits.names:
                continue
            index = INDEXES[source.index]
            of_name = (
                f"(SELECT {{}}({index.seq}) FROM {index.table} WHERE {index.where('= value')})"
            )
            low, high = self._db.read_one(
                f"SELECT min({of_name.format('min')}), max({of_name.format('max')}) "
                "FROM json_each(:names)",
                source.values,
            )
            if low is not None:
                first, last = max(first, low), min(last, high)
        return first, last

    def names(self, name: str) -> list[str] | None:
        """All different names in an index, unless they are too many."""
        table, column, *_ = INDEXES[name]
        most = self.limits.names
        # From each name to the next one through the index, past all messages that have it.
        following = f"SELECT min({column}) FROM {table} WHERE {column} IS NOT NULL"
        rows = self._db.read(
            f"WITH RECURSIVE names (name) AS ({following} UNION ALL "
            f"SELECT ({following} AND {column} > name) FROM names WHERE name IS NOT NULL LIMIT ?) "
            "SELECT name FROM names WHERE name IS NOT NULL",
            (most + 1,),
        )
        return [name for (name,) in rows] if len(rows) <= most else None

    def are_few_events(self, user: str, since: int | None, until: int | None, few: int) -> bool:
        """Whether there are at most `few` events of a user between two times."""
        row = self._db.read_one(
            "SELECT count(*) FROM (SELECT 1 FROM events INDEXED BY events_user "
            "WHERE user = ? AND time BETWEEN ? AND ? LIMIT ?)",
            (user, since or 0, WHOLE if until is None else until, few + 1),
        )
        return bool(row[0] <= few)


def as_json(values: list[Any]) -> str:
    """A list as one value of SQL, for `json_each`."""
    return msgspec.json.encode(values).decode()
