"""Workflow runs in SQLite: runs, their entries and their logs. Decides nothing.

Written only as a part of a `Change` (see `store.messages`); who waits in runs is in `store.waits`.
"""

from typing import Any

import msgspec
from msgspec.structs import replace

from qstash_dev.protocol.model import CallType, Kind, Message, Place, Step
from qstash_dev.protocol.workflow.model import (
    Run,
    RunChange,
    RunEvent,
    RunKey,
    RunState,
    is_live,
    key_of,
)
from qstash_dev.protocol.workflow.query import RunQuery
from qstash_dev.protocol.workflow.render import Entry
from qstash_dev.store.bodies import BODY
from qstash_dev.store.database import Database
from qstash_dev.store.lists.columns import RUNS
from qstash_dev.store.lists.condition import condition
from qstash_dev.store.lists.queries import of_runs
from qstash_dev.store.sequence import Sequence
from qstash_dev.store.waits import Waits

_encode = msgspec.msgpack.encode
_decode_run = msgspec.msgpack.Decoder(Run).decode
_decode_step = msgspec.msgpack.Decoder(Step).decode

_COLUMNS = """r.seq, r.state, r.completed_at, r.first, r.size, r.steps, r.state_bytes, r.configured,
    r.content"""
_SELECT = f"SELECT {_COLUMNS} FROM runs r"
_ENTRIES = f"""
    SELECT ifnull(e.copied_id, m.id), {BODY}, ifnull(m.call_type, 'step')
    FROM run_entries e JOIN messages m ON m.seq = e.message JOIN contents c ON c.message = m.seq
    WHERE e.run = ? AND e.idx BETWEEN ? AND ? ORDER BY e.idx"""
_SURPLUS = """
    SELECT seq FROM (
        SELECT seq FROM runs r WHERE completed_at < ? AND {ended} ORDER BY completed_at LIMIT ?)
    UNION
    SELECT seq FROM (
        SELECT seq FROM runs r WHERE completed_at IS NOT NULL AND dlq_id IS NULL AND {ended}
        ORDER BY completed_at LIMIT ?)""".format(
    ended="""NOT EXISTS (SELECT 1 FROM messages WHERE run = r.seq AND finished_at IS NULL)
        AND NOT EXISTS (SELECT 1 FROM messages m JOIN run_entries e ON e.message = m.seq
            WHERE m.run = r.seq AND e.run <> r.seq)"""
)
_KNOWN = 2_000
_CALL_TYPES = {one.value: one for one in CallType}
"""A list of a thousand entries is read for every delivery: fifteen times as fast as `CallType(...)`."""


class Workflows:
    """The tables of runs. Live runs stay in memory, a bounded number of them."""

    def __init__(
        self, database: Database, numbers: Sequence, event_numbers: Sequence, waits: Waits
    ) -> None:
        self._db = database
        self._waits = waits
        self._numbers = numbers
        self._event_numbers = event_numbers
        self._known: dict[RunKey, Run] = database.cache()
        self.revision = 0
        """Differs after every write."""

    # Writing

    def put_runs(self, change: RunChange) -> None:
        """Insert or update runs; what waited in those that ended is gone."""
        self.revision += 1
        for run in change.runs:
            seq = self._put(run, change.at)
            if not is_live(run):
                self._waits.drop_all(seq)

    def put_rest(self, change: RunChange) -> None:
        """Write what belongs to runs besides messages."""
        for waiter in change.waiters:
            self._waits.put(self.seq(waiter.run), waiter)
        for notice in change.notices:
            self._waits.keep(self.seq(notice.run), notice)
        self._waits.drop(change.served, change.used)
        for copy in change.copies:
            self._db.write(
                "INSERT INTO run_entries VALUES (?,?,?,?)",
                (self.seq(copy.run), copy.index, copy.source.seq, copy.message_id),
            )
        for event in change.run_events:
            self._log(event)

    def columns(self, message: Message) -> tuple[int | None, str | None, str | None]:
        """What a message's row says of its run: number, call type, name of the step."""
        place = message.spec.place
        if place is None:
            return None, None, None
        step = place.step.name if place.step is not None else None
        return self._seq_of(message.user, place), place.call_type, step

    def add_entry(self, message: Message, seq: int) -> None:
        """A message that was inserted is an entry of its run; a replay has its place, but is none."""
        place = message.spec.place
        if place is None or place.index is None or message.spec.kind == Kind.REPLAY:
            return
        run = self._seq_of(message.user, place)
        self._db.write("INSERT INTO run_entries VALUES (?,?,?,NULL)", (run, place.index, seq))

    # Reading

    def newest(self, user: str, run_id: str) -> Run | None:
        return self._find("r.user = ? AND r.id = ?", user, run_id)

    def of_any_user(self, run_id: str, created_at: int | None = None) -> Run | None:
        """The newest run of an id, or that which was created at a time, whosever it is."""
        return self._find("r.id = ? AND r.created_at = ifnull(?, r.created_at)", run_id, created_at)

    def get(self, key: RunKey) -> Run | None:
        """A run by what tells it from all others."""
        if (known := self._known.get(key)) is not None:
            return known
        return self._find("r.user = ? AND r.id = ? AND r.created_at = ?", *key)

    def select(
        self, user: str | None, query: RunQuery, *, live: bool = False, dead: bool = False
    ) -> list[Run]:
        """The runs of a page, of all users or one, the newest first, in all one more than `count` if
        there are more. `live` are those that have not ended, `dead` those with an entry in the DLQ.
        """
        words = [word for word, is_asked in (("live", live), ("dead", dead)) if is_asked]
        where, values = condition(of_runs(query, user, *words), RUNS)
        limit = -1 if query.count is None else query.count + 1
        rows = self._db.read(
            f"{_SELECT} WHERE {where} ORDER BY r.seq DESC LIMIT :limit", {**values, "limit": limit}
        )
        return [self._read(row) for row in rows]

    def _find(self, where: str, *values: object) -> Run | None:
        query = f"{_SELECT} WHERE {where} ORDER BY r.created_at DESC LIMIT 1"
        row = self._db.read_one(query, values)
        return self._read(row) if row else None

    def of_message(self, message: Message) -> Run | None:
        """The run that a message belongs to, unless it was forgotten."""
        place = message.spec.place
        return self.get((message.user, place.run_id, place.created_at)) if place else None

    def seq(self, key: RunKey) -> int:
        """The number of a run, which must exist."""
        run = self.get(key)
        assert run is not None, f"run {key[1]} of {key[0]} does not exist"
        return run.seq

    def entries(self, run: Run, last: int | None = None) -> list[Entry]:
        """A run's entries in their order, up to the position `last`."""
        until = run.size if last is None else last
        rows = self._db.read(_ENTRIES, (run.seq, run.first, until))
        return [Entry(id_, body, _CALL_TYPES[kind]) for id_, body, kind in rows]

    def bytes_until(self, run: Run, last: int) -> int:
        """How large the bodies of the entries up to a position are."""
        row = self._db.read_one(
            "SELECT sum(m.body_size) FROM run_entries e JOIN messages m ON m.seq = e.message "
            "WHERE e.run = ? AND e.idx BETWEEN ? AND ?",
            (run.seq, run.first, last),
        )
        return row[0] or 0

    def events(self, run: Run) -> list[RunEvent]:
        """The lines of a run's log that are about no delivery."""
        rows = self._db.read(
            "SELECT time, state, step, detail FROM run_events WHERE run = ? ORDER BY seq",
            (run.seq,),
        )
        return [self.run_event(run, *row) for row in rows]

    def run_event(
        self, run: Run, time: int, state: str, step: bytes | None, detail: bytes
    ) -> RunEvent:
        """A row of the table of them."""
        return RunEvent(key_of(run), time, state, _decode_step(step) if step else None, detail)

    def numbered(self, seq: int) -> Run:
        """The run with this number, which must exist."""
        return self._read(self._db.read_one(f"{_SELECT} WHERE r.seq = ?", (seq,)))

    def surplus(self, now: int, max_entries: int, max_age_ms: int, limit: int = 10) -> list[int]:
        """Up to `limit` ended runs that are too old, or whose entries are too many, the oldest first.

        Among too many, those with a dead letter stay: they wait for their developer. Runs that
        another one goes on with stay as long as that.
        """
        row = self._db.read_one("SELECT sum(size) FROM runs WHERE completed_at IS NOT NULL")
        excess = limit if (row[0] or 0) > max_entries else 0
        rows = self._db.read(_SURPLUS, (now - max_age_ms, limit, excess))
        return [seq for (seq,) in rows]

    def delete(self, seq: int) -> list[str]:
        """Remove an ended run with its messages; returns their ids."""
        self.revision += 1
        with self._db:
            self._numbers.keep()
            self._event_numbers.keep()
            self._db.write("DELETE FROM runs WHERE seq = ?", (seq,))
            rows = self._db.write("DELETE FROM messages WHERE run = ? RETURNING id", (seq,))
            return [id_ for (id_,) in rows.fetchall()]

    # Inside

    def _seq_of(self, user: str, place: Place) -> int | None:
        run = self.get((user, place.run_id, place.created_at))
        return run.seq if run is not None else None

    def _put(self, run: Run, now: int) -> int:
        key = key_of(run)
        old = self.get(key)
        failure = run.failure
        dlq_id = failure.dlq_id if failure is not None else None
        changing = (
            run.state, run.completed_at, now, run.first, run.size, run.steps, run.state_bytes,
            run.configured, dlq_id, failure.state if failure is not None else None,
        )  # fmt: skip
        if old is None:
            seq = self._insert(run, changing)
        else:
            seq = old.seq
            self._db.write(
                "UPDATE runs SET state = ?, completed_at = ?, updated_at = ?, first = ?, size = ?, "
                "steps = ?, state_bytes = ?, configured = ?, dlq_id = ?, failure_state = ? "
                "WHERE seq = ?",
                (*changing, seq),
            )
            if _rest(run) != _rest(old):
                content = _encode(_rest(run))
                self._db.write("UPDATE runs SET content = ? WHERE seq = ?", (content, seq))
        self._keep(replace(run, seq=seq))
        return seq

    def _insert(self, run: Run, changing: tuple[Any, ...]) -> int:
        config = run.config
        fixed = (
            run.user, run.id, run.created_at, run.url, config.flow.key if config.flow else None,
            config.caller_ip, _encode(_rest(run)),
        )  # fmt: skip
        seq = self._db.write(
            "INSERT INTO runs (state, completed_at, updated_at, first, size, steps, state_bytes, "
            "configured, dlq_id, failure_state, user, id, created_at, url, flow_key, caller_ip, "
            "content) "
            "VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
            changing + fixed,
        ).lastrowid
        assert seq is not None, "SQLite numbers what it inserts"
        for label in config.labels:
            self._db.write("INSERT OR IGNORE INTO run_labels VALUES (?,?)", (label, seq))
        return seq

    def _log(self, event: RunEvent) -> None:
        step = _encode(event.step) if event.step is not None else None
        self._db.write(
            "INSERT INTO run_events VALUES (?,?,?,?,?,?)",
            (
                self._event_numbers.next(), self.seq(event.run), event.time, event.state, step,
                event.detail,
            ),
        )  # fmt: skip

    def _read(self, row: Any) -> Run:
        """The run in a row of `_SELECT`."""
        seq, state, completed_at, first, size, steps, state_bytes, configured, content = row
        run = replace(
            _decode_run(content),
            seq=seq,
            state=RunState(state),
            completed_at=completed_at,
            first=first,
            size=size,
            steps=steps,
            state_bytes=state_bytes,
            configured=bool(configured),
        )
        self._keep(run)
        return run

    def _keep(self, run: Run) -> None:
        key = key_of(run)
        self._known.pop(key, None)
        if is_live(run):
            if len(self._known) >= _KNOWN:
                del self._known[next(iter(self._known))]
            self._known[key] = run


def _rest(run: Run) -> Run:
    """A run without what has columns of its own."""
    return replace(
        run,
        seq=0,
        state=RunState.STARTED,
        completed_at=None,
        first=0,
        size=0,
        steps=0,
        state_bytes=0,
        configured=False,
    )
