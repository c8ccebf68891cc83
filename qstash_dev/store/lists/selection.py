"""What is asked of a list as SQL that reads as few rows as it can. The one planner of lists and counts.

A filter may compare a name (a queue, a label, a URL) in a way that no index knows, by a part of it. But
there are far fewer names than messages: all names are compared, and an index lists the messages that
have one that fits (`candidates`). Only these, of several conditions those that all indexes list, are
then asked the whole filter. Without such a condition, or with too many names, callers read all rows in
order, a window after the other (`windows`).
"""

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from qstash_dev.devtools.filters import COMPARED, Exactly, Filter, Span, Term, Text, Words
from qstash_dev.protocol.model import State
from qstash_dev.store.database import Database
from qstash_dev.store.lists.candidates import (
    INDEXES,
    NAMES,
    USUAL,
    Candidates,
    Limits,
    Source,
    as_json,
    having,
)
from qstash_dev.store.lists.columns import (
    EVENTS,
    IS_TROUBLE,
    MESSAGES,
    SUMMARY,
    Columns,
    stored_states,
)
from qstash_dev.store.lists.condition import (
    OF_URL,
    Leaves,
    add_functions,
    condition,
    is_meant,
    like,
)
from qstash_dev.store.lists.windows import (
    CONTENTS_WINDOW,
    WHOLE,
    WINDOW,
    read_page,
    size_for,
    windows,
)

_NAMED = {
    "dest": "url",
    "queue": "queue",
    "schedule": "schedule_id",
    "group": "topic",
    "flow": "flow_key",
    "step": "step",
    "label": "label",
    # There are far fewer different URLs than messages.
    "host": "url",
    "path": "url",
}
"""Keys that are compared with what an index knows, and that index."""
_BOUNDS = frozenset(("user", "time", "number"))
_TROUBLE = frozenset(State) - {State.CREATED, State.ACTIVE, State.DELIVERED}


class Selection(Struct, frozen=True):
    """What the planner decided: the filter as an SQL condition, and which rows are asked it.

    `few` are the numbers of all messages that can match, as a JSON array: the others are not read.
    `None` where they are too many (then `many` is set), or where no index knows them; then `rows` are
    gone through. Either in windows of this `size`.
    """

    columns: Columns
    where: str
    values: dict[str, Any]
    few: str | None = None
    many: bool = False
    rows: str = ""
    size: int = WINDOW
    sources: tuple[Source, ...] = ()

    @property
    def tables(self) -> str:
        """What to select from."""
        table, letter, message = self.columns.table, self.columns.letter, self.columns.message
        first = self.rows
        if self.few is not None:
            few = "json_each(:few)"
            if table == "messages":
                few = f"(SELECT value FROM {few} WHERE value BETWEEN :low AND :high)"
            first = f"{few} f CROSS JOIN {table} {letter} ON {message} = f.value"
        if table == "messages":
            if not self.with_contents:
                return first
            if self.few is not None:
                return f"{first} JOIN contents c ON c.message = m.seq"
            # Contents first: few messages pass what is asked of them.
            return "contents c CROSS JOIN messages m ON m.seq = c.message"
        if "m." in self.where:
            first += f" CROSS JOIN messages m ON m.seq = {message}"
        return (
            f"{first} CROSS JOIN contents c ON c.message = m.seq" if self.with_contents else first
        )

    @property
    def seq(self) -> str:
        """The column with the number of the row in the first table."""
        is_message = self.columns.table == "messages"
        if is_message and self.with_contents and self.few is None:
            return "c.message"
        return f"{self.columns.letter}.seq"

    def numbers(self, order: str) -> str:
        """SQL for the numbers between `low` and `high` of rows that match, `limit` of them."""
        return (
            f"SELECT {self.seq} AS seq FROM {self.tables} WHERE {self.seq} BETWEEN :low AND :high "
            f"AND {self.where} ORDER BY {self.seq} {order} LIMIT :limit"
        )

    @property
    def window(self) -> int:
        """How much to look at in one go."""
        if self.few is not None:
            return self.size
        return min(self.size, CONTENTS_WINDOW) if self.with_contents else self.size

    @property
    def with_contents(self) -> bool:
        """Whether bodies or headers are looked at."""
        return "c." in self.where

    def between(self, first: int, last: int) -> "Selection":
        """Only what belongs to the messages with these numbers."""
        where = f"{self.columns.message} BETWEEN :first AND :last AND {self.where}"
        return replace(self, where=where, values={**self.values, "first": first, "last": last})

    def of(self, columns: Columns) -> "Selection":
        """The rows of another table that belong to the messages this one selects."""
        return replace(self, columns=columns, rows=_in_order(columns))


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

    def page(
        self,
        found: Selection,
        shown: str,
        limit: int,
        before: int | None,
        after: int | None,
    ) -> Iterator[list[Any]]:
        """What is `shown` of up to `limit` rows, by windows: the newest first, below `before`; with
        `after` the oldest first, above it. `m` are the messages of the rows.
        """
        columns, order = found.columns, "DESC" if after is None else "ASC"
        seq = f"{columns.letter}.seq"
        messages = f"CROSS JOIN messages m ON m.seq = {columns.message}"
        # Numbers first: the rest is looked up for few of them.
        sql = (
            f"SELECT {shown} FROM ({found.numbers(order)}) n "
            f"CROSS JOIN {columns.table} {columns.letter} ON {seq} = n.seq "
            f"{messages if columns.letter != 'm' else ''} ORDER BY {seq} {order}"
        )
        ranges = windows(self._db, columns.table, found.window, before, after)
        return read_page(self._db, sql, found.values, ranges, limit)

    def among(self, wanted: Filter, seqs: Iterable[int], now: int) -> Selection:
        """To choose from these messages."""
        where, values = condition(wanted)
        few = as_json(list(seqs))
        values |= {"now": now, "few": few, "low": 0, "high": WHOLE}
        return Selection(MESSAGES, where, values, few, size=WHOLE)

    def everywhere(
        self,
        wanted: Filter,
        columns: Columns = MESSAGES,
        most: int | None = None,
        now: int = 0,
    ) -> Selection:
        """To search all rows of a table. Up to `most` messages are looked at one by one, where an index
        knows which. Only the filter language asks for what depends on the time.
        """
        where, values = condition(wanted, columns)
        values["now"] = now
        limits = self.candidates.limits
        rows = _in_order(columns)
        found = Selection(columns, where, values, rows=rows, size=limits.window)
        sources = self._sources(wanted, now)
        if most is None:
            most = limits.few if len(wanted.terms) > 1 else limits.few_in_order
        for source in sources:
            few = self.candidates.few(source, most)
            if few is not None:
                few = self.candidates.also_in(few, (s for s in sources if s is not source))
                size = size_for(self._db, "messages", len(few)) if columns is MESSAGES else WHOLE
                listed = as_json(few)
                return replace(found, few=listed, size=size, values={**values, "few": listed})
        if columns is EVENTS:
            found = self._through_events(found, wanted)
        return replace(found, sources=tuple(sources), many=bool(sources) and _is_one(wanted))

    def counted(self, wanted: Filter, now: int) -> tuple[str, dict[str, Any]] | None:
        """SQL, with its values, that counts the messages that match by an index alone, if one can."""
        if not _is_one(wanted):
            return None
        sources = [source for source in self._sources(wanted, now) if source.exact]
        return (sources[0].count, sources[0].values) if sources else None

    def _through_events(self, found: Selection, wanted: Filter) -> Selection:
        """By the index of their times, if few have those, or by that of trouble."""
        asked = {term.key: term.values[0] for term in wanted.terms}
        time, user, states = (asked.get(key) for key in ("time", "user", "event"))
        if isinstance(time, Span) and isinstance(user, Exactly):
            limits = self.candidates.limits
            few = limits.few_events // 10 if asked.keys() - _BOUNDS else limits.few_events
            if self.candidates.are_few_events(str(user.values[0]), time.low, time.high, few):
                return replace(found, rows="events e INDEXED BY events_user", size=WHOLE)
        if isinstance(states, Exactly) and _TROUBLE.issuperset(states.values):
            # The condition of the index, which SQLite wants to see.
            trouble = f"SELECT * FROM events INDEXED BY events_trouble WHERE {IS_TROUBLE}"
            return replace(found, rows=f"({trouble}) e")
        return found

    def _sources(self, wanted: Filter, now: int) -> list[Source]:
        """What lists the messages that match, where an index does: one for all in the summary."""
        summed = tuple(filter(_is_in_summary, wanted.terms))
        others = (self._source(term) for term in wanted.terms if term not in summed)
        sources = [source for source in others if source is not None]
        if summed:
            sources.append(_source_of_summary(Filter(summed), now))
        return sources

    def _source(self, term: Term) -> Source | None:
        if term.key == "state":
            return _source_of_states(term)
        if term.key == "run":
            return self._source_of_runs(term)
        column, exact = _named_column(term), term.values[0]
        if isinstance(exact, Exactly) and term.key not in OF_URL:
            index = column or term.key
            return having(index, exact.values) if index in INDEXES else None
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
        return Source((sql,), {"names": as_json([seq for (seq,) in rows])})


def _in_order(columns: Columns) -> str:
    """A table gone through by its numbers."""
    rows = f"{columns.table} {columns.letter}"
    return rows if columns.table == "messages" else f"{rows} NOT INDEXED"


def _named_column(term: Term) -> str | None:
    if term.key == "is" and all(value == Words(("external",)) for value in term.values):
        return "url"
    return _NAMED.get(term.key)


def _source_of_states(term: Term) -> Source | None:
    states = {name for value in term.values if isinstance(value, Words) for name in value.names}
    if term.negated or states & {"held", "delivered"}:
        return None
    sql = f"SELECT seq FROM messages INDEXED BY messages_state WHERE state IN ({NAMES})"
    exact = states <= {"failed", "canceled"}  # what is not finished may be held, or due by now
    names = as_json(stored_states(states))
    return Source((f"{sql} AND state <> 'DELIVERED'",), {"names": names}, exact)


def _is_one(wanted: Filter) -> bool:
    """Whether one source is enough for all of a filter."""
    return len(wanted.terms) == 1 or all(map(_is_in_summary, wanted.terms))


def _is_in_summary(term: Term) -> bool:
    words = SUMMARY.words.get(term.key, {})
    return all(
        words.keys() >= set(value.names) if isinstance(value, Words) else term.key in SUMMARY.tests
        for value in term.values
    )


def _source_of_summary(wanted: Filter, now: int) -> Source:
    """By the index of what is finished, and that of what is not."""
    where, values = condition(wanted, SUMMARY)
    numbers = "SELECT m.seq AS seq FROM messages m INDEXED BY"
    parts = (
        f"{numbers} messages_finished WHERE m.finished_at IS NOT NULL AND {where}",
        f"{numbers} messages_state WHERE m.state <> 'DELIVERED' AND m.finished_at IS NULL AND {where}",
    )
    return Source(parts, {**values, "now": now})
