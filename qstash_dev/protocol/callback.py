"""Callbacks: the message that tells an app how a delivery went (QStash docs, "Callbacks")."""

from typing import Any

import msgspec
from msgspec import Struct

from qstash_dev.protocol.headers import header_map, without
from qstash_dev.protocol.model import (
    Callback,
    Kind,
    Message,
    Outcome,
    Response,
    Spec,
    State,
)
from qstash_dev.protocol.redact import BODY

NO_ANSWER = -1
"""The status of a callback that tells of a delivery without any answer."""


class Result(Struct, frozen=True):
    """How the attempt went that a callback tells of. `dlq_id` is set when it was the last failure."""

    outcome: Outcome
    dlq_id: str | None = None


def callback_message(
    source: Message, callback: Callback, kind: Kind, result: Result, now: int, new_id: str
) -> Message:
    """An ordinary new message to the callback URL.

    It holds the source's place in a queue until it is finished (QStash docs, "Queues"). Ours: it hides
    the headers that the source hides, and its body where that hides anything, since the source's body
    and headers are in it.
    """
    redact = source.spec.redact
    spec = Spec(
        url=callback.url,
        method=callback.method,
        headers=(
            ("Content-Type", "application/json"),
            *without(callback.headers, {"content-type"}),
        ),
        max_retries=source.spec.max_retries if callback.retries is None else callback.retries,
        retry_delay=callback.retry_delay,
        timeout_ms=callback.timeout_ms,
        failure_callback=callback.failure_callback,
        flow=callback.flow,
        redact=tuple(dict.fromkeys((BODY, *redact))) if redact else (),
        caller_ip=source.spec.caller_ip,
        kind=kind,
        parent_id=source.id,
    )
    due_at = now + callback.delay_ms
    return Message(
        id=new_id,
        user=source.user,
        spec=spec,
        body=callback_body(source, result),
        created_at=now,
        not_before=due_at,
        state=State.CREATED,
        due_at=due_at,
        line=source.line or (source.id if source.spec.queue else None),
        line_queue=source.line_queue or source.spec.queue,
    )


def callback_body(source: Message, result: Result) -> bytes:
    """The JSON document of a callback. Without an answer, `status` is -1 and `body` the reason.

    Source: a large public webhook sender counts `status >= 400 || status === -1` as failed.
    """
    return msgspec.json.encode(callback_document(source, result))


def callback_document(source: Message, result: Result) -> dict[str, Any]:
    """What a callback tells, before it is JSON, where bytes are base64."""
    spec, place = source.spec, source.spec.place
    document: dict[str, Any] = {
        **_answer(result.outcome),
        "retried": source.retried,
        "maxRetries": spec.max_retries,
        "sourceMessageId": source.id,
        "topicName": spec.topic,
        "endpointName": spec.endpoint,
        "scheduleId": spec.schedule_id,
        "url": spec.url,
        "method": spec.method,
        "sourceHeader": header_map(spec.headers),
        "sourceBody": source.body,
        "notBefore": source.not_before,
        "createdAt": source.created_at,
        "callerIP": spec.caller_ip,
        "dlqId": result.dlq_id,
        "workflowRunId": place.run_id if place else None,
        "workflowCreatedAt": place.created_at if place else None,
    }
    return {k: v for k, v in document.items() if v is not None}


def _answer(outcome: Outcome) -> dict[str, Any]:
    if isinstance(outcome, Response):
        headers = header_map(outcome.headers)
        return {"status": outcome.status, "header": headers, "body": outcome.body}
    return {"status": NO_ANSWER, "header": {}, "body": outcome.detail.encode()}
