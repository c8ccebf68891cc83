"""`/_dev/messages/{id}/verify`: what a receiver would make of the signature of one attempt."""

from msgspec import Struct

from qstash_dev.api import web
from qstash_dev.api.call import Call
from qstash_dev.api.control.messages import BodyOrder, body_bytes, find
from qstash_dev.api.router import Route
from qstash_dev.devtools.control_documents import Verified
from qstash_dev.devtools.explain.refusals import reserialised
from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.headers import first
from qstash_dev.protocol.model import Attempt, Message, Response
from qstash_dev.protocol.signature import inspect


class VerifyOrder(Struct, frozen=True):
    """What to take instead of what is known: URL and body that the app checks, its two keys."""

    attempt: int | None = None
    url: str | None = None
    body: BodyOrder | None = None
    keys: tuple[str, str] | None = None


async def verify(call: Call) -> web.Response:
    """The signature of an attempt, judged as of that attempt: a later look finds it expired."""
    order: VerifyOrder = await call.order()
    message = find(call)
    attempt = _attempt(call, message, order.attempt)
    token = _sent(attempt, "upstash-signature")
    keys = order.keys or call.engine.attempts.signing_keys(message.user)
    body = message.body if order.body is None else body_bytes(order.body)
    at_s = attempt.outcome.timing.started_at // 1_000
    claimed = inspect(token, keys, None, None, at_s).claims
    if isinstance(claimed.get("iat"), int):  # wall time, which the server's clock may have left
        at_s = claimed["iat"]
    url = order.url or claimed.get("sub") or message.spec.url
    found = inspect(token, keys, body, url, at_s)
    javascript, _ = reserialised(message.body)
    is_redacted = "body" in message.spec.redact
    document = Verified(
        id=message.id,
        attempt=attempt.number,
        at=attempt.outcome.timing.started_at,
        status=attempt.outcome.status if isinstance(attempt.outcome, Response) else None,
        user=message.user,
        token=token,
        url=message.spec.url,
        target=attempt.target,
        host=_sent(attempt, "host"),
        rewritten=None
        if is_redacted or javascript in (None, message.body)
        else (javascript or b"").decode("utf-8", "replace"),
        inspection=found,
    )
    return await call.answer(document)


def _attempt(call: Call, message: Message, number: int | None) -> Attempt:
    attempts = call.store.attempts.of(message.id, message.seq)
    if not attempts:
        raise QStashError(404, f"message {message.id} was not delivered yet: nothing is signed")
    wanted = attempts[-1].number if number is None else number
    found = next((attempt for attempt in attempts if attempt.number == wanted), None)
    if found is None:
        numbers = f"{attempts[0].number} to {attempts[-1].number}"
        raise QStashError(404, f"message {message.id} has no attempt {wanted}, only {numbers}")
    return found


def _sent(attempt: Attempt, name: str) -> str:
    return first(attempt.request_headers, name) or ""


ROUTES = (Route("POST", "/_dev/messages/{id}/verify", verify, Verified, VerifyOrder),)
