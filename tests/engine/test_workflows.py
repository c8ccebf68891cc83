"""Runs in an engine: what differs from plain messages where the world is in the way."""

from qstash_dev.protocol.model import Reason, SendFailure, Timing
from qstash_dev.protocol.workflow.entries import Submission
from tests.engine.fakes import START, USER, World
from tests.protocol.workflow.play import draft, init, of_call

REFUSED = SendFailure(Reason.REFUSED, "connection refused", Timing(START))
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
