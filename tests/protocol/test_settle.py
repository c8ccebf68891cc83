"""What an attempt's outcome means, as tables: states, waits, log lines, dead letters, callbacks."""

from itertools import count

import msgspec
import pytest
from msgspec.structs import replace

from qstash_dev.protocol import settle
from qstash_dev.protocol.callback import Result, callback_body
from qstash_dev.protocol.model import (
    Change,
    Headers,
    Kind,
    Message,
    Outcome,
    Reason,
    SendFailure,
    State,
)
from qstash_dev.protocol.timing import DAY_MS
from tests.samples import NOW, SECOND, active, answer, attempt, callback, message, no_answer

LATER = NOW + 40
"""When the attempt has ended."""


def settled(message: Message, outcome: Outcome, interval: int | None = None) -> Change:
    numbers = count(100)
    return settle.settle(
        message, attempt(message, outcome), LATER, lambda: f"msg_{next(numbers)}", interval
    )


def events(change: Change) -> list[str]:
    return [event.state.value for event in change.events]


def body_of(message: Message) -> dict[str, object]:
    document: dict[str, object] = msgspec.json.decode(message.body)
    return document


# What an outcome means


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_two_hundreds_are_delivered(status: int) -> None:
    change = settled(active(), answer(status))
    (done,) = change.changed
    assert (done.state, done.finished_at, done.retried) == (State.DELIVERED, LATER, 0)
    assert events(change) == ["DELIVERED"]
    assert (change.created, change.dead) == ((), ())
    assert [a.number for a in change.attempts] == [1]


@pytest.mark.parametrize(
    "status", [100, 199, 300, 301, 302, 304, 400, 404, 429, 489, 500, 503, 999]
)
def test_everything_else_is_tried_again(status: int) -> None:
    change = settled(active(), answer(status))
    (waiting,) = change.changed
    assert (waiting.state, waiting.retried, waiting.finished_at) == (State.RETRY, 1, None)
    assert events(change) == ["ERROR", "RETRY"]
    assert change.dead == ()


REFUSED_BY_US = (Reason.EXTERNAL_DENIED, Reason.OWN_SERVER)


@pytest.mark.parametrize("reason", [r for r in Reason if r not in REFUSED_BY_US])
def test_no_answer_is_tried_again(reason: Reason) -> None:
    change = settled(active(), no_answer(reason, "dial tcp: no route"))
    assert change.changed[0].state == State.RETRY
    assert change.events[0].error == "dial tcp: no route"
    assert change.events[0].status is None


@pytest.mark.parametrize("reason", REFUSED_BY_US)
def test_what_we_refuse_ourselves_is_not_tried_again(reason: Reason) -> None:
    change = settled(active(), no_answer(reason))
    assert change.changed[0].state == State.FAILED


@pytest.mark.parametrize(
    ("status", "headers", "state"),
    [
        (489, (("Upstash-NonRetryable-Error", "true"),), State.FAILED),
        (489, (("upstash-nonretryable-error", "True"),), State.FAILED),
        (489, (), State.RETRY),
        (489, (("Upstash-NonRetryable-Error", "false"),), State.RETRY),
        (500, (("Upstash-NonRetryable-Error", "true"),), State.RETRY),
    ],
)
def test_489_with_its_header_fails_at_once(status: int, headers: Headers, state: State) -> None:
    change = settled(active(), answer(status, headers))
    assert change.changed[0].state == state
    assert events(change)[0] == "ERROR"
    assert len(change.dead) == (state == State.FAILED)


# When it is tried again


@pytest.mark.parametrize(
    ("retried", "wait"),
    [
        (0, 12 * SECOND),  # e^2.5 = 12.2
        (1, 148 * SECOND),  # e^5 = 148.4
        (2, 1_808 * SECOND),  # e^7.5 = 1808.04
        (3, 22_026 * SECOND),  # e^10 = 22026.5
        (4, DAY_MS),
    ],
)
def test_the_default_backoff_counts_from_the_end_of_the_attempt(retried: int, wait: int) -> None:
    change = settled(active(retried=retried, max_retries=9), answer(500))
    (waiting,) = change.changed
    assert (waiting.due_at, waiting.retried) == (LATER + wait, retried + 1)


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ((("Retry-After", "5"),), 5_000),
        ((("retry-after", "10s"),), 10_000),
        ((("Retry-After", "6m5s"),), 365_000),
        ((("Retry-After", "0"),), 0),
        ((("X-Ratelimit-Reset", "7"),), 7_000),
        ((("X-RateLimit-Reset-Requests", "250ms"),), 250),
        ((("X-RateLimit-Reset-Tokens", "1.5s"),), 1_500),
        ((("Retry-After", "Fri, 21 Aug 2026 12:00:30 GMT"),), 29_960),  # 30 s less the 40 ms
        ((("Retry-After", "Fri, 21 Aug 2026 11:00:00 GMT"),), 0),
        # the first readable one of the family, in its order
        ((("X-RateLimit-Reset", "9"), ("Retry-After", "5")), 5_000),
        ((("Retry-After", "soon"), ("X-RateLimit-Reset", "9")), 9_000),
        # more than a day or unreadable: as if it were not there
        ((("Retry-After", "86400"),), DAY_MS),
        ((("Retry-After", "86401"),), 12_000),
        ((("Retry-After", "-1"),), 12_000),
        ((("Retry-After", ""),), 12_000),
    ],
)
@pytest.mark.parametrize("status", [429, 503, 500, 404])
def test_the_answer_may_say_when_to_come_back(headers: Headers, wait: int, status: int) -> None:
    (waiting,) = settled(active(), answer(status, headers)).changed
    assert waiting.due_at == LATER + wait


@pytest.mark.parametrize(
    ("expression", "retried", "wait"),
    [
        ("1000", 0, 1_000),
        ("1000 * (1 + retried)", 2, 3_000),
        ("pow(2, retried) * 1000", 3, 8_000),
        ("-5", 0, 0),
        ("999999999", 0, DAY_MS),
        ("1 / retried", 0, 12_000),  # no value: the default backoff
    ],
)
def test_a_retry_delay_expression_replaces_the_backoff(
    expression: str, retried: int, wait: int
) -> None:
    source = active(retry_delay=expression, retried=retried, max_retries=9)
    assert settled(source, answer(500)).changed[0].due_at == LATER + wait
    # ... and Retry-After replaces both
    asked = settled(source, answer(429, (("Retry-After", "2"),))).changed[0]
    assert asked.due_at == LATER + 2_000


def test_the_retry_interval_of_the_server_replaces_every_wait() -> None:
    limited = answer(429, (("Retry-After", "60"),))
    for source in (active(), active(retry_delay="5000")):
        assert settled(source, limited, interval=50).changed[0].due_at == LATER + 50


# Exhaustion


@pytest.mark.parametrize("retries", [0, 1, 3])
def test_the_attempt_after_the_last_retry_is_the_last(retries: int) -> None:
    source = active(max_retries=retries, retried=retries, attempts=retries + 1)
    change = settled(source, answer(404, body=b"gone"))
    (failed,) = change.changed
    assert (failed.state, failed.finished_at, failed.retried) == (State.FAILED, LATER, retries)
    (letter,) = change.dead
    assert (letter.id, letter.message_id, letter.time) == (f"{LATER}-7", source.id, LATER)
    assert events(change) == ["ERROR", "FAILED"]
    assert [(e.error, e.status, e.attempt, e.next_at) for e in change.events] == [
        ("404 Not Found", 404, retries + 1, None)
    ] * 2


@pytest.mark.parametrize(
    ("outcome", "text"),
    [
        (answer(500), "500 Internal Server Error"),
        (answer(489), "489"),
        (answer(999), "999"),
        (no_answer(detail='Post "http://x": EOF'), 'Post "http://x": EOF'),
    ],
)
def test_an_error_is_told_in_one_line(outcome: Outcome, text: str) -> None:
    assert settled(active(), outcome).events[0].error == text


def test_the_events_of_a_failed_attempt_say_when_the_next_one_is() -> None:
    change = settled(active(), answer(500))
    due = LATER + 12_000
    assert [(e.state, e.next_at, e.time) for e in change.events] == [
        (State.ERROR, due, LATER),
        (State.RETRY, due, LATER),
    ]


def life(message: Message, *outcomes: Outcome) -> list[str]:
    """All log lines of a message that meets these outcomes."""
    lines = [settle.created_event(message, NOW).state.value]
    for outcome in outcomes:
        started = settle.start(message, NOW)
        change = settled(started.changed[0], outcome)
        lines += events(started) + [e.state for e in change.events if e.message_id == message.id]
        message = change.changed[0]
    return lines


@pytest.mark.parametrize(
    ("retries", "outcomes", "lines"),
    [
        (3, [200], "CREATED ACTIVE DELIVERED"),
        (3, [500, 200], "CREATED ACTIVE ERROR RETRY ACTIVE DELIVERED"),
        (0, [404], "CREATED ACTIVE ERROR FAILED"),
        (
            2,
            [500, 500, 500],
            "CREATED ACTIVE ERROR RETRY ACTIVE ERROR RETRY ACTIVE ERROR FAILED",
        ),
    ],
)
@pytest.mark.parametrize("with_callbacks", [False, True])
def test_the_log_of_a_whole_life(
    retries: int, outcomes: list[int], lines: str, with_callbacks: bool
) -> None:
    source = message(max_retries=retries, seq=7)
    if with_callbacks:
        spec = replace(source.spec, callback=callback(), failure_callback=callback())
        source = replace(source, spec=spec)
    assert life(source, *map(answer, outcomes)) == lines.split()


def test_a_delayed_message_says_when_it_will_be_delivered() -> None:
    assert settle.created_event(message(due_at=NOW), NOW).next_at is None
    assert settle.created_event(message(due_at=NOW + 5), NOW).next_at == NOW + 5


def test_starting_counts_the_attempt() -> None:
    change = settle.start(message(state=State.RETRY, retried=2, attempts=2), LATER)
    (started,) = change.changed
    assert (started.state, started.attempts, started.retried) == (State.ACTIVE, 3, 2)


# Callbacks


@pytest.mark.parametrize(
    ("retried", "status", "kinds"),
    [
        (0, 200, [Kind.CALLBACK]),
        (0, 500, [Kind.CALLBACK]),
        (1, 500, [Kind.CALLBACK]),
        (2, 200, [Kind.CALLBACK]),
        (2, 500, [Kind.CALLBACK, Kind.FAILURE_CALLBACK]),
    ],
)
def test_a_callback_tells_of_every_attempt_and_the_failure_callback_once(
    retried: int, status: int, kinds: list[Kind]
) -> None:
    source = active(
        max_retries=2, retried=retried, callback=callback(), failure_callback=callback()
    )
    change = settled(source, answer(status))
    assert [made.spec.kind for made in change.created] == kinds
    # each has its own id and its own CREATED, after the lines of its source
    own = [e for e in change.events if e.message_id != source.id]
    assert [(e.message_id, e.state) for e in own] == [
        (made.id, State.CREATED) for made in change.created
    ]
    assert len({made.id for made in change.created}) == len(kinds)
    for made in change.created:
        assert body_of(made)["retried"] == retried
        assert body_of(made)["status"] == status
        assert body_of(made)["maxRetries"] == 2


def test_only_the_failure_callback_knows_the_dead_letter() -> None:
    source = active(max_retries=0, callback=callback(), failure_callback=callback())
    change = settled(source, answer(500))
    plain, failure = map(body_of, change.created)
    assert "dlqId" not in plain
    assert failure["dlqId"] == change.dead[0].id


def test_without_a_failure_callback_url_a_failure_makes_only_the_plain_callback() -> None:
    change = settled(active(max_retries=0, callback=callback()), no_answer())
    assert [m.spec.kind for m in change.created] == [Kind.CALLBACK]
    assert body_of(change.created[0])["status"] == -1


def test_489_sends_the_failure_callback_with_retries_left() -> None:
    final = answer(489, (("Upstash-NonRetryable-Error", "true"),))
    change = settled(active(failure_callback=callback()), final)
    assert [m.spec.kind for m in change.created] == [Kind.FAILURE_CALLBACK]


def test_a_delayed_callback_waits() -> None:
    change = settled(active(callback=callback(delay_ms=60_000)), answer())
    (made,) = change.created
    assert (made.due_at, made.not_before) == (LATER + 60_000, LATER + 60_000)
    assert change.events[1].next_at == LATER + 60_000


def test_the_body_of_a_callback_is_made_of_the_attempt_it_tells_of() -> None:
    source = active(callback=callback())
    made = settled(source, answer(200, body=b"ok")).created[0]
    assert made.body == callback_body(source, Result(answer(200, body=b"ok")))


# Cancelling, running now, holding


@pytest.mark.parametrize("state", [State.CREATED, State.RETRY])
def test_a_waiting_message_is_cancelled_at_once(state: State) -> None:
    change = settle.cancel(message(state=state, due_at=NOW + 5, held="no app"), LATER)
    (ended,) = change.changed
    assert (ended.state, ended.finished_at, ended.held) == (State.CANCELED, LATER, None)
    assert events(change) == ["CANCEL_REQUESTED", "CANCELED"]
    assert change.dead == ()


def test_an_active_message_ends_with_its_attempt() -> None:
    change = settle.cancel(active(), LATER)
    (still,) = change.changed
    assert (still.state, still.cancel_requested, still.finished_at) == (State.ACTIVE, True, None)
    assert events(change) == ["CANCEL_REQUESTED"]


@pytest.mark.parametrize(
    ("outcome", "state", "lines"),
    [
        (answer(200), State.DELIVERED, ["DELIVERED"]),
        (answer(500), State.CANCELED, ["ERROR", "CANCELED"]),
        (no_answer(), State.CANCELED, ["ERROR", "CANCELED"]),
    ],
)
@pytest.mark.parametrize("retries", [0, 3])
def test_cancel_while_active_unless_the_attempt_succeeds(
    outcome: Outcome, state: State, lines: list[str], retries: int
) -> None:
    source = active(max_retries=retries, failure_callback=callback(), cancel_requested=True)
    change = settled(source, outcome)
    assert change.changed[0].state == state
    assert events(change) == lines
    assert (change.dead, change.created) == ((), ())
    assert len(change.attempts) == 1


def test_a_cancellation_that_was_requested_before_is_not_logged_twice() -> None:
    """After a crash: the attempt that it waited for will never end."""
    change = settle.cancel(message(state=State.RETRY, cancel_requested=True), LATER)
    assert events(change) == ["CANCELED"]


def test_running_now_changes_when_and_nothing_else() -> None:
    waiting = message(state=State.RETRY, retried=2, attempts=2, due_at=NOW + 60_000, held="no app")
    change = settle.run_now(waiting, LATER)
    assert change.changed == (replace(waiting, due_at=LATER, held=None),)
    assert change.events == ()


@pytest.mark.parametrize(("retried", "state"), [(0, State.CREATED), (1, State.RETRY)])
def test_an_interrupted_attempt_is_kept_and_its_message_due_again(
    retried: int, state: State
) -> None:
    change = settle.interrupt(active(retried=retried, attempts=retried + 1, due_at=NOW), LATER)
    (waiting,) = change.changed
    assert (waiting.state, waiting.due_at, waiting.finished_at) == (state, NOW, None)
    assert (waiting.retried, waiting.attempts) == (retried, retried + 1)
    (lost,) = change.attempts
    assert isinstance(lost.outcome, SendFailure)
    assert (lost.number, lost.outcome.reason) == (retried + 1, Reason.INTERRUPTED)
    assert change.events == ()


@pytest.mark.parametrize(("retried", "state"), [(0, State.CREATED), (1, State.RETRY)])
def test_holding_takes_the_attempt_back(retried: int, state: State) -> None:
    source = active(retried=retried, attempts=retried + 1)
    change = settle.hold(source, "http://localhost:3000", "your app is not running", LATER)
    (held,) = change.changed
    assert (held.state, held.attempts, held.due_at) == (state, retried, LATER)
    assert held.held == "http://localhost:3000"
    assert [(e.state, e.error) for e in change.events] == [(State.RETRY, "your app is not running")]
