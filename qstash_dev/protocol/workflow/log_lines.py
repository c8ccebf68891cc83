"""The flat log of workflow runs: one line for whatever happened to a run or to one of its messages.

Source: workflow-js `client/types.ts`; `GET /v2/workflows/events` without `groupBy`.
"""

from typing import Any

import msgspec

from qstash_dev.protocol.model import CallType, Event, Message, State, Step
from qstash_dev.protocol.publish.shown import labels as shown_labels
from qstash_dev.protocol.wire import present
from qstash_dev.protocol.workflow.log_fields import (
    View,
    call_fields,
    exchange,
    invoked_names,
    named,
    out_field,
    response_text,
    sent,
    shown,
)
from qstash_dev.protocol.workflow.model import Run, RunEvent
from qstash_dev.protocol.workflow.timeline import OF_MESSAGE, Line, Trouble

Document = dict[str, Any]


def message_line(
    run: Run, event: Event, message: Message, trouble: Trouble | None, view: View
) -> Document:
    """A line about a message of a run. Lines of steps are in the words of steps."""
    place = message.spec.place
    of_step = place is not None and place.call_type != CallType.FAILURE_CALL
    state = OF_MESSAGE.get(event.state) if of_step and event.state != State.ACTIVE else None
    answered = trouble if event.state in (State.ERROR, State.FAILED) else None
    return {
        **_line_head(run, event.time, state or event.state),
        "messageId": message.id,
        **({"stepInfo": _flat_step(message, view)} if of_step else {}),
        **present({"nextDeliveryTime": event.next_at, "error": event.error}),
        **(_answered(answered, view) if answered is not None else {}),
    }


def run_line(run: Run, event: RunEvent, view: View) -> Document:
    """A line about the run itself, or a step that waits."""
    document = _line_head(run, event.time, event.state)
    if event.step is not None:
        detail = msgspec.json.decode(event.detail) if event.detail else {}
        waits = detail if "waitEventId" in detail else invoked_names(detail)
        document["stepInfo"] = {**named(Line(event.step)), **waits}
    if event.state == run.state and run.completed_at is not None:
        document |= present(
            {
                "workflowRunResponse": response_text(run, view),
                "dlqId": run.dlq_id,
            }
        )
    return document


def _line_head(run: Run, time: int, state: str) -> Document:
    invoker = run.invoker
    return present(
        {
            "time": time,
            "state": state,
            "workflowRunId": run.id,
            "workflowUrl": run.url,
            "workflowCreatedAt": run.created_at,
            **shown_labels(run.config),
            "callerIp": run.config.caller_ip,
            "invokerWorkflowRunId": invoker.run_id if invoker is not None else None,
            "invokerWorkflowUrl": invoker.url if invoker is not None else None,
            "invokerWorkflowCreatedAt": invoker.created_at if invoker is not None else None,
        }
    )


def _flat_step(message: Message, view: View) -> Document:
    place = message.spec.place
    assert place is not None, "a step has its place"
    line = Line(place.step or Step())
    if place.call_type == CallType.TO_CALLBACK:
        line.call = message
    else:
        line.result = message
    document = {**named(line), **sent(message), **call_fields(line, view)}
    if place.call_type == CallType.STEP:
        document |= out_field(line, message, view, is_init=place.index == 0)
    return {**document, "callType": _flat_type(message)}


def _flat_type(message: Message) -> str:
    place = message.spec.place
    step = place.step if place is not None else None
    if place is None or place.call_type != CallType.STEP or step is None or step.concurrent < 2:
        return place.call_type if place is not None else CallType.STEP
    return "parallelPlan" if step.id == 0 else "parallelResult"


def _answered(trouble: Trouble, view: View) -> Document:
    status, body, headers = exchange(trouble)
    return {
        "responseStatus": status,
        "responseBody": shown(body, view),
        "responseHeaders": headers,
    }
