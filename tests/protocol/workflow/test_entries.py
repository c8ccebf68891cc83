"""Runs start, grow and start anew; what does not fit is refused as a whole."""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.model import CallType
from qstash_dev.protocol.quota import QUOTAS
from qstash_dev.protocol.workflow.entries import OVER, Submission
from qstash_dev.protocol.workflow.model import RunState
from tests.protocol.workflow.play import (
    APP,
    PARTY,
    Play,
    draft,
    init,
    of_call,
    of_step,
    step,
)
from tests.samples import SECOND, answer


@pytest.fixture
def play() -> Play:
    return Play()


def refused(play: Play, *submissions: Submission) -> tuple[int, str]:
    before = dict(play.runs), dict(play.messages)
    with pytest.raises(QStashError) as error:
        play.submit(*submissions)
    assert (play.runs, play.messages) == before
    return error.value.status, error.value.message


def test_a_start_makes_a_live_run_with_one_entry(play: Play) -> None:
    first = play.start(body='{"a":1}', label="l1,l2", retries="5", delay="1s")
    run = play.run()
    assert (run.state, run.url, run.size, run.message_id) == (RunState.STARTED, APP, 1, first.id)
    assert (run.config.labels, run.config.max_retries) == (("l1", "l2"), 5)
    assert first.due_at == play.now + SECOND
    assert play.delivered(first) == [{"messageId": first.id, "body": '{"a":1}', "callType": "step"}]


def test_a_start_without_an_id_gets_one(play: Play) -> None:
    headers = init()
    del headers["upstash-workflow-runid"]
    [accepted] = play.submit(Submission(draft(headers), b""))
    assert accepted.run_id.startswith("wfr_")
    assert play.run(accepted.run_id).size == 1


def test_two_starts_of_one_request_are_two_runs_and_their_answers_are_aligned(play: Play) -> None:
    accepted = play.submit(*(Submission(draft(init(id_)), b"") for id_ in ("wfr_a", "wfr_b")))
    assert [a.run_id for a in accepted] == ["wfr_a", "wfr_b"]
    assert [a.message_id for a in accepted] == [
        play.run(id_).message_id for id_ in ("wfr_a", "wfr_b")
    ]


def test_the_same_live_id_twice_is_one_run(play: Play) -> None:
    first = play.start()
    [again] = play.submit(Submission(draft(init()), b"other"))
    assert (again.deduplicated, again.message_id) == (True, first.id)
    assert (len(play.runs), len(play.messages)) == (1, 1)


def test_the_same_id_twice_in_one_request_is_one_run(play: Play) -> None:
    one, two = play.submit(*(Submission(draft(init()), b"") for _ in range(2)))
    assert (one.deduplicated, two.deduplicated) == (False, True)
    assert len(play.runs) == 1


def test_the_id_of_an_ended_run_starts_a_new_generation(play: Play) -> None:
    play.start()
    play.finish()
    play.start()
    old, new = sorted(play.runs.values(), key=lambda run: run.created_at)
    assert (old.state, new.state) == (RunState.SUCCESS, RunState.STARTED)
    assert old.created_at < new.created_at  # also within one millisecond
    assert new.size == 1


@pytest.mark.parametrize("text", ["", "0", "NaN", "17"])
def test_a_step_of_an_older_generation_is_refused(play: Play, text: str) -> None:
    play.start()
    headers = of_step(workflow_createdat=text)
    submission = Submission(draft(headers), json.dumps(step()).encode())
    if text == "17":
        assert refused(play, submission) == (400, OVER)
    else:
        play.submit(submission)


@pytest.mark.parametrize("how", ["finish", "cancel"])
@pytest.mark.parametrize("headers", [of_step(), of_call()], ids=["step", "call"])
def test_a_run_that_is_over_accepts_nothing(play: Play, how: str, headers: dict[str, str]) -> None:
    play.start()
    getattr(play, how)()
    assert refused(play, Submission(draft(headers), b"{}")) == (400, OVER)


def test_a_run_that_does_not_exist_accepts_nothing(play: Play) -> None:
    assert refused(play, Submission(draft(of_step("wfr_x")), b"{}")) == (400, OVER)


def test_a_list_ends_with_the_own_entry_though_later_ones_were_accepted(play: Play) -> None:
    first = play.start()
    plans = play.submit(
        *(
            Submission(
                draft(of_step()),
                json.dumps(step(0, name, targetStep=n, concurrent=3)).encode(),
            )
            for n, name in ((1, "a"), (2, "b"), (3, "c"))
        )
    )
    results = [play.add(step(n, name, concurrent=3)) for n, name in ((3, "c"), (1, "a"))]
    ids = [first.id, *(p.message_id for p in plans), *(r.id for r in results)]
    for own, id_ in enumerate(ids):
        delivered = play.delivered(play.messages[id_])
        assert [e["messageId"] for e in delivered] == ids[: own + 1]


def test_parallel_results_of_one_millisecond_have_places_of_their_own(play: Play) -> None:
    play.start()
    made = [play.add(step(n, concurrent=2)) for n in (1, 2)]
    places = [m.spec.place.index for m in made if m.spec.place is not None]
    assert places == [1, 2]


def test_a_body_that_is_no_step_is_delivered_as_it_came(play: Play) -> None:
    play.start()
    for body in (b"", b"no json", b"[1]", b"\xff", b'{"stepId":{}}', b"[" * 100_000):
        [accepted] = play.submit(Submission(draft(of_step()), body))
        last = play.delivered(play.messages[accepted.message_id])[-1]
        assert last["body"] == body.decode("utf-8", "surrogateescape")


def test_a_duplicate_of_a_step_is_told_its_original(play: Play) -> None:
    first = play.start()
    [again] = play.submit(Submission(draft(of_step()), b"{}", original=first.id))
    assert (again.deduplicated, again.message_id) == (True, first.id)
    assert play.run().size == 1


def test_sleeps_are_delays_of_their_message(play: Play) -> None:
    play.start()
    slept = play.add(step(stepType="SleepFor", sleepFor=5), delay="5s")
    until = play.add(step(2, stepType="SleepUntil"), not_before=str((play.now + 1500) / 1000))
    past = play.add(step(3, stepType="SleepUntil"), not_before="17")
    assert [m.due_at - play.now for m in (slept, until, past)] == [5 * SECOND, 1500, 0]


REFUSED: list[tuple[dict[str, str], str, int, str]] = [
    ({**init(), "Upstash-Cron": "* * * * *"}, APP, 400, "Upstash-Cron cannot be used with"),
    ({**init(), "Upstash-Queue-Name": "q"}, APP, 400, "workflow messages cannot be enqueued"),
    (init(), "", 400, "a workflow message needs a URL, not a URL group"),
    (of_step(workflow_calltype="fromCallback"), APP, 400, "invalid Upstash-Workflow-CallType"),
    (of_step(workflow_calltype="failureCall"), APP, 400, "invalid Upstash-Workflow-CallType"),
    (of_step(workflow_calltype="toCallback"), PARTY, 400, "a toCallback message needs an Upstash"),
    (
        init("wfr_2", forward_upstash_workflow_invoke_count="101"),
        APP,
        412,
        "quota maxInvokeDepth exceeded: workflows invoke each other at most 100 deep",
    ),
]


@pytest.mark.parametrize(("headers", "url", "status", "sentence"), REFUSED)
def test_what_no_run_can_have_is_refused(
    play: Play, headers: dict[str, str], url: str, status: int, sentence: str
) -> None:
    play.start()
    found, message_ = refused(play, Submission(draft(headers, url), b"{}"))
    assert (found, message_[: len(sentence)]) == (status, sentence)


def test_one_bad_item_keeps_all_from_being_accepted(play: Play) -> None:
    play.start()
    good = Submission(draft(of_step()), b"{}")
    assert refused(play, good, Submission(draft(of_step("wfr_x")), b"{}")) == (400, OVER)


@pytest.mark.parametrize(
    ("limits", "sentence"),
    [
        ({"max_run_steps": 2}, "quota maxSteps exceeded: a workflow run has at most 2 steps"),
        (
            {"max_run_bytes": 100},
            "quota maxState exceeded: the steps of a run have at most 100 bytes",
        ),
    ],
)
def test_a_run_that_is_full_is_told_so(limits: dict[str, Any], sentence: str) -> None:
    play = Play(replace(QUOTAS["payg"], **limits))
    play.start(body="x" * 20)
    body = b'{"stepId":1,"stepName":"a","out":"1"}'  # 37 bytes
    for _ in range(2):
        play.submit(Submission(draft(of_step()), body))
    assert refused(play, Submission(draft(of_step()), body)) == (412, sentence)


def test_the_sdk_starts_a_run_anew_and_keeps_what_it_was_started_with(play: Play) -> None:
    first = play.start(
        retries="2", retry_delay="1000", failure_callback=APP, forward_h="1", label="l"
    )
    again = draft(init(workflow_trigger_by_sdk="true", forward_h="2", label="m"))
    play.now += SECOND
    [accepted] = play.submit(Submission(again, b"anew"))
    run = play.run()
    assert not accepted.deduplicated
    assert (len(play.runs), run.created_at, accepted.run_id) == (1, first.created_at, "wfr_1")
    config = run.config
    assert (config.max_retries, config.retry_delay, config.labels) == (2, "1000", ("m",))
    assert config.failure_callback is not None
    new = play.messages[accepted.message_id]
    assert [e["body"] for e in play.delivered(new)] == ["anew"]
    assert dict(new.spec.headers)["H"] == "2"
    assert new.spec.max_retries == 2


def test_what_was_replaced_settles_without_effect(play: Play) -> None:
    first = play.start(retries="0")
    play.submit(Submission(draft(init(workflow_trigger_by_sdk="true")), b"anew"))
    play.settle(first, answer(500))
    assert play.run().state == RunState.STARTED
    assert play.dead == []


def test_two_step_configurations_in_a_row_are_refused(play: Play) -> None:
    play.start()
    config = of_step(workflow_calltype="stepConfig", retries="1")
    body = b'{"targetStep":1,"invokeCount":0}'
    [accepted] = play.submit(Submission(draft(config), body))
    place = play.messages[accepted.message_id].spec.place
    assert place is not None
    assert place.call_type == CallType.STEP_CONFIG
    assert refused(play, Submission(draft(config), body))[0] == 400
    play.add(step())
    play.submit(Submission(draft(config), body))
    assert play.run().steps == 1


def test_a_call_is_an_entry_that_the_third_party_does_not_see(play: Play) -> None:
    play.start(forward_h="v", label="l")
    call = play.call(body="hello", forward_authorization="Bearer x")
    assert call.spec.url == PARTY
    assert call.body == b"hello"
    assert dict(call.spec.headers) == {
        "Content-Type": "application/json", "Authorization": "Bearer x",
    }  # fmt: skip
    assert call.spec.max_retries == 0
    assert play.run().size == 2


def test_the_names_of_headers_have_no_case(play: Play) -> None:
    shouted = {name.upper(): value for name, value in init(retries="5").items()}
    [accepted] = play.submit(Submission(draft(shouted), b""))
    assert play.messages[accepted.message_id].spec.max_retries == 5


def test_a_step_for_another_address_than_its_run_says_what_to_set() -> None:
    play = Play()
    play.start()
    assert play.add(step()).spec.notices == ()
    behind = "https://localhost:3000/wf"
    [accepted] = play.submit(Submission(draft(of_step(), behind), json.dumps(step(2)).encode()))
    (notice,) = play.messages[accepted.message_id].spec.notices
    assert "started at https://app.example" in notice
    assert "steps for https://localhost:3000: behind a proxy" in notice
    assert "baseUrl" in notice
    assert play.call().spec.notices == ()
