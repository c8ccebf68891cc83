"""Takes back, for some seconds, what people deleted or cancelled.

Ours: QStash knows no such order. Only what waited can be taken back from a cancellation; an attempt
under way, or the message of a workflow run, has had effects.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from msgspec import Struct, field

from qstash_dev.engine.clock import Clock
from qstash_dev.engine.notifier import Tombstones
from qstash_dev.engine.workflows import is_of_run
from qstash_dev.protocol import settle
from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.model import Change, Message, State
from qstash_dev.store.store import Store

KEPT_MS = 60_000
"""Of wall time: people read a notice at their own pace, whatever the virtual clock does."""
MOST_KEPT = 50_000
"""Messages; a larger order is carried out and cannot be taken back."""


class TakenBack(NamedTuple):
    """How many messages are as before, and which other things, in words."""

    messages: int
    things: list[str]


class _Thing(NamedTuple):
    words: str
    present: Callable[[], object]
    put_back: Callable[[], object]


class _Order(Struct):
    at: int
    deleted: int = 0
    cancelled: list[Message] = field(default_factory=list)
    things: list[_Thing] = field(default_factory=list)


class Undo(Struct, eq=False):
    """Orders by id. `revive` writes a change by which messages wait again."""

    _store: Store
    _clock: Clock
    _new_id: Callable[[str], str]
    _revive: Callable[[Change], None]
    _tombstones: Tombstones
    _orders: dict[str, _Order] = field(default_factory=dict)

    def begin(self) -> str:
        """The id of a new order, for the others to name."""
        self.expire()
        order = self._new_id("undo_")
        self._orders[order] = _Order(self._clock.wall())
        return order

    def will_delete(self, order: str, seqs: Iterable[int]) -> None:
        """These messages are about to be deleted."""
        kept = self._orders.get(order)
        if kept is not None:
            kept.deleted += self._store.bin.keep(order, seqs)
            if kept.deleted > MOST_KEPT:
                self._forget([order])

    def will_remove(self, order: str, dlq_id: str) -> None:
        """This dead letter is about to be removed."""
        self._orders[order].deleted += 1
        self._store.bin.keep_letter(order, dlq_id)

    def was_cancelled(self, order: str, message: Message) -> None:
        """A message was cancelled; `message` is as it was before."""
        kept = self._orders.get(order)
        if kept is not None and message.state != State.ACTIVE and not is_of_run(message):
            kept.cancelled.append(message)
            if len(kept.cancelled) > MOST_KEPT:
                self._forget([order])

    def was_deleted(
        self,
        order: str,
        words: str,
        present: Callable[[], object],
        put_back: Callable[[], object],
    ) -> None:
        """A thing that is no message was deleted; `put_back` makes it again as it was, unless it was
        made anew: `present` is that, or `None`.
        """
        if (kept := self._orders.get(order)) is not None:
            kept.things.append(_Thing(words, present, put_back))

    def is_possible(self, order: str) -> bool:
        """Whether the order can be taken back."""
        kept = self._orders.get(order)
        return kept is not None and bool(kept.deleted or kept.cancelled or kept.things)

    def take_back(self, orders: Iterable[str]) -> TakenBack:
        """Make these orders undone. Raises QStashError(404) when there is nothing any more that could
        be.
        """
        self.expire()
        known = [order for order in orders if order in self._orders]
        if not known:
            raise QStashError(404, f"nothing to undo: it is over {KEPT_MS // 1000} seconds ago")
        count = 0
        things: list[str] = []
        for order in known:
            kept = self._orders.pop(order)
            for thing in kept.things:
                if thing.present() is None:
                    thing.put_back()
                    things.append(thing.words)
            seen = self._store.feed.last_seq()
            if restored := self._store.bin.restore(order):
                # Its readers were told that they are gone, which is for good: they begin anew.
                self._tombstones.begin_anew(seen)
                count += restored
            count += sum(self._uncancel(message) for message in kept.cancelled)
        return TakenBack(count, things)

    def expire(self) -> None:
        """Forget what is too old."""
        until = self._clock.wall() - KEPT_MS
        self._forget([order for order, kept in self._orders.items() if kept.at <= until])

    def clear(self) -> None:
        self._forget(list(self._orders))

    def _uncancel(self, before: Message) -> bool:
        message = self._store.messages.get(before.user, before.id)
        if message is None or message.state != State.CANCELED:
            return False
        self._revive(settle.uncancel(before, self._clock.now()))
        return True

    def _forget(self, orders: list[str]) -> None:
        for order in orders:
            del self._orders[order]
        if orders:
            self._store.bin.forget(orders)
