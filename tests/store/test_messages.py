"""Messages come back as they were written, whatever is remembered of them meanwhile."""

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from qstash_dev.protocol import creation, settle
from qstash_dev.protocol.model import Message, State
from qstash_dev.store.messages import FORGET
from qstash_dev.store.store import Store
from tests.samples import NOW, SECOND, message


@pytest.fixture
def store() -> Iterator[Store]:
    store = Store.open(":memory:")
    yield store
    store.close()


def add(store: Store, sample: Message) -> Message:
    store.messages.apply(creation.created([sample], NOW))
    return stored(store, sample.id)


def stored(store: Store, message_id: str) -> Message:
    found = store.messages.get(None, message_id)
    assert found is not None
    return found


@pytest.mark.parametrize(
    "sample",
    [
        message(),
        message(due_at=NOW + SECOND),
        message(held="localhost:3000"),
        message(state=State.ACTIVE, attempts=1),
        message(queue="q", topic="t", endpoint="e", schedule_id="s", parent_id="p", notices=("n",)),
        message(line="msg_0", line_queue="q"),
        message(body=b"x" * 100_000, labels=("a", "b")),
    ],
    ids=["due", "delayed", "held", "active", "special", "callback", "large"],
)
def test_a_message_is_loaded_as_it_was_written(store: Store, sample: Message) -> None:
    written = add(store, sample)
    assert written == replace(sample, seq=written.seq)
    assert store.messages.load(written.seq) == written


@pytest.mark.parametrize("body", [b"short", b"x" * 100_000], ids=["short", "long"])
def test_what_is_due_next_is_at_hand_and_loaded_as_it_was_changed(
    store: Store, body: bytes
) -> None:
    far = add(store, message(id="msg_2", due_at=NOW + 2 * SECOND))
    written = add(store, message(body=body, due_at=NOW + SECOND))
    store.messages.read_ahead()
    assert store.messages.load(written.seq) == written
    assert store.messages.load(far.seq) == far
    for change in (settle.start(written, NOW), settle.cancel(written, NOW)):
        store.messages.apply(change)
        store.messages.read_ahead()
        assert store.messages.load(written.seq) == change.changed[0]


def test_a_message_is_loaded_as_it_was_changed(store: Store) -> None:
    written = add(store, message())
    for change in (settle.start(written, NOW), settle.cancel(written, NOW)):
        store.messages.apply(change)
        assert store.messages.load(written.seq) == change.changed[0]


def test_a_released_message_is_loaded_with_its_new_time(store: Store) -> None:
    written = add(store, message(held="localhost:3000"))
    store.due.release("localhost:3000", NOW + SECOND)
    assert store.messages.load(written.seq) == replace(written, held=None, due_at=NOW + SECOND)


def test_messages_are_forgotten_without_looking_at_others(store: Store) -> None:
    plan = [step for *_, step in store.database.read(f"EXPLAIN QUERY PLAN {FORGET}", ("[1]",))]
    assert [step for step in plan if "(rowid=?)" in step] == plan[:1]


def test_messages_under_way_are_found(store: Store) -> None:
    add(store, message(id="msg_0"))
    written = add(store, message(state=State.ACTIVE, attempts=1))
    assert store.messages.active() == [written]


def test_many_accepted_messages_are_loaded_each_as_itself(store: Store) -> None:
    ids = [f"msg_{number}" for number in range(1_200)]
    for id_ in ids:
        store.messages.apply(creation.created([message(id=id_, body=id_.encode())], NOW))
    tickets = store.due.tickets(NOW, 2_000)
    assert [store.messages.load(ticket.seq).body.decode() for ticket in tickets] == ids


def test_numbers_go_on_after_everything_was_forgotten(store: Store) -> None:
    first = add(store, message(id="msg_a"))
    event = store.feed.last_seq()
    store.reset()
    assert add(store, message(id="msg_b")).seq > first.seq
    assert store.feed.last_seq() > event


def test_numbers_go_on_after_a_restart_without_the_newest_message(tmp_path) -> None:
    store = Store.open(tmp_path / "m.db")
    written = add(store, message(state=State.DELIVERED, finished_at=NOW))
    event = store.feed.last_seq()
    assert store.messages.delete([written.seq]) == [written.id]
    store.close()
    store = Store.open(tmp_path / "m.db")
    assert store.feed.last_seq() == event + 1
    assert add(store, message()).seq > written.seq
    store.close()
