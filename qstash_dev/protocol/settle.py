"""What follows from an attempt, a cancellation or an order to run now: decisions as `Change`s.

Pure: time and new ids come in, a value goes out (QStash docs, "Retry" and "Debug Logs"). Of a failed
attempt the log has ERROR, then RETRY or FAILED (qstash-go `events_test.go`; the order is ours).
"""

from collections.abc import Callable, Iterable
from http import HTTPStatus

from msgspec.structs import replace

from qstash_dev.protocol.callback import Result, callback_message
from qstash_dev.protocol.model import (
    FINISHED,
    Attempt,
    Callback,
    Change,
    DeadLetter,
    Event,
    Kind,
    Message,
    Outcome,
    Reason,
    Response,
    SendFailure,
    State,
    Timing,
)
from qstash_dev.protocol.retry import is_non_retryable, retry_after_ms, retry_delay_ms

NewId = Callable[[], str]


def start(message: Message, now: int) -> Change:
    """An attempt begins."""
    return start_all((message,), now)


def start_all(messages: Iterable[Message], now: int) -> Change:
    """An attempt of each begins."""
    active = [replace(m, state=State.ACTIVE, attempts=m.attempts + 1) for m in messages]
    events = [_event(message, State.ACTIVE, now) for message in active]
    return Change(now, changed=tuple(active), events=tuple(events))


def settle(
    message: Message,
    attempt: Attempt,
    now: int,
    new_id: NewId,
    retry_interval_ms: int | None = None,
) -> Change:
    """What an attempt's outcome means: delivered, another try, or failed with a dead letter.

    Only 200 to 299 is a success (QStash docs, "Debug Logs"). `message` is ACTIVE and its `retried`
    counts the retries before this attempt. Callbacks are new messages of the same Change: one for each
    attempt, and after the last also the failure callback (QStash docs, "Callbacks").
    `retry_interval_ms` replaces every wait.
    """
    outcome = attempt.outcome
    if isinstance(outcome, Response) and 200 <= outcome.status < 300:
        return _delivered(message, attempt, now, new_id)
    if message.cancel_requested:
        return _canceled_after(message, attempt, now)
    if message.retried >= message.spec.max_retries or _is_final(outcome):
        return _failed(message, attempt, now, new_id)
    wait_ms = retry_interval_ms
    if wait_ms is None:
        wait_ms = _wait_ms(message, outcome, now)
    return _retry(message, attempt, now, wait_ms, new_id)


def cancel(message: Message, now: int) -> Change:
    """A waiting message ends at once; an active one when its attempt has, unless that succeeds.

    Differs: QStash waits for the next delivery time, and then cancels (QStash docs, "Debug Logs").
    One that was active when the server died has been requested already: it only ends.
    """
    requested = _event(message, State.CANCEL_REQUESTED, now)
    if message.state == State.ACTIVE:
        return Change(now, changed=(replace(message, cancel_requested=True),), events=(requested,))
    ended = replace(
        message, state=State.CANCELED, finished_at=now, cancel_requested=True, held=None
    )
    asked = () if message.cancel_requested else (requested,)
    return Change(now, changed=(ended,), events=(*asked, _event(ended, State.CANCELED, now)))


def uncancel(before: Message, now: int) -> Change:
    """A cancelled message waits again as it did before.

    Differs: QStash cannot; its log would read as if the message were created once more.
    """
    return Change(now, changed=(before,), events=(_event(before, State.CREATED, now),))


def run_now(message: Message, now: int) -> Change:
    """A waiting message becomes due; its counters stay (QStash docs, "Run a Delayed Message Now")."""
    return Change(now, changed=(replace(message, due_at=now, held=None),))


def hold(message: Message, awaited: str | None, why: str, now: int) -> Change:
    """An attempt that could not be made does not count: the message waits for `awaited`, or is due.

    Differs: QStash's log knows no such state; the event is a RETRY without a time.
    """
    waiting = replace(
        message,
        state=State.RETRY if message.retried else State.CREATED,
        attempts=message.attempts - 1,
        held=awaited,
        due_at=now,
    )
    return Change(now, changed=(waiting,), events=(_event(waiting, State.RETRY, now, error=why),))


def interrupt(message: Message, now: int) -> Change:
    """The server died during an attempt: the message is due again, and its retries stay as they are.

    Ours: at least once, with the same id (QStash docs, "At-Least-Once Delivery").
    """
    waiting = replace(
        message,
        state=State.RETRY if message.retried else State.CREATED,
        due_at=min(message.due_at, now),
    )
    failure = SendFailure(Reason.INTERRUPTED, "qstash-dev stopped during this attempt", Timing(now))
    lost = Attempt(message.id, message.attempts, message.spec.url, (), failure)
    return Change(now, changed=(waiting,), attempts=(lost,))


def is_finished(message: Message) -> bool:
    """Whether nothing more will happen to it."""
    return message.state in FINISHED


def error_text(outcome: Outcome) -> str:
    """A failed outcome in one line, for logs."""
    return status_text(outcome.status) if isinstance(outcome, Response) else outcome.detail


def status_text(status: int) -> str:
    """`500 Internal Server Error`; only the number when it has no name."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _delivered(message: Message, attempt: Attempt, now: int, new_id: NewId) -> Change:
    done = replace(message, state=State.DELIVERED, finished_at=now)
    callbacks = _callbacks(message, attempt, now, new_id)
    return Change(
        at=now,
        created=callbacks,
        changed=(done,),
        attempts=(attempt,),
        events=(_event(done, State.DELIVERED, now, attempt), *_created(callbacks, now)),
    )


def _retry(message: Message, attempt: Attempt, now: int, wait_ms: int, new_id: NewId) -> Change:
    due_at = now + wait_ms
    waiting = replace(message, state=State.RETRY, retried=message.retried + 1, due_at=due_at)
    callbacks = _callbacks(message, attempt, now, new_id)
    return Change(
        at=now,
        created=callbacks,
        changed=(waiting,),
        attempts=(attempt,),
        events=(
            _error(waiting, attempt, now, due_at),
            _event(waiting, State.RETRY, now, next_at=due_at),
            *_created(callbacks, now),
        ),
    )


def _failed(message: Message, attempt: Attempt, now: int, new_id: NewId) -> Change:
    change = fail(message, attempt, now, error_text(attempt.outcome))
    result = Result(attempt.outcome, change.dead[0].id)
    callbacks = _callbacks(message, attempt, now, new_id)
    on_failure = message.spec.failure_callback
    callbacks += _call(message, on_failure, Kind.FAILURE_CALLBACK, result, now, new_id)
    return replace(change, created=callbacks, events=(*change.events, *_created(callbacks, now)))


def fail(message: Message, attempt: Attempt, now: int, error: str) -> Change:
    """No more tries: a dead letter, and `error` in the log."""
    failed = replace(message, state=State.FAILED, finished_at=now)
    return Change(
        at=now,
        changed=(failed,),
        attempts=(attempt,),
        dead=(DeadLetter(f"{now}-{message.seq}", message.user, message.id, now),),
        events=(
            _event(failed, State.ERROR, now, attempt, error=error),
            _event(failed, State.FAILED, now, attempt, error=error),
        ),
    )


def _canceled_after(message: Message, attempt: Attempt, now: int) -> Change:
    ended = replace(message, state=State.CANCELED, finished_at=now)
    return Change(
        at=now,
        changed=(ended,),
        attempts=(attempt,),
        events=(_error(ended, attempt, now), _event(ended, State.CANCELED, now)),
    )


def _callbacks(message: Message, attempt: Attempt, now: int, new_id: NewId) -> tuple[Message, ...]:
    result = Result(attempt.outcome)
    return _call(message, message.spec.callback, Kind.CALLBACK, result, now, new_id)


def _call(
    message: Message, callback: Callback | None, kind: Kind, result: Result, now: int, new_id: NewId
) -> tuple[Message, ...]:
    if callback is None:
        return ()
    return (callback_message(message, callback, kind, result, now, new_id()),)


def _created(messages: tuple[Message, ...], now: int) -> tuple[Event, ...]:
    return tuple([created_event(message, now) for message in messages])


def created_event(message: Message, now: int) -> Event:
    """The first line of a message's log; a delayed one says when it will be delivered."""
    next_at = message.due_at if message.due_at > now else None
    return _event(message, State.CREATED, now, next_at=next_at)


def _is_final(outcome: Outcome) -> bool:
    """Whether another try could not change the outcome."""
    if isinstance(outcome, Response):
        return is_non_retryable(outcome)
    return outcome.reason in (Reason.EXTERNAL_DENIED, Reason.OWN_SERVER)


def _wait_ms(message: Message, outcome: Outcome, now: int) -> int:
    if isinstance(outcome, Response):
        asked = retry_after_ms(outcome.headers, now)
        if asked is not None:
            return asked
    return retry_delay_ms(message.spec.retry_delay, message.retried)


def _error(message: Message, attempt: Attempt, now: int, next_at: int | None = None) -> Event:
    text = error_text(attempt.outcome)
    return _event(message, State.ERROR, now, attempt, error=text, next_at=next_at)


def _event(
    message: Message,
    state: State,
    now: int,
    attempt: Attempt | None = None,
    *,
    error: str | None = None,
    next_at: int | None = None,
) -> Event:
    number = status = None
    if attempt is not None:
        number = attempt.number
        status = attempt.outcome.status if isinstance(attempt.outcome, Response) else None
    return Event(now, message.user, message.id, state, error, next_at, number, status)
