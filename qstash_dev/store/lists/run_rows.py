"""Runs as rows of a list, for people, and their steps on a time line. Writes nothing."""

from msgspec.structs import replace

from qstash_dev.devtools.run_documents import RunDetail, RunRow, RunStep, Waiting, left_as
from qstash_dev.protocol.model import CallType, State
from qstash_dev.protocol.redact import redact_headers
from qstash_dev.protocol.workflow.log_fields import View
from qstash_dev.protocol.workflow.logs import run_document
from qstash_dev.protocol.workflow.model import REFUSED, Run, is_live
from qstash_dev.protocol.workflow.query import RunQuery
from qstash_dev.protocol.workflow.steps import read_document
from qstash_dev.protocol.workflow.timeline import INVOKED, Group, Line, Record, StepState, timeline
from qstash_dev.store.database import Database
from qstash_dev.store.lists.run_logs import RunLogs
from qstash_dev.store.waits import Waits
from qstash_dev.store.workflows import Workflows

_OPEN = """
    SELECT id, state, due_at, retried, max_retries, ifnull(step, ''), call_type, url, held
    FROM messages INDEXED BY messages_run_open
    WHERE run = ? AND finished_at IS NULL ORDER BY seq"""
_NEWEST = "SELECT id FROM messages WHERE run = ? AND kind <> 'replay' ORDER BY seq DESC LIMIT 1"
_HINTS = "SELECT id, hint FROM messages WHERE run = ? AND hint IS NOT NULL"
_ORDER = (
    "step",
    "call",
    "retry",
    "queued",
    "held",
    "sleep",
    "delayed",
    "event",
    "webhook",
    "invoke",
    "nothing",
)
_HINT = "SELECT hint FROM messages WHERE id = ?"
_DEAD = "SELECT 1 FROM dlq WHERE id = ?"  # a run keeps the id of its dead letter when that is gone
_STUCK = "its last delivery ended without a next step, or its message was cancelled"
WEBHOOK = "WaitForWebhook"
_UNDER_WAY = (StepState.PROGRESS, StepState.RETRY)


class RunRows:
    """Reads what people see of runs."""

    def __init__(
        self, database: Database, workflows: Workflows, logs: RunLogs, waits: Waits
    ) -> None:
        self._db = database
        self._workflows = workflows
        self._logs = logs
        self._waits = waits

    def select(self, query: RunQuery, now: int) -> list[RunRow]:
        """Rows of all users, the newest first, in all one more than `count` if there are more."""
        return [self.row(run, now) for run in self._workflows.select(None, query)]

    def row(self, run: Run, now: int) -> RunRow:
        """One run, and what it waits for if it is live."""
        failure, invoker, flow = run.failure, run.invoker, run.config.flow
        waits = tuple(self._waiting(run, now)) if is_live(run) else ()
        row = RunRow(
            id=run.id,
            created_at=run.created_at,
            state=run.state,
            url=run.url,
            user=run.user,
            seq=run.seq,
            completed_at=run.completed_at,
            steps=run.steps,
            labels=run.config.labels,
            flow_key=flow.key if flow is not None else None,
            parent=invoker.run_id if invoker is not None else None,
            parent_created_at=invoker.created_at if invoker is not None else None,
            successor=run.successor,
            dlq_id=run.dlq_id if run.dlq_id and self._db.read_one(_DEAD, (run.dlq_id,)) else None,
            failure_state=failure.state if failure is not None else None,
            waits=waits,
            notices=tuple(
                told for told in run.notices if not any(told in one.why for one in waits)
            ),
            why=self._why(failure.message_id) if failure is not None else "",
        )
        return replace(row, left=left_as(row))

    def detail(self, run: Run, now: int) -> RunDetail:
        """One run, whole."""
        record = self._logs.record(run)
        document = run_document(run, record, View(now))
        first = record.entries[0] if record.entries else None
        groups = timeline(run, record).groups
        shown = [group for group in document["steps"] if group["type"] != "next"]
        pending = [step for g in document["steps"] if g["type"] == "next" for step in g["steps"]]
        init = shown[0]["steps"][0] if shown else {}
        headers = redact_headers(first.spec.headers, first.spec.redact) if first else ()
        return RunDetail(
            row=self.row(run, now),
            steps=_steps(run, groups, shown),
            payload=init.get("out", ""),
            headers=[list(pair) for pair in headers],
            response=document.get("workflowRunResponse"),
            pending=pending,
            failure=document.get("failureFunction"),
            hints=dict(self._db.read(_HINTS, (run.seq,))),
            children=[
                replace(self.row(child, now), waits=()) for child in self._children(run, record)
            ],
            hooks=self._hooks(run),
        )

    def _waiting(self, run: Run, now: int) -> list[Waiting]:
        found = [_of_message(row, now) for row in self._db.read(_OPEN, (run.seq,))]
        for waiter in self._waits.waiters_of(run):
            step = read_document(waiter.step)
            name = step.step_name if isinstance(step.step_name, str) else ""
            kind = "webhook" if step.step_type == WEBHOOK else "event"
            found.append(Waiting(kind, name, waiter.due_at, event=waiter.event_id))
        if not found:
            refused = [notice for notice in run.notices if notice.startswith(REFUSED)]
            why = refused[-1] if refused else _STUCK
            found = self._invoked(run) or [self._stuck(run, why.removesuffix("."))]
        return sorted(found, key=lambda waiting: (_ORDER.index(waiting.kind), waiting.until or 0))

    def _stuck(self, run: Run, why: str) -> Waiting:
        newest = self._db.read_one(_NEWEST, (run.seq,))
        way_on = f" Once mended, it goes on with: qstash-dev replay {newest[0]}" if newest else ""
        return Waiting("nothing", why=f"it is stuck: {why}.{way_on}")

    def _why(self, message_id: str) -> str:
        rows = self._db.read(_HINT, (message_id,))
        return next((hint for (hint,) in rows if hint), "")

    def _invoked(self, run: Run) -> list[Waiting]:
        groups = timeline(run, self._logs.record(run)).groups
        return [
            Waiting("invoke", line.step.name, run=line.invocation.invoked[0])
            for group in groups
            for line in group.lines
            if line.result is None and line.invocation is not None
        ]

    def _children(self, run: Run, record: Record) -> list[Run]:
        keys = tuple(event.invoked for event in record.events if event.state == INVOKED)
        found = self._workflows.select(run.user, RunQuery(among=keys)) if keys else []
        return sorted(found, key=lambda child: child.seq)

    def _hooks(self, run: Run) -> dict[str, str]:
        """Paths of the webhooks that a run waits for, by event."""
        return {
            waiter.event_id: f"/v2/workflows/hooks/{run.user}/{run.id}/{waiter.event_id}"
            for waiter in self._waits.waiters_of(run)
            if read_document(waiter.step).step_type == WEBHOOK
        }


def _of_message(
    row: tuple[str, str, int, int, int, str, str, str, str | None], now: int
) -> Waiting:
    id_, state, due_at, retried, retries, name, call_type, url, held = row
    until: int | None = None
    if held is not None:
        kind = "held"
    elif state == State.ACTIVE:
        kind = "call" if call_type == CallType.TO_CALLBACK else "step"
    elif state == State.RETRY:
        kind, until = "retry", due_at
    elif due_at > now:
        kind, until = "sleep" if name != "init" else "delayed", due_at
    else:
        kind = "queued"
    return Waiting(kind, name, until, id_, url=url, tried=retried, tries=retries)


def _steps(run: Run, groups: tuple[Group, ...], shown: list[dict[str, object]]) -> list[RunStep]:
    """The time line: a step that stands alone begins where the one before it ended; what a resumed run
    took over was there when it began.
    """
    steps: list[RunStep] = []
    before = run.created_at
    for number, (group, document) in enumerate(zip(groups, shown, strict=True)):
        logs: list[dict[str, object]] = document["steps"]  # type: ignore[assignment]
        made = [
            _step(run, number, group, line, log, before)
            for line, log in zip(group.lines, logs, strict=True)
        ]
        ends = [step.ended_at for step in made if step.ended_at is not None]
        before = max(ends, default=before)
        steps += made
    return steps


def _step(
    run: Run, number: int, group: Group, line: Line, log: dict[str, object], before: int
) -> RunStep:
    messages = [m for m in (line.plan, line.call, line.answer, line.result) if m is not None]
    event = line.wait or line.invocation
    began = messages[0].created_at if line.plan or line.call else before
    if line.plan is None and line.call is None and event is not None:
        began = event.time
    state = str(log["state"])
    ended = None
    if line.result is not None:
        ended = max(line.result.created_at, line.result.not_before if line.plan is None else 0)
    if state in _UNDER_WAY:
        ended = None
    elif ended is None or ended > (run.completed_at or ended):
        ended = run.completed_at
    ended = max(run.created_at, ended) if ended is not None else None
    began = max(run.created_at, began)
    return RunStep(
        group=number,
        parallel=group.is_parallel,
        name=line.step.name,
        type=line.step.type,
        state=state,
        began_at=min(began, ended) if ended is not None else began,
        ended_at=ended,
        id=line.step.id or None,
        message=line.message.id if line.message is not None else None,
        messages=tuple(message.id for message in messages),
        log=dict(log),
    )
