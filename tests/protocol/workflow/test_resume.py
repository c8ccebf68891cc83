"""Failed runs that are taken up again: which entries the new run has, and which are delivered."""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.model import CallType, Headers, Message, State
from qstash_dev.protocol.workflow import resume
from qstash_dev.protocol.workflow.entries import Submission
from qstash_dev.protocol.workflow.model import FailureState, Run, RunChange, RunState
from tests.protocol.workflow.play import APP, Play, draft, of_step, step
from tests.samples import HOUR, MINUTE, answer

ERROR = answer(500)


@pytest.fixture
def play() -> Play:
    return Play()


def entries(play: Play, run: Run) -> list[Message]:
    return [play.messages[entry.message_id] for entry in play.entries(run)]


def resumed(play: Play, *headers: tuple[str, str]) -> RunChange:
    """What resuming the failed run `wfr_1` writes; the new run is in the play then."""
    run = play.run()
    assert run.failure is not None
    order = resume.read_order(run, headers, play.moment())
    failed = play.messages[run.failure.message_id]
    latest = play.newest(order.run_id)
    change = resume.resume(run, entries(play, run), failed, order, latest, play.moment())
    play.apply(change)
    return change


def new_run(change: RunChange) -> Run:
    return next(run for run in change.runs if run.state == RunState.STARTED)


def shown(change: RunChange) -> list[tuple[int, str, bool]]:
    """The new run's entries: position, step, whether it is delivered."""
    made = [(m.spec.place, m.body, True) for m in change.created]
    copied = [
        (replace(place_of(c.source), index=c.index), c.source.body, False) for c in change.copies
    ]
    found = [
        (place.index or 0, name(body), delivered)
        for place, body, delivered in (*made, *copied)
        if place is not None
    ]
    return sorted(found)


def place_of(message: Message) -> Any:
    return message.spec.place


def name(body: bytes) -> str:
    document = json.loads(body) if body.startswith(b"{") else {}
    plan = "plan " if document.get("stepId") == 0 else ""
    return plan + document.get("stepName", body.decode() if not document else "callback")


def test_a_run_is_resumed_from_its_last_step(play: Play) -> None:
    play.start(retries="0", forward_h="v", label="l")
    play.add(step(1, "a"))
    play.settle(play.add(step(2, "b")), ERROR)
    old = play.run()
    change = resumed(play)
    run = new_run(change)
    assert shown(change) == [(0, "payload", False), (1, "a", False), (2, "b", True)]
    assert run.id != old.id
    assert (run.size, run.steps, run.url, run.config) == (3, 2, APP, old.config)
    assert (run.failure, run.invoker, run.completed_at) == (None, None, None)
    [again] = change.created
    assert place_of(again).run_id == run.id
    assert dict(again.spec.headers)["H"] == "v"
    assert old.failure is not None
    assert change.revived == (old.failure.dlq_id,)
    assert play.run().successor == run.id
    assert play.run().state == RunState.FAILED


def test_other_settings_hold_for_what_is_delivered_and_for_all_that_follows(play: Play) -> None:
    play.settle(play.start(retries="0"), ERROR)
    headers: Headers = (
        ("Upstash-Retries", "2"),
        ("Upstash-Label", "m"),
        ("Upstash-Delay", "1m"),
        ("Upstash-Method", "PUT"),
        ("Upstash-Workflow-RunId", "wfr_own"),
    )
    change = resumed(play, *headers)
    run, [again] = new_run(change), change.created
    assert run.id == "wfr_own"
    assert (run.config.max_retries, run.config.labels, run.config.method) == (2, ("m",), "POST")
    assert (again.spec.max_retries, again.spec.labels, again.spec.method) == (2, ("m",), "POST")
    assert again.due_at == play.now + MINUTE


def test_the_same_step_twice_is_resumed_once(play: Play) -> None:
    play.start(retries="0")
    first = play.add(step(1, "a"))
    play.add(step(1, "a"))
    play.settle(first, ERROR)
    assert shown(resumed(play)) == [(0, "payload", False), (1, "a", True)]


def group(play: Play) -> list[Message]:
    """Three planned branches, the second one sleeps for an hour."""
    made = []
    for n, (step_name, delay) in enumerate((("a", "0s"), ("b", "1h"), ("c", "0s")), 1):
        document = step(0, step_name, targetStep=n, concurrent=3)
        made.append(play.add(document, delay=delay))
    return made


def test_of_a_parallel_group_the_branches_without_a_result_are_delivered(play: Play) -> None:
    play.start(retries="0")
    _, _, failing = group(play)
    play.add(step(1, "a", concurrent=3))
    play.settle(failing, ERROR)
    change = resumed(play)
    assert shown(change) == [
        (0, "payload", False), (1, "plan a", False), (2, "plan b", True), (3, "plan c", True),
        (4, "a", False),
    ]  # fmt: skip
    due = {name(m.body): m.due_at - play.now for m in change.created}
    assert due == {"plan b": HOUR, "plan c": 0}


def test_after_a_parallel_group_the_last_entry_is_delivered(play: Play) -> None:
    play.start(retries="0")
    group(play)
    for n in (1, 3, 2):
        last = play.add(step(n, f"r{n}", concurrent=3))
    play.settle(last, ERROR)
    assert shown(resumed(play))[-1] == (6, "r2", True)


def test_the_result_of_a_call_that_could_not_be_told_is_told_again(play: Play) -> None:
    play.start(callback_retries="0")
    call = play.call(callback_retries="0")
    [result] = play.settle(call, answer(200, body=b"party")).created
    play.settle(result, ERROR)
    change = resumed(play)
    run, [again] = new_run(change), change.created
    assert shown(change) == [(0, "payload", False), (1, "callback", True)]
    assert place_of(again).call_type == CallType.FROM_CALLBACK
    told = json.loads(again.body)
    assert (told["workflowRunId"], told["workflowCreatedAt"]) == (run.id, run.created_at)
    assert told["body"] == json.loads(result.body)["body"]


def test_calls_and_configurations_are_no_steps_of_a_resumed_run(play: Play) -> None:
    play.start(retries="0")
    play.call()
    config = of_step(workflow_calltype="stepConfig")
    play.submit(Submission(draft(config), b'{"targetStep":1}'))
    play.settle(play.add(step(1, "a")), ERROR)
    assert shown(resumed(play)) == [(0, "payload", False), (1, "a", True)]


def test_an_id_that_is_live_is_refused(play: Play) -> None:
    play.settle(play.start(retries="0"), ERROR)
    play.start("wfr_own")
    with pytest.raises(QStashError, match="workflow run wfr_own is live already"):
        resumed(play, ("Upstash-Workflow-RunId", "wfr_own"))


def test_a_run_is_restarted_with_its_payload_and_its_settings(play: Play) -> None:
    first = play.start(retries="0", forward_h="v")
    play.settle(play.add(step(1, "a")), ERROR)
    run = play.run()
    order = resume.read_order(run, (), play.moment())
    change = resume.restart(run, first, order, None, play.moment())
    assert shown(change) == [(0, "payload", True)]
    assert new_run(change).config == run.config
    assert dict(change.created[0].spec.headers)["H"] == "v"


def test_the_failure_function_is_called_again_only_after_it_failed(play: Play) -> None:
    first = play.start(retries="0", failure_callback=APP, failure_callback_retries="0")
    [call] = play.settle(first, ERROR).created
    with pytest.raises(QStashError, match="has not failed"):
        resume.call_again(play.run(), call, play.moment())
    play.settle(call, ERROR)
    change = resume.call_again(play.run(), call, play.moment())
    play.apply(change)
    [again] = change.created
    assert (again.body, again.spec) == (call.body, call.spec)
    assert again.id != call.id
    failure = play.run().failure
    assert failure is not None
    assert (failure.state, failure.callback_id) == (FailureState.INPROGRESS, again.id)
    play.settle(again, answer())
    assert play.state(again) == State.DELIVERED
    failure = play.run().failure
    assert failure is not None
    assert failure.state == FailureState.SUCCESS


def test_without_a_failure_callback_there_is_nothing_to_call_again(play: Play) -> None:
    first = play.start(retries="0")
    play.settle(first, ERROR)
    with pytest.raises(QStashError, match="has no failure callback"):
        resume.call_again(play.run(), first, play.moment())
