"""A run as its steps, one after the other and side by side: what logs and people are shown.

Pure: puts together what is stored of a run, and knows neither the store nor any document.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum

from msgspec import Struct

from qstash_dev.protocol.model import Attempt, CallType, Message, Place, State, Step
from qstash_dev.protocol.workflow.model import Run, RunEvent, RunState, is_live
from qstash_dev.protocol.workflow.steps import INIT, SLEEPS, is_plan
from qstash_dev.protocol.workflow.waits import WAITER_ADDED

INVOKED = "INVOKED"


class StepState(StrEnum):
    """Where a step is (workflow docs, "Step states")."""

    PROGRESS = "STEP_PROGRESS"
    RETRY = "STEP_RETRY"
    SUCCESS = "STEP_SUCCESS"
    FAILED = "STEP_FAILED"
    CANCELED = "STEP_CANCELED"


OF_MESSAGE: Mapping[str, StepState] = {
    State.CREATED: StepState.PROGRESS,
    State.ACTIVE: StepState.PROGRESS,
    State.RETRY: StepState.RETRY,
    State.DELIVERED: StepState.SUCCESS,
    State.FAILED: StepState.FAILED,
    State.CANCELED: StepState.CANCELED,
}
"""What the state of a step's message means for the step."""


class Trouble(Struct, frozen=True):
    """An attempt that failed: when, in which words, and the exchange, unless that was forgotten."""

    time: int
    error: str
    attempt: Attempt | None


class Record(Struct, frozen=True):
    """What is stored of a run. `entries` are in their order, under the ids that the run has them by;
    `copied` are those that another run has delivered. `troubles` are by message. `invoked` are the
    starts of the runs that it invoked, by id and creation time.
    """

    entries: tuple[Message, ...]
    copied: frozenset[str] = frozenset()
    events: tuple[RunEvent, ...] = ()
    troubles: Mapping[str, tuple[Trouble, ...]] = {}
    failure_call: Message | None = None
    failure_answer: Attempt | None = None
    invoked: Mapping[tuple[str, int], Message] = {}


class Line(Struct):
    """One step. A parallel one has a plan; a call has the message to the third party and that with its
    answer; `wait` and `invocation` are lines of the run's log. `result` tells that it is done.
    """

    step: Step
    plan: Message | None = None
    call: Message | None = None
    answer: Message | None = None
    wait: RunEvent | None = None
    invocation: RunEvent | None = None
    result: Message | None = None

    @property
    def message(self) -> Message | None:
        """What tells most of it; a step that waits and was not planned has none."""
        return self.result or self.answer or self.call or self.plan


class Group(Struct):
    """Steps that stand side by side, or one alone."""

    lines: list[Line]
    is_parallel: bool = False

    @property
    def is_done(self) -> bool:
        """Whether all have a result."""
        return all(line.result is not None for line in self.lines)


class Timeline(Struct, frozen=True):
    """A run's steps in their order, and the deliveries that are under way or failed beside them."""

    groups: tuple[Group, ...]
    pending: tuple[Message, ...]


def timeline(run: Run, record: Record) -> Timeline:
    """The steps of a run."""
    builder = _Builder()
    for message in record.entries:
        builder.add(message, is_first=not builder.groups)
    for event in record.events:
        builder.tell(event)
    return Timeline(tuple(builder.groups), tuple(_pending(run, record, builder.groups)))


def state_of(run: Run, group: Group, line: Line, now: int) -> StepState:
    """Where a step is. A sleeping one is under way until it wakes."""
    result = line.result
    if result is not None:
        if group.is_parallel and not group.is_done and result.state == State.FAILED:
            return StepState.FAILED
        sleeps = line.plan is None and line.step.type in SLEEPS
        if sleeps and result.state == State.CANCELED and result.not_before > result.created_at:
            return StepState.CANCELED
        is_waiting = result.state == State.CREATED and result.due_at > now
        return StepState.PROGRESS if sleeps and is_waiting else StepState.SUCCESS
    message = line.message
    found = OF_MESSAGE[message.state] if message is not None else StepState.PROGRESS
    if found == StepState.FAILED and message is not line.call:
        return found
    if not is_live(run):
        return StepState.CANCELED
    return found if found == StepState.RETRY else StepState.PROGRESS


def troubles_of(record: Record, group: Group, line: Line) -> tuple[Trouble, ...]:
    """The failed attempts of a step that is not done, or whose result could not be delivered."""
    messages = [line.plan, line.call, line.answer]
    if line.result is not None:
        messages = [line.result] if group.is_parallel and not group.is_done else []
    found = (record.troubles.get(m.id, ()) for m in messages if m is not None)
    return tuple(trouble for troubles in found for trouble in troubles)


class _Builder:
    def __init__(self) -> None:
        self.groups: list[Group] = []
        self._lines: dict[int, Line] = {}
        self._plans_left = 0

    def add(self, message: Message, *, is_first: bool) -> None:
        place = message.spec.place
        assert place is not None, "an entry has its place"
        step = place.step or Step()
        if place.call_type == CallType.STEP_CONFIG:
            return
        if is_first:
            self.groups.append(Group([Line(INIT, result=message)]))
        elif is_plan(step):
            self._plan(step, message)
        else:
            self._go_on(step, place, message)

    def tell(self, event: RunEvent) -> None:
        """A step waits, or invokes another run."""
        if event.state not in (WAITER_ADDED, INVOKED) or event.step is None:
            return
        line = self._line(event.step)
        if event.state == WAITER_ADDED:
            line.wait = event
        else:
            line.invocation = event

    def _plan(self, step: Step, message: Message) -> None:
        if not self._plans_left:
            self.groups.append(Group([], is_parallel=True))
            self._plans_left = max(1, step.concurrent)
        self._plans_left -= 1
        branch = Step(step.target or 0, step.name, step.type, step.concurrent)
        if branch.id not in self._lines:
            line = self._lines[branch.id] = Line(branch, plan=message)
            self.groups[-1].lines.append(line)
        if not self.groups[-1].lines:
            self.groups.pop()

    def _go_on(self, step: Step, place: Place, message: Message) -> None:
        self._plans_left = 0
        line = self._line(step)
        if place.call_type == CallType.TO_CALLBACK:
            line.call = message
        elif place.call_type == CallType.FROM_CALLBACK:
            line.answer = message
        elif line.result is None:
            line.result = message
            if step.name:
                line.step = step

    def _line(self, step: Step) -> Line:
        line = self._lines.get(step.id) if step.id else None
        if line is None:
            line = self._lines[step.id] = Line(step)
            self.groups.append(Group([line]))
        return line


def _pending(run: Run, record: Record, groups: list[Group]) -> Iterable[Message]:
    """What the run goes on with, unless a step that is not done shows it; what failed."""
    if run.state == RunState.SUCCESS:
        return
    unfinished = [group for group in groups if not group.is_done]
    shown = {id_ for group in unfinished for line in group.lines for id_ in _ids(line)}
    own = [
        message
        for message in record.entries
        if message.id not in record.copied and message.id not in shown and _is_to_app(message)
    ]
    failed = [message for message in own if message.state == State.FAILED]
    if failed or unfinished:
        yield from failed
    elif own and own[-1].state != State.DELIVERED:
        yield own[-1]


def _ids(line: Line) -> Iterable[str]:
    return (m.id for m in (line.plan, line.call, line.answer, line.result) if m is not None)


def _is_to_app(message: Message) -> bool:
    place = message.spec.place
    return place is not None and place.call_type != CallType.TO_CALLBACK
