"""Workflow runs in SQLite: generations, entries, what waits, and how they are forgotten."""

from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from qstash_dev.protocol.creation import created
from qstash_dev.protocol.model import CallType, Kind, Message, Place, Spec, State, Step
from qstash_dev.protocol.workflow.model import (
    Copy,
    Notice,
    Run,
    RunChange,
    RunEvent,
    RunState,
    Waiter,
    key_of,
)
from qstash_dev.store.store import Store
from tests.protocol.workflow.play import APP, draft, of_step
from tests.samples import DAY, NOW, message

WEEK = 7 * DAY


@pytest.fixture
def store() -> Iterator[Store]:
    store = Store.open(":memory:")
    yield store
    store.close()


def run(id_: str = "wfr_1", created_at: int = NOW, **fields: object) -> Run:
    made = Run("defaultUser", id_, created_at, APP, Spec(APP, labels=("l",)), "msg_1", size=1)
    return replace(made, **fields)


def entry(of: Run, index: int, **fields: object) -> Message:
    """The message of an entry, finished unless told otherwise."""
    place = Place(of.id, of.created_at, index=index, step=Step(index, f"step {index}"))
    done: dict[str, Any] = {"state": State.DELIVERED, "finished_at": of.created_at, "place": place}
    id_ = f"msg_{of.id}_{of.created_at}_{index}"
    known: dict[str, Any] = {"id": id_, **done, **fields}
    return message(f"body {index}".encode(), **known)


def put(store: Store, *runs: Run, **more: object) -> None:
    store.messages.apply(RunChange(NOW, runs=runs, **more))  # type: ignore[arg-type]


def ended(id_: str, at: int, entries: int = 2, **fields: object) -> Run:
    return run(id_, at, state=RunState.SUCCESS, completed_at=at, size=entries, **fields)


def with_entries(store: Store, *runs: Run) -> None:
    for one in runs:
        put(store, one, created=tuple(entry(one, n) for n in range(one.size)))


def test_a_run_is_read_as_it_was_written(store: Store) -> None:
    full = ended("wfr_1", NOW, result=b"{}", features=("LazyFetch",), notices=("n",), steps=1)
    put(store, full)
    found = store.workflows.get(key_of(full))
    assert found == replace(full, seq=1)
    assert store.workflows.newest("defaultUser", "wfr_1") == found
    assert store.workflows.newest("other", "wfr_1") is None


def test_generations_of_one_id_are_told_apart(store: Store) -> None:
    old, new = ended("wfr_1", NOW), run(created_at=NOW + 1)
    put(store, old)
    put(store, new)
    assert store.workflows.newest("defaultUser", "wfr_1") == replace(new, seq=2)
    assert store.workflows.get(key_of(old)) == replace(old, seq=1)


def test_entries_are_read_up_to_a_position(store: Store) -> None:
    one = run(size=3)
    with_entries(store, one)
    found = store.workflows.entries(replace(one, seq=1), 1)
    assert [(e.body, e.call_type) for e in found] == [
        (b"body 0", CallType.STEP), (b"body 1", CallType.STEP),
    ]  # fmt: skip
    assert store.workflows.bytes_until(replace(one, seq=1), 1) == 12
    assert len(store.workflows.entries(replace(one, seq=1))) == 3
    assert len(store.workflows.entries(replace(one, seq=1, first=1))) == 2


def test_a_replay_of_a_step_is_no_entry(store: Store) -> None:
    one = run()
    with_entries(store, one)
    copy = entry(one, 0, id="msg_copy", kind=Kind.REPLAY)
    store.messages.apply(created([copy], NOW))
    assert len(store.workflows.entries(replace(one, seq=1))) == 1


def test_an_entry_of_a_resumed_run_has_the_contents_of_another(store: Store) -> None:
    old, new = ended("wfr_1", NOW), run("wfr_2", NOW + 1)
    with_entries(store, old)
    source = store.messages.get("defaultUser", f"msg_wfr_1_{NOW}_1")
    assert source is not None
    put(store, new, copies=(Copy(key_of(new), 0, "msg_new", source),))
    [found] = store.workflows.entries(replace(new, seq=2))
    assert (found.message_id, found.body) == ("msg_new", b"body 1")


def test_what_waits_is_found_by_event_and_by_time_and_goes_with_its_run(store: Store) -> None:
    one = run()
    made = draft(of_step())
    waiters = [
        Waiter(key_of(one), event, NOW + at, b"{}", made, made, {"A": ["b"]})
        for event, at in (("e", 20), ("e", 10), ("other", 30))
    ]
    notice = Notice(key_of(one), "e", b"x", NOW)
    log = (RunEvent(key_of(one), NOW, "WAITER_ADDED", Step(1, "w"), b"{}"),)
    put(store, one, waiters=tuple(waiters), notices=(notice,), run_events=log)
    kept = replace(one, seq=1)
    assert [w.due_at - NOW for w in store.waits.waiters("defaultUser", "e")] == [20, 10]
    assert store.waits.waiters("other", "e") == []
    assert store.waits.waiters("defaultUser", "e", 2) == []
    assert store.waits.next_due() == NOW + 10
    assert [w.seq for w in store.waits.due_waiters(NOW + 20, 10)] == [2, 1]
    assert store.waits.waiters("defaultUser", "e")[0] == replace(waiters[0], seq=1)
    assert store.waits.kept_notice(kept, "e") == replace(notice, seq=1)
    assert store.workflows.events(kept) == list(log)
    put(store, replace(one, state=RunState.CANCELED, completed_at=NOW), served=(1,))
    assert store.waits.waiters_of(kept) == []
    assert store.waits.kept_notice(kept, "e") is None
    assert store.waits.next_due() is None


def test_what_is_undone_is_not_remembered(store: Store) -> None:
    one = run()
    put(store, one)

    def fail() -> None:
        with store.database:
            put(store, replace(one, size=2, steps=1))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert store.workflows.get(key_of(one)) == replace(one, seq=1)


def test_old_runs_are_forgotten_with_their_messages_and_live_ones_stay_whole(store: Store) -> None:
    old, young, live = ended("wfr_1", NOW), ended("wfr_2", NOW + DAY), run("wfr_3", NOW, size=2)
    with_entries(store, old, young, live)
    [seq] = store.workflows.surplus(NOW + WEEK + 1, 100, WEEK)
    ids = store.workflows.delete(seq)
    assert ids == [f"msg_wfr_1_{NOW}_{n}" for n in range(2)]
    assert store.workflows.get(key_of(old)) is None
    assert store.messages.surplus(NOW + 2 * WEEK, 0, WEEK) == []
    assert len(store.workflows.entries(replace(live, seq=3))) == 2
    assert store.messages.delete([1, 2, 3, 4, 5, 6]) == []


def test_too_many_entries_are_forgotten_run_by_run_but_for_dead_letters(store: Store) -> None:
    runs = [ended(f"wfr_{n}", NOW + n) for n in range(3)]
    with_entries(store, *runs)
    assert store.workflows.surplus(NOW, 6, WEEK) == []
    assert store.workflows.surplus(NOW, 5, WEEK, limit=2) == [1, 2]


def test_a_run_that_is_not_settled_or_goes_on_in_another_stays(store: Store) -> None:
    unsettled, source = ended("wfr_1", NOW), ended("wfr_2", NOW)
    active = entry(unsettled, 1, state=State.ACTIVE, finished_at=None)
    put(store, unsettled, created=(entry(unsettled, 0), active))
    with_entries(store, source)
    copied = store.messages.get("defaultUser", f"msg_wfr_2_{NOW}_0")
    assert copied is not None
    successor = run("wfr_3", NOW)
    put(store, successor, copies=(Copy(key_of(successor), 0, "msg_new", copied),))
    assert store.workflows.surplus(NOW + 2 * WEEK, 0, WEEK) == []
