"""What an attempt's outcome means for a message of a run, and for the run itself.

What every message does is `protocol.settle`'s; here is what differs: the call of a third party tells
its run how it ended, and a step that fails for good fails the run.
"""

from typing import Protocol

from msgspec.structs import replace

from qstash_dev.protocol import settle as plain
from qstash_dev.protocol.callback import Result, callback_message
from qstash_dev.protocol.headers import names_of
from qstash_dev.protocol.model import (
    FINISHED,
    Attempt,
    Callback,
    CallType,
    Change,
    Kind,
    Message,
    Outcome,
    Place,
    Response,
    State,
)
from qstash_dev.protocol.publish.readers import DEFAULT_RETRIES
from qstash_dev.protocol.workflow.config import draft_of
from qstash_dev.protocol.workflow.context_call import call_result
from qstash_dev.protocol.workflow.ends import end
from qstash_dev.protocol.workflow.entries import Moment, append
from qstash_dev.protocol.workflow.headers import DETECT_TRIGGER
from qstash_dev.protocol.workflow.model import (
    Failure,
    FailureState,
    Run,
    RunChange,
    RunState,
    is_live,
    joined,
)

NOT_A_WORKFLOW = (
    "detected a non-workflow destination for trigger/invoke. "
    "make sure you are sending the request to the correct endpoint"
)
OLD_SDK = "trigger rest api is only usable with sdk versions after v1.0.0 major version"
"""QStash's own words for both (workflow-js CI routes)."""


class Around(Protocol):
    """What is looked up only when a run ends or a call is over."""

    def waiting(self, run: Run) -> list[Message]:
        """The run's messages that are neither finished nor under way."""

    def parent(self, run: Run) -> Run | None:
        """The run that invoked it, as it is now."""

    def source_body(self, run: Run, message: Message) -> bytes:
        """What a failure function is told of the failed message: its run's payload or its entries."""


def settle(
    message: Message,
    attempt: Attempt,
    run: Run | None,
    around: Around,
    moment: Moment,
    retry_interval_ms: int | None = None,
) -> Change:
    """What follows from an attempt of a run's message; `run` is `None` when it was forgotten."""
    place = message.spec.place
    assert place is not None, "only messages of runs are settled here"
    is_current = run is not None and _is_current(run, place)
    stopping = message
    if place.call_type != CallType.FAILURE_CALL and not is_current:
        stopping = replace(message, cancel_requested=True)  # no more tries: its run is over
    change = _plainly(stopping, attempt, moment, retry_interval_ms)
    (after,) = change.changed
    change = replace(change, changed=(replace(after, cancel_requested=message.cancel_requested),))
    if run is None:
        return change
    if place.call_type == CallType.FAILURE_CALL:
        return _failure_called(run, message, after.state, attempt.outcome, change)
    if place.call_type == CallType.TO_CALLBACK:
        return _called(run, message, after.state, attempt.outcome, change, moment, is_current)
    if not is_current:
        return change
    error = _trigger_error(run, place, attempt.outcome)
    if error is not None:
        change = plain.fail(
            message, replace(attempt, hint=attempt.hint or error), moment.now, error
        )
    if change.dead:
        return _failed(run, message, attempt, change, around, moment)
    return change


def cancel(message: Message, run: Run | None, moment: Moment) -> Change:
    """One message of a run is cancelled alone. A run whose call waits goes on with "no answer" (ours:
    else it would wait for ever).
    """
    change = plain.cancel(message, moment.now)
    place, state = message.spec.place, change.changed[0].state
    if run is None or place is None or state != State.CANCELED:
        return change
    if place.call_type == CallType.FAILURE_CALL:
        return _failure_called(run, message, state, None, change)
    if place.call_type == CallType.TO_CALLBACK and _is_current(run, place):
        return joined(moment.now, (change, _result_entry(run, message, None, moment)))
    return change


def failure_call(
    run: Run,
    message: Message,
    callback: Callback,
    outcome: Outcome,
    dlq_id: str,
    source_body: bytes,
    moment: Moment,
) -> Message:
    """The call of the failure function for a message that failed."""
    callback = replace(
        callback, retries=DEFAULT_RETRIES if callback.retries is None else callback.retries
    )
    source = replace(message, body=source_body)
    result = Result(outcome, dlq_id)
    new_id = moment.new_id("msg_")
    made = callback_message(source, callback, Kind.FAILURE_CALLBACK, result, moment.now, new_id)
    place = Place(run.id, run.created_at, CallType.FAILURE_CALL)
    return replace(made, spec=replace(made.spec, place=place))


def _is_current(run: Run, place: Place) -> bool:
    """Whether the run still depends on this message: it lives and was not started anew since."""
    index = place.index
    return is_live(run) and place.created_at == run.created_at and (index or 0) >= run.first


def _plainly(
    message: Message, attempt: Attempt, moment: Moment, retry_interval_ms: int | None
) -> Change:
    """As an ordinary message without callbacks: those of a run have rules of their own."""
    bare = replace(message, spec=replace(message.spec, callback=None, failure_callback=None))
    change = plain.settle(
        bare, attempt, moment.now, lambda: moment.new_id("msg_"), retry_interval_ms
    )
    return replace(change, changed=tuple(replace(m, spec=message.spec) for m in change.changed))


def _called(
    run: Run,
    message: Message,
    state: State,
    outcome: Outcome,
    change: Change,
    moment: Moment,
    is_current: bool,
) -> Change:
    """A call gives one result, after its last attempt and whatever that was; it never fails the run."""
    change = replace(change, dead=())
    if state not in FINISHED or not is_current:
        return change
    told = None if state == State.CANCELED else outcome
    return joined(moment.now, (change, _result_entry(run, message, told, moment)))


def _result_entry(run: Run, message: Message, outcome: Outcome | None, moment: Moment) -> RunChange:
    callback, place = message.spec.callback, message.spec.place
    assert callback is not None, "a call is accepted with a callback only"
    assert place is not None, "a call is a message of a run"
    return append(
        run,
        draft_of(callback, place),
        call_result(message, outcome),
        moment,
        kind=Kind.CALLBACK,
        parent_id=message.id,
    )


def _failed(
    run: Run, message: Message, attempt: Attempt, change: Change, around: Around, moment: Moment
) -> RunChange:
    dlq_id = change.dead[0].id
    callback = message.spec.failure_callback or run.config.failure_callback
    failure = Failure(message.id, dlq_id)
    calls: tuple[Message, ...] = ()
    if callback is not None:
        body = around.source_body(run, message)
        call = failure_call(run, message, callback, attempt.outcome, dlq_id, body, moment)
        failure = replace(failure, state=FailureState.INPROGRESS, callback_id=call.id)
        calls = (call,)
    failed = replace(run, failure=failure)
    ended = end(failed, RunState.FAILED, around.waiting(run), around.parent(run), moment)
    called = Change(
        moment.now, calls, events=tuple(plain.created_event(call, moment.now) for call in calls)
    )
    return joined(moment.now, (change, called, ended))


def _failure_called(
    run: Run, message: Message, state: State, outcome: Outcome | None, change: Change
) -> Change:
    """The run's failure keeps how its function went; a failing one makes no dead letter."""
    change = replace(change, dead=())
    failure = run.failure
    if failure is None or failure.callback_id != message.id or state not in FINISHED:
        return change
    states = {
        State.DELIVERED: FailureState.SUCCESS,
        State.FAILED: FailureState.FAIL,
        State.CANCELED: FailureState.CANCELED,
    }
    not_found = isinstance(outcome, Response) and (
        "upstash-workflow-failure-callback-notfound" in names_of(outcome.headers)
    )
    told = replace(run, failure=replace(failure, state=states[state], not_found=not_found))
    return joined(change.at, (change, RunChange(change.at, runs=(told,))))


def _trigger_error(run: Run, place: Place, outcome: Outcome) -> str | None:
    """Why a start that was answered well did not reach a workflow after all (`WF_DetectTrigger`)."""
    if place.index != run.first or DETECT_TRIGGER not in run.features:
        return None
    if not isinstance(outcome, Response) or not 200 <= outcome.status < 300:
        return None
    names = names_of(outcome.headers)
    if "upstash-workflow-sdk-version" not in names:
        return NOT_A_WORKFLOW
    if run.triggered and "upstash-workflow-sdk" not in names:
        return OLD_SDK
    return None
