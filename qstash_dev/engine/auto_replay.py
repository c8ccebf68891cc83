"""Messages that are armed: delivered again when the app's source changes, until they succeed.

Knows nothing of files being watched; `source_changed` tells it.
"""

from collections.abc import Callable, Iterable
from hashlib import sha256

from qstash_dev.engine.engine import Engine
from qstash_dev.engine.workflows import is_of_run
from qstash_dev.protocol.creation import Changes
from qstash_dev.protocol.delivery import host_and_path
from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.model import Attempt, Kind, Message, Outcome, Response, State
from qstash_dev.protocol.settle import is_finished
from qstash_dev.protocol.urls import origin_of, route

MAX_AUTOMATIC = 100
"""So that a save does not flood the app: beyond this the oldest armed message is disarmed."""

_COPIES = (Kind.REPLAY, Kind.DLQ_RETRY)
_FAILING = (State.RETRY, State.FAILED)


class ArmedMessages:
    """Armed messages over an engine. With `automatic` every failure of a local message auto_replay it.

    A finished message is delivered again as a replay, a waiting one by running it now; an active one
    when its attempt has failed. A workflow run that failed is resumed from its failed step. The success
    of a message or of its replay disarms it. `touched` is told the sequence number of a message that
    looks different now, `tell` a sentence for people.
    """

    def __init__(
        self,
        engine: Engine,
        automatic: bool,
        touched: Callable[[int], None] = lambda seq: None,
        tell: Callable[[str], None] = lambda text: None,
        on_armed: Callable[[], None] = lambda: None,
    ) -> None:
        self._on_armed = on_armed
        self._engine = engine
        self._messages = engine.store.messages
        self._automatic = automatic
        self._touched = touched
        self._tell = tell
        self._armed = dict(self._messages.armed())
        self._again: set[str] = set()
        self._answers: dict[str, bytes] = {}
        self._unmoved: set[str] = set()
        self._tried: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self._armed)

    def arm(self, message: Message) -> None:
        """Deliver it again at the next change. Raises QStashError(409) if it cannot get better."""
        if message.spec.kind == Kind.CLOUD:
            raise QStashError(
                409, f"message {message.id} is delivered by the cloud: arm a replay of it"
            )
        if message.state in (State.DELIVERED, State.CANCELED):
            raise QStashError(
                409,
                f"message {message.id} cannot be armed: it is {message.state.lower()}, "
                "only one that fails is delivered again when the source changes",
            )
        self._set(message.id, message.seq)

    def disarm(self, message: Message) -> None:
        """Leave it alone from now on."""
        self._forget(message.id)

    def clear(self) -> None:
        """Forget all: the messages are gone."""
        for message_id in list(self._armed):
            self._forget(message_id)

    def settled(self, message: Message, attempt: Attempt) -> None:
        """An attempt had an outcome: to be called for every one of them."""
        armed = self._armed_id(message)
        if message.state == State.DELIVERED and armed is not None:
            self._forget(armed)
            self._tell(f"{armed} is delivered: {message.spec.method} {message.spec.url}")
        elif armed is not None:
            self._compare(armed, attempt.outcome)
            if armed in self._again:
                self._again.discard(armed)
                self._deliver(armed)
        elif self._automatic and message.state in _FAILING and message.spec.kind != Kind.CLOUD:
            if len(self._armed) >= MAX_AUTOMATIC:
                self._forget(next(iter(self._armed)))
            self._set(message.id, message.seq)

    def source_changed(self, files: Iterable[str]) -> int:
        """Deliver what these source files concern; returns how many messages that are."""
        paths = {armed: path for armed in list(self._armed) if (path := self._path(armed))}
        from qstash_dev.devtools.route_files import concerned  # late: only who edits needs it

        wanted = concerned(paths.values(), files)
        chosen = [armed for armed, path in paths.items() if path in wanted]
        self._tried = tuple(chosen)
        for armed in chosen:
            self._deliver(armed)
        return len(chosen)

    @property
    def healed(self) -> tuple[int, int]:
        """How many the last change concerned, and how many of them have succeeded since."""
        return len(self._tried), sum(armed not in self._armed for armed in self._tried)

    def unmoved(self) -> int:
        """Deliver again what failed in exactly the same way after a change as before.

        The app may have answered with its old code. Returns how many messages that are.
        """
        chosen = [armed for armed in self._armed if armed in self._unmoved]
        for armed in chosen:
            self._deliver(armed)
        return len(chosen)

    def origins(self) -> set[str]:
        """The apps that armed messages go to."""
        routes = self._engine.policy.routes
        messages = (self._messages.get(None, armed) for armed in self._armed)
        return {origin_of(route(m.spec.url, routes)) for m in messages if m is not None}

    def _deliver(self, armed: str) -> None:
        original = self._messages.get(None, armed)
        if original is None:
            self._forget(armed)
            return
        is_step = is_of_run(original)  # which has no copies
        current = original if is_step else self._messages.latest_copy(armed) or original
        if last := self._engine.store.attempts.last(current.id, current.seq):
            self._answers[armed] = _fingerprint(last.outcome)
        if is_step:
            self._go_on(original)
        elif current is original and current.state in (State.DELIVERED, State.CANCELED):
            self._forget(armed)
        elif current.state == State.ACTIVE:
            self._again.add(armed)
        elif is_finished(current):
            self._engine.replay(original.user, armed, Changes())
        else:
            self._engine.run_now(current)

    def _go_on(self, message: Message) -> None:
        """The run of a step goes on, a failed one as a new run."""
        if message.state == State.ACTIVE:
            self._again.add(message.id)
        elif not is_finished(message):
            self._engine.run_now(message)
        else:
            self._forget(message.id)
            self._resume(message)

    def _resume(self, message: Message) -> None:
        run = self._engine.store.workflows.of_message(message)
        failure = run.failure if run is not None else None
        if run is None or failure is None or failure.message_id != message.id or run.successor:
            return
        try:
            accepted = self._engine.resumes.resume(run, ())
        except QStashError as error:
            self._tell(f"workflow run {run.id} cannot be resumed: {error.message}")
            return
        self._tell(f"workflow run {run.id} is resumed as {accepted.run_id}")
        again = self._messages.resumed(message.id)
        if again is not None:
            self._set(again.id, again.seq)

    def _compare(self, armed: str, outcome: Outcome) -> None:
        """The answer is the one that there was before the last delivery by a save, or is not."""
        if self._answers.get(armed) == _fingerprint(outcome):
            self._unmoved.add(armed)
        else:
            self._unmoved.discard(armed)

    def _armed_id(self, message: Message) -> str | None:
        """The armed message that this one is, or is a copy of."""
        if message.id in self._armed:
            return message.id
        parent_id = message.spec.parent_id
        is_copy = message.spec.kind in _COPIES and parent_id in self._armed
        return parent_id if is_copy else None

    def _path(self, armed: str) -> str | None:
        message = self._messages.get(None, armed)
        return None if message is None else host_and_path(message.spec.url)[1]

    def _set(self, message_id: str, seq: int) -> None:
        self._armed[message_id] = seq
        self._messages.arm(seq, True)
        self._touched(seq)
        self._on_armed()

    def _forget(self, message_id: str) -> None:
        seq = self._armed.pop(message_id, None)
        self._again.discard(message_id)
        self._unmoved.discard(message_id)
        self._answers.pop(message_id, None)
        if seq is not None:
            self._messages.arm(seq, False)
            self._touched(seq)


def _fingerprint(outcome: Outcome) -> bytes:
    if isinstance(outcome, Response):
        return sha256(b"%d " % outcome.status + outcome.body).digest()
    return outcome.reason.encode()
