"""Who comes back learns what went meanwhile, or that too much did."""

from qstash_dev.engine.notifier import KEPT_IDS, KEPT_TOMBSTONES, Notifier, Tombstones


def test_a_reader_gets_what_went_since_it_looked() -> None:
    tombstones = Tombstones()
    tombstones.add(["a"], 5)
    count = tombstones.count
    tombstones.add(["b", "c"], 7)
    assert tombstones.since(count) == ["b", "c"]
    assert tombstones.since(tombstones.count) == []


def test_a_reader_that_comes_back_by_its_event_number_may_hear_twice_but_misses_nothing() -> None:
    tombstones = Tombstones()
    tombstones.add(["a"], 5)
    tombstones.add(["b"], 7)
    heard = {seq: tombstones.since(tombstones.seen_by(seq)) for seq in (4, 5, 6, 7, 8)}
    assert heard == {4: ["a", "b"], 5: ["a", "b"], 6: ["b"], 7: ["b"], 8: []}


def test_after_a_reset_only_who_saw_something_since_goes_on() -> None:
    tombstones = Tombstones()
    before = tombstones.count
    tombstones.add(["a"], 5)
    tombstones.begin_anew(5)
    assert tombstones.since(before) is None
    assert tombstones.since(tombstones.seen_by(5)) is None
    assert tombstones.since(tombstones.seen_by(6)) == []
    tombstones.add(["b"], 9)
    assert tombstones.since(tombstones.seen_by(6)) == ["b"]


def test_what_is_too_long_ago_cannot_be_told() -> None:
    tombstones = Tombstones()
    for seq in range(KEPT_TOMBSTONES + 1):
        tombstones.add([str(seq)], seq)
    assert tombstones.since(0) is None
    assert tombstones.since(tombstones.seen_by(0)) is None
    assert tombstones.since(tombstones.seen_by(KEPT_TOMBSTONES)) == [str(KEPT_TOMBSTONES)]


def test_whom_too_many_messages_were_touched_for_is_told_so_also_if_it_was_there() -> None:
    notifier = Notifier()
    there = notifier.version
    notifier.touch([1, 2], seq=5)
    assert notifier.touched_since(there) == {1, 2}
    notifier.touch(range(KEPT_IDS - 1), seq=7)
    assert notifier.touched_since(there) is None
    assert notifier.touched_since(notifier.seen_by(5)) is None
    assert notifier.touched_since(notifier.seen_by(8)) == set()
