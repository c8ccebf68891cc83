import asyncio

import pytest

from qstash_dev.devtools.faults import FaultOrder
from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.model import Reason, Request, Response, SendFailure, Timing
from qstash_dev.transport.faults import Faults


class World:
    """An app that answers 200, and a wait that ends when the test says so."""

    def __init__(self):
        self.called = []
        self.waits = []
        self.patience = asyncio.Event()
        self.faults = Faults(self.send, lambda filter_, id_: filter_ in id_, lambda: 7, self.wait)

    def add(self, kind, **fields):
        return self.faults.add(FaultOrder(kind=kind, **fields))

    async def send(self, request):
        self.called.append(request.body)
        return Response(200, (), b"ok", Timing(7))

    async def wait(self, seconds):
        self.waits.append(seconds)
        await self.patience.wait()

    async def deliver(self, body=b"1", message_id="msg_1"):
        headers = (("Upstash-Message-Id", message_id),)
        request = Request("POST", "http://localhost/", "http://localhost/", headers, body, 15_000)
        return await self.faults(request)


@pytest.fixture
async def world():
    return World()


async def test_without_rules_nothing_changes(world):
    assert (await world.deliver()).status == 200


async def test_a_status_is_answered_so_many_times_and_then_the_app_again(world):
    world.add("status", status=503, times=2, headers={"Retry-After": "5"})
    answers = [await world.deliver() for _ in range(3)]
    assert [a.status for a in answers] == [503, 503, 200]
    assert ("Retry-After", "5") in answers[0].headers
    assert world.called == [b"1"]
    assert world.faults.active == 0
    assert world.faults.rules[0].hits == 2


async def test_only_messages_that_the_filter_selects_are_hit(world):
    world.add("status", filter="msg_2")
    assert (await world.deliver()).status == 200
    assert (await world.deliver(message_id="msg_2")).status == 500


async def test_a_dropped_answer_is_a_failure_although_the_app_ran(world):
    world.add("drop")
    outcome = await world.deliver()
    assert isinstance(outcome, SendFailure)
    assert outcome.reason == Reason.RESET
    assert world.called == [b"1"]


async def test_a_time_out_does_not_reach_the_app(world):
    world.add("timeout")
    outcome = await world.deliver()
    assert outcome.reason == Reason.TIMEOUT
    assert "within 15 seconds" in outcome.detail
    assert world.called == []


async def test_a_duplicate_reaches_the_app_twice(world):
    world.add("duplicate")
    assert (await world.deliver()).status == 200
    assert world.called == [b"1", b"1"]


async def test_latency_waits_before_the_app_is_called(world):
    world.add("latency", latency_ms=250)
    delivery = asyncio.ensure_future(world.deliver())
    await asyncio.sleep(0)
    assert world.waits == [0.25]
    assert world.called == []
    world.patience.set()
    assert (await delivery).status == 200


async def test_reorder_lets_the_next_one_overtake(world):
    world.add("reorder")
    first = asyncio.ensure_future(world.deliver(b"first"))
    await asyncio.sleep(0)
    await world.deliver(b"second")
    await first
    assert world.called == [b"second", b"first"]


async def test_reorder_gives_up_when_nothing_follows(world):
    world.add("reorder")
    first = asyncio.ensure_future(world.deliver(b"first"))
    await asyncio.sleep(0)
    world.patience.set()
    await first
    assert world.called == [b"first"]


async def test_a_publish_fault_refuses_publishes_and_leaves_deliveries_alone(world):
    world.add("publish", filter="dest:/api")
    with pytest.raises(QStashError) as refused:
        world.faults.check_publish("http://localhost/api")
    assert refused.value.status == 429
    world.faults.check_publish("http://localhost/other")
    assert (await world.deliver()).status == 200
