"""Who comes back learns what went meanwhile, or that too much did."""

from qstash_dev.engine.tombstones import KEPT, Removals


def test_a_reader_gets_what_went_since_it_looked() -> None:
    removals = Removals()
    removals.add(["a"], 5)
    count = removals.count
    removals.add(["b", "c"], 7)
    assert removals.since(count) == ["b", "c"]
    assert removals.since(removals.count) == []


def test_a_reader_that_comes_back_by_its_event_number_may_hear_twice_but_misses_nothing() -> None:
    removals = Removals()
    removals.add(["a"], 5)
    removals.add(["b"], 7)
    heard = {seq: removals.since(removals.seen_by(seq)) for seq in (4, 5, 6, 7, 8)}
    assert heard == {4: ["a", "b"], 5: ["a", "b"], 6: ["b"], 7: ["b"], 8: []}


def test_after_a_reset_only_who_saw_something_since_goes_on() -> None:
    removals = Removals()
    before = removals.count
    removals.add(["a"], 5)
    removals.begin_anew(5)
    assert removals.since(before) is None
    assert removals.since(removals.seen_by(5)) is None
    assert removals.since(removals.seen_by(6)) == []
    removals.add(["b"], 9)
    assert removals.since(removals.seen_by(6)) == ["b"]


def test_what_is_too_long_ago_cannot_be_told() -> None:
    removals = Removals()
    for seq in range(KEPT + 1):
        removals.add([str(seq)], seq)
    assert removals.since(0) is None
    assert removals.since(removals.seen_by(0)) is None
    assert removals.since(removals.seen_by(KEPT)) == [str(KEPT)]
