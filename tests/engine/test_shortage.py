"""No file descriptors left: what could not be sent waits, keeps its place, and has lost no attempt."""

from collections.abc import AsyncIterator

import pytest

from qstash_dev.engine.in_flight import PAUSE_S
from qstash_dev.protocol.model import Reason, SendFailure, Timing
from tests.engine.fakes import START, World, answer

NONE_LEFT = SendFailure(Reason.NO_DESCRIPTORS, "too many open files", Timing(START))


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    world.app.reply = lambda delivery: (0, NONE_LEFT)
    yield world
    await world.close()


def go_on(world: World) -> None:
    """The pause is over, and descriptors are free again."""
    world.app.reply = lambda delivery: (0, answer())
    [(seconds, over)] = world.later
    assert seconds == PAUSE_S
    over()


async def test_what_could_not_be_sent_is_sent_after_a_pause_as_its_first_attempt(
    world: World,
) -> None:
    message_id = world.publish(retries=0)[0].message_id
    await world.settle()
    message = world.message(message_id)
    assert (message.state, message.attempts, message.retried) == ("CREATED", 0, 0)
    assert world.store.attempts.of(message_id, message.seq) == []
    assert not world.engine.is_idle()
    go_on(world)
    await world.settle()
    assert world.states([message_id]) == ["DELIVERED"]
    assert world.message(message_id).attempts == 1
    assert [delivery.retried for delivery in world.app.deliveries] == [0, 0]


async def test_meanwhile_nothing_else_is_tried(world: World) -> None:
    first = world.publish()
    await world.settle()
    ids = [one.message_id for one in (*first, *world.publish(), *world.publish())]
    await world.settle()
    assert len(world.app.deliveries) == 1
    go_on(world)
    await world.settle()
    assert world.states(ids) == ["DELIVERED"] * 3


async def test_a_queue_keeps_its_order(world: World) -> None:
    ids = [world.publish(queue="q")[0].message_id for _ in range(3)]
    await world.settle()
    go_on(world)
    await world.settle()
    assert world.app.ids() == [ids[0], *ids]


async def test_one_that_was_cancelled_meanwhile_is_not_tried_again(world: World) -> None:
    world.app.reply = lambda delivery: (None, answer())
    message_id = world.publish()[0].message_id
    await world.settle()
    world.engine.cancel([world.message(message_id)])
    world.app.end(world.app.open[0], NONE_LEFT)
    await world.settle()
    assert world.states([message_id]) == ["CANCELED"]
