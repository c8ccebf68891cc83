"""Answers as an agent can afford to read them: no bodies, nothing that is empty, times as text."""

from datetime import UTC, datetime
from typing import Any

from qstash_dev.devtools.documents import Attempt, Body, Detail, Event, Row
from qstash_dev.devtools.run_documents import RunRow, RunStep, words
from qstash_dev.protocol.headers import joined

Document = dict[str, Any]
SHOWN = 4_000
"""Characters of a body."""


def present(**fields: Any) -> Document:
    """Without what says nothing."""
    return {name: value for name, value in fields.items() if value not in (None, "", [], (), {})}


def moment(ms: int | None) -> str | None:
    """Epoch milliseconds as ISO 8601 in UTC, to the second."""
    if ms is None:
        return None
    return datetime.fromtimestamp(ms // 1000, UTC).isoformat().replace("+00:00", "Z")


def message(row: Row) -> Document:
    """One line of a list; `cause` says why it failed and what to do."""
    return present(
        id=row.id,
        state=row.state,
        status=row.status,
        attempts=f"{row.try_} of {row.tries}",
        method=None if row.method == "POST" else row.method,
        url=row.url,
        cause=row.hint or row.error,
        created=moment(row.created_at),
        due=moment(row.due_at),
        kind=None if row.kind == "publish" else row.kind,
        parent=row.parent,
        queue=row.queue,
        flow_control=row.flow_key,
        schedule=row.schedule,
        run=row.run,
        step=row.step,
        labels=list(row.labels),
        dlq_id=row.dlq_id,
    )


def detail(found: Detail, bodies: bool) -> Document:
    """One message with its attempts; headers come with the bodies, secrets in them masked."""
    request = found.request
    return {
        **message(found.row),
        **present(
            waits=found.waits,
            warnings=found.lints,
            attempts_made=[attempt(one, bodies) for one in found.attempts],
            children=[child.id for child in found.links.children],
            headers=joined(request.headers) if bodies else None,
            body=body(request.body) if bodies else None,
        ),
    }


def attempt(one: Attempt, bodies: bool) -> Document:
    """What was answered, or why nothing was."""
    answer, failure = one.response, one.failure
    return present(
        number=one.number,
        at=moment(one.started_at),
        ms=round(one.total_ms, 1),
        sent_to=one.target,
        status=answer.status if answer else None,
        failure=f"{failure.reason}: {failure.detail}" if failure else None,
        headers=joined(answer.headers) if answer and bodies else None,
        body=body(answer.body) if answer and bodies else None,
    )


def body(shown: Body) -> Document | None:
    """The beginning of a body, and how long it is."""
    if not shown.size:
        return None
    if shown.text is None:
        return {"bytes": shown.size, "text": None}
    cut = shown.truncated or len(shown.text) > SHOWN
    return {"bytes": shown.size, "text": shown.text[:SHOWN], **({"cut": True} if cut else {})}


def event(one: Event) -> Document:
    """One thing that happened."""
    return present(
        time=moment(one.time),
        message=one.id,
        state=one.state,
        status=one.status,
        url=one.url,
        cause=one.hint or one.error,
        next=moment(one.next_at),
    )


def run(row: RunRow, now: int) -> Document:
    """One workflow run; `waits` are the things that it waits for."""
    return present(
        id=row.id,
        state=row.state,
        url=row.url,
        began=moment(row.created_at),
        ended=moment(row.completed_at),
        steps_done=row.steps,
        waits=[words(waiting, now) for waiting in row.waits],
        labels=list(row.labels),
        notices=list(row.notices),
    )


def step(one: RunStep, bodies: bool) -> Document:
    """One step of the time line."""
    took = None if one.ended_at is None else one.ended_at - one.began_at
    return present(
        name=one.name,
        type=one.type,
        state=one.state,
        at=moment(one.began_at),
        ms=took,
        parallel=one.parallel or None,
        message=one.message,
        log=one.log if bodies else None,
    )
