"""What the logs of workflow runs are made of: all that is stored of a run, and lines of many runs."""

from collections.abc import Iterable
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from qstash_dev.protocol.model import Event, Message, State
from qstash_dev.protocol.workflow.model import Run, RunEvent, RunState
from qstash_dev.protocol.workflow.query import RunQuery
from qstash_dev.protocol.workflow.timeline import INVOKED, OF_MESSAGE, Record, StepState, Trouble
from qstash_dev.store.attempts import Attempts
from qstash_dev.store.database import Database
from qstash_dev.store.lists.columns import LINES
from qstash_dev.store.lists.condition import condition
from qstash_dev.store.lists.queries import of_runs
from qstash_dev.store.lists.search import EVENT, event_of
from qstash_dev.store.messages import Messages
from qstash_dev.store.workflows import Workflows

_TROUBLES = """
    SELECT m.id, m.seq, e.time, e.error, e.attempt FROM messages m JOIN events e ON e.message = m.seq
    WHERE m.run = ? AND e.state = 'ERROR' AND m.kind <> 'replay' ORDER BY e.seq"""
_OF_MESSAGES = """
    SELECT {shown}, m.seq, r.seq
    FROM {source} WHERE m.run IS NOT NULL AND m.kind <> 'replay' AND {where}
    ORDER BY e.seq DESC LIMIT :limit"""
_OF_RUNS = """
    SELECT e.seq, e.time, e.state, e.step, e.detail, r.seq FROM {source} WHERE {where}
    ORDER BY e.seq DESC LIMIT :limit"""
_BY_TIME = (
    "events e CROSS JOIN messages m ON m.seq = e.message CROSS JOIN runs r ON r.seq = m.run",
    "run_events e CROSS JOIN runs r ON r.seq = e.run",
)
_BY_RUN = (
    "runs r CROSS JOIN messages m ON m.run = r.seq CROSS JOIN events e ON e.message = m.seq",
    "runs r CROSS JOIN run_events e ON e.run = r.seq",
)
_NAMES_RUNS = frozenset(("id", "message_id", "dlq_id"))
_MESSAGE_STATES = {step: state for state, step in OF_MESSAGE.items() if state != State.ACTIVE}


class LogLine(Struct, frozen=True):
    """Something that happened: to a message of the run, or to the run itself."""

    seq: int
    run: Run
    event: Event | None = None
    message: Message | None = None
    trouble: Trouble | None = None
    run_event: RunEvent | None = None

    @property
    def time(self) -> int:
        """When it happened."""
        event = self.event or self.run_event
        assert event is not None, "a line tells something"
        return event.time


class RunLogs(Struct, eq=False):
    """Reads what logs show; writes nothing."""

    _db: Database
    _messages: Messages
    _attempts: Attempts
    _workflows: Workflows

    def record(self, run: Run) -> Record:
        """All that is stored of a run."""
        rows = self._db.read(
            "SELECT e.message, e.copied_id FROM run_entries e WHERE e.run = ? AND e.idx >= ? "
            "AND e.copied_id IS NOT NULL",
            (run.seq, run.first),
        )
        copied: dict[int, str] = dict(rows)
        entries = tuple(
            replace(message, id=copied.get(message.seq, message.id))
            for message in self._messages.entries_of_run(run.seq, run.first)
        )
        events = tuple(self._workflows.events(run))
        failure = run.failure
        call_id = failure.callback_id if failure is not None else None
        call = self._messages.get(run.user, call_id) if call_id is not None else None
        return Record(
            entries=entries,
            copied=frozenset(copied.values()),
            events=events,
            troubles=self.troubles(run),
            failure_call=call,
            failure_answer=self._attempts.last(call.id, call.seq) if call is not None else None,
            invoked=self._invoked(run, events),
        )

    def troubles(self, run: Run) -> dict[str, tuple[Trouble, ...]]:
        """The failed attempts of a run's messages, by message."""
        found: dict[str, tuple[Trouble, ...]] = {}
        for id_, seq, time, error, number in self._db.read(_TROUBLES, (run.seq,)):
            attempt = self._attempts.get(id_, seq, number) if number is not None else None
            found[id_] = (*found.get(id_, ()), Trouble(time, error or "", attempt))
        return found

    def lines(self, user: str, query: RunQuery) -> list[LogLine]:
        """What happened in runs, the newest first, in all one more than `count` if there is more.
        `state` is that of the lines; of runs and of steps.
        """
        states = query.conditions.get("state", ())
        others = {name: texts for name, texts in query.conditions.items() if name != "state"}
        asked = replace(query, conditions=others)
        by_run = bool(query.among) or bool(_NAMES_RUNS & others.keys())
        about_messages, about_runs = _BY_RUN if by_run else _BY_TIME
        limit = (query.count or 0) + 1

        def read(sql: str, source: str, events: Iterable[str]) -> list[Any]:
            wanted = of_runs(asked, user, events=tuple(events) if states else None)
            where, values = condition(wanted, LINES)
            sql = sql.format(source=source, where=where, shown=EVENT)
            return self._db.read(sql, {**values, "limit": limit})

        of_steps = (_MESSAGE_STATES[StepState(s)] for s in states if s in set(StepState))
        rows = read(_OF_MESSAGES, about_messages, of_steps)
        run_rows: list[Any] = []
        if "message_id" not in others:
            run_rows = read(_OF_RUNS, about_runs, (s for s in states if s in set(RunState)))
        # What is shown is looked up for the newest of both alone.
        seqs = sorted((row[0] for row in (*rows, *run_rows)), reverse=True)[:limit]
        oldest = seqs[-1] if seqs else 0
        lines = self._message_lines([row for row in rows if row[0] >= oldest])
        lines += self._run_lines([row for row in run_rows if row[0] >= oldest])
        return sorted(lines, key=lambda line: line.seq, reverse=True)

    def _message_lines(self, rows: list[Any]) -> list[LogLine]:
        messages = self._messages.load_many({row[9] for row in rows})
        runs = {seq: self._workflows.numbered(seq) for seq in {row[10] for row in rows}}
        lines = []
        for row in rows:
            event = event_of(row)
            message, attempt = messages[row[9]], None
            if event.attempt is not None and event.state in (State.ERROR, State.FAILED):
                attempt = self._attempts.get(message.id, message.seq, event.attempt)
            trouble = Trouble(event.time, event.error or "", attempt) if attempt else None
            lines.append(LogLine(event.seq, runs[row[10]], event, message, trouble))
        return lines

    def _run_lines(self, rows: list[Any]) -> list[LogLine]:
        lines = []
        runs = {seq: self._workflows.numbered(seq) for seq in {row[5] for row in rows}}
        for seq, time, state, step, detail, run_seq in rows:
            run = runs[run_seq]
            told = self._workflows.run_event(run, time, state, step, detail)
            lines.append(LogLine(seq, run, run_event=told))
        return lines

    def _invoked(self, run: Run, events: Iterable[RunEvent]) -> dict[tuple[str, int], Message]:
        found: dict[tuple[str, int], Message] = {}
        for event in events:
            if event.state != INVOKED:
                continue
            key = event.invoked
            child = self._workflows.get((run.user, *key))
            first = self._messages.get(run.user, child.message_id) if child is not None else None
            if first is not None:
                found[key] = first
        return found
