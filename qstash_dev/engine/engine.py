"""The engine: the only thing that acts on messages. Accepts, starts, settles, cancels, replays.

`step` is synchronous: nothing is awaited between reading state and writing it, so there are no locks.
The world comes in from outside: the store, the clock, how to send, how to make ids.
"""

import logging
from collections.abc import Iterable
from functools import partial
from itertools import filterfalse

from msgspec.structs import replace

from qstash_dev.devtools import hold
from qstash_dev.engine.attempts import Attempts, NewId, Send
from qstash_dev.engine.bulk import BulkCancels
from qstash_dev.engine.clock import Clock
from qstash_dev.engine.controls import Flows, Queues
from qstash_dev.engine.duplicates import Duplicates
from qstash_dev.engine.hold_back import HoldBack, RunKey
from qstash_dev.engine.hooks import NO_HOOKS, Hooks
from qstash_dev.engine.in_flight import InFlight, Shortage
from qstash_dev.engine.intake import Intake
from qstash_dev.engine.lanes import FlowLane, Key, Lanes
from qstash_dev.engine.loop import CallLater, call_later
from qstash_dev.engine.notifier import Tombstones
from qstash_dev.engine.policy import Policy
from qstash_dev.engine.recovery import follow_time_back, take_up
from qstash_dev.engine.resumes import Resumes
from qstash_dev.engine.schedules import Scheduler
from qstash_dev.engine.tasks import Tasks
from qstash_dev.engine.undo import Undo
from qstash_dev.engine.waits import Waits
from qstash_dev.engine.workflows import Workflows, calls_a_third_party, is_of_run, run_of
from qstash_dev.protocol import creation, settle
from qstash_dev.protocol.errors import QStashError, there
from qstash_dev.protocol.model import (
    Attempt,
    Change,
    DeadLetter,
    FlowState,
    Headers,
    Kind,
    Message,
    Queue,
    State,
)
from qstash_dev.protocol.workflow.model import RunChange
from qstash_dev.store.due import Ticket
from qstash_dev.store.errors import StoreError
from qstash_dev.store.store import Store

BATCH = 200
log = logging.getLogger(__name__)


class Engine:
    """Messages in motion over a store. Call `recover` once before the first `step`.

    `hooks.on_wake` is called when there may be something to do; `next_time` says when to call `step`
    without that. Deliveries run as tasks of the running event loop.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        send: Send,
        new_id: NewId,
        policy: Policy,
        lanes: Lanes,
        hooks: Hooks = NO_HOOKS,
        tasks: Tasks | None = None,
        call_later: CallLater = call_later,
    ) -> None:
        self.store = store
        self.clock = clock
        self.policy = policy
        store.leaves.routes, store.leaves.nearby = policy.routes, policy.nearby
        self.lanes = lanes
        self.paused = self._is_stale = False
        self._hooks = hooks
        self.explain, self.new_id = hooks.explain, new_id
        self.attempts = Attempts(store.keys, clock, send, new_id, hooks.watching)
        once_kept = store.database.once_committed
        self._in_flight = InFlight(self._deliver, self._ended, self.wake, once_kept)
        self.tombstones = Tombstones(store.feed.deleted_at() - 1)
        self.duplicates = Duplicates(store, clock, lambda: self.policy, hooks.on_dropped)
        self.schedules = Scheduler(
            store, clock, new_id, lambda: self.policy, self.add, self.wake, self.duplicates
        )
        tasks = tasks or Tasks()
        self.intake = Intake(
            *(store, clock, new_id, lambda: self.policy, self.duplicates),
            *(self._create, self._never_accepted, self.wake, tasks),
        )
        self.accept = self.intake.accept
        self.bulk = BulkCancels(store, clock, new_id, self.cancel, tasks)
        self.queues = Queues(store, clock, lanes, self.wake, self.cancel)
        self.flows = Flows(store, clock, lanes, self.wake)
        self.undo = Undo(store, clock, new_id, self._revive, self.tombstones)
        self.shortage = Shortage(call_later, self.wake)
        hold_back = HoldBack(self._deliveries_of_run, call_later, self.wake, store.database.after)
        self.workflows = Workflows(
            store, clock, new_id, lambda: self.policy, self.add, hold_back, self.duplicates
        )
        self.resumes = Resumes(store, self.workflows)
        self.waits = Waits(store, self.workflows, self.run_now, hooks.on_dropped)

    # Accepting

    def add(self, change: Change, intake: int | None = None) -> None:
        """Write a change: make room for what is new, free what its finished messages held."""
        with self.store.database:
            for message in change.created:
                if not settle.is_finished(message):
                    self._make_room(message, change.at)
            self.store.messages.apply(change, intake)
            self.store.database.after(partial(self._follow, change))

    def replay(self, user: str, message_id: str, changes: creation.Changes) -> str:
        """Deliver a copy of a message now, linked to it; returns the new id."""
        now = self.clock.now()
        copy = creation.replay(self.find(user, message_id), changes, now, self.new_id("msg_"))
        self.policy.check(copy.spec)
        self.add(creation.created((copy,), now))
        return copy.id

    def retry_dead(self, user: str, dlq_id: str, message_id: str, headers: Headers) -> str:
        """Publish a dead letter's message anew and remove the entry; returns the new id."""
        now = self.clock.now()
        source = self.find(user, message_id)
        if is_of_run(source):
            raise QStashError(
                400,
                f"dlq message {dlq_id} is of a workflow run: resume or restart the run with "
                f"/v2/workflows/dlq/resume/{dlq_id} or .../restart/{dlq_id}",
            )
        copy = creation.dlq_retry(source, headers, self.policy.limits, now, self.new_id("msg_"))
        self.policy.check(copy.spec)
        self.add(replace(creation.created((copy,), now), revived=(dlq_id,)))
        return copy.id

    def find_dead(self, user: str | None, dlq_id: str) -> tuple[DeadLetter, int]:
        """A dead letter and its message's number; `None` is any user. Raises QStashError(404)."""
        return there(self.store.search.dead_letter(user, dlq_id), "dlq message", dlq_id)

    def remove_dead(self, letters: Iterable[DeadLetter]) -> None:
        """Take dead letters out of the DLQ; their messages stay failed."""
        ids = tuple(letter.id for letter in letters)
        messages = self.store.search.messages_of(ids)
        self.store.messages.apply(Change(self.clock.now(), revived=ids))
        self._hooks.on_touched(messages)

    # Orders

    def find(self, user: str, message_id: str) -> Message:
        """A user's message. Raises QStashError(404)."""
        return there(self.store.messages.get(user, message_id), "message", message_id)

    def cancel(self, messages: Iterable[Message]) -> int:
        """Cancel those that are not finished; returns how many."""
        now = self.clock.now()
        open_ = [m for m in messages if not (settle.is_finished(m) or m.cancel_requested)]
        with self.store.database:
            for message in open_:
                self.add(self._cancelled(message, now))
        return len(open_)

    def run_now(self, message: Message) -> None:
        """Deliver a waiting message at once; its counters stay. Raises QStashError(400 or 409)."""
        if settle.is_finished(message) or message.state == State.ACTIVE:
            state = message.state.lower()
            raise QStashError(409, f"message {message.id} cannot be run now: it is {state}")
        if message.spec.kind == Kind.CLOUD:
            raise QStashError(
                409, f"message {message.id} is delivered by the cloud: replay it to deliver it now"
            )
        if message.held == hold.EXTERNAL:
            self.attempts.approved.add(message.id)
        if message.due_at <= self.clock.now() and message.held is None:
            return  # it waits for its turn in a line, which it must not enter twice
        self.add(settle.run_now(message, self.clock.now()))

    def release(self, awaited: str) -> int:
        """What messages were held for is there: they are due. Returns how many."""
        released = self.store.due.release(awaited, self.clock.now())
        self._hooks.on_touched(released)
        self.wake()
        return len(released)

    def wake(self) -> None:
        """There may be something to do."""
        self._hooks.on_wake()

    def delete(self, seqs: Iterable[int]) -> list[str]:
        """Forget finished messages and what happened to them; returns their ids."""
        numbers = list(seqs)
        originals = self.store.rows.originals(numbers)
        deleted = self._forget(self.store.messages.delete(numbers))
        self._hooks.on_touched(originals)
        return deleted

    def prune(self) -> int:
        """Forget finished messages and ended runs that are too old or too many; returns how many
        messages those were. Messages of runs are counted by themselves.
        """
        now = self.clock.now()
        self.store.deduplication.expire(now)
        self.undo.expire()
        self.store.sweep()
        limits = self.policy.max_messages, self.policy.max_age_ms
        seqs = self.store.messages.surplus(now, *limits)
        count = len(self.delete(seqs)) if seqs else 0
        for run in self.store.workflows.surplus(now, *limits):
            count += len(self._forget(self.store.workflows.delete(run)))
        return count

    def reset(self) -> None:
        """Forget all messages and resources; deliveries under way are abandoned."""
        seen = self.store.feed.last_seq()
        self.store.reset()
        self._abandon()
        self.bulk.forget()
        self.undo.clear()
        self.tombstones.begin_anew(seen)
        self.wake()

    def pause(self, paused: bool) -> None:
        """Stop starting deliveries, or go on. What is under way is not touched."""
        self.paused = paused
        self.wake()

    def set_policy(self, policy: Policy) -> None:
        """Behave by this from now on. What is held is judged anew if that can make a difference."""
        old, self.policy = self.policy, policy
        self.store.leaves.routes = policy.routes
        if (old.routes, old.external, old.hold) != (policy.routes, policy.external, policy.hold):
            for awaited in filter(hold.is_ours, self.store.due.held()):
                self.release(awaited)
        self.wake()

    def rotate_keys(self, user: str) -> tuple[str, str]:
        """The next signing key becomes the current one; returns both new keys."""
        _, next_ = self.attempts.signing_keys(user)
        fresh = self.new_id("sig_")
        self.store.keys.put(user, next_, fresh)
        return next_, fresh

    # Running

    def recover(self) -> None:
        """Take up what a former process left: claims are void, places in queues are kept."""
        self.intake.forget_leftovers()
        take_up(self.store, self.lanes, self.workflows, self.clock.now())
        follow_time_back(self.schedules, self.duplicates, self.lanes)
        self._is_stale = False

    def reload(self) -> None:
        """The store undid what was written: the next step takes up what is in it, as after a start."""
        self._abandon()
        self._is_stale = True
        self.wake()

    def step(self) -> bool:
        """Start what may start now; whether there is more that could not be looked at yet."""
        if self._is_stale:
            self.recover()
        if self.paused or self.shortage.is_on:
            return False
        now = self.clock.now()
        hold_back = self.workflows.hold_back
        more = self.schedules.step(now) | self.waits.step(now)
        tickets = self.store.due.tickets(now, BATCH, self.policy.routes)
        for ticket in (*filterfalse(hold_back.park, tickets), *hold_back.take()):
            self.lanes.enter(ticket)
        at_once = 1 + len(self._in_flight.long) if self._hooks.one_by_one() else None
        started = self.lanes.take(now, at_once)
        self._claim({ticket.seq for ticket in tickets} - {ticket.seq for ticket in started})
        return not self._start(started, now) or more or len(tickets) == BATCH

    def next_time(self) -> int | None:
        """When `step` has something to do, if nobody wakes it before."""
        return None if self.paused or self.shortage.is_on else self.next_event()

    def next_event(self) -> int | None:
        """When something is due next, whether deliveries are paused or not."""
        times = (
            self.store.due.next_time(),
            self.lanes.next_time(),
            self.schedules.next_time(),
            self.waits.next_time(),
        )
        return min((time for time in times if time is not None), default=None)

    def is_idle(self) -> bool:
        """Whether nothing is under way and nothing is due."""
        waits = self.workflows.hold_back.is_holding or self.shortage.is_on
        takes_turns = self.lanes.is_stirred and not self.paused  # in the next step
        if self._is_stale or self._in_flight.messages or waits or takes_turns:
            return False
        next_time = self.next_time()
        return next_time is None or next_time > self.clock.now()

    async def stop(self, grace_s: float) -> None:
        """Let deliveries end for a while, then abandon them: a restart makes them again."""
        self.paused = True
        await self.bulk.stop()
        self.store.database.commit()  # what has begun is made, not left half done
        await self._in_flight.stop(grace_s)

    # Inside

    def _forget(self, ids: list[str]) -> list[str]:
        self.tombstones.add(ids, self.store.feed.last_seq())
        return ids

    def _revive(self, change: Change) -> None:
        with self.store.database:
            for message in change.changed:
                self._make_room(message, change.at)
            self.add(change)

    def _create(
        self, messages: list[Message], now: int, intake: int | None, *, is_part: bool
    ) -> None:
        """Write new messages, as under way at once if nothing goes before them, and not a part."""
        apps = [self.policy.app_of(m.spec.url) for m in messages]
        if intake is None and not is_part and self._may_begin(messages, apps, now):
            begun = self.store.messages.apply(creation.begun(messages, now))
            self.store.database.after(partial(self._begun, begun, apps))
        else:
            self.add(creation.created(messages, now), intake)

    def _may_begin(self, messages: list[Message], apps: list[str], now: int) -> bool:
        """Whether nothing goes before these messages, which the next step would start."""
        if self.paused or self._is_stale or self.shortage.is_on or self._hooks.one_by_one():
            return False
        if [m for m in messages if m.due_at > now or m.spec.queue is not None or m.spec.flow]:
            return False
        soonest = self.store.due.next_time() or now + 1
        return soonest > now and self.lanes.has_room(apps)

    def _begun(self, messages: Iterable[Message], apps: Iterable[str]) -> None:
        for message, app in zip(messages, apps, strict=True):
            self.lanes.places.begin(message.id, app)
            self._in_flight.begin(message, watch_long=False)

    def _never_accepted(self, messages: Iterable[Message]) -> None:
        messages = list(messages)
        with self.store.database:
            self.store.intakes.remove([message.seq for message in messages])
            for message in messages:
                self.store.database.after(partial(self._release, message))
        self._forget([message.id for message in messages])

    def _make_room(self, message: Message, now: int) -> None:
        spec, user = message.spec, message.user
        if message.line is not None:
            self.store.database.after(partial(self.lanes.prolong, message.line))
        if spec.queue is not None and self.store.queues.get(user, spec.queue) is None:
            self.store.queues.put(user, spec.queue, Queue(user, spec.queue, now, now))
        if spec.flow is not None:
            key = (user, spec.flow.key)
            lane = self.lanes.flows.get(key) or FlowLane(FlowState(spec.flow))
            self.store.flows.put(*key, lane.with_last(spec.flow))
            self.store.database.after(partial(self.lanes.accept, key, spec.flow))

    def _claim(self, waiting: set[int]) -> None:
        try:
            if waiting:
                self.store.due.claim(waiting)
        except StoreError:
            self.reload()  # else they would enter their lanes once more
            raise

    def _start(self, tickets: list[Ticket], now: int) -> bool:
        """Whether all attempts have begun; whose has not is set aside, in nobody's way."""
        if self._is_stale or not tickets:
            return True  # they wait for their turn again
        try:
            with self.store.database:
                change = settle.start_all(self.store.messages.load_all(tickets), now)
                self.store.messages.apply(change)
                for key in {key for message in change.changed if (key := _flow_key(message))}:
                    self.store.flows.put(*key, self.lanes.flows[key].state)
        except Exception:
            if len(tickets) > 1:
                return sum(self._start([ticket], now) for ticket in tickets) == len(tickets)
            log.exception("message %s cannot be started; the next start tries again", tickets[0].id)
            self._set_aside(tickets[0])
            return False
        for message in change.changed:
            self._in_flight.begin(message, watch_long=self._hooks.one_by_one())
        return True

    def _set_aside(self, ticket: Ticket) -> None:
        self._claim({ticket.seq})
        self.lanes.release(ticket.id)
        flow = (ticket.user, ticket.flow_key) if ticket.flow_key is not None else None
        self.lanes.end_attempt(ticket.id, flow)

    async def _deliver(self, message: Message) -> None:
        try:
            attempt, awaited = await self._attempted(message)
        except Exception as error:  # noqa: BLE001  it is in the log, and the attempt's outcome
            attempt, awaited = self.attempts.broken_off(message, "send the request", error), None
        try:
            self._settle(attempt, awaited)
        except Exception as error:
            if message.id not in self._in_flight.messages:
                raise  # the store has undone more than this, and the message is made again
            self._settle(self.attempts.broken_off(message, "record the answer", error), None)

    async def _attempted(self, message: Message) -> tuple[Attempt, str | None]:
        """The attempt with its explanation, and for what the message is held."""
        attempt = await self.attempts.attempt(self.workflows.outgoing(message), self.policy)
        # A third party that is down is a result of the run that called it: the run waits for it.
        waits_for_apps = self.policy.hold and not calls_a_third_party(message)
        awaited = hold.awaited(attempt, waits_for_apps, self.policy.external, self.policy.nearby)
        if awaited and hold.is_origin(awaited) and await self._hooks.is_elsewhere(awaited):
            awaited = None  # the app is up, just not there
        if awaited is None and (hint := await self.explain(message, attempt)):
            attempt = replace(attempt, hint=hint)
        return attempt, awaited

    def _ended(self, message: Message) -> None:
        self.lanes.end_attempt(message.id, _flow_key(message))
        if (run := run_of(message)) is not None:
            self.workflows.hold_back.ended(message.id, run)
        if self.lanes.is_stirred:
            self.wake()

    def _abandon(self) -> None:
        """What is under way has no effect any more, and nothing waits for its turn."""
        self._in_flight.abandon()
        self.lanes.clear()
        self.workflows.hold_back.clear()

    def _settle(self, attempt: Attempt, awaited: str | None) -> None:
        message = self._in_flight.messages[attempt.message_id]
        if awaited is not None and not message.cancel_requested:
            ended = self._hooks.why_down(awaited)
            why = hold.why(awaited) if ended is None else hold.why_ended(ended)
            self.add(settle.hold(message, awaited, why, self.clock.now()))
            self._hooks.on_hold(awaited)
            return
        if self.shortage.is_why(attempt.outcome) and not message.cancel_requested:
            why = attempt.hint or settle.error_text(attempt.outcome)
            self.add(settle.hold(message, None, why, self.clock.now()))
            return
        if is_of_run(message):
            self.workflows.settle(message, attempt)
        else:
            interval = self.policy.retry_interval_ms
            new_id = partial(self.new_id, "msg_")
            self.add(settle.settle(message, attempt, self.clock.now(), new_id, interval))
        self._hooks.on_settled(self._in_flight.messages[attempt.message_id], attempt)

    def _follow(self, change: Change) -> None:
        if change.is_untold:
            self._hooks.on_touched(message.seq for message in change.changed)
        for message in change.changed:
            self._in_flight.follow(message)
            if settle.is_finished(message):
                self._release(message)
        if self.lanes.is_stirred or not _only_ends(change):
            self.wake()

    def _cancelled(self, message: Message, now: int) -> Change:
        if is_of_run(message):
            return self.workflows.cancel_message(message)
        return settle.cancel(message, now)

    def _deliveries_of_run(self, run: RunKey) -> list[str]:
        return [one.id for one in self._in_flight.messages.values() if run_of(one) == run]

    def _release(self, message: Message) -> None:
        key = _flow_key(message)
        if key is not None and message.spec.flow is not None and key in self.lanes.flows:
            self.lanes.flows[key].forget(message.spec.flow)
        if message.id not in self._in_flight.messages:
            queue = (message.user, message.spec.queue) if message.spec.queue else None
            self.lanes.withdraw(message.id, queue, key)
            self.workflows.hold_back.withdraw(message.id)
        self.lanes.release(message.id)
        self.attempts.approved.discard(message.id)
        if message.line is not None:
            self.lanes.release(message.line)


def _only_ends(change: Change) -> bool:
    """Whether nothing is due sooner or later because of it."""
    touched = change.created + change.changed
    return not isinstance(change, RunChange) and all(map(settle.is_finished, touched))


def _flow_key(message: Message) -> Key | None:
    flow = message.spec.flow
    return (message.user, flow.key) if flow is not None else None
