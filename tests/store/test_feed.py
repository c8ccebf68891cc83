"""The log as a stream: readers come back with a number and miss nothing."""

from collections.abc import Iterator

import pytest

from qstash_dev.devtools.filters import Filter, parse_filter
from qstash_dev.store.feed import OF_MESSAGE, Feed
from qstash_dev.store.lists.candidates import Limits
from qstash_dev.store.lists.selection import Selector
from qstash_dev.store.sequence import Sequence
from qstash_dev.store.store import Store
from tests.samples import NOW, answer, flat
from tests.store.filled import Filled


@pytest.fixture
def store() -> Iterator[Store]:
    """msg_1 delivered: events 1 to 3; msg_2 dead: events 4 to 7."""
    filled = Filled()
    filled.try_(filled.add(), answer(200))
    filled.fail(NOW + 1, 500)
    yield filled.store
    filled.store.close()


def test_an_entry_tells_of_its_message_and_attempt(store: Store) -> None:
    entry = store.feed.after(5, 1)[0]
    assert (entry.seq, entry.time, entry.id, entry.user) == (6, NOW + 1, "msg_2", "defaultUser")
    assert (entry.state, entry.error, entry.status) == ("ERROR", "500 Internal Server Error", 500)
    assert (entry.method, entry.attempt, entry.duration_ms) == ("POST", 1, 3.0)


@pytest.mark.parametrize(
    ("seq", "limit", "found"),
    [(0, 100, [1, 2, 3, 4, 5, 6, 7]), (0, 2, [1, 2]), (5, 100, [6, 7]), (7, 100, []), (99, 1, [])],
)
def test_what_follows_a_number(store: Store, seq: int, limit: int, found: list[int]) -> None:
    assert [entry.seq for entry in store.feed.after(seq, limit)] == found


@pytest.mark.parametrize(
    ("seq", "limit", "found"),
    [(8, 100, [1, 2, 3, 4, 5, 6, 7]), (8, 2, [6, 7]), (3, 100, [1, 2]), (1, 100, [])],
)
def test_what_is_in_front_of_a_number(store: Store, seq: int, limit: int, found: list[int]) -> None:
    windows = store.feed.select(Filter(), NOW, limit, before=seq)
    assert [entry.seq for entry in flat(windows)] == found[::-1]


def test_filters_select_by_message(store: Store) -> None:
    wanted = parse_filter("state:failed")
    assert [e.seq for e in flat(store.feed.select(wanted, NOW, 100, after=0))] == [4, 5, 6, 7]
    assert [e.seq for e in flat(store.feed.select(wanted, NOW, 1, before=6))] == [5]


def test_lines_are_gone_through_in_windows_where_an_index_listed_too_many(store: Store) -> None:
    limits = Limits(few_in_order=1, window=2)
    feed = Feed(
        store.database, Sequence(store.database, "events"), Selector(store.database, limits=limits)
    )
    found = list(feed.select(parse_filter("dest:localhost try:1"), NOW, 100, after=0))
    assert [entry.seq for entry in flat(found)] == [1, 2, 3, 4, 5, 6, 7]
    assert max(map(len, found)) == 2


def test_all_lines_of_a_message(store: Store) -> None:
    assert [e.state for e in store.feed.of("msg_1")] == ["CREATED", "ACTIVE", "DELIVERED"]
    assert store.feed.of("msg_9") == []


def test_the_lines_of_a_message_are_found_without_looking_at_others(store: Store) -> None:
    plan = store.database.read(f"EXPLAIN QUERY PLAN {OF_MESSAGE}", ("msg_1",))
    assert [step for *_, step in plan if "SCAN" in step] == []


def test_numbers_are_never_given_twice(store: Store) -> None:
    assert store.feed.last_seq() == 7
    seqs = [store.messages.get(None, id_).seq for id_ in ("msg_1", "msg_2")]  # type: ignore[union-attr]
    assert store.messages.delete(seqs) == ["msg_1", "msg_2"]
    assert store.feed.after(0, 100) == []
    assert store.feed.last_seq() == 8, "of that they went, too"


def test_a_deleted_message_leaves_nothing(store: Store) -> None:
    for table in ("messages", "contents", "labels", "attempts", "events", "dlq"):
        assert store.database.read_one(f"SELECT count(*) FROM {table}")[0] >= (table != "labels")
    seqs = [seq for (seq,) in store.database.read("SELECT seq FROM messages")]
    store.messages.delete(seqs)
    for table in ("messages", "contents", "labels", "attempts", "events", "dlq"):
        assert store.database.read_one(f"SELECT count(*) FROM {table}")[0] == 0
