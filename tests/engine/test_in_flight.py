"""Messages that wait for a place go out before it is written what became of others, for a while."""

from tests.engine.fakes import NONE_LEFT, World, answer


def publish(world: World, count: int) -> list[str]:
    """Messages that are due in the same instant."""
    return [world.publish(delay="1m")[0].message_id for _ in range(count)]


async def test_what_waits_for_a_place_goes_out_before_answers_are_written() -> None:
    world = World(global_parallelism=2)
    ids = publish(world, 6)
    await world.run(60_000)
    assert world.app.ids() == ids
    states = [
        state for (state,) in world.store.database.read("SELECT state FROM events ORDER BY seq")
    ]
    assert states == ["CREATED"] * 6 + ["ACTIVE"] * 6 + ["DELIVERED"] * 6
    await world.close()


async def test_an_answer_is_written_although_others_wait_for_long() -> None:
    world = World(global_parallelism=2)
    ids = publish(world, 4)
    world.app.reply = lambda delivery: (0 if delivery.id == ids[0] else None, answer())
    await world.run(60_000)
    assert world.states(ids) == ["DELIVERED", "ACTIVE", "ACTIVE", "CREATED"]
    await world.close()


async def test_nothing_begins_before_it_is_written_what_went_wrong() -> None:
    world = World(global_parallelism=1)
    world.app.reply = lambda delivery: (0, NONE_LEFT)
    publish(world, 3)
    await world.run(60_000)
    assert len(world.app.deliveries) == 1
    await world.close()
