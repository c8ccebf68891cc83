"""The port that the tunnel leads to: lets in deliveries of the cloud and, by a token, webhooks.

It is a server of its own, so that no path through the tunnel reaches the API or the control API.
What is refused is answered without a reason and kept for the developer to see.
"""

import hmac
import logging
from collections import deque
from collections.abc import Callable
from urllib.parse import quote

from msgspec import Struct, field
from msgspec.structs import replace

from qstash_dev.api import web
from qstash_dev.api.call import Call, Context, json_response, passed_on, readable
from qstash_dev.api.guard import bearer_token, check_single, query_token
from qstash_dev.api.request_line import in_origin_form
from qstash_dev.api.v2.publish import accept, read_order
from qstash_dev.cloud.admission import (
    SIGNATURE,
    Arrival,
    Gate,
    Refusal,
    check_body,
    error_status,
    judge,
    misdirected,
    refuse_webhook,
)
from qstash_dev.cloud.relay import Relay
from qstash_dev.devtools.control_documents import RefusedRequest
from qstash_dev.protocol.creation import expand_group
from qstash_dev.protocol.destination import escape
from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.headers import OF_AN_ANSWER, without
from qstash_dev.protocol.model import Outcome, Reason, Response

log = logging.getLogger(__name__)

KEPT_REFUSALS = 100
PUBLISH = "/v2/publish/"


class Ingress(Struct, eq=False):
    """Answers what comes through the tunnel.

    `gate` says who may come in at this moment; `None` while no tunnel is open. `webhook_token` lets
    others publish to this machine; `user` is who receives that.
    """

    _context: Context
    _relay: Relay
    _gate: Callable[[], Gate | None]
    _user: str
    _webhook_token: str
    _refusals: deque[RefusedRequest] = field(default_factory=lambda: deque(maxlen=KEPT_REFUSALS))
    admitted: int = 0
    refused: int = 0

    def refusals(self) -> tuple[RefusedRequest, ...]:
        """The last requests that were refused, newest first."""
        return tuple(reversed(self._refusals))

    def webhook_url(self, public_url: str, destination: str) -> str:
        """Where a third party can publish to `destination`. Whoever knows it can."""
        token = quote(self._webhook_token, safe="")
        return f"{public_url}{PUBLISH}{destination}?qstash_token={token}"

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        """One request from the internet."""
        gate = self._gate()
        if gate is None:
            return self._refuse(request, Refusal(503, "the tunnel is not open"))
        try:
            check_single(request.headers, SIGNATURE)
            target = _target(request)
            if target.lower().startswith(PUBLISH) and SIGNATURE not in request.headers:
                return await self._webhook(request, target, gate)
            return await self._delivery(request, target, gate)
        except QStashError as error:
            return self._refuse(request, Refusal(error.status, error.message))

    async def _delivery(
        self, request: web.BaseRequest, target: str, gate: Gate
    ) -> web.StreamResponse:
        call, store = Call(request, self._context, ""), self._context.store
        headers = tuple(call.text_headers())
        arrival = Arrival(request.method, target, headers, b"")
        now_s = self._context.engine.clock.wall() // 1000
        verdict = judge(arrival, gate, now_s)
        if isinstance(verdict, Refusal):
            return self._refuse(request, verdict)
        body = await call.body(self._context.engine.policy.limits.max_message_size)
        arrival = replace(arrival, body=body)
        if refusal := check_body(verdict, body, gate, now_s, store.used_signatures.__contains__):
            return self._refuse(request, refusal)
        if verdict.token is not None:
            store.used_signatures.add(verdict.jti, verdict.expires_s, now_s)
            await store.database.committed()  # before it has any effect
        self.admitted += 1
        outcome = await self._relay.deliver(arrival, verdict, gate)
        await store.database.committed()
        return _answer(outcome)

    async def _webhook(
        self, request: web.BaseRequest, target: str, gate: Gate
    ) -> web.StreamResponse:
        """A publish by somebody who was given the token: to the app and to what has a route."""
        if refusal := misdirected(target, request.headers, gate):
            return self._refuse(request, refusal)
        path, _, query = escape(target).partition("?")
        by_header, given = _token(request, query)
        if not hmac.compare_digest(readable(given).encode(), self._webhook_token.encode()):
            return self._refuse(request, Refusal(401, "it has no valid token for webhooks"))
        caller = readable(request.headers.get("X-Forwarded-For", "")).split(",")[0].strip()
        call = Call(
            request=request.clone(remote=caller or request.remote or ""),
            context=self._context,
            query=query,
            rest=path[len(PUBLISH) :],
            user=self._user,
            by_header=by_header,
        )
        order = await read_order(call)
        if order.draft.part is not None:
            return self._refuse(request, Refusal(403, "a webhook takes no part in a workflow run"))
        specs = expand_group(order.draft.spec, order.group)
        if refusal := refuse_webhook(order.draft, specs, gate):
            return self._refuse(request, refusal)
        self.admitted += 1
        return await accept(call, order)

    def _refuse(self, request: web.BaseRequest, refusal: Refusal) -> web.Response:
        """The reason is for the developer: to the internet it would be advice."""
        self.refused += 1
        self._refusals.append(
            RefusedRequest(
                time=self._context.engine.clock.now(),
                method=readable(request.method)[:20],
                target=readable(_without_token(request.raw_path))[:1000],
                status=refusal.status,
                reason=readable(refusal.reason),
                caller=readable(request.headers.get("X-Forwarded-For", request.remote or ""))[:100],
            )
        )
        log.warning(
            "tunnel: refused %r %r with %d: %r",
            request.method[:20],
            _without_token(request.raw_path)[:200],
            refusal.status,
            refusal.reason,
        )
        self._context.notifier.publish()
        return json_response({"error": _PUBLIC.get(refusal.status, "refused")}, refusal.status)


_PUBLIC = {
    400: "bad request",
    401: "unable to authenticate: invalid token",
    409: "conflict",
    412: "quota maxMessageSize exceeded",
    421: "misdirected request",
    503: "the tunnel is not open",
}


def _target(request: web.BaseRequest) -> str:
    """The target in origin form. A client names the host twice in absolute form, and must not name two
    (RFC 9112, 3.2.2): whatever decides by `Host` decides by both. Raises QStashError(400).
    """
    authority, target = in_origin_form(request.raw_path)
    host = request.headers.get("Host", "")
    if authority is not None and authority.lower() != host.lower():
        raise QStashError(400, f"it is for {authority[:200]!r} and for {host[:200]!r}")
    return target


def _token(request: web.BaseRequest, query: str) -> tuple[bool, str]:
    token = bearer_token(request)
    return (False, query_token(query)) if token is None else (True, token)


def _without_token(target: str) -> str:
    """For logs: a token that does not hold may be a mistyped one."""
    path, question, query = target.partition("?")
    parts = [
        "qstash_token=****" if part.lower().startswith("qstash_token=") else part
        for part in query.split("&")
    ]
    return path + question + "&".join(parts)


def _answer(outcome: Outcome) -> web.Response:
    """The app's answer as it came; apart from what belongs to its connection with us."""
    if not isinstance(outcome, Response):
        status = error_status(outcome.reason == Reason.TIMEOUT)
        return json_response({"error": outcome.detail}, status)
    return passed_on(outcome.status, without(outcome.headers, OF_AN_ANSWER), outcome.body)
