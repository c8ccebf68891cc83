"""When a run's next step may start: not before the app has finished the request that submitted it.

An app submits a step in the middle of answering a delivery. Were the next one to arrive before that
answer, its log lines would interleave and its counts be off (measured: every second run). All of this
is real time, also on a frozen clock, and in memory: after a crash nothing is under way.
"""

from collections import deque
from collections.abc import Callable, Iterable
from functools import partial

from qstash_dev.engine.loop import CallLater
from qstash_dev.protocol.model import Message
from qstash_dev.store.due import Ticket

RunKey = tuple[str, str, int]
After = Callable[[Callable[[], None]], object]
"""Calls something once the change that is being written is kept."""

LONGEST_S = 1.0
"""A step that stands alone waits so long for the delivery that submitted it to end."""
IN_PARALLEL_S = 0.06
"""A parallel one does not wait for a long sibling; and this long a start waits for its answer."""


class Answer:
    """Our answer to the request that submitted some messages. `written` is called once it went out."""

    def __init__(self, on_written: Callable[[], None]) -> None:
        self._on_written = on_written

    def written(self) -> None:
        """It went out, or there was nobody any more to take it."""
        self._on_written()


class _Held:
    """A message that waits for `awaited` deliveries, until its time is over, and for its answer."""

    def __init__(self, message: Message, awaited: set[str], limit_s: float) -> None:
        self.id = message.id
        self.awaited = awaited
        self.limit_s = limit_s
        self.is_answered = False
        self.is_overdue = False
        self.waits_for_time = not awaited and _is_start(message)
        self.ticket: Ticket | None = None

    @property
    def may_go(self) -> bool:
        done = not self.awaited and not self.waits_for_time
        return self.is_answered and (done or self.is_overdue)


class HoldBack:
    """Keeps due messages of runs back. `under_way` gives the deliveries of a run to the app.

    Messages of a run leave in the order in which they were accepted: a result that the app will
    discard must still reach it before the step that ends the run.
    """

    def __init__(
        self,
        under_way: Callable[[RunKey], Iterable[str]],
        call_later: CallLater,
        wake: Callable[[], None],
        after: After,
    ) -> None:
        self._after = after
        self._under_way = under_way
        self._call_later = call_later
        self._wake = wake
        self._lines: dict[RunKey, deque[_Held]] = {}
        self._held: dict[str, _Held] = {}
        self._free: list[Ticket] = []

    @property
    def is_holding(self) -> bool:
        """Whether anything that is due is kept back."""
        return any(held.ticket is not None for held in self._held.values()) or bool(self._free)

    def accept(self, messages: Iterable[Message], by_app: bool) -> Answer | None:
        """New messages of runs. `by_app`: a request brought them, whose answer goes first."""
        accepted = []
        for message in messages:
            place = message.spec.place
            if place is None or message.finished_at is not None:
                continue
            key = (message.user, place.run_id, place.created_at)
            held = _Held(message, set(self._under_way(key)), _limit_s(message))
            if not by_app and not held.awaited:
                continue
            accepted.append((key, held))
        if not accepted:
            return None
        self._after(partial(self._enter, accepted))
        answer = Answer(lambda: self._answered([held for _, held in accepted]))
        if not by_app:
            self._after(answer.written)
        return answer

    def park(self, ticket: Ticket) -> bool:
        """A message is due; whether it is kept back."""
        held = self._held.get(ticket.id)
        if held is None:
            return False
        held.ticket = ticket
        return True

    def ended(self, message_id: str, key: RunKey) -> None:
        """A delivery to the app has ended."""
        for held in self._lines.get(key, ()):
            held.awaited.discard(message_id)
        self._let_go()

    def withdraw(self, message_id: str) -> None:
        """A message will not start."""
        held = self._held.pop(message_id, None)
        if held is not None:
            held.is_answered = held.is_overdue = True
            held.ticket = None
        self._free = [ticket for ticket in self._free if ticket.id != message_id]

    def take(self) -> list[Ticket]:
        """The due messages that may go now."""
        free, self._free = self._free, []
        return free

    def clear(self) -> None:
        """Nothing is kept back any more."""
        self._lines.clear()
        self._held.clear()
        self._free.clear()

    def _enter(self, accepted: Iterable[tuple[RunKey, _Held]]) -> None:
        for key, held in accepted:
            self._held[held.id] = held
            self._lines.setdefault(key, deque()).append(held)

    def _answered(self, accepted: list[_Held]) -> None:
        for limit_s in {held.limit_s for held in accepted}:
            same = [held for held in accepted if held.limit_s == limit_s]
            self._call_later(limit_s, partial(self._overdue, same))
        for held in accepted:
            held.is_answered = True
        self._let_go()

    def _overdue(self, accepted: list[_Held]) -> None:
        for held in accepted:
            held.is_overdue = True
        self._let_go()

    def _let_go(self) -> None:
        """Those in front go, as far as they may."""
        for key, line in list(self._lines.items()):
            while line and line[0].may_go:
                held = line.popleft()
                self._held.pop(held.id, None)
                if held.ticket is not None:
                    self._free.append(held.ticket)
            if not line:
                del self._lines[key]
        if self._free:
            self._wake()


def _is_start(message: Message) -> bool:
    place = message.spec.place
    return place is not None and place.step is not None and place.step.type == "Initial"


def _limit_s(message: Message) -> float:
    place = message.spec.place
    step = place.step if place is not None else None
    if _is_start(message) or (step is not None and step.concurrent > 1):
        return IN_PARALLEL_S
    return LONGEST_S
