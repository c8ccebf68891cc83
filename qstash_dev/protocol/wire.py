"""The JSON documents of QStash's API (QStash docs, `openapi.yaml`). Unset fields are left out: `null`
breaks the SDKs' parsing. Where SDKs and docs spell a field differently, it is there twice. What is
base64 in JSON is bytes here, as msgspec writes them.

Redacted fields are shown as hashes in all of them; deliveries use the originals.
"""

from collections.abc import Mapping
from typing import Any, TypedDict

from qstash_dev.protocol.headers import header_map
from qstash_dev.protocol.model import (
    Attempt,
    BulkAction,
    DeadLetter,
    Event,
    Group,
    Message,
    Queue,
    Response,
    Schedule,
    Spec,
    State,
)
from qstash_dev.protocol.publish.options import told
from qstash_dev.protocol.publish.shown import Where
from qstash_dev.protocol.query import filters
from qstash_dev.protocol.redact import redact_body, redact_headers

Document = dict[str, Any]


class QueueDocument(TypedDict):
    """A queue; `lag` is how many messages wait in it."""

    name: str
    createdAt: int
    updatedAt: int
    parallelism: int
    paused: bool
    lag: int


class GroupDocument(TypedDict):
    """A URL group, each endpoint with its URL and perhaps a name."""

    name: str
    createdAt: int
    updatedAt: int
    endpoints: list[dict[str, str]]


TELLS_ANSWER = frozenset((State.ERROR, State.FAILED))
"""Events that show what the destination answered."""


def present(fields: Mapping[str, Any]) -> Document:
    """Without the fields that are unset."""
    return {name: value for name, value in fields.items() if value is not None}


def message_document(message: Message) -> Document:
    """`GET /v2/messages/{id}`."""
    return {
        "messageId": message.id,
        "url": message.spec.url,
        "notBefore": message.not_before,
        "createdAt": message.created_at,
        **_contents(message.spec, message.body, "message"),
        **present(
            {
                "topicName": message.spec.topic,
                "endpointName": message.spec.endpoint,
                "scheduleId": message.spec.schedule_id,
                "callerIP": message.spec.caller_ip,
            }
        ),
    }


def dead_letter_document(letter: DeadLetter, message: Message, last: Attempt | None) -> Document:
    """An entry of `GET /v2/dlq`; `responseStatus` is 0 (ours) when there was no answer."""
    document = {"dlqId": letter.id, "responseStatus": 0, **message_document(message)}
    outcome = last.outcome if last is not None else None
    if isinstance(outcome, Response):
        document["responseStatus"] = outcome.status
        document["responseHeader"] = header_map(outcome.headers)
        document.update(_body("responseBody", outcome.body))
    elif outcome is not None:
        document["responseBody"] = outcome.detail
    return document


def event_document(
    event: Event, message: Message, attempt: Attempt | None, about: Document | None = None
) -> Document:
    """A line of `GET /v2/events`. `about` is `logged_message(message)`, where that is known."""
    outcome = attempt.outcome if attempt is not None else None
    document = {
        "time": event.time,
        "state": event.state,
        **(logged_message(message) if about is None else about),
        **present({"error": event.error, "nextDeliveryTime": event.next_at}),
    }
    if isinstance(outcome, Response) and event.state in TELLS_ANSWER:
        headers = header_map(outcome.headers)
        document.update(
            responseStatus=outcome.status,
            responseBody=outcome.body,
            responseHeaders=headers,
            responseHeader=headers,
        )
    return document


def logged_message(message: Message) -> Document:
    """What every line of the log says of its message. Bodies are base64."""
    spec = message.spec
    return {
        "messageId": message.id,
        "url": spec.url,
        "header": header_map(redact_headers(spec.headers, spec.redact)),
        "body": redact_body(message.body, spec.redact),
        **present(
            {
                "topicName": spec.topic,
                "endpointName": spec.endpoint,
                "scheduleId": spec.schedule_id,
                "callerIP": spec.caller_ip,
                "callerIp": spec.caller_ip,
            }
        ),
        **told(spec, "log"),
    }


def schedule_document(schedule: Schedule, states: Mapping[str, str]) -> Document:
    """`GET /v2/schedules/{id}`. `states` are those of the messages of the last firing."""
    spec = schedule.spec
    return {
        "scheduleId": schedule.id,
        "cron": schedule.cron,
        "destination": schedule.destination,
        "createdAt": schedule.created_at,
        "isPaused": schedule.paused,
        **_contents(spec, schedule.body, "schedule"),
        **present(
            {
                "delay": schedule.delay_ms // 1000 or None,
                "callerIP": spec.caller_ip,
                "callerIp": spec.caller_ip,
                "lastScheduleTime": schedule.last_at,
                "nextScheduleTime": schedule.next_at,
                "lastScheduleStates": dict(states) or None,
                "error": schedule.error,
            }
        ),
    }


def queue_document(queue: Queue, lag: int) -> QueueDocument:
    """`GET /v2/queues/{name}`."""
    return {
        "name": queue.name,
        "createdAt": queue.created_at,
        "updatedAt": queue.updated_at,
        "parallelism": queue.parallelism,
        "paused": queue.paused,
        "lag": lag,
    }


def group_document(group: Group) -> GroupDocument:
    """`GET /v2/topics/{name}`."""
    return {
        "name": group.name,
        "createdAt": group.created_at,
        "updatedAt": group.updated_at,
        "endpoints": [present({"name": e.name, "url": e.url}) for e in group.endpoints],
    }


def bulk_action_document(action: BulkAction) -> Document:
    """`GET /v2/bulkActions/{id}`."""
    return {
        "actionId": action.id,
        "kind": "cancel",
        "state": "IN_PROGRESS" if action.completed_at is None else "FINISHED",
        "total": action.total,
        "processed": action.processed,
        "createdAt": action.created_at,
        "filter": filters(action.query),
        **present({"completedAt": action.completed_at}),
    }


def _contents(spec: Spec, body: bytes, where: Where) -> Document:
    return {
        "header": header_map(redact_headers(spec.headers, spec.redact)),
        **_body("body", redact_body(body, spec.redact)),
        **told(spec, where),
    }


def _body(name: str, body: bytes) -> Document:
    if not body:
        return {}
    try:
        return {name: body.decode("utf-8")}
    except UnicodeDecodeError:
        return {f"{name}Base64": body}
