"""One message with everything that is known of it, as the control API shows it to people.

Redacted fields stay hashed. Secrets in headers are masked unless they are asked for.
"""

import codecs
from base64 import b64decode, b64encode
from typing import Any

import msgspec
from msgspec.structs import asdict, replace

from qstash_dev.api.call import Call
from qstash_dev.api.control.waiting import why_waiting
from qstash_dev.devtools import documents, hold
from qstash_dev.devtools.documents import Body, Detail, Links, Pairs, Row, SentRequest, Signature
from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.headers import SECRET, first, names_of
from qstash_dev.protocol.json_body import read_json
from qstash_dev.protocol.model import (
    Attempt,
    Callback,
    Headers,
    Kind,
    Message,
    Response,
    SendFailure,
)
from qstash_dev.protocol.redact import BODY, redact_body, redact_callback, redact_headers
from qstash_dev.protocol.signature import inspect

SHOWN = 262_144
_decoder = codecs.getincrementaldecoder("utf-8")


def detail(call: Call, message: Message, row: Row) -> Detail:
    """What `GET /_dev/messages/{id}` answers."""
    reveal = call.arg("reveal") in ("1", "true")
    now = call.engine.clock.now()
    attempts = call.store.attempts.of(message.id, message.seq)
    row.hint = _hint_of_held(call, message) or row.hint
    # What the failure's cause repeats is said once.
    row.lints = tuple(lint for lint in message.spec.notices if lint not in (row.hint or ""))
    spec = _spec(message, reveal)
    links = Links(
        _parent(call, message, now),
        call.store.rows.related(message.id, now),
        call.store.rows.siblings(row, now),
    )
    waits = why_waiting(call.engine, message, now)
    return Detail(
        row=row,
        spec=spec,
        request=documents.Request(
            method=message.spec.method,
            url=message.spec.url,
            headers=shown_headers(_redacted(message, message.spec.headers), reveal),
            body=shown_body(redact_body(message.body, message.spec.redact)),
            decoded=_decoded(message),
        ),
        attempts=[_attempt(call, message, attempt, reveal) for attempt in attempts],
        events=[
            msgspec.convert(entry, documents.Event, from_attributes=True)
            for entry in call.store.feed.of(message.id)
        ],
        signature=_signature(call, message, attempts[-1]) if attempts else None,
        links=links,
        hint=row.hint,
        waits=waits,
        lints=list(row.lints),
    )


def _hint_of_held(call: Call, message: Message) -> str | None:
    """The end of our own app is why a message waits for it, or it waits where the app is not."""
    app, held = call.context.own_app, message.held
    if held is None:
        return None
    ended = app.why_down(held) if app is not None else None
    return hold.hint(held, ended, call.context.app_url())


def shown_headers(headers: Headers, reveal: bool) -> Pairs:
    """Pairs of name and value; of a secret only its kind and its end."""
    return [(name, value if reveal else _masked(name, value)) for name, value in headers]


def shown_body(body: bytes) -> Body:
    """A body of which at most the beginning is shown: as text if it is text."""
    part = body[:SHOWN]
    is_cut = len(body) > SHOWN
    try:
        # The cut may fall into a character, which is then left out.
        return Body(len(body), is_cut, text=_decoder().decode(part, final=not is_cut))
    except UnicodeDecodeError:
        return Body(len(body), is_cut, base64=b64encode(part).decode("ascii"))


def _decoded(message: Message) -> dict[str, Body]:
    """What is base64 in the body of a callback (QStash docs, "Callbacks")."""
    is_callback = message.spec.kind in (Kind.CALLBACK, Kind.FAILURE_CALLBACK)
    if not is_callback or BODY in message.spec.redact:
        return {}
    try:
        document = read_json(message.body, dict[str, Any])
        parts = {name: document.get(name) for name in ("body", "sourceBody")}
        return {
            name: shown_body(b64decode(text, validate=True))
            for name, text in parts.items()
            if isinstance(text, str) and text
        }
    except (QStashError, ValueError):
        return {}


def meant_headers(message: Message, given: Headers) -> Headers:
    """Headers that people gave who saw this message: a hash or a mask means what it stands for."""
    hashed = _redacted(message, message.spec.headers)
    hidden = {
        (original[0].lower(), shown): original
        for look in (shown_headers(hashed, reveal=False), hashed)
        for original, (_, shown) in zip(message.spec.headers, look, strict=True)
    }
    return tuple(hidden.get((name.lower(), value), (name, value)) for name, value in given)


def meant_body(message: Message, given: bytes) -> bytes:
    """A body that somebody gave who saw this message: its hash means the body itself.

    Whatever white space an editor has put around the hash.
    """
    shown = redact_body(message.body, message.spec.redact)
    return message.body if BODY in message.spec.redact and given.strip() == shown else given


def _spec(message: Message, reveal: bool) -> dict[str, Any]:
    callbacks = {
        name: _shown_callback(
            redact_callback(getattr(message.spec, name), message.spec.redact), reveal
        )
        for name in ("callback", "failure_callback")
    }
    spec = msgspec.to_builtins(replace(message.spec, **callbacks))
    hidden = ("url", "method", "headers", "caller_ip", "notices", "unforwarded")
    return {name: value for name, value in spec.items() if name not in hidden}


def _shown_callback(callback: Callback | None, reveal: bool) -> Callback | None:
    if callback is None or reveal:
        return callback
    return replace(
        callback,
        headers=tuple((name, _masked(name, value)) for name, value in callback.headers),
        failure_callback=_shown_callback(callback.failure_callback, reveal),
    )


def _attempt(call: Call, message: Message, attempt: Attempt, reveal: bool) -> documents.Attempt:
    outcome, app = attempt.outcome, call.context.own_app
    timing = outcome.timing
    return documents.Attempt(
        number=attempt.number,
        started_at=timing.started_at,
        target=attempt.target,
        connected_ms=timing.connected_ms,
        first_byte_ms=timing.first_byte_ms,
        total_ms=timing.total_ms,
        request=SentRequest(shown_headers(_redacted(message, attempt.request_headers), reveal)),
        response=_response(outcome, reveal) if isinstance(outcome, Response) else None,
        failure=_failure(outcome) if isinstance(outcome, SendFailure) else None,
        heard=app.heard_during(message.id, attempt.number) if app is not None else None,
    )


def _response(outcome: Response, reveal: bool) -> documents.Response:
    body = shown_body(outcome.body)
    body.truncated |= outcome.truncated
    headers = shown_headers(outcome.headers, reveal)
    return documents.Response(outcome.status, outcome.http_version, headers, body)


def _failure(outcome: SendFailure) -> documents.Failure:
    return documents.Failure(outcome.reason, outcome.detail)


def _redacted(message: Message, headers: Headers) -> Headers:
    """Hashes for the message's own headers; those that the server adds hide nothing."""
    own = names_of(message.spec.headers)
    hidden = dict(redact_headers(message.spec.headers, message.spec.redact))
    if not message.spec.redact:
        return headers
    return tuple(
        (name, hidden.get(name, value) if name.lower() in own else value) for name, value in headers
    )


def _signature(call: Call, message: Message, attempt: Attempt) -> Signature | None:
    token = first(attempt.request_headers, "upstash-signature")
    if token is None:
        return None
    keys = call.engine.attempts.signing_keys(message.user)
    now_s = call.engine.clock.wall() // 1000
    # The cloud signs the tunnel's URL, which was compared when the delivery came in.
    url = None if message.spec.kind == Kind.CLOUD else message.spec.url
    inspection = inspect(token, keys, message.body, url, now_s)
    return msgspec.convert({"token": token, **asdict(inspection)}, Signature)


def _parent(call: Call, message: Message, now: int) -> Row | None:
    parent_id = message.spec.parent_id
    return call.store.rows.by_id(parent_id, now) if parent_id else None


def media_type(message: Message) -> str:
    """The content type of a message's body, for whoever downloads it; not one that is redacted."""
    shown = first(_redacted(message, message.spec.headers), "content-type") or ""
    return shown if "/" in shown else "application/octet-stream"


def _masked(name: str, value: str) -> str:
    if name.lower() not in SECRET:
        return value
    scheme, space, secret = value.rpartition(" ")
    ending = secret[-4:] if len(secret) > 12 else ""
    return f"{scheme}{space}****{ending}"
