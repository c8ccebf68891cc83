from collections.abc import AsyncIterator

import pytest

from qstash_dev.protocol.model import Endpoint, Group
from tests.engine.fakes import OTHER_USER, START, URL, USER, World, answer, draft

WINDOW = 600_000
GROUP = Group(USER, "g", (Endpoint(f"{URL}/1"), Endpoint(f"{URL}/2")), START, START)
BY_CONTENT = {"content_based_deduplication": "true"}


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World(dedup_window_ms=WINDOW)
    yield world
    await world.close()


async def test_the_same_id_within_the_window_is_the_original_and_enqueues_nothing(world):
    (original,) = world.publish(deduplication_id="a")
    (duplicate,) = world.publish(f"{URL}/elsewhere", b"other", deduplication_id="a")
    assert not original.deduplicated
    assert (duplicate.message_id, duplicate.deduplicated) == (original.message_id, True)
    await world.run_out()
    assert world.app.ids() == [original.message_id]


async def test_another_id_is_another_message(world):
    world.publish(deduplication_id="a")
    (other,) = world.publish(deduplication_id="A")
    assert not other.deduplicated


@pytest.mark.parametrize("headers", [{"deduplication_id": "a"}, BY_CONTENT])
async def test_the_window_begins_with_the_original_and_is_not_prolonged(world, headers):
    world.publish(**headers)
    await world.run(WINDOW - 1)
    (last,) = world.publish(**headers)
    assert last.deduplicated
    await world.run(1)
    (fresh,) = world.publish(**headers)
    assert not fresh.deduplicated


async def test_the_same_content_is_a_duplicate(world):
    first, second = (world.publish(URL, b"x", forward_a="1", **BY_CONTENT)[0] for _ in range(2))
    assert second.message_id == first.message_id


@pytest.mark.parametrize(
    ("url", "body", "headers"),
    [
        (f"{URL}/2", b"x", {"forward_a": "1"}),
        (f"{URL}?a", b"x", {"forward_a": "1"}),
        (URL, b"y", {"forward_a": "1"}),
        (URL, b"", {"forward_a": "1"}),
        (URL, b"x", {"forward_a": "2"}),
        (URL, b"x", {"forward_b": "1"}),
        (URL, b"x", {}),
    ],
)
async def test_other_content_is_not_a_duplicate(world, url, body, headers):
    world.publish(URL, b"x", forward_a="1", **BY_CONTENT)
    (other,) = world.publish(url, body, **headers, **BY_CONTENT)
    assert not other.deduplicated


async def test_a_message_that_asks_for_nothing_is_never_a_duplicate(world):
    world.publish(URL, b"x", **BY_CONTENT)
    assert not world.publish(URL, b"x")[0].deduplicated
    assert not world.publish(URL, b"x")[0].deduplicated


async def test_an_id_comes_before_content(world):
    world.publish(URL, b"x", deduplication_id="a", **BY_CONTENT)
    (other,) = world.publish(URL, b"x", deduplication_id="b", **BY_CONTENT)
    assert not other.deduplicated


@pytest.mark.parametrize("end", ["delivered", "failed", "canceled"])
async def test_a_finished_original_still_blocks(world, end):
    world.app.reply = lambda _: (0, answer(500 if end == "failed" else 200))
    delay = "1m" if end == "canceled" else "0s"
    (original,) = world.publish(deduplication_id="a", retries=0, delay=delay)
    if end == "canceled":
        world.engine.cancel([world.message(original.message_id)])
    await world.run_out()
    assert world.states([original.message_id]) == [end.upper()]
    assert world.publish(deduplication_id="a")[0].message_id == original.message_id


async def test_an_original_that_was_forgotten_still_blocks(world):
    (original,) = world.publish(deduplication_id="a")
    await world.run_out()
    world.engine.delete([world.message(original.message_id).seq])
    assert world.publish(deduplication_id="a")[0].message_id == original.message_id


@pytest.mark.parametrize("headers", [{"deduplication_id": "a"}, BY_CONTENT])
async def test_a_restart_forgets_nothing(world, headers):
    (original,) = world.publish(**headers)
    await world.restart()
    assert world.publish(**headers)[0].message_id == original.message_id


async def test_users_do_not_share_ids_or_content(world):
    for headers in ({"deduplication_id": "a"}, BY_CONTENT):
        world.publish(**headers)
        assert not world.publish(user=OTHER_USER, **headers)[0].deduplicated


async def test_an_id_counts_whatever_way_a_message_takes(world):
    (original,) = world.publish(deduplication_id="a", queue="q")
    assert world.publish(deduplication_id="a")[0].message_id == original.message_id


@pytest.mark.parametrize("headers", [{"deduplication_id": "a"}, BY_CONTENT])
async def test_in_a_group_every_endpoint_has_its_own_original(world, headers):
    originals = world.publish("", group=GROUP, **headers)
    assert [a.deduplicated for a in originals] == [False, False]
    assert originals[0].message_id != originals[1].message_id
    duplicates = world.publish("", group=GROUP, **headers)
    assert [a.message_id for a in duplicates] == [a.message_id for a in originals]
    assert all(a.deduplicated for a in duplicates)


async def test_an_endpoint_that_is_new_in_a_group_gets_its_message(world):
    world.publish("", group=GROUP, deduplication_id="a")
    larger = Group(USER, "g", (*GROUP.endpoints, Endpoint(f"{URL}/3")), START, START)
    accepted = world.publish("", group=larger, deduplication_id="a")
    assert [a.deduplicated for a in accepted] == [True, True, False]


async def test_a_group_and_a_single_message_with_one_id_are_duplicates(world):
    originals = world.publish("", group=GROUP, deduplication_id="a")
    (duplicate,) = world.publish(f"{URL}/2", deduplication_id="a")
    assert (duplicate.message_id, duplicate.deduplicated) == (originals[1].message_id, True)
    (original,) = world.publish(f"{URL}/1", deduplication_id="b")
    duplicates = world.publish("", group=GROUP, deduplication_id="b")
    assert {a.message_id for a in duplicates} == {original.message_id}


@pytest.mark.parametrize("headers", [{"deduplication_id": "a"}, BY_CONTENT])
async def test_a_second_schedule_within_the_window_is_the_first(world, headers):
    def plan(body: bytes = b"") -> tuple[str, bool]:
        order = draft(URL, cron="0 * * * *", **headers)
        planned = world.engine.schedules.create(USER, order, URL, body)
        return planned.schedule_id, planned.deduplicated

    first, _ = plan()
    assert plan() == (first, True)
    assert world.store.schedules.count() == 1
    await world.run(WINDOW)
    second, deduplicated = plan()
    assert not deduplicated
    assert world.store.schedules.count() == 2
    await world.run(60 * 60_000)  # deduplication is for creation: both fire
    assert len(world.app.deliveries) == 2
    third, _ = plan()
    world.engine.schedules.delete(world.engine.schedules.find(USER, third))
    assert plan() == (third, True)
    await world.run(WINDOW)
    assert plan()[0] not in (first, second, third)


async def test_a_duplicate_that_names_a_schedule_changes_nothing_of_it(world):
    for cron, body in (("0 * * * *", b"1"), ("* * * * *", b"2")):
        order = draft(URL, cron=cron, schedule_id="s", deduplication_id="a")
        world.engine.schedules.create(USER, order, URL, body)
    found = world.engine.schedules.find(USER, "s")
    assert (found.cron, found.body) == ("0 * * * *", b"1")


async def test_housekeeping_forgets_only_what_is_over(world):
    world.publish(deduplication_id="a")
    await world.run(WINDOW - 1)
    world.engine.prune()
    assert world.publish(deduplication_id="a")[0].deduplicated
    await world.run(1)
    world.engine.prune()
    assert not world.publish(deduplication_id="a")[0].deduplicated
