"""Runs that start runs and wait for their end."""

import json
from typing import Any

import pytest

from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.model import Message, State
from qstash_dev.protocol.workflow.entries import OVER, Accepted, Submission
from qstash_dev.protocol.workflow.model import RunState
from tests.protocol.workflow.play import APP, Play, draft, init, of_step, step
from tests.samples import answer

CHILD = "https://app.example/child"
LIST = {name: [value] for name, value in of_step().items()}


@pytest.fixture
def play() -> Play:
    return Play()


def invoke(play: Play, child: str = "wfr_2", **changes: Any) -> Accepted:
    """The run `wfr_1` invokes another one."""
    document = {
        "body": "child payload",
        "headers": {**LIST, "Authorization": ["Bearer secret"]},
        "workflowRunId": "wfr_1",
        "workflowRunCreatedAt": play.run().created_at,
        "workflowUrl": APP,
        "step": {"stepId": 2, "stepName": "inv", "stepType": "Invoke", "concurrent": 1},
    }
    headers = init(child, workflow_invoke="true", retries="0")
    body = json.dumps({k: v for k, v in (document | changes).items() if v is not None})
    [accepted] = play.submit(Submission(draft(headers, CHILD), body.encode()))
    return accepted


def result(play: Play) -> tuple[Message, Any]:
    """The last entry of the parent, and what its invoking step got."""
    entry = play.entries(play.run())[-1]
    document = json.loads(entry.body)
    assert (document["stepId"], document["stepType"]) == (2, "Invoke")
    return play.messages[entry.message_id], json.loads(document["out"])


def test_a_child_has_the_payload_and_its_parent_gets_no_entry_yet(play: Play) -> None:
    play.start()
    accepted = invoke(play)
    assert play.messages[accepted.message_id].body == b"child payload"
    assert accepted.url == CHILD
    assert (play.run().size, play.run("wfr_2").size) == (1, 1)
    assert [e.state for e in play.log] == ["RUN_STARTED", "RUN_STARTED", "INVOKED"]


def test_a_child_without_a_payload_has_an_empty_one(play: Play) -> None:
    play.start()
    accepted = invoke(play, body=None)
    assert play.messages[accepted.message_id].body == b""


@pytest.mark.parametrize(
    ("how", "out"),
    [
        ("finish", {"body": '{"a": 1}', "isFailed": False, "isCanceled": False}),
        ("finish empty", {"isFailed": False, "isCanceled": False}),
        ("cancel", {"isFailed": False, "isCanceled": True}),
        ("fail", {"isFailed": True, "isCanceled": False}),
    ],
)
def test_the_end_of_a_child_goes_on_with_its_parent(
    play: Play, how: str, out: dict[str, Any]
) -> None:
    play.start(forward_h="v")
    accepted = invoke(play)
    if how == "cancel":
        play.cancel("wfr_2")
    elif how == "fail":
        play.settle(play.messages[accepted.message_id], answer(500))
    else:
        play.finish("wfr_2", b"" if how == "finish empty" else b'{"a": 1}')
    message, told = result(play)
    assert told == {**out, "workflowRunId": "wfr_2"}
    assert message.state == State.CREATED
    assert message.spec.url == APP
    headers = dict(message.spec.headers)
    assert headers["H"] == "v"
    assert "Authorization" not in headers


def test_a_parent_that_failed_meanwhile_only_records_the_result(play: Play) -> None:
    first = play.start(retries="0")
    invoke(play)
    play.settle(first, answer(500))
    assert play.run().state == RunState.FAILED
    play.finish("wfr_2", b"1")
    message, told = result(play)
    assert told["body"] == "1"
    assert message.state == State.CANCELED
    assert not message.cancel_requested


@pytest.mark.parametrize("how", ["finish", "cancel"])
def test_a_parent_that_ended_otherwise_does_not_care(play: Play, how: str) -> None:
    play.start()
    invoke(play)
    getattr(play, how)()
    assert play.run("wfr_2").state == RunState.STARTED
    play.finish("wfr_2", b"1")
    assert play.run().size == 1


def test_a_newer_generation_of_the_parent_does_not_get_the_result(play: Play) -> None:
    play.start()
    invoke(play)
    play.finish()
    play.now += 5
    play.start()
    play.finish("wfr_2", b"1")
    assert play.run().size == 1


def test_a_parent_that_is_full_does_not_keep_its_child_from_ending(play: Play) -> None:
    play.start()
    invoke(play)
    play.limits = type(play.limits)(None, None, None, max_run_bytes=1)
    play.finish("wfr_2", b"1")
    assert play.run("wfr_2").state == RunState.SUCCESS
    assert "quota maxState" in play.run().notices[0]


def test_a_parent_that_is_over_invokes_nothing(play: Play) -> None:
    play.start()
    play.finish()
    with pytest.raises(QStashError) as refused:
        invoke(play)
    assert (refused.value.status, refused.value.message) == (400, OVER)
    assert play.newest("wfr_2") is None


def test_a_child_that_runs_already_is_not_started_and_the_parent_is_warned(play: Play) -> None:
    play.start()
    play.start("wfr_2")
    assert invoke(play).deduplicated
    assert play.run("wfr_2").invoker is None
    assert "its result will not come to this run" in play.run().notices[0]


def test_nested_children_end_from_the_inside_out(play: Play) -> None:
    play.start()
    invoke(play)
    inner = {
        "headers": {name: [value] for name, value in of_step("wfr_2").items()},
        "workflowRunId": "wfr_2", "workflowUrl": CHILD, "step": step(1, stepType="Invoke"),
    }  # fmt: skip
    headers = init("wfr_3", workflow_invoke="true", forward_upstash_workflow_invoke_count="2")
    play.submit(Submission(draft(headers, CHILD), json.dumps(inner).encode()))
    play.finish("wfr_3", b"3")
    assert play.run("wfr_2").size == 2
    play.finish("wfr_2", b"2")
    assert result(play)[1]["body"] == "2"


@pytest.mark.parametrize(
    "changes",
    [
        {"workflowRunId": 1},
        {"workflowUrl": "x"},
        {"step": []},
        {"headers": {}},
        {"headers": {**LIST, "upstash-workflow-runid": ["wfr_9"]}},
        {"headers": {**LIST, "upstash-workflow-init": ["true"]}},
        {"body": {}},
    ],
)
def test_an_invocation_that_cannot_be_understood_is_refused(
    play: Play, changes: dict[str, Any]
) -> None:
    play.start()
    with pytest.raises(QStashError) as refused:
        invoke(play, **changes)
    assert refused.value.status == 400
    assert play.newest("wfr_2") is None
