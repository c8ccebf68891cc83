"""Queues, groups, schedules and deduplication keys: each user's own, whole, found by name and time."""

from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from qstash_dev.protocol.model import FlowControl, FlowState, Pins, Queue, Schedule, Spec
from qstash_dev.store.store import Store
from tests.samples import NOW, URL, callback, group


@pytest.fixture
def store() -> Iterator[Store]:
    store = Store.open(":memory:")
    yield store
    store.close()


def schedule(id_: str, next_at: int | None, user: str = "u", **spec: Any) -> Schedule:
    made = replace(Spec(URL), **spec)
    return Schedule(user, id_, "* * * * *", URL, made, b"\xff", NOW, next_at)


def test_values_come_back_whole(store: Store) -> None:
    queue = Queue("u", "q", NOW, NOW + 1, 3, True)
    pair = replace(group("http://a", "http://b"), headers={"upstash-retries": "3"})
    flow = FlowState(FlowControl("k", 1, 2, 3), Pins(4, 5, 6), True, 7, NOW, Pins(8))
    made = schedule("s", NOW, callback=callback(failure_callback=callback()), labels=("a",))
    store.queues.put("u", "q", queue)
    store.groups.put("u", "pair", pair)
    store.flows.put("u", "k", flow)
    store.schedules.put("u", "s", made)
    assert store.queues.get("u", "q") == queue
    assert store.groups.get("u", "pair") == pair
    assert store.flows.get("u", "k") == flow
    assert store.schedules.get("u", "s") == made


def test_names_belong_to_users(store: Store) -> None:
    for user in ("u2", "u1"):
        for name in ("b", "a"):
            store.queues.put(user, name, Queue(user, name, NOW, NOW))
    assert [q.name for q in store.queues.of("u1")] == ["a", "b"]
    assert [(user, name) for user, name, _ in store.queues.all()] == [
        ("u1", "a"),
        ("u1", "b"),
        ("u2", "a"),
        ("u2", "b"),
    ]
    assert (store.queues.count(), store.queues.count("u1"), store.queues.count("u3")) == (4, 2, 0)
    assert store.queues.get("u3", "a") is None


def test_putting_again_replaces_and_deleting_tells_whether_it_was_there(store: Store) -> None:
    store.queues.put("u", "q", Queue("u", "q", NOW, NOW, 1))
    store.queues.put("u", "q", Queue("u", "q", NOW, NOW, 2))
    assert [q.parallelism for q in store.queues.of("u")] == [2]
    assert store.queues.delete("u", "q") is True
    assert store.queues.delete("u", "q") is False
    assert store.queues.get("u", "q") is None


def test_the_revision_of_a_table_tells_of_every_write_to_it(store: Store) -> None:
    seen = [store.groups.revision]
    for endpoints in (["http://a"], ["http://a", "http://b"]):
        store.groups.put("u", "pair", group(*endpoints))
        seen.append(store.groups.revision)
    store.groups.delete("u", "pair")
    seen.append(store.groups.revision)
    assert len(set(seen)) == 4
    others = store.queues.revision, store.schedules.revision
    store.schedules.put("u", "s", schedule("s", NOW))
    assert (store.groups.revision, store.queues.revision) == (seen[-1], others[0])
    assert store.schedules.revision != others[1]


def test_schedules_are_due_in_order_of_their_time(store: Store) -> None:
    for id_, at in (("late", NOW + 5), ("early", NOW), ("never", None), ("later", NOW + 9)):
        store.schedules.put("u", id_, schedule(id_, at))
    assert store.schedules.next_time() == NOW
    assert [s.id for s in store.schedules.due(NOW + 5, 10)] == ["early", "late"]
    assert [s.id for s in store.schedules.due(NOW + 9, 1)] == ["early"]
    assert store.schedules.due(NOW - 1, 10) == []
    store.schedules.put("u", "early", schedule("early", NOW + 20))
    assert store.schedules.next_time() == NOW + 5


def test_without_schedules_nothing_is_due(store: Store) -> None:
    store.schedules.put("u", "never", schedule("never", None))
    assert store.schedules.next_time() is None


@pytest.mark.parametrize(
    ("user", "key", "at", "found"),
    [
        ("u", "k", NOW, "msg_1"),
        ("u", "k", NOW + 99, "msg_1"),
        ("u", "k", NOW + 100, None),
        ("u", "other", NOW, None),
        ("v", "k", NOW, None),
    ],
)
def test_a_deduplication_key_holds_until_it_expires(
    store: Store, user: str, key: str, at: int, found: str | None
) -> None:
    store.deduplication.remember("u", ("k",), "msg_1", NOW + 100)
    known = store.deduplication.find(user, ("unknown", key), at)
    assert (known.original if known else None) == found
    store.deduplication.expire(at)
    assert store.deduplication.find("u", ("k",), NOW) is not None


def test_a_deduplication_key_that_is_over_is_known_for_ninety_days(store: Store) -> None:
    store.deduplication.remember("u", ("k",), "msg_1", NOW)
    store.deduplication.expire(NOW + 89 * 86_400_000)
    over = store.deduplication.find_over("u", ("k",), NOW)
    assert over is not None
    assert over.original == "msg_1"
    store.deduplication.expire(NOW + 91 * 86_400_000)
    assert store.deduplication.find_over("u", ("k",), NOW) is None


def test_a_reset_forgets_all_but_the_keys(store: Store) -> None:
    store.keys.put("u", "sig_a", "sig_b")
    store.queues.put("u", "q", Queue("u", "q", NOW, NOW))
    store.schedules.put("u", "s", schedule("s", NOW))
    store.deduplication.remember("u", ("k",), "msg_1", NOW + 100)
    store.reset()
    assert store.keys.get("u") == ("sig_a", "sig_b")
    assert (store.queues.count(), store.schedules.count()) == (0, 0)
    assert store.deduplication.find("u", ("k",), NOW) is None


@pytest.mark.parametrize("content", [b"", b"\x8d\xa4user", b"\xff", b"\x80"])
def test_a_damaged_row_is_said_once_and_the_others_are_found(
    store: Store, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    for name in ("a", "b"):
        store.schedules.put("u", name, schedule(name, NOW))
    with store.database:
        store.database.write("UPDATE schedules SET content = ? WHERE name = 'a'", (content,))
    whole = schedule("b", NOW)
    assert store.schedules.due(NOW, 10) == store.schedules.of("u") == [whole]
    assert store.schedules.all() == [("u", "b", whole)]
    assert store.schedules.get("u", "a") is None
    (record,) = caplog.records
    assert record.getMessage().startswith("a of u in the table schedules is damaged and left out: ")


def test_a_damaged_schedule_is_not_due_for_ever_and_can_be_made_again(store: Store) -> None:
    store.schedules.put("u", "a", schedule("a", NOW))
    with store.database:
        store.database.write("UPDATE schedules SET content = x'00'")
    assert store.schedules.due(NOW, 10) == []
    assert store.schedules.next_time() is None
    store.schedules.put("u", "a", schedule("a", NOW))
    assert store.schedules.due(NOW, 10) == [schedule("a", NOW)]
