"""Workflow runs in motion: looks runs up, asks the protocol what follows, and has it written.

Knows no rule of workflows: those are in `protocol.workflow`.
"""

from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from qstash_dev.engine.clock import Clock
from qstash_dev.engine.duplicates import Duplicates
from qstash_dev.engine.hold_back import Answer, HoldBack, RunKey
from qstash_dev.engine.policy import Policy
from qstash_dev.protocol import deduplication
from qstash_dev.protocol.errors import QStashError, there
from qstash_dev.protocol.model import Attempt, CallType, Change, Kind, Message, Spec
from qstash_dev.protocol.workflow import ends, entries
from qstash_dev.protocol.workflow import settle as settling
from qstash_dev.protocol.workflow.entries import Accepted, Moment, Submission
from qstash_dev.protocol.workflow.headers import INITIAL_BODY
from qstash_dev.protocol.workflow.model import REFUSED, Run, RunChange, RunState, is_live
from qstash_dev.protocol.workflow.query import RunQuery
from qstash_dev.protocol.workflow.render import carries_entries, is_lazy, render
from qstash_dev.store.store import Store

MOST_NOTICES = 10
LATE = "a step came after the route had returned: is every context.run, sleep and call awaited?"


class Workflows(Struct, eq=False):
    """The runs of all users. `apply` writes a change and does what follows from it in the engine."""

    _store: Store
    _clock: Clock
    _new_id: Callable[[str], str]
    _policy: Callable[[], Policy]
    _apply: Callable[[Change], None]
    hold_back: HoldBack
    _duplicates: Duplicates

    def submit(
        self, user: str, submissions: Sequence[Submission]
    ) -> tuple[list[Accepted], Answer | None]:
        """Accept messages of runs, all of them or none; they start when the answer was written.

        Raises QStashError: 400 for a run that is over, 412 for a quota.
        """
        try:
            return self._submit(user, submissions)
        except QStashError as error:
            if error.message == entries.OVER:
                self._note_late(user, submissions)
            raise

    def _submit(
        self, user: str, submissions: Sequence[Submission]
    ) -> tuple[list[Accepted], Answer | None]:
        moment = self.moment()
        with self._store.database:
            keys = [self._keys(user, one) for one in submissions]
            known = [
                replace(one, original=self._duplicates.original(user, k))
                for one, k in zip(submissions, keys, strict=True)
            ]
            change, accepted = entries.accept(user, known, self._find(user), moment)
            for one, k in zip(accepted, keys, strict=True):
                if not one.deduplicated:
                    self._duplicates.remember(user, k, one.message_id)
            answer = self.admit(change)
        return accepted, answer

    def _note_late(self, user: str, submissions: Sequence[Submission]) -> None:
        """A step that comes after its route has returned was not awaited: the run tells it, once."""
        run_ids = {one.draft.part.run_id for one in submissions if one.draft.part is not None}
        for run_id in run_ids:
            run = self._store.workflows.newest(user, run_id)
            if run is not None and run.state == RunState.SUCCESS:
                self._note(run, LATE)

    def note_refused(self, run_id: str, why: str, tip: str | None) -> None:
        """A live run tells what of it was refused, and what to do about it as far as that is known:
        without that it would stand still for no reason.
        """
        run = self._store.workflows.of_any_user(run_id, None)
        if run is None or not is_live(run) or why == entries.OVER:
            return
        if len(run.notices) < MOST_NOTICES:
            self._note(run, f"{REFUSED}: {why}" + (f". {tip}" if tip else ""))

    def _note(self, run: Run, notice: str) -> None:
        if notice not in run.notices:
            noted = replace(run, notices=(*run.notices, notice))
            self._apply(RunChange(self._clock.now(), runs=(noted,)))

    def admit(self, change: Change) -> Answer | None:
        """Write what a request brought: new messages start after its answer.

        Raises QStashError(400) for a message that would call this very server.
        """
        self.check(message.spec for message in change.created)
        self._apply(change)
        return self.hold_back.accept(change.created, by_app=True)

    def find(self, user: str, run_id: str) -> Run:
        """The newest run of an id. Raises QStashError(404)."""
        return there(self._store.workflows.newest(user, run_id), "workflow run", run_id)

    def check(self, specs: Iterable[Spec]) -> None:
        """Raises QStashError(400) for a message that would call this very server."""
        for spec in specs:
            self._policy().check(spec)

    def followed(self, user: str, run_id: str) -> Run | None:
        """The run that an event for this id is meant for: one that was resumed goes on in another, and
        its webhooks with it (ours: else the URLs in its finished steps would lead nowhere).
        """
        run = self._store.workflows.newest(user, run_id)
        seen = {run_id}
        while run is not None and run.successor is not None and run.successor not in seen:
            seen.add(run.successor)
            run = self._store.workflows.newest(user, run.successor)
        return run

    def entries(self, user: str, run_id: str) -> bytes:
        """All entries of a live run, as JSON. Raises QStashError(404)."""
        run = self.find(user, run_id)
        if not is_live(run):
            raise QStashError(404, f"workflow run {run_id[:200]} is over")
        return self._rendered(run, run.size)

    def finish(self, user: str, run_id: str, created_at: int | None, result: bytes) -> None:
        """The app has returned; nothing happens if the run is over or unknown."""
        run = self._store.workflows.newest(user, run_id)
        if run is None or not is_live(run) or created_at not in (None, run.created_at):
            return
        parent = self.parent(run)
        self.add(ends.finish(run, result, self.waiting(run), parent, self.moment()))

    def cancel(self, run: Run) -> bool:
        """Cancel a run; whether it was live."""
        current = self._store.workflows.get((run.user, run.id, run.created_at))
        if current is None or not is_live(current):
            return False
        parent = self.parent(current)
        self.add(ends.cancel(current, self.waiting(current), parent, self.moment()))
        return True

    def cancel_many(self, user: str, query: RunQuery) -> int:
        """Cancel live runs, at most `count`; returns how many."""
        runs = self._store.workflows.select(user, query, live=True)
        return sum(self.cancel(run) for run in runs[: query.count])

    def add(self, change: Change) -> None:
        """Write what no request brought."""
        self._apply(change)
        self.hold_back.accept(change.created, by_app=False)

    def settle(self, message: Message, attempt: Attempt) -> None:
        """An attempt of a run's message has ended."""
        run = self._store.workflows.of_message(message)
        interval = self._policy().retry_interval_ms
        self.add(settling.settle(message, attempt, run, self, self.moment(), interval))

    def cancel_message(self, message: Message) -> Change:
        """What cancelling one message of a run means."""
        return settling.cancel(message, self._store.workflows.of_message(message), self.moment())

    def outgoing(self, message: Message) -> Message:
        """The message with the body that its delivery has."""
        if message.spec.place is None:
            return message
        return self.outgoing_of(self._store.workflows.of_message(message), message)

    def outgoing_of(self, run: Run | None, message: Message) -> Message:
        """The same, of a run that is known."""
        place = message.spec.place
        if place is None or run is None or not carries_entries(place):
            return message
        assert place.index is not None, "what carries entries is one"
        if is_lazy(message.spec, run.state_bytes) and is_lazy(
            message.spec, self._store.workflows.bytes_until(run, place.index)
        ):
            return replace(message, body=b"")
        return replace(message, body=self._rendered(run, place.index))

    def recover(self) -> None:
        """What was under way when its run ended is not made again."""
        self.hold_back.clear()
        now = self._clock.now()
        for message in self._store.messages.left_of_ended_runs():
            self._store.messages.apply(ends.dropped(message, now))

    # What the protocol looks up

    def waiting(self, run: Run) -> list[Message]:
        """The run's messages that are neither finished nor under way."""
        return self._store.messages.waiting_of_run(run.seq)

    def parent(self, run: Run) -> Run | None:
        """The run that invoked it, as it is now."""
        if run.invoker is None:
            return None
        return self._store.workflows.get((run.user, run.invoker.run_id, run.invoker.created_at))

    def source_body(self, run: Run, message: Message) -> bytes:
        """What a failure function is told of a failed message."""
        if INITIAL_BODY in run.features:
            first = self._store.workflows.entries(run, run.first)
            return first[0].body if first else b""
        return self.outgoing(message).body

    def moment(self) -> Moment:
        """Now, by the server's clock and the plan's limits."""
        return Moment(self._clock.now(), self._policy().limits, self._new_id)

    def _rendered(self, run: Run, last: int) -> bytes:
        return render(self._store.workflows.entries(run, last))

    def _find(self, user: str) -> Callable[[str], Run | None]:
        return lambda run_id: self._store.workflows.newest(user, run_id)

    def _keys(self, user: str, one: Submission) -> deduplication.Keys:
        draft, part = one.draft, one.draft.part
        run = self._store.workflows.newest(user, part.run_id) if part is not None else None
        generation = run.created_at if run is not None and is_live(run) else 0
        return deduplication.of_submission(draft, one.body, generation)


def is_of_run(message: Message) -> bool:
    """Whether a message takes part in a run; a replay looks like its original and takes none."""
    return message.spec.place is not None and message.spec.kind != Kind.REPLAY


def calls_a_third_party(message: Message) -> bool:
    """Whether a message is the request of `context.call`."""
    place = message.spec.place
    return place is not None and place.call_type == CallType.TO_CALLBACK


def run_of(message: Message) -> RunKey | None:
    """The run that a delivery to the app belongs to; calls of third parties are none."""
    place = message.spec.place
    if place is None or calls_a_third_party(message) or not is_of_run(message):
        return None
    return message.user, place.run_id, place.created_at
