"""Snapshot and ticks to rows, selection, marks and follow."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qstash_dev.devtools.documents import Page, Row, Snapshot, Tick
from qstash_dev.tui.model.message_list import Feed
from qstash_dev.tui.model.table import Table
from tests.tui.world import NOW, World, row


def snapshot(*rows: dict, total: int = 0, cursor: str | None = None) -> Snapshot:
    world = World(list(rows))
    raw = {"seq": 1, "now": NOW, "server": world.server(), "counts": world.counts(),
           "rows": sorted(rows, key=lambda r: -r["seq"]),
           "total": total, "cursor": cursor}  # fmt: skip
    return msgspec.convert(raw, Snapshot)


def tick(*rows: dict, **more: object) -> Tick:
    return msgspec.convert({"seq": 2, "now": NOW, "rows": list(rows), **more}, Tick)


def listed(feed: Feed) -> list[int]:
    return [feed.at(index).seq for index in range(len(feed))]


@pytest.fixture
def feed() -> Feed:
    made = Feed()
    made.load(snapshot(row(1), row(2), row(3)))
    return made


def test_the_newest_is_at_the_end_and_selected_while_following(feed: Feed) -> None:
    assert listed(feed) == [1, 2, 3]
    assert feed.selected == "msg_00000003"
    feed.apply(tick(row(4)))
    assert feed.selected == "msg_00000004"
    assert feed.unseen == 0


def test_moving_ends_follow_and_counts_what_comes(feed: Feed) -> None:
    feed.select(1)
    feed.apply(tick(row(4), row(5)))
    assert (feed.follow, feed.selected, feed.unseen) == (False, "msg_00000002", 2)
    feed.resume()
    assert (feed.follow, feed.selected, feed.unseen) == (True, "msg_00000005", 0)


def test_an_older_one_that_changes_is_not_new_and_not_one_more(feed: Feed) -> None:
    feed.load(snapshot(row(8), row(9), total=9, cursor="c"))
    feed.select(0)
    counts = {"messages": 10}
    feed.apply(tick(row(3, state="delivered"), row(10), counts=counts))
    assert (listed(feed), feed.unseen, feed.total) == ([3, 8, 9, 10], 1, 10)
    feed.apply(tick(removed=["msg_00000001"], counts={"messages": 9}))
    assert (feed.unseen, feed.total) == (1, 9)


def test_of_a_filter_only_the_listed_are_known_to_match_once_older_ones_change(feed: Feed) -> None:
    feed.load(snapshot(row(8), row(9), total=5, cursor="c"))
    feed.apply(tick(row(7), row(8), row(10), matched=["msg_00000007", "msg_00000010"]))
    assert not feed.is_exact
    feed.extend(msgspec.convert({"rows": [row(7)], "cursor": "d", "total": 4}, Page))
    feed.apply(tick(row(7), row(11), removed=["msg_00000009"], matched=["msg_00000011"]))
    assert feed.is_exact
    feed.apply(tick(removed=["msg_00000002"], matched=[]))
    assert not feed.is_exact


def test_what_is_new_and_goes_is_not_new_any_more(feed: Feed) -> None:
    feed.select(0)
    feed.apply(tick(row(4), row(5)))
    feed.apply(tick(removed=["msg_00000004"]))
    assert feed.unseen == 1


def test_what_is_new_stays_so_when_the_connection_is_lost(feed: Feed) -> None:
    feed.select(0)
    feed.apply(tick(row(4)))
    feed.load(snapshot(row(1), row(2), row(3), row(4), row(5)))
    assert feed.unseen == 2


def test_of_another_server_what_comes_is_new_too(feed: Feed) -> None:
    feed.select(0)
    feed.load(snapshot(row(1)))
    feed.apply(tick(row(2)))
    assert feed.unseen == 1


def test_an_update_changes_the_row_in_its_place(feed: Feed) -> None:
    feed.select(0)
    feed.apply(tick(row(2, state="failed")))
    assert listed(feed) == [1, 2, 3]
    assert feed.at(1).state == "failed"
    assert feed.unseen == 0


def test_a_row_that_no_longer_matches_leaves(feed: Feed) -> None:
    feed.apply(tick(row(2, state="failed"), row(4), matched=["msg_00000004"]))
    assert listed(feed) == [1, 3, 4]


def test_a_deleted_row_leaves_with_its_mark_and_the_cursor_takes_the_next(feed: Feed) -> None:
    feed.select(1)
    feed.toggle_mark()
    feed.apply(tick(removed=["msg_00000002"]))
    assert listed(feed) == [1, 3]
    assert feed.selected == "msg_00000003"
    assert not feed.marks


@pytest.mark.parametrize("by_age", [True, False])
def test_a_cursor_whose_row_leaves_goes_to_the_next_also_where_others_come_before_it(
    feed: Feed, by_age: bool
) -> None:
    feed.arrange(lambda row: -row.seq, "", by_age)
    assert listed(feed) == [3, 2, 1]
    feed.select(1)
    feed.apply(tick(row(4), row(5), removed=["msg_00000002"]))
    assert (listed(feed), feed.selected) == ([5, 4, 3, 1], "msg_00000001")
    feed.load(snapshot(row(3), row(4), row(5), row(6)))
    assert feed.selected == "msg_00000003"
    feed.load(snapshot(row(7), row(8), row(9), row(10), row(11)))
    assert feed.cursor_index == 3


def test_the_cursor_of_a_table_whose_item_leaves_goes_to_the_next_too() -> None:
    table: Table[str] = Table(str)
    table.load(["c", "b", "a"])
    table.select(1)
    table.load(["e", "d", "c", "a"])
    assert table.selected == "a"


def test_the_cursor_stays_inside_the_list(feed: Feed) -> None:
    feed.select(99)
    assert feed.selected == "msg_00000003"
    feed.select(-5)
    assert feed.selected == "msg_00000001"


def test_marked_messages_are_the_targets_in_the_order_of_marking(feed: Feed) -> None:
    feed.select(2)
    feed.toggle_mark()
    feed.select(0)
    assert feed.targets == ["msg_00000003"]
    feed.toggle_mark()
    assert feed.targets == ["msg_00000003", "msg_00000001"]
    feed.toggle_mark()
    assert feed.targets == ["msg_00000003"]


def test_without_marks_the_selected_one_is_the_target(feed: Feed) -> None:
    assert feed.targets == ["msg_00000003"]
    assert Feed().targets == []


def test_older_rows_go_above_and_say_how_many(feed: Feed) -> None:
    feed.load(snapshot(row(3), row(4), total=4, cursor="c"))
    older = msgspec.convert({"rows": [row(2), row(1), row(3)], "cursor": None, "total": 4}, Page)
    assert feed.extend(older) == 2
    assert listed(feed) == [1, 2, 3, 4]
    assert feed.cursor is None


@pytest.mark.parametrize("by_age", [None, True, False])
def test_a_reload_keeps_the_selection_and_counts_what_is_new(
    feed: Feed, by_age: bool | None
) -> None:
    if by_age is not None:
        feed.arrange(lambda row: -row.seq, "", by_age)
    feed.select(1)
    feed.load(snapshot(row(1), row(2), row(3), row(4), row(5)))
    assert feed.selected == "msg_00000002"
    assert feed.unseen == 2


def test_an_emptied_store_empties_the_list(feed: Feed) -> None:
    feed.load(snapshot())
    assert len(feed) == 0
    assert feed.selected is None
    feed.select(3)
    feed.toggle_mark()
    assert feed.targets == []


seqs = st.integers(1, 12)
steps = st.one_of(
    st.tuples(st.just("put"), seqs),
    st.tuples(st.just("leave"), seqs),
    st.tuples(st.just("remove"), seqs),
    st.tuples(st.just("select"), st.integers(-2, 14)),
    st.tuples(st.just("resume"), st.just(0)),
)


@given(st.lists(steps, max_size=30))
def test_rows_stay_sorted_and_the_selection_is_always_a_listed_row(
    script: list[tuple[str, int]],
) -> None:
    feed, expected = Feed(), set[int]()
    feed.load(snapshot())
    for what, value in script:
        id = f"msg_{value:08d}"
        if what == "put":
            feed.apply(tick(row(value)))
            expected.add(value)
        elif what == "leave":
            feed.apply(tick(row(value), matched=[]))
            expected.discard(value)
        elif what == "remove":
            feed.apply(tick(removed=[id]))
            expected.discard(value)
        elif what == "select":
            feed.select(value)
        else:
            feed.resume()
        assert listed(feed) == sorted(expected)
        assert feed.selected in feed.rows if expected else feed.selected is None
        assert isinstance(feed.row, Row) or not expected
        assert feed.index(feed.selected) == (feed.cursor_index if expected else None)
