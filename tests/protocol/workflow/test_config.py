"""What the messages of a run take over from its start, and what each says for itself."""

import json

import pytest

from qstash_dev.protocol.delivery import build_request
from qstash_dev.protocol.model import FlowControl, Message
from qstash_dev.protocol.workflow.entries import Submission
from tests.protocol.workflow.play import APP, VERSION, Play, draft, init, of_step, step
from tests.samples import NOW, answer

FLOW = {"flow_control_key": "k", "flow_control_value": "parallelism=1, rate=2, period=3s"}
STARTED = {
    "retries": "5",
    "retry_delay": "1000",
    "timeout": "30s",
    "label": "l1,l2",
    "forward_upstash_label": "l1,l2",
    "forward_authorization": "Bearer user",
    "forward_upstash_signature": "old",
    "forward_upstash_workflow_unknown_sdk": "true",
    "delay": "5s",
    "redact_fields": "body",
    **FLOW,
}


@pytest.fixture
def play() -> Play:
    return Play()


def headers_of(message: Message) -> dict[str, str]:
    """What the app gets, by lower-case names."""
    request = build_request(message, message.spec.url, "key", NOW // 1000, "jti")
    names = [name.lower() for name, _ in request.headers]
    assert len(names) == len(set(names))
    return {name.lower(): value for name, value in request.headers}


def test_a_step_takes_over_what_its_run_was_started_with(play: Play) -> None:
    play.start(**STARTED)
    spec = play.add(step()).spec
    assert (spec.max_retries, spec.retry_delay, spec.timeout_ms) == (5, "1000", 30_000)
    assert spec.flow == FlowControl("k", parallelism=1, rate=2, period_s=3)
    assert (spec.labels, spec.redact) == (("l1", "l2"), ("body",))
    assert dict(spec.headers) == {
        "Content-Type": "application/json",
        "Upstash-Workflow-Sdk-Version": "1",
        "Upstash-Label": "l1,l2",
        "Authorization": "Bearer user",
    }


def test_the_delay_of_the_start_is_not_taken_over(play: Play) -> None:
    play.start(**STARTED)
    assert play.add(step()).due_at == play.now


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ({}, (5, "1000", "k")),
        ({"retries": "0"}, (0, "1000", "k")),
        ({"retries": "3"}, (3, "1000", "k")),
        ({"retry_delay": "2000"}, (5, "2000", "k")),
        ({"flow_control_key": "own", "flow_control_value": "rate=9"}, (5, "1000", "own")),
    ],
)
def test_what_a_step_says_for_itself_wins(
    play: Play, own: dict[str, str], expected: tuple[int, str, str]
) -> None:
    play.start(**STARTED)
    spec = play.add(step(), **own).spec
    assert spec.flow is not None
    assert (spec.max_retries, spec.retry_delay, spec.flow.key) == expected


def test_flow_control_is_never_of_two_sources(play: Play) -> None:
    play.start(**STARTED)
    own = {"flow_control_key": "own", "flow_control_value": "rate=9"}
    assert play.add(step(), **own).spec.flow == FlowControl("own", rate=9)


def test_without_the_feature_a_step_has_only_what_it_says(play: Play) -> None:
    play.start(**{**STARTED, "feature_set": "LazyFetch,InitialBody"})
    spec = play.add(step(), forward_h="v").spec
    assert (spec.max_retries, spec.retry_delay, spec.flow, spec.labels) == (3, None, None, ())
    assert dict(spec.headers) == {
        "Content-Type": "application/json", "Upstash-Workflow-Sdk-Version": "1", "H": "v",
    }  # fmt: skip


def test_a_third_party_gets_nothing_of_the_run(play: Play) -> None:
    play.start(**STARTED)
    call = play.call(forward_upstash_workflow_invoke_count="2")
    assert (call.spec.max_retries, call.spec.flow, call.spec.labels) == (0, None, ())
    headers = headers_of(call)
    assert headers["upstash-workflow-invoke-count"] == "2"
    told = {n for n in headers if n.startswith("upstash-workflow-")}
    assert told == {"upstash-workflow-invoke-count"}
    assert "authorization" not in headers


def test_the_result_of_a_call_takes_over_but_for_the_version(play: Play) -> None:
    play.start(**STARTED)
    call = play.call(timeout="5s", flow_control_key="own", flow_control_value="rate=9")
    change = play.settle(call, answer(200, body=b"{}"))
    spec = change.created[0].spec
    assert (spec.max_retries, spec.labels) == (5, ("l1", "l2"))
    assert spec.flow is not None
    assert spec.flow.key == "k"
    headers = headers_of(play.messages[change.created[0].id])
    assert "upstash-workflow-sdk-version" not in headers
    assert headers["authorization"] == "Bearer user"
    info = {n.removeprefix("upstash-workflow-"): v for n, v in headers.items() if "workflow" in n}
    assert info == {
        "callback": "true", "stepid": "1", "stepname": "get", "steptype": "Call",
        "concurrent": "1", "runid": "wfr_1", "createdat": str(NOW),
    }  # fmt: skip


def test_the_retries_of_a_callback_family_win_over_those_of_the_run(play: Play) -> None:
    play.start(**STARTED)
    call = play.call(callback_retries="1")
    assert play.settle(call, answer()).created[0].spec.max_retries == 1


def test_a_delivery_names_its_run_and_nothing_that_only_we_need(play: Play) -> None:
    play.start(telemetry_sdk="x", forward_h="v")
    made = play.add(step())
    headers = headers_of(made)
    assert headers["upstash-workflow-runid"] == "wfr_1"
    assert headers["upstash-workflow-createdat"] == str(NOW)
    assert headers["upstash-workflow-sdk-version"] == "1"
    assert headers["upstash-message-id"] == made.id
    assert headers["upstash-retried"] == "0"
    assert headers["upstash-max-retries"] == "3"
    assert headers["h"] == "v"
    for name in ("init", "url", "calltype", "trigger-by-sdk", "invoke"):
        assert f"upstash-workflow-{name}" not in headers
    assert not [n for n in headers if "feature" in n or "telemetry" in n]


def test_a_step_without_the_version_is_delivered_with_it(play: Play) -> None:
    play.start()
    headers = {n: v for n, v in of_step().items() if n not in VERSION}
    [accepted] = play.submit(Submission(draft(headers), json.dumps(step()).encode()))
    found = headers_of(play.messages[accepted.message_id])
    assert found["upstash-workflow-sdk-version"] == "1"


def test_headers_of_the_request_that_an_app_got_itself_are_not_sent_on(play: Play) -> None:
    junk = ("host", "connection", "content-length", "transfer-encoding", "accept-encoding")
    forwarded = {f"forward_{name}": "junk" for name in junk}
    first = play.start(**forwarded, forward_user_agent="curl", forward_upstash_message_id="old")
    for made in (first, play.add(step())):
        headers = headers_of(made)
        assert "junk" not in headers.values()
        assert headers["upstash-message-id"] == made.id
        assert headers["user-agent"] == "Upstash-QStash"


def test_the_child_of_a_run_has_its_own_settings(play: Play) -> None:
    play.start(**STARTED)
    body = {
        "workflowRunId": "wfr_1", "workflowUrl": APP, "step": step(stepType="Invoke"),
        "headers": {"Upstash-Workflow-RunId": ["wfr_1"]}, "body": "child payload",
    }  # fmt: skip
    headers = init("wfr_child", workflow_invoke="true", retries="1")
    child_url = "https://app.example/child"
    play.submit(Submission(draft(headers, child_url), json.dumps(body).encode()))
    first = play.messages[play.run("wfr_child").message_id]
    assert (first.spec.max_retries, first.spec.labels, first.spec.flow) == (1, (), None)
    assert "authorization" not in headers_of(first)
    assert first.body == b"child payload"
