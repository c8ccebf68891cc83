"""A store for tests with messages in it that were delivered, failed or wait."""

from itertools import count
from typing import Any

from qstash_dev.protocol import creation, settle
from qstash_dev.protocol.model import Message, Outcome
from qstash_dev.store.store import Store
from tests.samples import NOW, answer, attempt, message


class Filled:
    """A store, and messages in it that were delivered, failed or wait."""

    def __init__(self) -> None:
        self.store = Store.open(":memory:")
        self._numbers = count(1)

    def add(self, at: int = NOW, **fields: Any) -> Message:
        """A message that waits."""
        number = next(self._numbers)
        made = message(id=f"msg_{number}", created_at=at, due_at=at, not_before=at, **fields)
        self.store.messages.apply(creation.created((made,), at))
        found = self.store.messages.get(None, made.id)
        assert found is not None
        return found

    def try_(self, waiting: Message, outcome: Outcome, at: int = NOW) -> Message:
        """One attempt with this outcome."""
        start = settle.start(waiting, at)
        self.store.messages.apply(start)
        (active,) = start.changed
        change = settle.settle(active, attempt(active, outcome), at, lambda: "msg_cb")
        self.store.messages.apply(change)
        return change.changed[0]

    def fail(self, at: int = NOW, status: int = 500, **fields: Any) -> Message:
        """A message that is dead."""
        return self.try_(self.add(at, max_retries=0, **fields), answer(status), at)
