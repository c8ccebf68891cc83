import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from qstash_dev.engine.bulk import CHUNK, KEPT_MS
from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.model import BulkAction, Query
from tests.engine.fakes import OTHER_USER, URL, USER, World, answer

MANY = 3 * CHUNK + 7
EVERYTHING = Query()


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    yield world
    await world.close()


def publish(world: World, count: int, **options: Any) -> list[str]:
    return [world.publish(**({"delay": "1h"} | options))[0].message_id for _ in range(count)]


async def finished(world: World, action: BulkAction) -> BulkAction:
    while (now := world.engine.bulk.find(USER, action.id)).completed_at is None:
        await asyncio.sleep(0)
    return now


async def test_everything_that_is_not_finished_is_cancelled_and_counted_once(world):
    world.app.reply = lambda d: (0, answer(200 if d.request.url == URL else 500))
    delivered = publish(world, 3, delay="0s")
    failed = publish(world, 2, delay="0s", url=f"{URL}/bad", retries=0)
    waiting = publish(world, 1, delay="0s", url=f"{URL}/bad", retries=1)
    await world.settle()
    delayed = publish(world, MANY)
    assert await world.engine.bulk.run(USER, EVERYTHING) == MANY + 1
    assert set(world.states(delayed + waiting)) == {"CANCELED"}
    assert world.states(delivered + failed) == ["DELIVERED"] * 3 + ["FAILED"] * 2
    assert await world.engine.bulk.run(USER, EVERYTHING) == 0


async def test_a_message_under_way_counts_once_and_ends_with_its_attempt(world):
    world.app.reply = lambda _: (None, answer())
    ids = publish(world, 2, delay="0s")
    await world.settle()
    assert await world.engine.bulk.run(USER, EVERYTHING) == 2
    assert await world.engine.bulk.run(USER, EVERYTHING) == 0
    world.app.end(world.app.open[0], answer(500))
    world.app.end(world.app.open[0], answer(200))
    await world.settle()
    assert world.states(ids) == ["CANCELED", "DELIVERED"]


async def test_other_users_messages_are_left_alone(world):
    theirs = publish(world, 2, user=OTHER_USER)
    publish(world, 1)
    assert await world.engine.bulk.run(USER, EVERYTHING) == 1
    assert world.states(theirs) == ["CREATED", "CREATED"]


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({"label": ("a",)}, {0, 1}),
        ({"label": ("b", "c")}, {1, 2}),
        ({"url": (f"{URL}/2",)}, {2}),
        ({"host": ("localhost:3000",)}, {0, 1, 2}),
        ({"host": ("localhost",)}, set()),
        ({"path": ("/api/jobs",)}, {0, 1}),
        ({"queue": ("q",)}, {1}),
        ({"flow_key": ("k",)}, {2}),
        ({"label": ("a",), "queue": ("q",)}, {1}),
        ({"topic": ("nobody",)}, set()),
        ({"id": ("msg_1", "msg_3", "msg_99")}, {0, 2}),
    ],
)
async def test_alternatives_of_a_filter_are_added_and_filters_intersect(
    world, conditions, expected
):
    ids = [
        *publish(world, 1, label="a"),
        *publish(world, 1, label="a,b", queue="q"),
        *publish(
            world,
            1,
            url=f"{URL}/2",
            label="c",
            flow_control_key="k",
            flow_control_value="rate=1",
        ),
    ]
    assert await world.engine.bulk.run(USER, Query(conditions)) == len(expected)
    cancelled = {n for n, state in enumerate(world.states(ids)) if state == "CANCELED"}
    assert cancelled == expected


async def test_what_is_published_meanwhile_is_not_cancelled(world):
    publish(world, MANY)
    task = asyncio.create_task(world.engine.bulk.run(USER, EVERYTHING))
    await asyncio.sleep(0)
    late = publish(world, 1)
    assert await task == MANY
    assert world.states(late) == ["CREATED"]


async def test_an_action_in_the_background_tells_how_far_it_is(world):
    publish(world, MANY)
    action = await world.engine.bulk.start(USER, EVERYTHING)
    assert (action.total, action.processed, action.completed_at) == (MANY, 0, None)
    await asyncio.sleep(0)
    assert world.engine.bulk.find(USER, action.id).processed == CHUNK
    done = await finished(world, action)
    assert (done.total, done.processed, done.completed_at) == (MANY, MANY, world.clock.ms)


async def test_an_action_goes_on_after_a_restart_and_counts_on(world):
    ids = publish(world, MANY)
    action = await world.engine.bulk.start(USER, EVERYTHING)
    await asyncio.sleep(0)
    await world.restart()
    late = publish(world, 1)
    assert world.states(ids).count("CANCELED") == CHUNK
    done = await finished(world, action)
    assert done.processed == MANY
    assert set(world.states(ids)) == {"CANCELED"}
    assert world.states(late) == ["CREATED"]


async def test_actions_are_listed_newest_first_for_seven_days_to_their_user(world):
    first = await world.engine.bulk.start(USER, EVERYTHING)
    await world.run(1_000)
    second = await world.engine.bulk.start(USER, EVERYTHING)
    assert [a.id for a in world.engine.bulk.recent(USER)] == [second.id, first.id]
    assert world.engine.bulk.recent(OTHER_USER) == []
    await world.run(KEPT_MS - 500)
    assert [a.id for a in world.engine.bulk.recent(USER)] == [second.id]
    with pytest.raises(QStashError, match="not found"):
        world.engine.bulk.find(USER, first.id)
    with pytest.raises(QStashError, match="not found"):
        world.engine.bulk.find(OTHER_USER, second.id)


async def test_an_action_ends_although_the_database_refused_a_part_of_it(world):
    ids = publish(world, MANY)
    refuse = (
        "CREATE TRIGGER doomed BEFORE UPDATE ON messages BEGIN SELECT RAISE(ABORT, 'full'); END"
    )
    action = await world.engine.bulk.start(USER, EVERYTHING)
    await asyncio.sleep(0)
    with world.store.database:
        world.store.database.write(refuse)
    while len(world.pauses) < 2:
        await asyncio.sleep(0)
    with world.store.database:
        world.store.database.write("DROP TRIGGER doomed")
    done = await finished(world, action)
    assert done.processed == MANY
    assert set(world.states(ids)) == {"CANCELED"}


@pytest.mark.parametrize("at_most", [1, CHUNK, CHUNK + 1, MANY])
async def test_no_more_are_cancelled_than_asked_for(world, at_most):
    ids = publish(world, MANY)
    assert await world.engine.bulk.run(USER, Query(at_most=at_most)) == at_most
    assert world.states(ids).count("CANCELED") == at_most


async def test_in_the_background_no_more_are_cancelled_than_asked_for_also_after_a_restart(world):
    ids = publish(world, MANY)
    action = await world.engine.bulk.start(USER, Query(at_most=CHUNK + 2))
    assert action.total == CHUNK + 2
    await asyncio.sleep(0)
    await world.engine.bulk.stop()
    world.engine.bulk.resume()
    done = await finished(world, action)
    assert done.processed == CHUNK + 2
    assert world.states(ids).count("CANCELED") == CHUNK + 2


async def test_an_action_that_was_forgotten_meanwhile_does_not_come_back(world):
    publish(world, MANY)
    await world.engine.bulk.start(USER, EVERYTHING)
    await asyncio.sleep(0)
    world.engine.reset()
    for _ in range(20):
        await asyncio.sleep(0)
    assert world.engine.bulk.recent(USER) == []
