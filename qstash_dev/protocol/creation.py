"""From a draft to messages: new ones, copies for a replay, copies for a retry out of the DLQ.

Sources: QStash docs, "URL Groups", "Delay" and "Dead Letter Queues".
"""

from collections.abc import Collection, Iterable
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from qstash_dev.protocol import settle
from qstash_dev.protocol.headers import names_of, without
from qstash_dev.protocol.model import (
    Change,
    Event,
    Group,
    Headers,
    Kind,
    Message,
    Spec,
    State,
)
from qstash_dev.protocol.publish.draft import Draft, given_names, parse_draft
from qstash_dev.protocol.publish.options import OPTIONS
from qstash_dev.protocol.publish.readers import check_delay
from qstash_dev.protocol.quota import Limits


class Changes(Struct, frozen=True):
    """What a replay does differently; `None` is "as it was"."""

    body: bytes | None = None
    headers: Headers | None = None
    url: str | None = None
    method: str | None = None


def expand_group(spec: Spec, group: Group | None) -> tuple[Spec, ...]:
    """One spec for each endpoint of a URL group, in order; the spec itself without a group."""
    if group is None:
        return (spec,)
    return tuple(
        replace(spec, url=endpoint.url, topic=group.name, endpoint=endpoint.name)
        for endpoint in group.endpoints
    )


def new_message(spec: Spec, user: str, body: bytes, now: int, due_at: int, new_id: str) -> Message:
    """A message that waits for `due_at`, or for now if that is past."""
    due_at = max(now, due_at)
    return Message(
        id=new_id,
        user=user,
        spec=spec,
        body=body,
        created_at=now,
        not_before=due_at,
        state=State.CREATED,
        due_at=due_at,
    )


def created(messages: Iterable[Message], now: int) -> Change:
    """The change that makes these messages exist."""
    messages = tuple(messages)
    return Change(now, messages, events=tuple(settle.created_event(m, now) for m in messages))


def begun(messages: Collection[Message], now: int) -> Change:
    """The change that makes these messages exist, their first attempt under way."""
    start = settle.start_all(messages, now)
    events: list[Event] = []
    for message, begins in zip(messages, start.events, strict=True):
        events += settle.created_event(message, now), begins
    return Change(now, created=start.changed, events=tuple(events))


def due_at(draft: Draft, limits: Limits, now: int) -> int:
    """When the first delivery is due: not-before wins over delay (QStash docs, "Delay").

    Raises QStashError(412).
    """
    if draft.not_before is None:
        return now + draft.delay_ms
    check_delay(draft.not_before - now, limits)
    return draft.not_before


def replay(source: Message, changes: Changes, now: int, new_id: str) -> Message:
    """A new message linked to `source`, due at once and in no queue; the source stays as it is.

    Differs: QStash sends again only what is in its DLQ, and never with another body or URL.
    """
    spec = replace(
        source.spec,
        kind=Kind.REPLAY,
        parent_id=source.id,
        queue=None,
        flow=None,
        url=source.spec.url if changes.url is None else changes.url,
        method=source.spec.method if changes.method is None else changes.method,
        headers=source.spec.headers if changes.headers is None else changes.headers,
    )
    body = source.body if changes.body is None else changes.body
    return new_message(spec, source.user, body, now, now, new_id)


def dlq_retry(source: Message, headers: Headers, limits: Limits, now: int, new_id: str) -> Message:
    """A new message like `source`, with the configuration that the retry request's headers give
    (QStash docs, `openapi.yaml`, `POST /v2/dlq/retry`).

    Raises QStashError as a publish with these headers would.
    """
    draft = parse_draft(source.spec.url, headers, limits)
    given = given_names(headers)
    changes = overrides(draft, headers)
    forwarded = [h for h in draft.spec.headers if f"upstash-forward-{h[0].lower()}" in given]
    kept = without(source.spec.headers, names_of(forwarded))
    spec = replace(
        source.spec,
        kind=Kind.DLQ_RETRY,
        parent_id=source.id,
        headers=(*kept, *forwarded),
        **changes,
    )
    return new_message(spec, source.user, source.body, now, due_at(draft, limits, now), new_id)


def overrides(draft: Draft, headers: Headers) -> dict[str, Any]:
    """The fields of a spec that the headers of a retry, read as `draft`, give other values."""
    given = given_names(headers)
    return {
        row.spec: getattr(draft.spec, row.spec)
        for row in OPTIONS
        if row.spec and row.changeable and row.key in given
    }
