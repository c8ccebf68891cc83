"""Lists of workflow runs: each filter finds what it names, the newest first, in pages."""

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from qstash_dev.protocol.model import (
    Attempt,
    DeadLetter,
    FlowControl,
    Message,
    Place,
    Spec,
    State,
)
from qstash_dev.protocol.workflow.model import (
    Failure,
    FailureState,
    Run,
    RunChange,
    RunState,
)
from qstash_dev.protocol.workflow.query import RunQuery
from qstash_dev.store.store import Store
from tests.samples import NOW, answer, attempt, message

APP = "https://app.example/"


def run(name: str, number: int, **fields: object) -> Run:
    spec = Spec(APP + name, labels=(name,), caller_ip=name, flow=FlowControl(name, rate=1))
    made = Run("defaultUser", f"wfr_{name}", NOW + number, APP + name, spec, "", size=1)
    return replace(made, **fields)


def entry(of: Run, state: State) -> Message:
    place = Place(of.id, of.created_at, index=0)
    done = None if state in (State.CREATED, State.RETRY) else NOW
    return message(id=f"msg_{of.id}", place=place, state=state, finished_at=done)


@pytest.fixture
def store() -> Iterator[Store]:
    """Four runs: one lives, one succeeded, one failed, one failed and left the DLQ; one of another."""
    store = Store.open(":memory:")
    ended = {"completed_at": NOW}
    dead = Failure("msg_wfr_failed", "d1", FailureState.FAIL)
    gone = Failure("msg_wfr_gone", "d2")
    runs = [
        (run("live", 0), State.RETRY),
        (run("done", 1, state=RunState.SUCCESS, **ended), State.DELIVERED),
        (run("failed", 2, state=RunState.FAILED, failure=dead, **ended), State.FAILED),
        (run("gone", 3, state=RunState.FAILED, failure=gone, **ended), State.FAILED),
        (run("other", 4, user="testUser1"), State.CREATED),
    ]
    for one, state in runs:
        made = replace(entry(one, state), user=one.user)
        store.messages.apply(RunChange(NOW, (made,), runs=(one,)))
    found = store.messages.get("defaultUser", "msg_wfr_failed")
    assert found is not None
    tried: Attempt = attempt(replace(found, attempts=1), answer(503))
    letter = DeadLetter("d1", "defaultUser", found.id, NOW)
    store.messages.apply(RunChange(NOW, changed=(found,), attempts=(tried,), dead=(letter,)))
    yield store
    store.close()


def names(store: Store, query: RunQuery, **options: bool) -> list[str]:
    found = store.workflows.select("defaultUser", query, **options)
    return [one.id.removeprefix("wfr_") for one in found]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (RunQuery(), ["gone", "failed", "done", "live"]),
        (RunQuery({"id": ("wfr_done", "wfr_live", "wfr_other")}), ["done", "live"]),
        (RunQuery({"url": (APP + "done", APP)}), ["done"]),
        (RunQuery(url_prefix=(APP + "d", APP + "l")), ["done", "live"]),
        (RunQuery(url_prefix=(APP + "D",)), []),
        (RunQuery({"label": ("done", "live")}), ["done", "live"]),
        (RunQuery({"caller_ip": ("live",)}), ["live"]),
        (RunQuery({"flow_key": ("live",)}), ["live"]),
        (RunQuery({"created_at": (str(NOW + 1),)}), ["done"]),
        (RunQuery({"message_id": ("msg_wfr_done",)}), ["done"]),
        (RunQuery({"state": ("RUN_FAILED",)}), ["gone", "failed"]),
        (RunQuery({"state": ("RUN_SUCCESS", "STEP_RETRY")}), ["done", "live"]),
        (RunQuery({"state": ("STEP_FAILED",)}), ["gone", "failed"]),
        (RunQuery({"dlq_id": ("d1",)}), ["failed"]),
        (RunQuery({"failure_state": ("CALLBACK_FAIL",)}), ["failed"]),
        (RunQuery({"status": ("503",)}), ["failed"]),
        (RunQuery({"status": ("500",)}), []),
        (RunQuery(among=(("wfr_done", NOW + 1), ("wfr_live", NOW + 1))), ["done"]),
        (RunQuery(from_date=NOW + 1, to_date=NOW + 2), ["failed", "done"]),
        (RunQuery({"label": ("done", "live")}, to_date=NOW), ["live"]),
        (RunQuery(count=1), ["gone", "failed"]),
        (RunQuery(cursor=3), ["done", "live"]),
    ],
)
def test_a_filter_finds_what_it_names(store: Store, query: RunQuery, expected: list[str]) -> None:
    assert names(store, query) == expected


def test_runs_that_live_or_that_are_in_the_dlq_are_told_from_others(store: Store) -> None:
    assert names(store, RunQuery(), live=True) == ["live"]
    assert names(store, RunQuery(), dead=True) == ["failed"]
