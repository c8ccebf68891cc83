"""Steps that wait, in motion: waits, notifies, webhooks, and time-outs when they are due.

Knows no rule of them: those are in `protocol.workflow.waits`.
"""

import logging
from collections.abc import Callable

from qstash_dev.devtools.missed_events import Missed, MissedEvents
from qstash_dev.engine.hold_back import Answer
from qstash_dev.engine.workflows import Workflows
from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.model import Message
from qstash_dev.protocol.workflow import waits
from qstash_dev.protocol.workflow.entries import live_run
from qstash_dev.protocol.workflow.model import Run, Waiter, is_live
from qstash_dev.protocol.workflow.waits import Served, WaitOrder
from qstash_dev.store.store import Store

log = logging.getLogger(__name__)
BATCH = 100


class Waits:
    """Who waits in the runs of all users. `start` makes a message due, `tell` gets a sentence for an
    event that nobody takes.
    """

    def __init__(
        self,
        store: Store,
        workflows: Workflows,
        start: Callable[[Message], None],
        tell: Callable[[str], None],
    ) -> None:
        self._store = store
        self._workflows = workflows
        self._start = start
        self.missed = MissedEvents(tell)

    def wait(
        self, user: str, part: tuple[str, int | None], event_id: str, order: WaitOrder
    ) -> Answer | None:
        """A step of a run waits. `part` is the run's id and, if it is known, when it was created.

        Raises QStashError(400) for a run that is over, or a URL that leads to this very server.
        """
        run = live_run(self._store.workflows.newest(user, part[0]), part[1])
        self._workflows.check((order.draft.spec, order.timeout.spec))
        with self._store.database:
            kept = self._store.waits.kept_notice(run, event_id)
            change = waits.wait(run, event_id, order, kept, self._workflows.moment())
            return self._workflows.admit(change)

    def notify(
        self, user: str | None, event_id: str, data: bytes
    ) -> tuple[list[Served], Answer | None]:
        """An event reaches all of a user's runs that wait for it now; `None` are all users."""
        found = self._store.waits.waiters(user, event_id)
        if not found:
            self.miss(user, event_id)
        return self._serve(found, data)

    def miss(self, user: str | None, event_id: str, run_id: str = "", kept: bool = False) -> None:
        """An event reached no run; `run_id` is that which it was meant for."""
        missed = Missed(user or "", event_id, run_id, kept, self._workflows.moment().now)
        self.missed.add(missed, self._store.waits.awaited(user))

    def notify_run(
        self, run: Run, event_id: str, data: bytes
    ) -> tuple[list[Served], Answer | None]:
        """An event reaches one run; if that does not wait for it yet, it is kept."""
        found = self._store.waits.waiters(run.user, event_id, run.seq)
        return self._serve(found, data) if found else self._keep(run, event_id, data)

    def call_webhook(self, run: Run, event_id: str, data: bytes) -> Answer | None:
        """As a notify of one run, but a call serves the oldest wait alone."""
        found = self._store.waits.waiters(run.user, event_id, run.seq)[:1]
        return (self._serve(found, data) if found else self._keep(run, event_id, data))[1]

    def run_now(self, run: Run) -> int:
        """What a run waits for that has a time does not wait any longer: sleeps, delays and retries, or
        else the time-outs of its waits. Returns how many those were.
        """
        now = self._workflows.moment().now
        waiting = [
            message
            for message in self._workflows.waiting(run)
            if message.due_at > now or message.held is not None
        ]
        for message in waiting:
            self._start(message)
        if waiting:
            return len(waiting)
        waiters = self._store.waits.waiters_of(run)
        for waiter in waiters:
            with self._store.database:
                self._time_out(waiter)
        return len(waiters)

    def step(self, now: int) -> bool:
        """Time out what is due; whether there is more."""
        due = self._store.waits.due_waiters(now, BATCH)
        for waiter in due:
            with self._store.database:
                self._time_out(waiter)
        return len(due) == BATCH

    def next_time(self) -> int | None:
        """When the next time-out is due."""
        return self._store.waits.next_due()

    def _serve(self, found: list[Waiter], data: bytes) -> tuple[list[Served], Answer | None]:
        with self._store.database:
            pairs = [(waiter, self._run_of(waiter)) for waiter in found]
            change, served = waits.notify(pairs, data, self._workflows.moment())
            answer = self._workflows.admit(change)
        return served, answer

    def _keep(self, run: Run, event_id: str, data: bytes) -> tuple[list[Served], Answer | None]:
        if is_live(run):
            self.miss(run.user, event_id, run.id, kept=True)
            self._workflows.add(waits.keep(run, event_id, data, self._workflows.moment()))
        return [], None

    def _time_out(self, waiter: Waiter) -> None:
        run = self._run_of(waiter)
        try:
            change = waits.time_out(run, waiter, self._workflows.moment())
        except QStashError as error:  # the run is full: nobody is there to be told
            log.warning("run %s cannot go on after its wait: %s", run.id, error.message)
            change = waits.give_up(run, waiter, error.message, self._workflows.moment())
        self._workflows.add(change)

    def _run_of(self, waiter: Waiter) -> Run:
        run = self._store.workflows.get(waiter.run)
        assert run is not None, "waiters go with their run"
        return run
