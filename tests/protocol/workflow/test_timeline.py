"""A run as its steps: which groups there are, where each step is, and what is delivered beside them."""

from typing import Any

from qstash_dev.protocol.model import Message, State
from qstash_dev.protocol.workflow.log_fields import View
from qstash_dev.protocol.workflow.logs import run_document
from qstash_dev.protocol.workflow.timeline import Record, Trouble
from tests.protocol.workflow.play import Play, step
from tests.samples import answer

HOUR = 3_600_000


def shown(play: Play) -> dict[str, Any]:
    """The run `wfr_1` as its log shows it."""
    run = play.run()
    entries = [
        m
        for m in play.messages.values()
        if play.run_of(m) == run and m.spec.place is not None and m.spec.place.index is not None
    ]
    call_id = run.failure.callback_id if run.failure is not None else None
    record = Record(
        entries=tuple(m for m in entries if m.spec.place.index >= run.first),  # type: ignore[union-attr,operator]
        events=tuple(play.log),
        troubles={m.id: (Trouble(1, "500", None),) for m in entries if m.state == State.RETRY},
        failure_call=play.messages[call_id] if call_id is not None else None,
    )
    return run_document(run, record, View(play.now))


def groups(play: Play) -> list[Any]:
    """Groups as `(type, [(name, state)...])`; `next` has ids for names."""
    return [
        (g["type"], [(s.get("stepName", s["messageId"]), s["state"]) for s in g["steps"]])
        for g in shown(play)["steps"]
    ]


INIT = ("sequential", [("init", "STEP_SUCCESS")])


def alone(name: str, state: str = "STEP_SUCCESS") -> Any:
    return ("sequential", [(name, state)])


def next_(message: Message, state: str) -> Any:
    return ("next", [(message.id, state)])


def test_a_step_is_done_when_it_was_accepted_and_next_is_its_delivery() -> None:
    play = Play()
    first = play.start()
    assert groups(play) == [INIT, next_(first, "STEP_PROGRESS")]
    second = play.add(step(1, "a"))
    play.settle(first)
    assert groups(play) == [INIT, alone("a"), next_(second, "STEP_PROGRESS")]
    play.settle(second, answer(500))
    assert groups(play) == [INIT, alone("a"), next_(second, "STEP_RETRY")]
    play.finish()
    assert groups(play) == [INIT, alone("a")]


def test_a_sleeping_step_is_under_way_until_it_wakes() -> None:
    play = Play()
    play.settle(play.start())
    sleep = play.add(step(1, "s", stepType="SleepFor", sleepFor=3600), delay="3600s")
    assert groups(play) == [INIT, alone("s", "STEP_PROGRESS"), next_(sleep, "STEP_PROGRESS")]
    [*_, after] = shown(play)["steps"]
    assert after["steps"][0]["nextDeliveryTime"] == play.now + HOUR
    play.now += HOUR
    assert groups(play) == [INIT, alone("s"), next_(sleep, "STEP_PROGRESS")]


def test_a_call_is_one_step_from_the_request_to_its_result() -> None:
    play = Play()
    play.settle(play.start())
    call = play.call()
    assert groups(play) == [INIT, alone("get", "STEP_PROGRESS")]
    play.settle(call, answer(200, body=b"hi"))
    [told] = [m for m in play.messages.values() if m.spec.parent_id == call.id]
    assert groups(play) == [INIT, alone("get", "STEP_PROGRESS")]
    assert shown(play)["steps"][1]["steps"][0]["callType"] == "fromCallback"
    play.settle(told, answer(500))
    assert groups(play) == [INIT, alone("get", "STEP_RETRY")]
    done = play.add(step(1, "get", {"status": 200}, stepType="Call"))
    play.settle(told)
    assert groups(play) == [INIT, alone("get"), next_(done, "STEP_PROGRESS")]
    [shown_step] = shown(play)["steps"][1]["steps"]
    assert (shown_step["callResponseStatus"], shown_step["callResponseBody"]) == (200, "hi")


def test_parallel_steps_stand_side_by_side_and_nothing_is_next_to_them() -> None:
    play = Play()
    play.settle(play.start())
    plans = [
        play.add(step(0, name, concurrent=2, targetStep=n)) for n, name in ((1, "a"), (2, "b"))
    ]
    both = [("a", "STEP_PROGRESS"), ("b", "STEP_PROGRESS")]
    assert groups(play) == [INIT, ("parallel", both)]
    result = play.add(step(2, "b", concurrent=2))
    play.settle(plans[1])
    play.settle(plans[0], answer(500))
    half = [("a", "STEP_RETRY"), ("b", "STEP_SUCCESS")]
    assert groups(play) == [INIT, ("parallel", half)]
    play.settle(result)
    last = play.add(step(1, "a", concurrent=2))
    done = ("parallel", [("a", "STEP_SUCCESS"), ("b", "STEP_SUCCESS")])
    assert groups(play) == [INIT, done, next_(last, "STEP_PROGRESS")]


def test_two_groups_after_each_other_are_two() -> None:
    play = Play()
    play.start()
    for first in (1, 3):
        for n in (first, first + 1):
            play.add(step(0, str(n), concurrent=2, targetStep=n))
        for n in (first + 1, first):
            play.add(step(n, str(n), concurrent=2))
    found = [[name for name, _ in steps] for type_, steps in groups(play) if type_ == "parallel"]
    assert found == [["1", "2"], ["3", "4"]]


def test_what_failed_is_told_and_the_rest_of_the_run_is_cancelled() -> None:
    play = Play()
    first = play.start(retries="0")
    play.add(step(1, "s", stepType="SleepFor", sleepFor=3600), delay="3600s")
    play.settle(first, answer(500))
    assert groups(play) == [INIT, alone("s", "STEP_CANCELED"), next_(first, "STEP_FAILED")]
    assert shown(play)["workflowState"] == "RUN_FAILED"


def test_after_a_cancellation_next_is_cancelled() -> None:
    play = Play()
    first = play.start()
    play.cancel()
    assert groups(play) == [INIT, next_(first, "STEP_CANCELED")]


def test_a_second_result_of_a_step_is_not_shown() -> None:
    play = Play()
    play.start()
    play.add(step(1, "a", "first"))
    again = play.add(step(1, "a", "second"))
    assert groups(play) == [INIT, alone("a"), next_(again, "STEP_PROGRESS")]
    assert shown(play)["steps"][1]["steps"][0]["out"] == '"first"'


def test_a_body_that_is_no_step_is_shown_without_a_name() -> None:
    play = Play()
    play.start()
    play.add("no step")
    assert groups(play)[1] == alone("")
