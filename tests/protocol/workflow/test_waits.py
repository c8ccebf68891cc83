"""Steps that wait: for events, for their time-out, for the call of a webhook."""

import json
from base64 import b64decode
from typing import Any

import pytest

from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.model import State
from qstash_dev.protocol.quota import QUOTAS, Limits
from qstash_dev.protocol.workflow import waits
from qstash_dev.protocol.workflow.model import Run
from tests.protocol.workflow.play import APP, FEATURES, Play
from tests.samples import DAY, HOUR, SECOND

EVENT = "order paid/ü"


def body(run_id: str = "wfr_1", step_id: int = 1, **changes: Any) -> bytes:
    """The body of a wait, as workflow-js 1.3.3 sends it: one name in two spellings."""
    headers = {
        "Upstash-Workflow-Init": ["false"],
        "Upstash-Workflow-RunId": [run_id],
        "Upstash-Workflow-Runid": [run_id],
        "Upstash-Workflow-Url": [APP],
        "Upstash-Feature-Set": [FEATURES],
        "Upstash-Workflow-CallType": ["step"],
        "Upstash-Forward-Upstash-Workflow-Sdk-Version": ["1"],
        "content-type": ["application/json"],
    }
    step = {"stepId": step_id, "stepType": "Wait", "stepName": "w", "concurrent": 1}
    document = {
        "url": APP, "timeout": "1h", "timeoutUrl": APP, "timeoutHeaders": headers, "step": step,
    }  # fmt: skip
    return json.dumps(document | changes).encode()


@pytest.fixture
def play() -> Play:
    return Play()


def wait(play: Play, run: Run, event: str = EVENT, **changes: Any) -> None:
    """A step of a run waits, or goes on with the oldest event that was kept for it."""
    order = waits.read_wait(body(run.id, **changes), run.id, play.limits)
    kept = [n for n in play.notices.values() if n.event_id == event]
    play.apply(waits.wait(run, event, order, kept[0] if kept else None, play.moment()))


def notify(play: Play, data: bytes) -> list[waits.Served]:
    """An event reaches all that wait."""
    pairs = [(w, play.runs[w.run]) for w in play.waiters.values()]
    change, served = waits.notify(pairs, data, play.moment())
    play.apply(change)
    return served


def last_step(play: Play, run_id: str = "wfr_1") -> Any:
    """The step that was appended last."""
    return json.loads(play.entries(play.run(run_id))[-1].body)


def test_a_wait_appends_nothing_yet(play: Play) -> None:
    play.start()
    wait(play, play.run())
    [waiter] = play.waiters.values()
    assert (waiter.event_id, waiter.due_at) == (EVENT, play.now + HOUR)
    assert play.run().size == 1
    assert [e.state for e in play.log] == ["RUN_STARTED", "WAITER_ADDED"]


@pytest.mark.parametrize(
    "data", [b"text", b'{"a":1}', b"", b"\xff"], ids=["text", "object", "empty", "bytes"]
)
def test_a_notify_goes_on_with_the_data_of_the_event(play: Play, data: bytes) -> None:
    play.start(forward_h="v", retries="5")
    wait(play, play.run())
    [served] = notify(play, data)
    step = last_step(play)
    assert b64decode(step.pop("out")) == data
    assert step == {
        "stepId": 1, "stepType": "Wait", "stepName": "w", "concurrent": 1,
        "waitEventId": EVENT, "waitTimeout": False,
    }  # fmt: skip
    assert served.message is not None
    spec = served.message.spec
    assert (spec.url, spec.max_retries) == (APP, 5)
    assert dict(spec.headers)["H"] == "v"
    assert dict(spec.headers)["Upstash-Workflow-Sdk-Version"] == "1"
    assert play.waiters == {}


def test_a_notify_reaches_all_that_wait(play: Play) -> None:
    for id_ in ("wfr_1", "wfr_2"):
        play.start(id_)
        wait(play, play.run(id_))
    served = notify(play, b"x")
    assert [s.run.id for s in served] == ["wfr_1", "wfr_2"]
    assert [play.run(id_).size for id_ in ("wfr_1", "wfr_2")] == [2, 2]


def test_two_waits_of_one_run_are_both_served_and_have_places_of_their_own(play: Play) -> None:
    play.start()
    wait(play, play.run())
    order = json.loads(body())
    wait(play, play.run(), step={**order["step"], "stepId": 2})
    places = [s.message.spec.place for s in notify(play, b"x") if s.message is not None]
    assert [p.index for p in places if p is not None] == [1, 2]


def test_nobody_who_waits_is_nobody_served(play: Play) -> None:
    play.start()
    assert notify(play, b"x") == []
    assert play.run().size == 1


def test_a_run_that_is_full_keeps_no_other_from_going_on(play: Play) -> None:
    play.start(body="x" * 1_000)
    play.start("wfr_2")
    for id_ in ("wfr_1", "wfr_2"):
        wait(play, play.run(id_))
    play.limits = Limits(None, None, None, max_run_bytes=500)
    full, other = notify(play, b"x")
    assert full.message is None
    assert "quota maxState exceeded" in str(full.error)
    assert other.message is not None
    [left] = play.waiters.values()
    play.apply(waits.give_up(play.run(), left, str(full.error), play.moment()))
    assert play.waiters == {}
    assert "quota maxState exceeded" in play.run().notices[0]


def test_a_time_out_goes_on_without_data(play: Play) -> None:
    play.start()
    wait(play, play.run())
    [waiter] = play.waiters.values()
    play.now = waiter.due_at
    play.apply(waits.time_out(play.run(), waiter, play.moment()))
    step = last_step(play)
    assert "out" not in step
    assert (step["waitEventId"], step["waitTimeout"]) == (EVENT, True)
    assert play.waiters == {}


def test_events_that_came_before_serve_waits_one_by_one_in_order(play: Play) -> None:
    play.start()
    for data in (b"1", b"2"):
        play.apply(waits.keep(play.run(), EVENT, data, play.moment()))
    outs = []
    for _ in range(2):
        wait(play, play.run())
        outs.append(b64decode(last_step(play)["out"]))
    assert outs == [b"1", b"2"]
    assert (play.notices, play.waiters) == ({}, {})
    wait(play, play.run())
    assert len(play.waiters) == 1


def test_nothing_is_kept_for_a_run_that_is_over(play: Play) -> None:
    play.start()
    play.finish()
    play.apply(waits.keep(play.run(), EVENT, b"x", play.moment()))
    assert play.notices == {}


@pytest.mark.parametrize(
    ("timeout", "waits_ms"),
    [("1s", SECOND), ("7d", 7 * DAY), ("90", 90 * SECOND), (30, 30 * SECOND), (None, 7 * DAY)],
)
def test_a_wait_has_a_time_out(play: Play, timeout: object, waits_ms: int) -> None:
    play.start()
    document = json.loads(body())
    document["timeout"] = timeout
    if timeout is None:
        del document["timeout"]
    order = waits.read_wait(json.dumps(document).encode(), "wfr_1", play.limits)
    assert order.timeout_ms == waits_ms


@pytest.mark.parametrize(
    ("changes", "status", "sentence"),
    [
        ({"url": "no url"}, 400, "invalid url"),
        ({"timeoutUrl": "ftp://x"}, 400, "invalid timeout url"),
        ({"timeout": "soon"}, 400, "invalid timeout of a wait: 'soon'"),
        ({"timeout": "800d"}, 412, "quota maxDelay exceeded"),
        ({"step": "x"}, 400, "invalid body of a wait: step: expected an object"),
        ({"timeoutHeaders": {}}, 400, "the headers of a step that waits must name its run"),
        (
            {"timeoutHeaders": {"Upstash-Workflow-RunId": ["wfr_2"]}},
            400,
            "the headers of a step that waits must name its run: 'wfr_1' is expected",
        ),
        ({"timeoutHeaders": {"Upstash-Retries": ["x"]}}, 400, "invalid Upstash-Retries header"),
    ],
)
def test_a_wait_that_cannot_be_understood_is_refused(
    changes: dict[str, Any], status: int, sentence: str
) -> None:
    with pytest.raises(QStashError) as refused:
        waits.read_wait(body(**changes), "wfr_1", QUOTAS["payg"])
    assert refused.value.status == status
    assert refused.value.message.startswith(sentence), refused.value.message


@pytest.mark.parametrize("bad", [b"", b"[]", b"{", b"\xff", b'{"url":1}', b"[" * 100_000])
def test_a_wait_that_is_no_json_object_is_refused(bad: bytes) -> None:
    with pytest.raises(QStashError, match="invalid body of a wait"):
        waits.read_wait(bad, "wfr_1", QUOTAS["payg"])


def test_the_event_of_a_webhook_makes_the_request_anew() -> None:
    event = waits.webhook_event(
        "PUT", {"A": ["1", "2"]}, b"hi", ("http", "localhost:8080"), "/v2/workflows/hooks/x?a=1"
    )
    assert json.loads(event) == {
        "method": "PUT", "header": {"A": ["1", "2"]}, "body": "aGk=", "proto": "http",
        "host": "localhost:8080", "url": "/v2/workflows/hooks/x?a=1",
    }  # fmt: skip


def test_a_step_that_waited_is_delivered_as_any_other(play: Play) -> None:
    play.start()
    wait(play, play.run())
    [served] = notify(play, b"x")
    assert served.message is not None
    play.settle(served.message)
    assert play.state(served.message) == State.DELIVERED
