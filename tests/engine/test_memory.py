"""What a long life of a server leaves in memory: nothing that grows with what is over."""

import gc

import pytest

from qstash_dev.engine.lanes import FlowLane, Line, QueueLane
from qstash_dev.engine.notifier import KEPT_IDS, Tombstones
from tests.engine.fakes import USER, World, answer

ROUNDS = 2_000


def count(kind: type) -> int:
    """How many objects of a type there are."""
    gc.collect()
    return sum(type(one) is kind for one in gc.get_objects())


@pytest.fixture
async def world():
    world = World()
    yield world
    await world.close()


async def test_queues_that_were_only_named_or_deleted_leave_no_lane(world):
    before = count(QueueLane)
    for number in range(ROUNDS):
        await world.engine.queues.delete(USER, f"named-{number}")
    for number in range(50):
        name = f"made-{number}"
        world.engine.queues.upsert(USER, name, parallelism=3)
        world.publish(queue=name)
        await world.run(0)
        await world.engine.queues.delete(USER, name)
    await world.run(0)
    assert count(QueueLane) == before


async def test_a_queue_that_is_deleted_under_way_leaves_no_lane_when_that_ends(world):
    before = count(QueueLane)
    world.app.reply = lambda d: (1_000, answer(500 if d.retried == 0 else 200))
    for number in range(20):
        name = f"q-{number}"
        world.publish(queue=name, retries=1)
        await world.run(0)
        await world.engine.queues.delete(USER, name)
    await world.run_out()
    assert count(QueueLane) == before


async def test_a_queue_keeps_what_it_was_given(world):
    world.engine.queues.upsert(USER, "wide", parallelism=3)
    world.engine.queues.upsert(USER, "still", paused=True)
    await world.run(0)
    lanes = world.engine.lanes.queues
    assert {name: (lane.parallelism, lane.paused) for (_, name), lane in lanes.items()} == {
        "wide": (3, False),
        "still": (1, True),
    }


async def test_messages_that_are_over_leave_nothing_in_lines(world):
    world.engine.queues.upsert(USER, "still", paused=True)
    for _ in range(ROUNDS):
        (one,) = world.publish(queue="still")
        await world.run(0)
        world.engine.cancel([world.message(one.message_id)])
    gc.collect()
    lines = [one for one in gc.get_objects() if type(one) is Line]
    assert max(len(line._heap) for line in lines) <= 200
    assert not world.engine.lanes._place_of
    assert not world.engine.lanes.places.active


async def test_deleted_flow_keys_leave_no_lane(world):
    before = count(FlowLane)
    for number in range(50):
        world.publish(flow_control_key=f"k-{number}", flow_control_value="parallelism=1")
        await world.run(0)
        world.engine.flows.delete((USER, f"k-{number}"))
    await world.run(0)
    assert count(FlowLane) == before


def test_tombstones_keep_so_many_ids_in_all():
    tombstones = Tombstones()
    for number in range(100):
        tombstones.add([f"msg_{number}_{n}" for n in range(KEPT_IDS // 10)], seq=number)
    assert tombstones.since(90) is not None
    assert tombstones.since(80) is None
    assert tombstones.seen_by(50) == -1
    assert tombstones.seen_by(95) == 95
