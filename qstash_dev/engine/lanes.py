"""Who may run now: queues, flow-control keys and the global limit. Holds tickets, never messages.

A ticket passes its gates in this order: the queue (its place is kept until the message and its
callbacks are finished), the flow-control key (kept for one attempt), the global limit (likewise).
Time comes in as an argument; nothing here waits or stores.
"""

from collections import Counter
from collections.abc import Sequence
from heapq import heapify, heappop, heappush

from msgspec.structs import replace

from qstash_dev.protocol.model import FlowControl, FlowState, Pins
from qstash_dev.store.due import Ticket

Key = tuple[str, str]
"""A user and a name of theirs."""

SLACK = 100
"""So many of a line may have left it before it is made anew."""

RESERVE = 10
"""One of so many places that an app finds free is left to others: else a hundred hung deliveries
of one app would stop all. Differs: QStash has no such share.
"""


class Line:
    """Tickets in order: by the time they were first due, then by arrival."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, str]] = []
        self.tickets: dict[str, Ticket] = {}

    def __len__(self) -> int:
        return len(self.tickets)

    def enter(self, ticket: Ticket) -> None:
        """Stand in line."""
        self.tickets[ticket.id] = ticket
        heappush(self._heap, (ticket.not_before, ticket.seq, ticket.id))

    def leave(self, message_id: str) -> bool:
        """Step out of the line; whether it was there."""
        was_there = self.tickets.pop(message_id, None) is not None
        if len(self._heap) > 2 * len(self.tickets) + SLACK:
            self._heap = [(t.not_before, t.seq, t.id) for t in self.tickets.values()]
            heapify(self._heap)
        return was_there

    def ahead_of(self, message_id: str) -> int | None:
        """How many stand before a message; `None` when it is not in this line."""
        if (ticket := self.tickets.get(message_id)) is None:
            return None
        place = (ticket.not_before, ticket.seq)
        return sum((other.not_before, other.seq) < place for other in self.tickets.values())

    def pop(self) -> Ticket | None:
        """The first ticket, taken out of the line."""
        while self._heap:
            ticket = self.tickets.pop(heappop(self._heap)[2], None)
            if ticket is not None:
                return ticket
        return None


class QueueLane:
    """Strict order, at most `parallelism` messages at a time; a message keeps its place until done.

    `holders` counts, for each message that has a place, what keeps it: itself and its callbacks.
    Messages with a place come back for each retry, and go before those that wait for one.
    """

    def __init__(self) -> None:
        self.parallelism = 1
        self.paused = False
        self.holders: Counter[str] = Counter()
        self._returning = Line()
        self._line = Line()

    @property
    def is_as_new(self) -> bool:
        """Whether it says nothing that a new one does not."""
        is_plain = self.parallelism == 1 and not self.paused
        return is_plain and not (self.holders or len(self._returning) or len(self._line))

    def enter(self, ticket: Ticket) -> None:
        """Stand in line."""
        (self._returning if ticket.id in self.holders else self._line).enter(ticket)

    def leave(self, message_id: str) -> bool:
        """Step out of the line; whether it was there."""
        return self._returning.leave(message_id) or self._line.leave(message_id)

    def ahead_of(self, message_id: str) -> int | None:
        """How many wait in line before a message; `None` when it does not wait here."""
        ahead = self._returning.ahead_of(message_id)
        return self._line.ahead_of(message_id) if ahead is None else ahead

    def next(self) -> Ticket | None:
        """The next ticket that has or is to get a place, or `None` while the line must wait."""
        if self.paused:
            return None
        ticket = self._returning.pop()
        if ticket is None and len(self.holders) < self.parallelism:
            ticket = self._line.pop()
        return ticket

    def release(self, holder: str) -> None:
        """One of the things that keep a place is finished."""
        self.holders[holder] -= 1
        if self.holders[holder] <= 0:
            del self.holders[holder]


class FlowLane:
    """A flow-control key: so many at once, so many starts in a period, in order of arrival.

    While messages with other values are pending, the higher values are in force (QStash docs,
    "Flow control"). A pin overrides all; when it is taken away its values stay until a message with
    others arrives.
    """

    def __init__(self, state: FlowState) -> None:
        self.state = state
        self.active: set[str] = set()
        self.line = Line()
        self._passed: set[str] = set()
        self._pending: Counter[FlowControl] = Counter()

    def with_last(self, flow: FlowControl) -> FlowState:
        """The state when a message with these limits is the last one."""
        kept = Pins() if _differs(flow, self.state.kept) else self.state.kept
        return replace(self.state, last=flow, kept=kept)

    def accept(self, flow: FlowControl) -> None:
        """A message with these limits is new: they are the last that were given."""
        self.state = self.with_last(flow)
        self.expect(flow)

    def expect(self, flow: FlowControl) -> None:
        """A message with these limits is pending until `forget`."""
        self._pending[flow] += 1

    def forget(self, flow: FlowControl) -> None:
        """A message with these limits is finished."""
        self._pending[flow] -= 1
        if self._pending[flow] <= 0:
            del self._pending[flow]

    @property
    def pending(self) -> int:
        """How many messages with this key are not finished, or finish their last attempt."""
        return max(self._pending.total(), len(self.active))

    def update(self, **changes: object) -> None:
        """Replace fields of the state."""
        self.state = replace(self.state, **changes)

    @property
    def parallelism(self) -> int | None:
        """How many attempts may run at once; `None` is "not limited"."""
        for fixed in (self.state.pins, self.state.kept):
            if fixed.parallelism is not None:
                return fixed.parallelism
        limits = [flow.parallelism for flow in self._in_force()]
        return None if None in limits else max(x for x in limits if x is not None)

    @property
    def rate(self) -> tuple[int | None, int]:
        """How many attempts may start in a period, and its seconds; `None` is "not limited"."""
        for fixed in (self.state.pins, self.state.kept):
            if fixed.rate is not None:
                return fixed.rate, fixed.period_s
        fastest = max(self._in_force(), key=_starts_per_second)
        return fastest.rate, fastest.period_s

    def next(self, now: int) -> Ticket | None:
        """The next ticket that may start: room is kept for it until `begin` or `withdraw`."""
        if not self._has_room(now, kept=len(self._passed)):
            return None
        ticket = self.line.pop()
        if ticket is not None:
            self.active.add(ticket.id)
            self._passed.add(ticket.id)
        return ticket

    def begin(self, ticket: Ticket, now: int) -> bool:
        """A ticket that `next` gave starts now, and counts in the present period.

        Unless the limits have changed since: then it is back in the line.
        """
        self.withdraw(ticket.id)
        if not self._has_room(now, kept=0):
            self.line.enter(ticket)
            return False
        self.active.add(ticket.id)
        self._count_start(now)
        return True

    def withdraw(self, message_id: str) -> None:
        """A message will not start, wherever it waits."""
        self.line.leave(message_id)
        self.active.discard(message_id)
        self._passed.discard(message_id)

    def forget_running(self) -> None:
        """Attempts that are under way count no more; what starts from now on does."""
        self.active &= self._passed

    def next_time(self, now: int) -> int | None:
        """When a new period lets something start that waits, if nothing else happens before."""
        if not len(self.line) or self.state.paused or not self.counted(now):
            return None
        if not self._is_rate_used_up(now, kept=len(self._passed)):
            return None
        return self.state.period_start + self.rate[1] * 1000

    def counted(self, now: int) -> int:
        """Starts in the current period."""
        return 0 if self._period_over(now) else self.state.started

    def _has_room(self, now: int, kept: int) -> bool:
        limit = self.parallelism
        running = len(self.active) - len(self._passed)
        is_full = limit is not None and running + kept >= limit
        return not (self.state.paused or is_full or self._is_rate_used_up(now, kept))

    def _is_rate_used_up(self, now: int, kept: int) -> bool:
        rate, _ = self.rate
        return rate is not None and self.counted(now) + kept >= rate

    def _count_start(self, now: int) -> None:
        if self._period_over(now):
            self.update(started=1, period_start=now)
        else:
            self.update(started=self.state.started + 1)

    def _period_over(self, now: int) -> bool:
        """A period that is yet to begin is over, too: the clock went back to the wall's time."""
        passed = now - self.state.period_start
        return not 0 <= passed < self.rate[1] * 1000

    def _in_force(self) -> set[FlowControl]:
        return {*self._pending, self.state.last}


class Places:
    """The places for deliveries under way, of which no app takes all.

    `active` are those who have one, each with the app that it goes to.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.active: dict[str, str] = {}
        self._taken: dict[str, int] = {}
        self._ready = Line()
        self._crowds: dict[str, Line] = {}

    def enter(self, ticket: Ticket) -> None:
        """Wait for a place."""
        self._ready.enter(ticket)

    def leave(self, message_id: str) -> None:
        """Wait no longer."""
        for line in (self._ready, *self._crowds.values()):
            line.leave(message_id)

    def open(self, at_once: int | None = None) -> int:
        """The limit for now, lower if `at_once` is; those whose app has room again are in line."""
        limit = min(self.limit, at_once or self.limit)
        for app, crowd in list(self._crowds.items()):
            for _ in range(self._room(app, limit)):
                if (ticket := crowd.pop()) is not None:
                    self._ready.enter(ticket)
            if not len(crowd):
                del self._crowds[app]
        return limit

    def next(self, limit: int) -> Ticket | None:
        """The next one that there is a place for; it has it from `take` on."""
        while len(self.active) < limit and (ticket := self._ready.pop()):
            if self._room(ticket.app, limit) > 0:
                return ticket
            self._crowds.setdefault(ticket.app, Line()).enter(ticket)
        return None

    def take(self, ticket: Ticket) -> None:
        """A delivery begins."""
        self.begin(ticket.id, ticket.app)

    def begin(self, message_id: str, app: str) -> None:
        """A delivery begins that has not waited."""
        self.active[message_id] = app
        self._taken[app] = self._taken.get(app, 0) + 1

    @property
    def is_waited_for(self) -> bool:
        """Whether anybody waits for a place."""
        return bool(self._ready.tickets or self._crowds)

    def has_room(self, apps: Sequence[str]) -> bool:
        """Whether deliveries to all of these may begin."""
        count = len(apps)
        if len(self.active) + count > self.limit:
            return False
        return min([self._room(app, self.limit) for app in apps], default=count) >= count

    def free(self, message_id: str) -> None:
        """A delivery is over; for one without a place nothing happens."""
        app = self.active.pop(message_id, None)
        if app is not None:
            self._taken[app] -= 1
            if not self._taken[app]:
                del self._taken[app]

    def is_crowded(self, app: str) -> bool:
        """Whether an app has its share, so that more for it must wait."""
        return self._room(app, self.limit) <= 0

    def _room(self, app: str, limit: int) -> int:
        mine = self._taken.get(app, 0)
        left = limit - (len(self.active) - mine)
        return left - left // RESERVE - mine


class Lanes:
    """All lanes of all users, and the order in which tickets pass through them."""

    def __init__(self, global_parallelism: int) -> None:
        self.places = Places(global_parallelism)
        self.queues: dict[Key, QueueLane] = {}
        self.flows: dict[Key, FlowLane] = {}
        self._place_of: dict[str, Key] = {}
        self._stirred_queues: set[Key] = set()
        self._stirred_flows: set[Key] = set()
        self._rate_waits: list[tuple[int, Key]] = []
        self._rate_wait_of: dict[Key, int] = {}

    def clear(self) -> None:
        """Forget every lane."""
        self.__init__(self.places.limit)  # type: ignore[misc]

    def queue(self, key: Key) -> QueueLane:
        """The lane of a queue; a new one has parallelism 1."""
        return self.queues.setdefault(key, QueueLane())

    def stir_queue(self, key: Key) -> None:
        """Something about this queue changed: look at it in the next `take`."""
        self._stirred_queues.add(key)

    def stir_flow(self, key: Key) -> None:
        """Something about this flow-control key changed: look at it in the next `take`."""
        self._stirred_flows.add(key)

    def enter(self, ticket: Ticket) -> None:
        """A due message asks for its turn."""
        if ticket.queue is None:
            self._pass_queue(ticket)
            return
        key = (ticket.user, ticket.queue)
        self.queue(key).enter(ticket)
        self.stir_queue(key)

    def accept(self, key: Key, flow: FlowControl) -> None:
        """A message with this flow-control key is new; its limits may be higher now."""
        self.flows.setdefault(key, FlowLane(FlowState(flow))).accept(flow)
        self.stir_flow(key)

    def hold(self, queue: Key, holder: str) -> None:
        """One more thing keeps the place of `holder` in a queue: an open message or callback."""
        self._place_of[holder] = queue
        self.queue(queue).holders[holder] += 1

    def prolong(self, holder: str) -> None:
        """A callback keeps the place of its source, if that has one."""
        queue = self._place_of.get(holder)
        if queue is not None:
            self.hold(queue, holder)

    def release(self, holder: str) -> None:
        """One of the things that keep a place is finished; without a place, nothing happens."""
        queue = self._place_of.get(holder)
        if queue is None:
            return
        lane = self.queue(queue)
        lane.release(holder)
        if holder not in lane.holders:
            del self._place_of[holder]
        self.stir_queue(queue)

    def take(self, now: int, at_once: int | None = None) -> list[Ticket]:
        """The tickets that start now; `at_once` lowers the global limit for this time."""
        self.wake_rates(now)
        queues, self._stirred_queues = self._stirred_queues, set()
        for key in sorted(queues):
            self._pass_line(key)
        stirred, self._stirred_flows = self._stirred_flows, set()
        for key in sorted(stirred):
            self._pass_flow(key, now)
        started = []
        limit = self.places.open(at_once)
        while ticket := self.places.next(limit):
            if ticket.flow_key is not None:
                key = (ticket.user, ticket.flow_key)
                stirred.add(key)
                if not self.flows[key].begin(ticket, now):
                    continue
            self.places.take(ticket)
            started.append(ticket)
        for key in stirred:
            self._await_period(key, now)
        return started

    @property
    def is_stirred(self) -> bool:
        """Whether the next `take` may start something, unless the global limit is reached."""
        return bool(self.places.is_waited_for or self._stirred_queues or self._stirred_flows)

    def has_room(self, apps: Sequence[str]) -> bool:
        """Whether messages to these, without a queue and a flow-control key, may start now."""
        return not self.is_stirred and self.places.has_room(apps)

    def next_time(self) -> int | None:
        """When a rate allows something that waits for it."""
        waits, wait_of = self._rate_waits, self._rate_wait_of
        while waits and wait_of.get(waits[0][1]) != waits[0][0]:
            heappop(waits)  # nothing of that key waits for it any more
        return waits[0][0] if waits else None

    def wake_rates(self, now: int) -> None:
        """Look at the keys whose period is over by now."""
        while (at := self.next_time()) is not None and at <= now:
            key = heappop(self._rate_waits)[1]
            del self._rate_wait_of[key]
            self._stirred_flows.add(key)

    def end_attempt(self, message_id: str, flow: Key | None) -> None:
        """An attempt is over: its permits are free."""
        self.places.free(message_id)
        if flow is not None and flow in self.flows:
            self.flows[flow].active.discard(message_id)
            self.stir_flow(flow)

    def withdraw(self, message_id: str, queue: Key | None, flow: Key | None) -> None:
        """A waiting message will not start: it leaves whatever line it stands in."""
        lane = self.queues.get(queue) if queue is not None else None
        if lane is not None and queue is not None and lane.leave(message_id):
            self.stir_queue(queue)
            return
        if flow is not None and flow in self.flows:
            self.flows[flow].withdraw(message_id)
            self.stir_flow(flow)
        self.places.leave(message_id)

    def _pass_line(self, key: Key) -> None:
        lane = self.queues.get(key)
        while lane is not None and (ticket := lane.next()):
            if ticket.id not in self._place_of:
                self.hold(key, ticket.id)
            self._pass_queue(ticket)
        if lane is not None and lane.is_as_new:
            del self.queues[key]

    def _pass_queue(self, ticket: Ticket) -> None:
        if ticket.flow_key is None:
            self.places.enter(ticket)
            return
        key = (ticket.user, ticket.flow_key)
        self.flows[key].line.enter(ticket)
        self.stir_flow(key)

    def _pass_flow(self, key: Key, now: int) -> None:
        lane = self.flows.get(key)
        while lane is not None and (ticket := lane.next(now)):
            self.places.enter(ticket)

    def _await_period(self, key: Key, now: int) -> None:
        lane = self.flows.get(key)
        at = lane.next_time(now) if lane is not None else None
        if at is None:
            self._rate_wait_of.pop(key, None)
        elif self._rate_wait_of.get(key) != at:
            self._rate_wait_of[key] = at
            heappush(self._rate_waits, (at, key))


def _differs(flow: FlowControl, kept: Pins) -> bool:
    """Whether a message carries another value for something that was unpinned."""
    parallelism = kept.parallelism not in (None, flow.parallelism)
    rate = kept.rate is not None and (kept.rate, kept.period_s) != (flow.rate, flow.period_s)
    return parallelism or rate


def _starts_per_second(flow: FlowControl) -> float:
    return float("inf") if flow.rate is None else flow.rate / flow.period_s
