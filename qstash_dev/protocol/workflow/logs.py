"""Runs with their steps in groups (workflow docs, "List workflow run logs")."""

from typing import Any

from qstash_dev.protocol.headers import all_of
from qstash_dev.protocol.model import CallType, Message, Response, State
from qstash_dev.protocol.publish.shown import labels as shown_labels
from qstash_dev.protocol.wire import present
from qstash_dev.protocol.workflow.log_fields import (
    View,
    call_fields,
    error_document,
    exchange,
    invocation_fields,
    named,
    out_field,
    response_text,
    sent,
    shown,
    sleep_fields,
    wait_fields,
)
from qstash_dev.protocol.workflow.model import Run
from qstash_dev.protocol.workflow.timeline import (
    OF_MESSAGE,
    Group,
    Line,
    Record,
    Trouble,
    state_of,
    timeline,
    troubles_of,
)
from qstash_dev.protocol.workflow.wire import answer_document

Document = dict[str, Any]


def run_document(run: Run, record: Record, view: View) -> Document:
    """A run with all its steps. The caller's address is left out, as QStash does."""
    found = timeline(run, record)
    flow = run.config.flow
    steps = [_group(run, record, group, view) for group in found.groups]
    if found.pending:
        pending = [_pending(message, record, view) for message in found.pending]
        steps.append({"type": "next", "steps": pending})
    return present(
        {
            "workflowRunId": run.id,
            "workflowUrl": run.url,
            "workflowState": run.state,
            "workflowRunCreatedAt": run.created_at,
            "workflowRunCompletedAt": run.completed_at,
            **shown_labels(run.config),
            "flowControlKey": flow.key if flow is not None else None,
            "steps": steps,
            "workflowRunResponse": response_text(run, view),
            "invoker": _invoker(run),
            "failureFunction": _failure(run, record, view),
            "dlqId": run.dlq_id,
        }
    )


def _group(run: Run, record: Record, group: Group, view: View) -> Document:
    lines = [_step(run, record, group, line, view) for line in group.lines]
    return {"type": "parallel" if group.is_parallel else "sequential", "steps": lines}


def _step(run: Run, record: Record, group: Group, line: Line, view: View) -> Document:
    message, result = line.message, line.result
    place = message.spec.place if message is not None else None
    is_init = line is group.lines[0] and line.step.type == "Initial"
    document = {
        **named(line),
        "callType": place.call_type if place is not None else CallType.STEP,
        "state": state_of(run, group, line, view.now),
        **(sent(message) if message is not None else _began(line)),
        **call_fields(line, view),
        **wait_fields(line),
        **invocation_fields(line, record, view),
        **sleep_fields(line),
    }
    if result is not None:
        document |= out_field(line, result, view, is_init)
    errors = [error_document(trouble, view) for trouble in troubles_of(record, group, line)]
    return {**document, "errors": errors} if errors else document


def _began(line: Line) -> Document:
    event = line.wait or line.invocation
    return {"createdAt": event.time} if event is not None else {}


def _pending(message: Message, record: Record, view: View) -> Document:
    troubles = record.troubles.get(message.id, ())
    return {
        "messageId": message.id,
        "state": OF_MESSAGE[message.state],
        "retries": message.spec.max_retries,
        **present(
            {
                "stepName": _failing_step(troubles),
                "retryDelay": message.spec.retry_delay,
            }
        ),
        **_to_come(message, troubles, view),
    }


def _to_come(message: Message, troubles: tuple[Trouble, ...], view: View) -> Document:
    """What went wrong with a message, and when it is made again."""
    waits = message.state in (State.CREATED, State.RETRY) and message.due_at > view.now
    return present(
        {
            "errors": [error_document(trouble, view) for trouble in troubles] or None,
            "nextDeliveryTime": message.due_at if waits else None,
        }
    )


def _failing_step(troubles: tuple[Trouble, ...]) -> str | None:
    """The step that the app was at, where its SDK says so (`Upstash-Error-Step-Name`)."""
    attempt = troubles[-1].attempt if troubles else None
    outcome = attempt.outcome if attempt is not None else None
    headers = outcome.headers if isinstance(outcome, Response) else ()
    found = all_of(headers, "upstash-error-step-name")
    return found[-1] if found else None


def _failure(run: Run, record: Record, view: View) -> Document | None:
    """The failure function: what it was told, and how it went."""
    failure, call = run.failure, record.failure_call
    if failure is None or failure.state is None or call is None:
        return None
    known = {message.id: message for message in record.entries}
    failed = known.get(failure.message_id)
    status, body, headers = exchange(
        next(reversed(record.troubles.get(failure.message_id, ())), None)
    )
    troubles = record.troubles.get(call.id, ())
    return {
        "messageId": call.id,
        "url": failed.spec.url if failed is not None else run.url,
        "state": failure.state,
        "failHeaders": headers,
        "failStatus": status,
        "failResponse": shown(body, view),
        "dlqId": failure.dlq_id,
        "maxRetries": call.spec.max_retries,
        **answer_document(record.failure_answer),
        **_to_come(call, troubles, view),
    }


def _invoker(run: Run) -> Document | None:
    if run.invoker is None:
        return None
    return {
        "workflowRunId": run.invoker.run_id,
        "workflowUrl": run.invoker.url,
        "workflowRunCreatedAt": run.invoker.created_at,
    }
