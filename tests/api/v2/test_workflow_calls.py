"""Nonsense to every call of workflows: a 4xx with a sentence, never a 500; live runs stay."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

URL = "http://127.0.0.1:1/wf"
RUN = {
    "Upstash-Workflow-RunId": "wfr_live",
    "Upstash-Workflow-Url": URL,
    "Upstash-Workflow-Sdk-Version": "1",
}
STEP: dict[str, Any] = {
    "stepId": 1,
    "stepName": "a",
    "stepType": "Run",
    "concurrent": 1,
    "out": "1",
}
ODD: tuple[Any, ...] = (
    None, True, -1, 0, 1.5, 10**30, "", "x", "\ud800", "\x00", [], [1], {}, {"a": None}, "9" * 5_000,
)  # fmt: skip


@pytest.fixture
async def live(start_wire):
    """A live run that waits for its first delivery; what is accepted waits for the app, too."""
    wire = await start_wire(hold=True)
    await wire.ok("POST", f"/v2/trigger/{URL}", headers={**RUN, "Upstash-Delay": "1d"})
    return wire


async def still_there(wire) -> None:
    found = await wire.ok("GET", "/v2/workflows/logs?workflowRunId=wfr_live")
    assert found["runs"][0]["workflowState"] == "RUN_STARTED"


def broken(document: dict[str, Any]) -> list[bytes]:
    """The document with one field after the other replaced by what nobody expects, or missing."""
    bodies = [b"", b"{", b"null", b"1", b"[]", b"\xff\xfe", b'"text"', b"[" * 5_000]
    for name in document:
        bodies.append(json.dumps({k: v for k, v in document.items() if k != name}).encode())
        bodies += [json.dumps({**document, name: value}).encode() for value in ODD]
    return bodies


WAIT = {
    "url": URL, "timeout": "1d", "timeoutUrl": URL, "timeoutBody": "x",
    "timeoutHeaders": {"Upstash-Workflow-RunId": ["wfr_live"]},
    "step": {"stepId": 1, "stepName": "w", "stepType": "Wait", "concurrent": 1},
}  # fmt: skip
INVOKE = {
    "workflowRunId": "wfr_live", "workflowUrl": URL, "workflowRunCreatedAt": 1, "body": "x",
    "headers": {"Upstash-Workflow-RunId": ["wfr_live"]}, "step": STEP,
}  # fmt: skip


@pytest.mark.parametrize(
    ("path", "document", "headers"),
    [
        (f"/v2/publish/{URL}", STEP, RUN),
        ("/v2/wait/event", WAIT, RUN),
        (
            f"/v2/publish/{URL}2",
            INVOKE,
            {**RUN, "Upstash-Workflow-RunId": "wfr_c", "Upstash-Workflow-Init": "true",
             "Upstash-Workflow-Invoke": "true"},
        ),
        ("/v2/notify/event", {"a": 1}, {}),
        ("/v2/notify/wfr_live/event", {"a": 1}, {}),
        ("/v2/workflows/hooks/defaultUser/wfr_live/event", {"a": 1}, {}),
        ("/v2/batch/trigger", {"destination": URL, "headers": {}, "body": "x"}, {}),
    ],
)  # fmt: skip
async def test_a_broken_body_is_refused_or_kept_as_it_is(live, path, document, headers) -> None:
    for body in broken(document):
        data = b"[" + body + b"]" if path.startswith("/v2/batch") else body
        answer = await live.ask("POST", path, data, headers=headers)
        assert answer.status < 500, (body[:200], answer.body)
        assert answer.status < 400 or answer.error
    await still_there(live)


@pytest.mark.parametrize(
    "header",
    [
        "Workflow-Init", "Workflow-RunId", "Workflow-Url", "Workflow-CallType", "Feature-Set",
        "Workflow-Invoke", "Workflow-Trigger-By-Sdk", "Workflow-CreatedAt", "Workflow-Sdk-Version",
        "Forward-Upstash-Workflow-Invoke-Count", "Callback-Workflow-RunId", "Callback",
        "Failure-Callback", "Callback-Workflow-CallType", "Redact-Fields", "Label", "Cron",
        "Flow-Control-Key", "Flow-Control-Value", "Delay", "Not-Before", "Retries", "Retry-Delay",
    ],
)  # fmt: skip
async def test_headers_that_contradict_each_other_are_refused(live, header) -> None:
    values = (
        "true", "false", "maybe", "toCallback", "fromCallback", "failureCall", "stepConfig", "-1",
        "999", "wfr_other", "wfr_live,wfr_live",
        "x" * 5_000, "é", "group", "[", "", "http://", "* * * * *",
    )  # fmt: skip
    for value in values:
        given = {**RUN, "Upstash-Workflow-Init": "false", f"Upstash-{header}": value}
        for path in (
            f"/v2/publish/{URL}",
            f"/v2/trigger/{URL}",
            "/v2/wait/e",
            f"/v2/enqueue/q/{URL}",
        ):
            body = json.dumps(WAIT if "wait" in path else STEP).encode()
            answer = await live.ask("POST", path, body, headers=given)
            assert answer.status < 500, (path, header, value, answer.body)
    await still_there(live)


@pytest.mark.parametrize(
    "path",
    [
        "/v2/workflows/logs", "/v2/workflows/events", "/v2/workflows/messageLogs",
        "/v2/workflows/dlq", "/_dev/workflows", "/v2/workflows/events?groupBy=workflowRunId",
    ],
)  # fmt: skip
async def test_filters_that_mean_nothing_are_refused(live, path) -> None:
    names = (
        "workflowRunId", "workflowUrl", "workflowCreatedAt", "workflowRuns", "state", "label",
        "messageId", "flowControlKey", "callerIp", "fromDate", "toDate", "count", "cursor",
        "trimBody", "dlqIds", "responseStatus", "failureFunctionState", "groupBy", "limit", "run",
    )  # fmt: skip
    join = "&" if "?" in path else "?"
    for name in names:
        for value in (
            "",
            "x",
            "-1",
            "0",
            "1e9",
            "9" * 40,
            "%00",
            "%ff",
            "a@b",
            "@1",
            ",,,",
            "'",
            "%25",
        ):
            answer = await live.ask("GET", f"{path}{join}{name}={value}")
            assert answer.status < 500, (path, name, value, answer.body)
    await still_there(live)


_TEXT = st.text(max_size=20)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=8,
)
_FIELDS = st.sampled_from(
    ["stepId", "stepName", "stepType", "concurrent", "targetStep", "out", "sleepFor", "sleepUntil",
     "waitEventId", "waitTimeout", "callType", "timeout"]
)  # fmt: skip


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(step=st.dictionaries(_FIELDS, _JSON, max_size=8))
async def test_whatever_a_step_says_the_run_can_be_shown(live, step) -> None:
    body = json.dumps(step).encode()
    answer = await live.ask("POST", f"/v2/publish/{URL}", body, headers=RUN)
    assert answer.status < 500, answer.body
    for path in (
        "/v2/workflows/logs",
        "/v2/workflows/events",
        "/_dev/workflows/wfr_live",
        "/_dev/workflows",
    ):
        shown = await live.ask("GET", path)
        assert shown.status == 200, (path, step, shown.body[:500])


LOST = [
    ("paid_order", "the event paid_order is lost: nobody waits for it, but for paid-order"),
    ("invoice", "the event invoice is lost: nobody waits for it"),
    ("wfr_old/paid-order", "the event paid-order is lost: the run wfr_old is not live"),
    ("wfr_live/paidOrder", "the event paidOrder is kept: the run wfr_live does not wait for it"),
    ("wfr_live/invoice", None),
]


@pytest.mark.parametrize(("path", "told"), LOST)
async def test_an_event_that_reaches_nobody_is_told_once(live, path: str, told: str | None) -> None:
    await live.ok("POST", "/v2/wait/paid-order", WAIT, RUN)
    for _ in range(2):
        await live.ok("POST", f"/v2/notify/{path}")
        notice = (await live.ok("GET", "/_dev/snapshot"))["server"]["notice"]
        assert notice["number"] == (1 if told else 0)
        assert (told or "") in notice["text"]
    [row] = (await live.ok("GET", "/_dev/workflows"))["runs"]
    [waiting] = [one for one in row["waits"] if one["kind"] == "event"]
    assert bool(waiting["why"]) == (told is not None and "invoice" not in told)


async def test_an_event_by_hand_is_told_as_lost_once_and_only_if_no_user_waits_for_it(live) -> None:
    await live.ok("POST", "/v2/wait/paid", WAIT, RUN)
    for event, runs, number in (("paid", ["wfr_live"], 0), ("invoice", [], 1)):
        served = await live.ok("POST", "/_dev/notify", json.dumps({"event": event}).encode())
        assert served["resumed"] == runs
        notice = (await live.ok("GET", "/_dev/snapshot"))["server"]["notice"]
        assert notice["number"] == number, notice
