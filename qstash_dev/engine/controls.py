"""Queues and flow-control keys: what people change while messages wait in them."""

import asyncio
from collections.abc import Callable, Iterable

from msgspec import Struct
from msgspec.structs import replace

from qstash_dev.engine.bulk import CHUNK
from qstash_dev.engine.clock import Clock
from qstash_dev.engine.lanes import FlowLane, Key, Lanes
from qstash_dev.protocol.errors import QStashError, there
from qstash_dev.protocol.model import FlowControl, FlowState, Message, Pins, Queue
from qstash_dev.store.lists.windows import WHOLE
from qstash_dev.store.store import Store


class Queues(Struct, eq=False):
    """Queues by user and name. `wake` is called when a waiting message may start."""

    _store: Store
    _clock: Clock
    _lanes: Lanes
    _wake: Callable[[], None]
    _cancel: Callable[[Iterable[Message]], int]

    def upsert(
        self, user: str, name: str, parallelism: int | None = None, paused: bool | None = None
    ) -> Queue:
        """Create a queue, or change what is given."""
        now = self._clock.now()
        queue = self._store.queues.get(user, name) or Queue(user, name, now, now)
        queue = replace(
            queue,
            updated_at=now,
            parallelism=queue.parallelism if parallelism is None else parallelism,
            paused=queue.paused if paused is None else paused,
        )
        self.put(queue)
        return queue

    def put(self, queue: Queue) -> None:
        """Have a queue as it is here."""
        key = queue.user, queue.name
        self._store.queues.put(*key, queue)
        lane = self._lanes.queue(key)
        lane.parallelism, lane.paused = queue.parallelism, queue.paused
        self._lanes.stir_queue(key)
        self._wake()

    async def delete(
        self, user: str, name: str, tell: Callable[[Message], None] = lambda message: None
    ) -> None:
        """Remove a queue: what is under way ends, what waits in it is cancelled; `tell` hears of each
        message that is.

        In pieces, so that the loop stays free; what is enqueued meanwhile stays, in a new queue.
        """
        lane = self._lanes.queue((user, name))
        # Not in the store: a process that is killed here leaves the queue as it was.
        lane.paused = True
        seq, last = 0, self._store.messages.last_seq()
        while seqs := self._store.messages.waiting_in_queue(user, name, seq, last, CHUNK):
            messages = self._store.messages.load_many(seqs).values()
            self._cancel(messages)
            for message in messages:
                tell(message)
            seq = seqs[-1]
            await self._store.database.committed()
            await asyncio.sleep(0)
        self._store.queues.delete(user, name)
        lane.parallelism, lane.paused = 1, False
        if self._store.messages.waiting_in_queue(user, name, last, WHOLE, 1):
            self.upsert(user, name)
        self._lanes.stir_queue((user, name))
        self._wake()


class Flows(Struct, eq=False):
    """Flow-control keys by user and name; a key that is not known is created."""

    _store: Store
    _clock: Clock
    _lanes: Lanes
    _wake: Callable[[], None]

    def find(self, key: Key) -> FlowLane | None:
        """The lane of a key, if it is known."""
        return self._lanes.flows.get(key)

    def pause(self, key: Key, paused: bool) -> None:
        """Start nothing of this key, or go on."""
        self._lane(key).update(paused=paused)
        self._changed(key)

    def pin(self, key: Key, parallelism: int | None, rate: int | None, period_s: int) -> None:
        """Fix limits whatever messages carry; a pin begins a new period."""
        lane = self._lane(key)
        pins = lane.state.pins
        if parallelism is not None:
            pins = replace(pins, parallelism=parallelism)
        if rate is not None:
            pins = replace(pins, rate=rate, period_s=period_s)
        lane.update(pins=pins, started=0, period_start=self._clock.now())
        self._changed(key)

    def unpin(self, key: Key, parallelism: bool, rate: bool) -> None:
        """Let messages decide again; the pinned values stay until one with others arrives."""
        lane = self._lane(key)
        pins, kept = lane.state.pins, lane.state.kept
        if parallelism and pins.parallelism is not None:
            kept = replace(kept, parallelism=pins.parallelism)
            pins = replace(pins, parallelism=None)
        if rate and pins.rate is not None:
            kept = replace(kept, rate=pins.rate, period_s=pins.period_s)
            pins = Pins(parallelism=pins.parallelism)
        lane.update(pins=pins, kept=kept)
        self._changed(key)

    def reset(self, key: Key) -> None:
        """Begin both counts anew: attempts under way go on, and take no room any more."""
        self._lane(key).forget_running()
        self.reset_rate(key)

    def reset_rate(self, key: Key) -> None:
        """Begin a new period."""
        self._lane(key).update(started=0, period_start=self._clock.now())
        self._changed(key)

    def delete(self, key: Key) -> None:
        """Forget a key. Raises QStashError: 404 for an unknown one, 409 while messages have it."""
        lane = there(self.find(key), "flow control key", key[1])
        if lane.pending:
            raise QStashError(
                409,
                f"flow control key {key[1][:200]} stays while messages have it: "
                f"{lane.pending} are pending",
            )
        del self._lanes.flows[key]
        self._store.flows.delete(*key)

    def put(self, key: Key, lane: FlowLane) -> None:
        """Have a key as it is here, with nothing under way."""
        self._lanes.flows[key] = FlowLane(lane.state)
        self._changed(key)

    def _lane(self, key: Key) -> FlowLane:
        return self._lanes.flows.setdefault(key, FlowLane(FlowState(FlowControl(key[1]))))

    def _changed(self, key: Key) -> None:
        self._store.flows.put(*key, self._lane(key).state)
        self._lanes.stir_flow(key)
        self._wake()
