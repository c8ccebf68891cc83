"""Steps that wait for an event: waiting, notify, webhooks, time-outs (workflow docs, "Wait for event").

A waiter is served once: by the event or by its time-out, and serving it appends its step. An event that
is meant for one run and comes too early is kept for that run's next wait.
"""

from collections.abc import Iterable, Mapping

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from qstash_dev.protocol.destination import check_url
from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.json_body import read_json
from qstash_dev.protocol.model import CallType, Message, Spec
from qstash_dev.protocol.publish.draft import Draft
from qstash_dev.protocol.publish.readers import check_delay
from qstash_dev.protocol.quota import Limits
from qstash_dev.protocol.timing import DAY_MS, parse_duration
from qstash_dev.protocol.workflow.entries import Moment, append
from qstash_dev.protocol.workflow.invoke import resumption
from qstash_dev.protocol.workflow.model import (
    Notice,
    Run,
    RunChange,
    RunEvent,
    Waiter,
    is_live,
    joined,
    key_of,
)
from qstash_dev.protocol.workflow.steps import resumed, step_of

DEFAULT_TIMEOUT = "7d"
LONGEST_MS = 366 * DAY_MS
WAITER_ADDED = "WAITER_ADDED"


class WaitOrder(Struct, frozen=True):
    """The body of `POST /v2/wait/{eventId}`, understood. `step` is the step's JSON, `headers` are those
    that the step is to be published with.
    """

    timeout_ms: int
    step: bytes
    draft: Draft
    timeout: Draft
    headers: dict[str, list[str]]


class Served(Struct, frozen=True):
    """A waiter that an event reached, and the message that goes on with its run, or why none does."""

    waiter: Waiter
    run: Run
    message: Message | None
    error: str | None = None


class _Body(Struct, frozen=True, rename="camel"):
    url: str
    step: dict[str, msgspec.Raw]
    timeout: str | int = DEFAULT_TIMEOUT
    timeout_url: str | None = None
    timeout_headers: dict[str, list[str]] = {}


def read_wait(body: bytes, run_id: str, limits: Limits) -> WaitOrder:
    """Read the body of a wait. Raises QStashError: 400 naming what is wrong, 412 for a quota."""
    found: _Body = read_json(body, _Body, "body of a wait")
    try:
        timeout_ms = parse_duration(str(found.timeout))
    except ValueError as error:
        raise QStashError(400, f"invalid timeout of a wait: {error}") from error
    check_delay(timeout_ms, limits)
    url = check_url(found.url, "url")
    timeout_url = check_url(found.timeout_url or url, "timeout url")
    return WaitOrder(
        timeout_ms=min(timeout_ms, LONGEST_MS),
        step=msgspec.json.encode(found.step),
        draft=resumption(url, found.timeout_headers, limits, run_id),
        timeout=resumption(timeout_url, found.timeout_headers, limits, run_id),
        headers={n: v for n, v in found.timeout_headers.items() if n.lower() != "authorization"},
    )


def wait(
    run: Run, event_id: str, order: WaitOrder, kept: Notice | None, moment: Moment
) -> RunChange:
    """A step of a live run waits; `kept` is the oldest event that came before, if any did."""
    waiter = Waiter(
        run=key_of(run),
        event_id=event_id,
        due_at=moment.now + order.timeout_ms,
        step=order.step,
        draft=order.draft,
        timeout=order.timeout,
        headers=order.headers,
    )
    added = RunChange(moment.now, run_events=(_added(waiter, order, moment.now),))
    if kept is None:
        return replace(added, waiters=(waiter,))
    going_on = _go_on(run, waiter, kept.body, moment)
    return joined(moment.now, (added, replace(going_on, served=(), used=(kept.seq,))))


def notify(
    waiters: Iterable[tuple[Waiter, Run]], data: bytes, moment: Moment
) -> tuple[RunChange, list[Served]]:
    """An event reaches these waiters, the oldest first. Several may be of one run; one that is full
    keeps no other from going on.
    """
    runs: dict[tuple[str, str, int], Run] = {}
    changes: list[RunChange] = []
    served: list[Served] = []
    for waiter, found in waiters:
        run = runs.get(waiter.run, found)
        try:
            change = _go_on(run, waiter, data, moment)
        except QStashError as error:
            served.append(Served(waiter, run, None, error.message))
            continue
        (runs[waiter.run],) = change.runs
        changes.append(change)
        served.append(Served(waiter, run, change.created[0]))
    return joined(moment.now, changes), served


def keep(run: Run, event_id: str, data: bytes, moment: Moment) -> RunChange:
    """An event for one run that nobody waits for yet: its next wait gets it, in order of arrival."""
    if not is_live(run):
        return RunChange(moment.now)
    return RunChange(
        moment.now, notices=(Notice(key_of(run), event_id, data, created_at=moment.now),)
    )


def time_out(run: Run, waiter: Waiter, moment: Moment) -> RunChange:
    """Nobody told the event in time: the step goes on without data."""
    return _go_on(run, waiter, None, moment)


def give_up(run: Run, waiter: Waiter, why: str, moment: Moment) -> RunChange:
    """A wait that is over cannot go on: the run tells why, and waits no more."""
    warned = replace(run, notices=(*run.notices, f"event {waiter.event_id}: {why}"))
    return RunChange(moment.now, runs=(warned,), served=(waiter.seq,))


def webhook_event(
    method: str, headers: Mapping[str, list[str]], body: bytes, base: tuple[str, str], url: str
) -> bytes:
    """A call of a webhook as the SDK rebuilds it: `base` is scheme and host, `url` path and query,
    the body becomes base64 (workflow-js `context/steps.ts`, LazyWaitForWebhookStep).
    """
    proto, host = base
    document = {
        "method": method,
        "header": headers,
        "body": body,
        "proto": proto,
        "host": host,
        "url": url,
    }
    return msgspec.json.encode(document)


def _go_on(run: Run, waiter: Waiter, data: bytes | None, moment: Moment) -> RunChange:
    draft = waiter.timeout if data is None else waiter.draft
    body = resumed(waiter.step, waiter.event_id, data)
    change = append(run, draft, body, moment)
    return replace(change, served=(waiter.seq,))


def _added(waiter: Waiter, order: WaitOrder, now: int) -> RunEvent:
    step = step_of(CallType.STEP, Spec(waiter.draft.spec.url), waiter.step)
    detail = {
        "waitEventId": waiter.event_id,
        "waitTimeoutDuration": f"{order.timeout_ms // 1000}s",
        "waitTimeoutDeadline": waiter.due_at,
    }
    return RunEvent(waiter.run, now, WAITER_ADDED, step, msgspec.json.encode(detail))
