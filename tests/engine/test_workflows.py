"""Runs in an engine: what differs from plain messages where the world is in the way."""

import json

import pytest
from msgspec.structs import replace

from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.model import Outcome, Reason, SendFailure, Timing
from qstash_dev.protocol.quota import QUOTAS
from qstash_dev.protocol.workflow.entries import Submission
from qstash_dev.protocol.workflow.waits import read_wait
from tests.engine.fakes import START, USER, Delivery, World
from tests.protocol.workflow.play import APP, GOOD, draft, init, of_call, of_step, step
from tests.samples import HOUR

REFUSED = SendFailure(Reason.REFUSED, "connection refused", Timing(START))
STEPS = 1_000
PARTY = "http://localhost:1/party"


async def test_a_third_party_that_is_down_is_a_result_and_nothing_to_wait_for() -> None:
    world = World(hold=True)
    submit = world.engine.workflows.submit
    _, told = submit(USER, [Submission(draft(init("run", delay="1d")), b"payload")])
    assert told is not None
    told.written()
    (call,), told = submit(USER, [Submission(draft(of_call("run"), PARTY), b"")])
    assert told is not None
    told.written()
    world.app.reply = lambda _: (0, REFUSED)
    await world.settle()
    while world.later:  # what is held back a moment goes on
        world.later.pop()[1]()
        await world.settle()
    assert world.message(call.message_id).held is None
    assert world.message(call.message_id).state == "FAILED"
    run = world.engine.workflows.find(USER, "run")
    assert run.size == 3  # its end is told
    await world.close()


async def test_a_run_of_a_thousand_steps_stores_no_lists_and_is_forgotten_whole() -> None:
    world = World(max_messages=10)
    submit = world.engine.workflows.submit
    received: list[int] = []

    def go_on(delivery: Delivery) -> tuple[int | None, Outcome]:
        done = len(json.loads(delivery.request.body))
        received.append(done)
        if done <= STEPS:
            body = json.dumps(step(done, f"step {done}")).encode()
            _, told = submit(USER, [Submission(draft(of_step("run")), body)])
            assert told is not None
            told.written()
        else:
            world.engine.workflows.finish(USER, "run", None, b"1")
        return 0, GOOD

    world.app.reply = go_on
    _, told = submit(USER, [Submission(draft(init("run")), b"payload")])
    assert told is not None
    told.written()
    while world.engine.workflows.find(USER, "run").state == "RUN_STARTED":
        await world.settle()
        while world.later:
            world.later.pop()[1]()
        await world.settle()
    assert received == list(range(1, STEPS + 2))
    (stored,) = world.store.database.read_one(
        "SELECT (SELECT sum(length(body)) + sum(length(spec)) FROM contents) + "
        "(SELECT sum(length(body)) + sum(length(content)) FROM attempts)"
    )
    assert stored < STEPS * 2_500  # lists would be five hundred times as much
    while world.engine.prune():
        pass
    assert world.store.database.read("SELECT seq FROM messages") == []
    await world.close()


async def test_a_run_takes_no_more_steps_than_it_may_have() -> None:
    world = World()
    world.engine.set_policy(replace(world.policy, limits=replace(QUOTAS["pro"], max_run_steps=2)))
    submit = world.engine.workflows.submit
    submit(USER, [Submission(draft(init("run", delay="1d")), b"payload")])
    for number in (1, 2):
        submit(USER, [Submission(draft(of_step("run")), json.dumps(step(number)).encode())])
    with pytest.raises(QStashError, match="quota maxSteps exceeded") as refused:
        submit(USER, [Submission(draft(of_step("run")), json.dumps(step(3)).encode())])
    assert refused.value.status == 412
    await world.close()


async def test_a_step_that_comes_after_the_end_is_refused_and_the_run_says_why() -> None:
    world = World()
    submit = world.engine.workflows.submit
    submit(USER, [Submission(draft(init("run", delay="1d")), b"payload")])
    late = [Submission(draft(of_step("run")), json.dumps(step(1)).encode())]
    world.engine.workflows.finish(USER, "run", None, b"1")
    for _ in range(2):
        with pytest.raises(QStashError, match="can not append"):
            submit(USER, late)
    run = world.engine.workflows.find(USER, "run")
    assert run.state == "RUN_SUCCESS"
    assert [notice for notice in run.notices if "awaited" in notice] == [run.notices[0]]
    await world.close()


async def test_a_step_of_a_run_that_was_cancelled_is_nobodys_fault() -> None:
    world = World()
    submit = world.engine.workflows.submit
    submit(USER, [Submission(draft(init("run", delay="1d")), b"payload")])
    world.engine.workflows.cancel(world.engine.workflows.find(USER, "run"))
    with pytest.raises(QStashError, match="can not append"):
        submit(USER, [Submission(draft(of_step("run")), json.dumps(step(1)).encode())])
    assert world.engine.workflows.find(USER, "run").notices == ()
    await world.close()


@pytest.mark.parametrize("is_first", [True, False], ids=["notify first", "time-out first"])
async def test_an_event_at_the_moment_of_the_time_out_gives_one_entry(is_first: bool) -> None:
    world = World()
    engine = world.engine
    engine.workflows.submit(USER, [Submission(draft(init("run", delay="1d")), b"payload")])
    headers = {name: [value] for name, value in of_step("run").items()}
    order = {"url": APP, "timeout": "1h", "timeoutHeaders": headers, "step": step(1)}
    read = read_wait(json.dumps(order).encode(), "run", world.policy.limits)
    engine.waits.wait(USER, ("run", None), "event", read)
    world.clock.ms += HOUR
    if not is_first:
        engine.waits.step(world.clock.now())
    served, _ = engine.waits.notify(USER, "event", b"data")
    engine.waits.step(world.clock.now())
    assert len(served) == is_first
    run = engine.workflows.find(USER, "run")
    _, resumed = world.store.messages.entries_of_run(run.seq, 0)
    assert json.loads(resumed.body)["waitTimeout"] is not is_first
    await world.close()
