"""The planner of lists for people: turns a filter into SQL that reads as few messages as it can.

A filter may compare a name (a queue, a label, a URL) in a way that no index knows, by a part of it. But
there are far fewer names than messages: all names are compared, and an index lists the messages that
have one that fits. Only these are then asked the whole filter. Without such a condition, or with too
many names, callers read all messages, a window after the other (`windows`).
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from qstash_dev.devtools.filters import COMPARED, Filter, Term, Text, Words
from qstash_dev.store.database import Database
from qstash_dev.store.lists.condition import (
    NAMES,
    Leaves,
    add_functions,
    condition,
    is_meant,
    like,
    stored_states,
)
from qstash_dev.store.lists.windows import CONTENTS_WINDOW, WHOLE, WINDOW

FEW = 5_000
"""So many messages are looked at one by one rather than searched for among all."""
FEW_IN_ORDER = 2_000
"""With more of those that match a page is soon full, in the order of time."""
MANY_NAMES = 1_000
"""With more different names than this, each message is compared instead."""


class Selection(Struct, frozen=True):
    """What the planner decided: the filter as an SQL condition, and which messages are asked it.

    `few` are the numbers of all messages that can match, as a JSON array: the others are not read.
    `None` where they are too many (then `many` is set), or where no index knows them. `counted` is SQL
    that counts those that match by an index alone.
    """

    where: str
    values: dict[str, Any]
    few: str | None = None
    many: bool = False
    counted: str | None = None

    @property
    def tables(self) -> str:
        """What to select from; `seq` is the number of the message in the first of them."""
        if self.few is not None:
            first = "json_each(:few) f CROSS JOIN messages m ON m.seq = f.value"
            return f"{first} JOIN contents c ON c.message = m.seq" if self.with_contents else first
        # Contents first: few messages pass what is asked of them.
        contents = "contents c CROSS JOIN messages m ON m.seq = c.message"
        return contents if self.with_contents else "messages m"

    @property
    def seq(self) -> str:
        """The column with the number of the message in the first table."""
        return "c.message" if self.with_contents and self.few is None else "m.seq"

    def numbers(self, order: str) -> str:
        """SQL for the numbers between `low` and `high` of messages that match, `limit` of them."""
        return (
            f"SELECT {self.seq} AS seq FROM {self.tables} WHERE {self.seq} BETWEEN :low AND :high "
            f"AND {self.where} ORDER BY {self.seq} {order} LIMIT :limit"
        )

    @property
    def window(self) -> int:
        """How much to look at in one go."""
        if self.few is not None:
            return WHOLE
        return CONTENTS_WINDOW if self.with_contents else WINDOW

    @property
    def with_contents(self) -> bool:
        """Whether bodies or headers are looked at."""
        return "c." in self.where


class Selector:
    """Plans filters. Makes a `Selection`, and reads only names and numbers from indexes for it."""

    def __init__(
        self,
        database: Database,
        leaves: Leaves | None = None,
        few: int = FEW,
        few_in_order: int = FEW_IN_ORDER,
        many_names: int = MANY_NAMES,
    ) -> None:
        self._db = database
        self._few = few
        self.few_in_order = few_in_order
        self._many_names = many_names
        self._leaves = leaves or Leaves()
        add_functions(database, self._leaves)

    def among(self, wanted: Filter, seqs: Iterable[int]) -> Selection:
        """To choose from these messages."""
        where, values = condition(wanted)
        few = as_json(list(seqs))
        return Selection(where, {**values, "few": few}, few)

    def everywhere(self, wanted: Filter, counting: bool = False) -> Selection:
        """To search all messages: for a page of them, or to count them."""
        where, values = condition(wanted)
        sources = [source for term in wanted.terms if (source := self._source(term)) is not None]
        few = self._few if counting or len(wanted.terms) > 1 else self.few_in_order
        for source in sources:
            bounds = {"names": source.names, "limit": few + 1}
            rows = self._db.read(f"{source.sql} LIMIT :limit", bounds)
            if len(rows) <= few:
                listed = as_json(sorted({seq for (seq,) in rows}))
                return Selection(where, {**values, "few": listed}, listed)
        if len(wanted.terms) > 1 or not sources:
            return Selection(where, values)
        (source,) = sources
        counted = f"SELECT count(*) FROM ({source.sql})" if source.exact else None
        return Selection(where, {**values, "names": source.names}, many=True, counted=counted)

    def _source(self, term: Term) -> "_Source | None":
        if term.key == "state":
            return _source_of_states(term)
        if term.key == "run":
            return self._source_of_runs(term)
        column = _named_column(term)
        # All messages have a URL: what is not meant means the others.
        if column is None or (term.negated and column != "url"):
            return None
        table, seq = _TABLES[column]
        names = different(self._db, table, column, self._many_names)
        if names is None:
            return None
        meant = [
            name
            for name in names
            if any(is_meant(term.key, value, name, self._leaves) for value in term.values)
            != term.negated
        ]
        sql = f"SELECT {seq} AS seq FROM {table} WHERE {column} IN ({_NAMES})"
        # A message has many labels.
        is_exact = column != "label" or len(meant) < 2
        return _Source(sql, as_json(meant), is_exact)

    def _source_of_runs(self, term: Term) -> "_Source | None":
        """Messages of few runs: there are far fewer runs than messages."""
        patterns = [like(v, COMPARED["run"]) for v in term.values if isinstance(v, Text)]
        where = " OR ".join("id LIKE ? ESCAPE '!'" for _ in patterns)
        rows = self._db.read(
            f"SELECT seq FROM runs WHERE {where} LIMIT ?", (*patterns, self._many_names + 1)
        )
        if term.negated or len(rows) > self._many_names:
            return None
        sql = f"SELECT seq FROM messages WHERE run IN ({_NAMES})"
        return _Source(sql, as_json([seq for (seq,) in rows]), True)


class _Source(NamedTuple):
    """SQL that lists all messages that can match a term: exactly those that do, if it is `exact`."""

    sql: str
    names: str
    exact: bool


_NAMES = "SELECT value FROM json_each(:names)"
_COLUMNS = {**NAMES, "label": "label"}
_TABLES = {
    **dict.fromkeys(_COLUMNS.values(), ("messages", "seq")),
    "label": ("labels", "message"),
}


def _named_column(term: Term) -> str | None:
    if term.key == "is" and all(value == Words(("external",)) for value in term.values):
        return "url"
    return _COLUMNS.get(term.key)


def _source_of_states(term: Term) -> _Source | None:
    states = {name for value in term.values if isinstance(value, Words) for name in value.names}
    if term.negated or states & {"held", "delivered"}:
        return None
    sql = f"SELECT seq FROM messages INDEXED BY messages_state WHERE state IN ({_NAMES})"
    return _Source(f"{sql} AND state <> 'DELIVERED'", as_json(stored_states(states)), False)


def different(database: Database, table: str, column: str, most: int) -> list[str] | None:
    """All different names in a column that has an index, unless they are too many."""
    # From each name to the next one through the index, past all messages that have it.
    following = f"SELECT min({column}) FROM {table} WHERE {column} IS NOT NULL"
    rows = database.read(
        f"WITH RECURSIVE names (name) AS ({following} UNION ALL "
        f"SELECT ({following} AND {column} > name) FROM names WHERE name IS NOT NULL LIMIT ?) "
        "SELECT name FROM names WHERE name IS NOT NULL",
        (most + 1,),
    )
    return [name for (name,) in rows] if len(rows) <= most else None


def as_json(values: list[Any]) -> str:
    """A list as one value of SQL, for `json_each`."""
    return msgspec.json.encode(values).decode()
