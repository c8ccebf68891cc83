"""Messages as rows of a list, for people: one line each, selected by the filter language.

Filters on bodies and headers cannot use an index, so a selection goes through the table in windows;
callers let the event loop run between them.
"""

import sys
from collections.abc import Iterable, Iterator
from typing import Any, cast

from qstash_dev.devtools import hold
from qstash_dev.devtools.documents import Counts, Row
from qstash_dev.devtools.filters import Filter
from qstash_dev.store.database import Database
from qstash_dev.store.due import FREE
from qstash_dev.store.lists.candidates import as_json
from qstash_dev.store.lists.columns import ACCEPTED, MESSAGES, STATE
from qstash_dev.store.lists.selection import Selector
from qstash_dev.store.lists.windows import windows
from qstash_dev.store.tally import WAITING, Tally

_COLUMNS = f"""
    m.seq, m.id, {STATE}, m.url, m.method, m.user, m.kind, m.parent_id, m.created_at, m.updated_at,
    CASE WHEN m.finished_at IS NULL AND m.held IS NULL THEN m.due_at END,
    m.attempts, m.max_retries + 1, m.last_status, m.last_ms, m.last_error, m.hint,
    (SELECT group_concat(l.label) FROM labels l WHERE l.message = m.seq),
    m.queue, m.topic, m.endpoint, m.schedule_id, m.flow_key,
    (SELECT d.id FROM dlq d WHERE d.message = m.seq),
    (SELECT count(*) FROM messages r WHERE r.parent_id = m.id AND r.kind = 'replay'), m.duplicates,
    m.body_size, m.content_type, CASE m.kind WHEN 'cloud' THEN 'cloud' ELSE 'local' END,
    m.lints, m.armed, (SELECT r.id FROM runs r WHERE r.seq = m.run), m.step, m.call_type, m.held"""
"""The fields of `Row` in its order, and what the message is held for."""

# Those of an intake are not accepted yet.
_COMING = "SELECT count(*) FROM messages INDEXED BY messages_intake WHERE intake IS NOT NULL"
_TOTAL = f"SELECT (SELECT count(*) FROM messages) - ({_COMING})"
_COUNTED = {
    "dlq": "dlq",
    "schedules": "schedules",
    "queues": "queues",
    "groups": "groups",
    "flow": "flow_keys",
    "workflows": "runs",
}
_COUNTS = "SELECT " + ", ".join(
    f"(SELECT count(*) FROM {table})" for table in ("messages", *_COUNTED.values())
)
_ACTIVE = (
    "SELECT count(*) FROM messages INDEXED BY messages_state "
    "WHERE state <> 'DELIVERED' AND state = 'ACTIVE'"
)
# Those that wait and are due by now: few, even where many are delayed.
_LATE = f"""
    SELECT count(*) FROM messages INDEXED BY messages_due
    WHERE {FREE} AND due_at <= ? AND state = 'CREATED'"""
_HELD = """
    SELECT count(*) FROM messages WHERE held IS NOT NULL AND finished_at IS NULL AND kind <> 'cloud'"""


class Rows:
    """Reads rows and counts; writes nothing."""

    def __init__(self, database: Database, selector: Selector, tally: Tally) -> None:
        self._db = database
        self._tally = tally
        self._selector = selector

    def select(
        self,
        wanted: Filter,
        now: int,
        before: int | None,
        after: int | None = None,
        limit: int = sys.maxsize,
    ) -> Iterator[list[Row]]:
        """Up to `limit` rows that match, newest first (oldest first with `after`), by windows."""
        found = self._selector.everywhere(wanted, now=now)
        for rows in self._selector.page(found, _COLUMNS, limit, before, after):
            yield [_row(row) for row in rows]

    def count(self, wanted: Filter, now: int) -> Iterator[int]:
        """How many match, one number for each window."""
        if not wanted.terms:
            yield self._one(_TOTAL)
            return
        counted = self._selector.counted(wanted, now)
        if counted is not None and not self._one(_COMING):
            yield self._db.read_one(*counted)[0]
            return
        few = self._selector.candidates.limits.few
        found = self._selector.everywhere(wanted, MESSAGES, few, now)
        sql = (
            f"SELECT count(*) FROM {found.tables} WHERE {found.seq} BETWEEN :low AND :high "
            f"AND {found.where}"
        )
        for low, high in windows(self._db, "messages", found.window):
            yield self._db.read_one(sql, {**found.values, "low": low, "high": high})[0]

    def of(self, seqs: Iterable[int], now: int) -> list[Row]:
        """The rows with these numbers."""
        found = self._selector.among(Filter(), seqs, now)
        rows = self._db.read(
            f"SELECT {_COLUMNS} FROM {found.tables} WHERE {found.where} ORDER BY m.seq",
            found.values,
        )
        return [_row(row) for row in rows]

    def matching(self, wanted: Filter, seqs: Iterable[int], now: int) -> set[int]:
        """The numbers among these of messages that match."""
        found = self._selector.among(wanted, seqs, now)
        sql = f"SELECT m.seq FROM {found.tables} WHERE {found.where}"
        return {seq for (seq,) in self._db.read(sql, found.values)}

    def selects(self, wanted: Filter, message_id: str, now: int) -> bool:
        seqs = self._db.read("SELECT seq FROM messages WHERE id = ?", (message_id,))
        return bool(self.matching(wanted, (seq for (seq,) in seqs), now))

    def originals(self, seqs: Iterable[int]) -> set[int]:
        """The numbers of messages whose copies have these numbers: an original counts its replays, and
        has no dead letter any more with a retry.
        """
        sql = (
            "SELECT m.seq FROM json_each(?) f CROSS JOIN messages r ON r.seq = f.value "
            "JOIN messages m ON m.id = r.parent_id WHERE r.kind IN ('replay', 'dlq-retry')"
        )
        return {seq for (seq,) in self._db.read(sql, (as_json(list(seqs)),))}

    def related(self, parent_id: str, now: int) -> list[Row]:
        """What came of a message: callbacks, replays, retries out of the DLQ."""
        return self._where("m.parent_id = :id", {"id": parent_id}, now)

    def by_id(self, message_id: str, now: int) -> Row | None:
        rows = self._where("m.id = :id", {"id": message_id}, now)
        return rows[0] if rows else None

    def siblings(self, row: Row, now: int, limit: int = 50) -> list[Row]:
        """Messages of the same publish to a URL group, or of the same schedule."""
        if row.topic is not None and row.schedule is None:
            return self._where(
                # They were written one after the other.
                "m.topic = :name AND m.user = :user AND m.created_at = :at AND m.seq <> :seq "
                "AND m.seq BETWEEN :seq - 1000 AND :seq + 1000",
                {"name": row.topic, "user": row.user, "at": row.created_at, "seq": row.seq},
                now,
                limit,
            )
        if row.schedule is not None:
            return self._where(
                "m.schedule_id = :name AND m.user = :user AND m.seq <> :seq",
                {"name": row.schedule, "user": row.user, "seq": row.seq},
                now,
                limit,
                "m.created_at DESC, m.seq DESC",
            )
        return []

    def counts(self, now: int) -> Counts:
        """Totals of all users."""
        kinds = self._tally.counts()
        total, *others = self._db.read_one(_COUNTS)
        active = self._one(_ACTIVE)
        return Counts(
            messages=total - self._one(_COMING),
            delayed=kinds[WAITING] - self._one(_LATE, now),
            active=active,
            retry=kinds["RETRY"],
            held=self._one(_HELD),
            delivered=total - active - sum(kinds.values()),
            failed=kinds["FAILED"],
            canceled=kinds["CANCELED"],
            **dict(zip(_COUNTED, others, strict=True)),
        )

    def _one(self, sql: str, *values: int) -> int:
        return int(self._db.read_one(sql, values)[0])

    def _where(
        self,
        where: str,
        values: dict[str, Any],
        now: int,
        limit: int = 500,
        order: str = "m.seq DESC",
    ) -> list[Row]:
        rows = self._db.read(
            f"SELECT {_COLUMNS} FROM messages m WHERE ({where}) AND {ACCEPTED} "
            f"ORDER BY {order} LIMIT {limit}",
            {**values, "now": now},
        )
        return [_row(row) for row in rows]


def _row(columns: Any) -> Row:
    *fields, held = columns
    row: Any = Row(*fields)
    row.labels = tuple(row.labels.split(",")) if row.labels else ()
    row.lints = tuple(row.lints.split("\n")) if row.lints else ()
    row.armed = bool(row.armed)
    row.hint = (hold.hint(held) if held else None) or row.hint
    return cast(Row, row)
