"""The tally of states is what a count of all messages gives, whatever was written or undone."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest

from qstash_dev.protocol import settle
from qstash_dev.store.errors import StoreError
from qstash_dev.store.store import Store
from tests.samples import NOW, answer
from tests.store.filled import Filled

MINUTE = 60_000


def test_it_follows_each_change(filled: Filled) -> None:
    store = filled.store
    delayed, waiting, queued = filled.add(NOW + MINUTE), filled.add(), filled.add()
    changes: list[Callable[[], object]] = [
        lambda: store.due.claim([queued.seq]),
        lambda: store.messages.apply(settle.start(waiting, NOW)),
        lambda: filled.try_(filled.add(), answer(500)),
        lambda: filled.try_(filled.add(), answer(200)),
        lambda: filled.fail(),
        lambda: store.messages.apply(settle.cancel(delayed, NOW)),
        lambda: store.due.unclaim(),
        lambda: store.messages.delete([delayed.seq, waiting.seq]),
        lambda: store.reset(),
        lambda: filled.add(),
    ]
    for change in changes:
        change()
        assert store.tally.counts() == counted(store)


def test_what_is_undone_is_not_counted(filled: Filled) -> None:
    store = filled.store
    filled.add()
    before = store.tally.counts()
    with pytest.raises(StoreError):
        _add_and_fail(filled)
    assert store.tally.counts() == before == counted(store)


def test_it_is_there_again_in_another_file_and_process(tmp_path: Path) -> None:
    filled = Filled()
    filled.add(NOW + MINUTE)
    filled.fail()
    before = filled.store.tally.counts()
    filled.store.database.move_to(tmp_path / "other.db")
    assert filled.store.tally.counts() == before
    filled.store.close()
    with contextlib.closing(Store.open(tmp_path / "other.db")) as again:
        assert again.tally.counts() == before


def _add_and_fail(filled: Filled) -> None:
    with filled.store.database:
        filled.add()
        assert filled.store.tally.counts()["WAITING"] == 2
        filled.store.database.write("INSERT INTO messages (seq) VALUES (NULL)")


def counted(store: Store) -> dict[str, int]:
    """As counted by hand."""
    found = dict.fromkeys(store.tally.counts(), 0)
    for state, waits in store.database.read(
        "SELECT state, claimed = 0 AND held IS NULL AND finished_at IS NULL FROM messages"
    ):
        kind = "WAITING" if state == "CREATED" and waits else state
        if kind in found:
            found[kind] += 1
    return found
