"""Runs that failed, taken up again: from the failed step, or from the start (workflow docs, "DLQ")."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from qstash_dev.protocol.creation import due_at, new_message, overrides
from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.headers import by_name, not_beginning
from qstash_dev.protocol.json_body import read_json
from qstash_dev.protocol.model import CallType, Headers, Message, Place, Step
from qstash_dev.protocol.publish.draft import Draft, parse_draft
from qstash_dev.protocol.settle import created_event
from qstash_dev.protocol.workflow.entries import Moment
from qstash_dev.protocol.workflow.model import (
    Copy,
    Failure,
    FailureState,
    Run,
    RunChange,
    RunEvent,
    RunState,
    joined,
    key_of,
)
from qstash_dev.protocol.workflow.steps import is_plan, is_result

_SETTINGS = frozenset(
    ("max_retries", "retry_delay", "timeout_ms", "labels", "flow", "failure_callback", "redact")
)


class Order(Struct, frozen=True):
    """What a request to resume or restart asks for: an id for the new run, and other settings."""

    run_id: str
    draft: Draft
    changes: dict[str, Any]


def read_order(run: Run, headers: Headers, moment: Moment) -> Order:
    """Read the headers of a request to resume or restart. Raises QStashError as a publish does."""
    others = not_beginning(headers, "upstash-workflow-")
    draft = parse_draft(run.config.url, others, moment.limits)
    return Order(
        run_id=by_name(headers).get("upstash-workflow-runid") or moment.new_id("wfr_"),
        draft=draft,
        changes={k: v for k, v in overrides(draft, headers).items() if k in _SETTINGS},
    )


def restart(
    run: Run, first: Message, order: Order, latest: Run | None, moment: Moment
) -> RunChange:
    """A new run with the payload of this one. `latest` is the newest run of the new id."""
    return _begin(run, [first], [first], order, latest, moment)


def resume(
    run: Run,
    entries: Sequence[Message],
    failed: Message,
    order: Order,
    latest: Run | None,
    moment: Moment,
) -> RunChange:
    """A new run with the finished steps of this one. Delivered are the plans of an unfinished parallel
    group that have no result, else the last entry; of a call whose result could not be told, that.
    """
    steps = _without_duplicates(entries)
    failed_call = failed if _call_type(failed) == CallType.FROM_CALLBACK else None
    delivered = _unfinished(steps, failed_call)
    if not delivered and failed_call is None:
        delivered = steps[-1:]
    if failed_call is not None:
        steps, delivered = [*steps, failed_call], [*delivered, failed_call]
    change = _begin(run, steps, delivered, order, latest, moment)
    successor = replace(run, successor=order.run_id)
    return joined(moment.now, (change, RunChange(moment.now, runs=(successor,))))


def call_again(run: Run, call: Message, moment: Moment) -> RunChange:
    """The failure function is called once more. Raises QStashError(400) unless it failed."""
    failure = _failure(run)
    if failure.state != FailureState.FAIL:
        raise QStashError(400, f"the failure callback of run {run.id} has not failed")
    again = new_message(
        call.spec, call.user, call.body, moment.now, moment.now, moment.new_id("msg_")
    )
    told = replace(failure, state=FailureState.INPROGRESS, callback_id=again.id)
    return RunChange(
        moment.now,
        (again,),
        events=(created_event(again, moment.now),),
        runs=(replace(run, failure=told),),
    )


def _begin(
    run: Run,
    entries: Sequence[Message],
    delivered: Sequence[Message],
    order: Order,
    latest: Run | None,
    moment: Moment,
) -> RunChange:
    now = moment.now
    if latest is not None and latest.state == RunState.STARTED:
        raise QStashError(400, f"workflow run {order.run_id[:200]} is live already")
    new = _successor(run, entries, order, latest, now)
    again = {message.id for message in delivered}
    made: list[Message] = []
    copies: list[Copy] = []
    for index, entry in enumerate(entries):
        new_id = moment.new_id("msg_")
        if entry.id in again:
            made.append(_anew(new, entry, index, new_id, order, moment))
        else:
            copies.append(Copy(key_of(new), index, new_id, entry))
    first = made[0].id if entries[0].id in again else copies[0].message_id
    return RunChange(
        now,
        tuple(made),
        events=tuple(created_event(message, now) for message in made),
        revived=(run.failure.dlq_id,) if run.failure is not None else (),
        runs=(replace(new, message_id=first),),
        copies=tuple(copies),
        run_events=(RunEvent(key_of(new), now, RunState.STARTED),),
    )


def _successor(
    run: Run, entries: Sequence[Message], order: Order, latest: Run | None, now: int
) -> Run:
    """The run that begins with these entries, as fresh as one that was just started."""
    return replace(
        run,
        id=order.run_id,
        created_at=max(now, latest.created_at + 1 if latest is not None else 0),
        config=replace(run.config, **order.changes),
        state=RunState.STARTED,
        first=0,
        size=len(entries),
        steps=sum(is_result(_step(entry)) for entry in entries),
        state_bytes=sum(len(entry.body) for entry in entries),
        configured=False,
        invoker=None,
        completed_at=None,
        result=None,
        failure=None,
        successor=None,
        notices=(),
        seq=0,
    )


def _anew(
    run: Run, entry: Message, index: int, new_id: str, order: Order, moment: Moment
) -> Message:
    place = entry.spec.place
    assert place is not None, "an entry is a message of a run"
    place = replace(place, run_id=run.id, created_at=run.created_at, index=index)
    spec = replace(entry.spec, place=place, parent_id=entry.id, **order.changes)
    at = max(due_at(order.draft, moment.limits, moment.now), entry.not_before)
    return new_message(spec, entry.user, _body(entry, place), moment.now, at, new_id)


def _body(entry: Message, place: Place) -> bytes:
    """The result of a call names its run."""
    if place.call_type != CallType.FROM_CALLBACK:
        return entry.body
    document = read_json(entry.body, dict[str, msgspec.Raw])
    names = {"workflowRunId": place.run_id, "workflowCreatedAt": place.created_at}
    return msgspec.json.encode(document | names)


def _without_duplicates(entries: Iterable[Message]) -> list[Message]:
    """Steps alone, and each once: the app would answer that the last one is a duplicate, and stop."""
    seen: set[tuple[str, int]] = set()
    kept: list[Message] = []
    for entry in entries:
        step = _step(entry)
        if _call_type(entry) != CallType.STEP:
            continue
        mark: tuple[str, int] | None = None
        if step is not None and is_plan(step):
            mark = "plan", step.target or 0
        elif step is not None and is_result(step):
            mark = "result", step.id
        if mark is not None and mark in seen:
            continue
        if mark is not None:
            seen.add(mark)
        kept.append(entry)
    return kept


def _unfinished(steps: Sequence[Message], failed_call: Message | None) -> list[Message]:
    """The plans of the last parallel group that have no result, if any."""
    plans = [entry for entry in steps if is_plan(_step(entry))]
    results = {step.id for step in map(_step, steps) if step is not None and is_result(step)}
    told = _step(failed_call) if failed_call is not None else None
    if told is not None:
        results.add(told.id)
    return [
        plan for plan in plans if (step := _step(plan)) is not None and step.target not in results
    ]


def _failure(run: Run) -> Failure:
    if run.failure is None or run.failure.state is None:
        raise QStashError(400, f"run {run.id} has no failure callback")
    return run.failure


def _step(message: Message) -> Step | None:
    place = message.spec.place
    return place.step if place is not None else None


def _call_type(message: Message) -> CallType | None:
    place = message.spec.place
    return place.call_type if place is not None else None
