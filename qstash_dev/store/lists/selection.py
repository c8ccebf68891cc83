"""Filters of people as SQL that reads as few messages as it can (`candidates`).

A filter may compare a name (a queue, a label, a URL) in a way that no index knows, by a part of it. But
there are far fewer names than messages: all names are compared, and an index lists the messages that
have one that fits. Only these are then asked the whole filter. Without such a condition, or with too
many names, callers read all messages, a window after the other (`windows`).
"""

from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from qstash_dev.devtools.filters import COMPARED, Filter, Term, Text, Words
from qstash_dev.store.database import Database
from qstash_dev.store.lists.candidates import (
    NAMES,
    USUAL,
    Candidates,
    Limits,
    Source,
    as_json,
    having,
)
from qstash_dev.store.lists.condition import (
    COLUMNS,
    Leaves,
    add_functions,
    condition,
    is_meant,
    like,
    stored_states,
)
from qstash_dev.store.lists.windows import CONTENTS_WINDOW, WHOLE, WINDOW


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
        limits: Limits = USUAL,
    ) -> None:
        self._db = database
        self.candidates = Candidates(database, limits)
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
        limits = self.candidates.limits
        most = limits.few if counting or len(wanted.terms) > 1 else limits.few_in_order
        for source in sources:
            few = self.candidates.few(source, most)
            if few is not None:
                return Selection(where, {**values, "few": few}, few)
        if len(wanted.terms) > 1 or not sources:
            return Selection(where, values)
        (source,) = sources
        counted = f"SELECT count(*) FROM ({source.sql})" if source.exact else None
        return Selection(where, {**values, "names": source.names}, many=True, counted=counted)

    def _source(self, term: Term) -> Source | None:
        if term.key == "state":
            return _source_of_states(term)
        if term.key == "run":
            return self._source_of_runs(term)
        column = _named_column(term)
        # All messages have a URL: what is not meant means the others.
        if column is None or (term.negated and column != "url"):
            return None
        names = self.candidates.names(column)
        if names is None:
            return None
        meant = [
            name
            for name in names
            if any(is_meant(term.key, value, name, self._leaves) for value in term.values)
            != term.negated
        ]
        return having(column, meant)

    def _source_of_runs(self, term: Term) -> Source | None:
        """Messages of few runs: there are far fewer runs than messages."""
        patterns = [like(v, COMPARED["run"]) for v in term.values if isinstance(v, Text)]
        most = self.candidates.limits.names
        where = " OR ".join("id LIKE ? ESCAPE '!'" for _ in patterns)
        rows = self._db.read(f"SELECT seq FROM runs WHERE {where} LIMIT ?", (*patterns, most + 1))
        if term.negated or len(rows) > most:
            return None
        sql = f"SELECT seq FROM messages WHERE run IN ({NAMES})"
        return Source(sql, as_json([seq for (seq,) in rows]))


def _named_column(term: Term) -> str | None:
    if term.key == "is" and all(value == Words(("external",)) for value in term.values):
        return "url"
    return COLUMNS.get(term.key)


def _source_of_states(term: Term) -> Source | None:
    states = {name for value in term.values if isinstance(value, Words) for name in value.names}
    if term.negated or states & {"held", "delivered"}:
        return None
    sql = f"SELECT seq FROM messages INDEXED BY messages_state WHERE state IN ({NAMES})"
    return Source(f"{sql} AND state <> 'DELIVERED'", as_json(stored_states(states)), False)
