"""What the outcome of a delivery means for a run: calls, failures, non-workflows, ends."""

import json
from base64 import b64decode
from typing import Any

import pytest
from msgspec.structs import replace

from qstash_dev.protocol.model import CallType, Message, Outcome, Reason, State
from qstash_dev.protocol.workflow.model import FailureState, RunState
from qstash_dev.protocol.workflow.settle import NOT_A_WORKFLOW, OLD_SDK, cancel
from tests.protocol.workflow.play import APP, GOOD, Play, step
from tests.samples import SECOND, answer, no_answer

FAILURE = {
    "failure_callback": "https://app.example/failed",
    "failure_callback_forward_upstash_workflow_is_failure": "true",
    "failure_callback_forward_upstash_workflow_failure_callback": "true",
    "failure_callback_forward_h": "v",
    "failure_callback_workflow_runid": "wfr_1",
    "failure_callback_workflow_calltype": "failureCall",
    "failure_callback_retries": "1",
}
ERROR = answer(500, (("content-type", "application/json"),), b'{"error":"Error","message":"no"}')
VERSIONED = (("Upstash-Workflow-Sdk-Version", "1"),)


@pytest.fixture
def play() -> Play:
    return Play()


def callback_of(play: Play, call: Message, outcome: Outcome) -> dict[str, Any]:
    """The one callback of a call, whose attempts all end like this."""
    created = play.settle(call, outcome).created
    while play.state(call) == State.RETRY:
        assert created == ()
        created = play.settle(call, outcome).created
    [result] = created
    place = result.spec.place
    assert place is not None
    assert (place.call_type, result.spec.url) == (CallType.FROM_CALLBACK, APP)
    found: dict[str, Any] = json.loads(result.body)
    return found


# context.call


@pytest.mark.parametrize(
    ("outcome", "status", "body"),
    [
        (answer(200, body=b"hi"), 200, b"hi"),
        (answer(204), 204, b""),
        (answer(200, body=b"\xff\x00"), 200, b"\xff\x00"),
        (answer(401, body=b"no"), 401, b"no"),
        (answer(500), 500, b""),
        (no_answer(), -1, b""),
        (no_answer(Reason.TIMEOUT, "no answer within 5 s"), -1, b""),
    ],
)
@pytest.mark.parametrize("retries", [0, 2])
def test_a_call_gives_one_result_after_its_last_attempt(
    play: Play, outcome: Outcome, status: int, body: bytes, retries: int
) -> None:
    play.start()
    call = play.call(retries=str(retries))
    told = callback_of(play, call, outcome)
    assert (told["status"], b64decode(told["body"])) == (status, body)
    assert isinstance(told["header"], dict)
    if not 200 <= status < 300:
        assert told.get("retried", 0) == told["maxRetries"] == retries
    assert told["sourceMessageId"] == call.id
    assert play.run().state == RunState.STARTED
    assert play.dead == []


def test_a_call_that_is_final_before_its_last_retry_tells_its_limit_as_reached(play: Play) -> None:
    play.start()
    call = play.call(retries="3")
    final = answer(489, (("Upstash-NonRetryable-Error", "true"),))
    told = callback_of(play, call, final)
    assert (told["status"], told["maxRetries"], told.get("retried", 0)) == (489, 0, 0)


def test_headers_of_a_third_party_are_told_in_canonical_spelling(play: Play) -> None:
    play.start()
    headers = (("content-length", "2"), ("x-a", "1"), ("X-A", "2"))
    told = callback_of(play, play.call(), answer(200, headers, b"{}"))
    assert told["header"] == {"Content-Length": ["2"], "X-A": ["1", "2"]}


@pytest.mark.parametrize("how", ["finish", "cancel"])
def test_a_run_that_ended_during_a_call_gets_no_result(play: Play, how: str) -> None:
    play.start()
    call = play.call()
    play.begin(call)
    getattr(play, how)()
    assert play.settle(call, answer()).created == ()
    assert play.state(call) == State.DELIVERED


def test_a_call_that_is_cancelled_alone_gives_its_run_no_answer(play: Play) -> None:
    play.start()
    call = play.call()
    change = cancel(play.messages[call.id], play.run(), play.moment())
    [result] = change.created
    assert json.loads(result.body)["status"] == -1
    assert change.changed[0].state == State.CANCELED


def test_a_result_of_a_call_that_fails_for_good_fails_the_run(play: Play) -> None:
    play.start(**FAILURE)
    [result] = play.settle(play.call(callback_retries="0"), answer()).created
    play.settle(result, ERROR)
    assert play.run().state == RunState.FAILED
    assert play.dead == [result.id]


# Failures


def test_a_step_that_fails_for_good_fails_its_run_and_calls_the_failure_function_once(
    play: Play,
) -> None:
    play.start(**FAILURE, retries="1")
    failing, other = play.add(step(1)), play.add(step(2), delay="1h")
    assert play.settle(failing, ERROR).created == ()
    [call] = play.settle(failing, ERROR).created
    run = play.run()
    assert run.state == RunState.FAILED
    assert run.completed_at == play.now
    assert play.dead == [failing.id]
    assert [play.state(m) for m in (failing, other)] == [State.FAILED, State.CANCELED]
    assert run.failure is not None
    assert (run.failure.state, run.failure.callback_id) == (FailureState.INPROGRESS, call.id)
    assert call.spec.url == "https://app.example/failed"
    assert call.spec.max_retries == 1
    assert dict(call.spec.headers) == {
        "Content-Type": "application/json", "Upstash-Workflow-Is-Failure": "true",
        "Upstash-Workflow-Failure-Callback": "true", "H": "v",
    }  # fmt: skip


def test_the_failure_function_is_told_all_that_sdks_read(play: Play) -> None:
    first = play.start(**FAILURE, retries="0")
    [call] = play.settle(first, ERROR).created
    run, told = play.run(), json.loads(call.body)
    assert run.failure is not None
    assert (told["status"], b64decode(told["body"])) == (500, ERROR.body)
    assert told["header"] == {"Content-Type": ["application/json"]}
    assert told["url"] == APP
    assert b64decode(told["sourceBody"]) == b"payload of wfr_1"
    assert told["sourceHeader"]["Content-Type"] == ["application/json"]
    assert (told["sourceMessageId"], told["dlqId"]) == (first.id, run.failure.dlq_id)
    assert (told["workflowRunId"], told["workflowCreatedAt"]) == ("wfr_1", run.created_at)
    assert told["maxRetries"] == 0


def test_a_failure_family_without_a_url_is_none(play: Play) -> None:
    family = {n: v for n, v in FAILURE.items() if n != "failure_callback"}
    first = play.start(**family, retries="0")
    assert play.settle(first, ERROR).created == ()
    assert play.run().state == RunState.FAILED


def test_a_step_of_an_old_sdk_brings_its_own_failure_family(play: Play) -> None:
    play.start(feature_set="")
    failing = play.add(step(), **FAILURE, retries="0")
    [call] = play.settle(failing, ERROR).created
    assert call.spec.url == "https://app.example/failed"


@pytest.mark.parametrize(
    ("outcome", "waits"),
    [
        (answer(489, (("Upstash-NonRetryable-Error", "true"),)), None),
        (answer(429, (("Retry-After", "1s"),)), SECOND),
        (answer(429, (("Retry-After", "10"),)), 10 * SECOND),
        (answer(400, VERSIONED, b'{"message":"Failed to authenticate"}'), 12 * SECOND),
    ],
)
def test_an_app_says_whether_and_when_to_try_again(
    play: Play, outcome: Outcome, waits: int | None
) -> None:
    first = play.start()
    play.settle(first, outcome)
    if waits is None:
        assert play.run().state == RunState.FAILED
    else:
        assert play.run().state == RunState.STARTED
        assert play.messages[first.id].due_at - play.now >= min(waits, 10 * SECOND)


NOT_FOUND = answer(200, (("Upstash-Workflow-Failure-Callback-Notfound", "true"),))


@pytest.mark.parametrize(
    ("outcomes", "state", "not_found"),
    [
        ([answer(200)], FailureState.SUCCESS, False),
        ([NOT_FOUND], FailureState.SUCCESS, True),
        ([ERROR, answer(200)], FailureState.SUCCESS, False),
        ([ERROR], FailureState.INPROGRESS, False),
        ([ERROR, ERROR], FailureState.FAIL, False),
    ],
)
def test_the_run_knows_how_its_failure_function_went(
    play: Play, outcomes: list[Outcome], state: FailureState, not_found: bool
) -> None:
    first = play.start(**FAILURE, retries="0")
    [call] = play.settle(first, ERROR).created
    for outcome in outcomes:
        play.settle(call, outcome)
    failure = play.run().failure
    assert failure is not None
    assert (failure.state, failure.not_found) == (state, not_found)
    assert play.dead == [first.id]


# Non-workflows


@pytest.mark.parametrize(
    ("outcome", "error"),
    [
        (GOOD, None),
        (answer(200, VERSIONED), None),
        (answer(200, body=b"hello"), NOT_A_WORKFLOW),
        (answer(204), NOT_A_WORKFLOW),
    ],
)
def test_a_start_that_reaches_no_workflow_fails_at_once(
    play: Play, outcome: Outcome, error: str | None
) -> None:
    first = play.start(**FAILURE)
    change = play.settle(first, outcome)
    run = play.run()
    if error is None:
        assert run.state == RunState.STARTED
        return
    assert run.state == RunState.FAILED
    assert play.dead == [first.id]
    assert [e.error for e in change.events if e.message_id == first.id and e.error] == [error] * 2
    assert len(change.created) == 1


def test_a_trigger_needs_an_sdk_that_names_itself(play: Play) -> None:
    first = play.start()
    run = play.run()
    play.runs[run.user, run.id, run.created_at] = replace(run, triggered=True)
    change = play.settle(first, answer(200, VERSIONED))
    assert next(e.error for e in change.events if e.error) == OLD_SDK


def test_an_ordinary_failure_of_no_workflow_is_tried_again(play: Play) -> None:
    first = play.start()
    play.settle(first, answer(404))
    assert play.state(first) == State.RETRY


def test_only_starts_are_looked_at(play: Play) -> None:
    play.start()
    for made in (play.add(step()), play.call()):
        play.settle(made, answer(200))
    assert play.run().state == RunState.STARTED


def test_without_the_feature_nothing_is_looked_at(play: Play) -> None:
    first = play.start(feature_set="LazyFetch,InitialBody")
    play.settle(first, answer(200))
    assert play.run().state == RunState.STARTED


# Ends


def test_a_finished_run_keeps_its_result_and_drops_what_waits(play: Play) -> None:
    first, later = play.start(), play.add(step(), delay="1h")
    play.settle(first)
    play.finish(result=b'{"a": 1}')
    run = play.run()
    assert (run.state, run.result) == (RunState.SUCCESS, b'{"a": 1}')
    assert play.state(later) == State.CANCELED
    assert not play.messages[later.id].cancel_requested
    assert [e.state for e in play.log] == ["RUN_STARTED", "RUN_SUCCESS"]


def test_a_run_without_a_result_has_none(play: Play) -> None:
    play.start()
    play.finish(result=b"")
    assert play.run().result is None


@pytest.mark.parametrize("outcome", [GOOD, ERROR, no_answer()])
def test_what_was_under_way_at_the_end_ends_by_itself(play: Play, outcome: Outcome) -> None:
    last = play.start(**FAILURE)
    play.begin(last)
    play.finish()
    change = play.settle(last, outcome)
    assert change.created == ()
    assert play.dead == []
    assert play.state(last) == (State.DELIVERED if outcome is GOOD else State.CANCELED)
    assert play.run().state == RunState.SUCCESS
