"""What arrives through the tunnel: whether it is let in, where it goes, and what it is recorded as.

The tunnel's address is known to the whole internet, so a request must prove that it is a delivery
of the user's QStash account: signed by a cloud signing key for this very URL and body, used once.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from math import ceil

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from qstash_dev.cloud.rewrite import PREFIX, wrapped_url
from qstash_dev.protocol.delivery import told_of
from qstash_dev.protocol.destination import escape, urls_of
from qstash_dev.protocol.headers import OF_A_REQUEST, by_name, canonical, first, without
from qstash_dev.protocol.json_body import whole_number
from qstash_dev.protocol.model import (
    Attempt,
    Change,
    Headers,
    Kind,
    Message,
    Request,
    Spec,
    State,
)
from qstash_dev.protocol.publish.draft import Draft
from qstash_dev.protocol.publish.readers import DEFAULT_RETRIES
from qstash_dev.protocol.retry import validate_retry_delay
from qstash_dev.protocol.settle import settle, start
from qstash_dev.protocol.signature import Inspection, body_hash, inspect, sign
from qstash_dev.protocol.urls import (
    KeptHosts,
    Nearby,
    Place,
    Way,
    is_loopback,
    is_under,
    origin_of,
    route,
    way,
)

AT_CLOUD = "the cloud decides when it is delivered"
"""Why such a message is held: the engine never starts it by itself."""

SIGNATURE = "upstash-signature"

# Base64 decoders skip what they do not know: one signature must not have many spellings.
_EXACT = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)
_ID = re.compile(r"[\w-]{1,200}", re.ASCII)


class Arrival(Struct, frozen=True):
    """One request at the ingress port; `target` is the raw request target of its first line."""

    method: str
    target: str
    headers: Headers
    body: bytes

    def header(self, name: str) -> str | None:
        """The first value of a header; `name` is in lower case."""
        return first(self.headers, name)


class Gate(Struct, frozen=True):
    """Who may come in and where to. `public_url` has no slash at its end.

    `keys` are the current and the next cloud signing key, `None` when they are not known.
    `is_open` lets in what is not signed. `resign` is `auto`, `always` or `never`. `own_ports` are
    those that this server listens on, where nothing that came from outside may go.
    """

    public_url: str
    app_url: str
    routes: tuple[tuple[str, str], ...] = ()
    kept_hosts: KeptHosts = KeptHosts()
    keys: tuple[str, str] | None = None
    is_open: bool = False
    resign: str = "auto"
    own_ports: frozenset[int] = frozenset()
    nearby: Nearby = Nearby()


class Admission(Struct, frozen=True):
    """Let in: the local URL it is for, what is called for that, and whether the app expects the dev
    keys. `told` are the headers by which the app learns what URL was called.

    `token` is its signature, `None` when it was let in without one; its id, `jti`, must not be
    accepted again before `expires_s`. `body_claim` is the hash that the body must have.
    """

    url: str
    target: str
    resign: bool
    told: Headers = ()
    token: str | None = None
    jti: str = ""
    expires_s: int = 0
    body_claim: str = ""


class Refusal(Struct, frozen=True):
    """Not let in: the status to answer, and why in a sentence for the developer only."""

    status: int
    reason: str


def judge(arrival: Arrival, gate: Gate, now_s: int) -> Admission | Refusal:
    """Whether a request from the internet may come in, as far as its head tells.

    The body is not looked at, so that it need not even be read of a stranger: `check_body` is the
    other half. `now_s` is wall time.
    """
    named = by_name(arrival.headers)
    if problem := misdirected(arrival.target, named, gate):
        return problem
    token = arrival.header(SIGNATURE)
    if token is None:
        if gate.is_open:
            return _unsigned(arrival, gate)
        return Refusal(401, "it has no Upstash-Signature, so it is no delivery of QStash")
    if gate.keys is None:
        return Refusal(401, _NO_KEYS)
    seen = inspect(token, gate.keys, None, None, now_s)
    if problem := _unproven(token, seen) or _for_another_url(arrival.target, seen, gate):
        return problem
    verdict = _signed(arrival, gate, token)
    if isinstance(verdict, Refusal):
        return verdict
    claims = seen.claims
    return replace(
        verdict,
        jti=claims["jti"],
        expires_s=ceil(claims["exp"]),
        body_claim=str(claims.get("body")),
    )


_NO_KEYS = (
    "the cloud's signing keys are not known: set QSTASH_CLOUD_CURRENT_SIGNING_KEY and "
    "QSTASH_CLOUD_NEXT_SIGNING_KEY to those of the QStash console"
)


def check_body(
    admission: Admission, body: bytes, gate: Gate, now_s: int, was_used: Callable[[str], bool]
) -> Refusal | None:
    """Whether a signed request has another body than was signed, or was let in before."""
    token = admission.token
    if token is None:
        return None
    if admission.body_claim.rstrip("=") != body_hash(body).rstrip("="):
        seen = inspect(token, gate.keys, body, None, now_s)
        return Refusal(401, " ".join(seen.problems))
    if was_used(admission.jti):
        return Refusal(401, "its signature was used before: somebody replays a delivery")
    return None


def refuse_webhook(draft: Draft, specs: Iterable[Spec], gate: Gate) -> Refusal | None:
    """Whether somebody who has the token for webhooks asks for more than he was given it for.

    All that the messages (`specs` of `draft`) would call is looked at, as it was read from the
    request: that must be the app, or be named by a route. Ours: a webhook is a stranger's.
    """
    if draft.cron is not None:
        return Refusal(403, "a webhook cannot create a schedule")
    if draft.part is not None:
        return Refusal(
            403, "a webhook has no part in a workflow run: publish to the workflow's URL"
        )
    for what, url in (found for spec in specs for found in urls_of(spec)):
        leads = way(url, gate.routes, gate.own_ports, gate.nearby)
        if refusal := _into_ourselves(leads):
            return refusal
        if not (leads.is_routed or is_under(url, gate.app_url)):
            text = f"its {what} {url[:500]!r} is not in the app at {gate.app_url} and has no route"
            return Refusal(403, text)
    return None


def misdirected(target: str, headers: Mapping[str, str], gate: Gate) -> Refusal | None:
    """Whether a request is for another server than the tunnel. `headers` ignore case."""
    if not target.startswith("/"):
        return Refusal(400, f"the target {target[:200]!r} is not a path")
    expected = origin_of(gate.public_url).partition("://")[2].lower()
    host = headers.get("host", "")
    if is_loopback(f"http://{host}") and host.lower() != expected:
        host = headers.get("x-forwarded-host", host)  # tunnels that set Host to the upstream's
    if host.lower() != expected:
        return Refusal(421, f"it is for the host {host[:200]!r}, the tunnel is {expected}")
    return None


def _unproven(token: str, seen: Inspection) -> Refusal | None:
    """Whether it is no signature of the cloud, or one that could be used more than once."""
    if _EXACT.fullmatch(token) is None:
        return Refusal(401, "it is not a JWT: three parts of base64url and two dots, nothing else")
    if not seen.valid:
        return Refusal(401, " ".join(seen.problems))
    jti = seen.claims.get("jti")
    if not isinstance(jti, str) or not jti:
        return Refusal(401, "its signature has no id (jti), so it could be used more than once")
    return None


def _for_another_url(target: str, seen: Inspection, gate: Gate) -> Refusal | None:
    """`sub` is compared as text: only the missing path of a bare host is the same as `/`."""
    sub, expected = seen.claims.get("sub"), gate.public_url + target
    if sub == expected or (target == "/" and sub == gate.public_url):
        return None
    return Refusal(401, f"it is signed for {str(sub)[:500]!r}, but came to {expected[:500]!r}")


def _unsigned(arrival: Arrival, gate: Gate) -> Admission | Refusal:
    """To the app's own address, whatever routes there are: anybody can send this."""
    if arrival.target.startswith(PREFIX):
        return Refusal(403, "it names where it goes, which only a signed delivery may")
    url = gate.app_url.rstrip("/") + escape(arrival.target)
    admitted = Admission(url, url, resign=False, told=_of_the_tunnel(gate))
    return _into_ourselves(way(url, (), gate.own_ports)) or admitted


def _signed(arrival: Arrival, gate: Gate, token: str) -> Admission | Refusal:
    wrapped = wrapped_url(arrival.target)
    url = wrapped or _app_url(arrival.target, gate)
    leads = way(url, gate.routes, gate.own_ports, gate.nearby)
    if refusal := _into_ourselves(leads):
        return refusal
    if wrapped is not None and not leads.is_here:
        return Refusal(403, f"{wrapped[:500]!r} is not on this machine and has no route")
    resign = gate.resign == "always" or (gate.resign == "auto" and wrapped is not None)
    told = _of_the_tunnel(gate)
    if resign:
        of_route = told_of(url, keep_host=gate.kept_hosts.keeps(leads)) if leads.is_routed else {}
        told = tuple(of_route.items())
    return Admission(url, leads.target, resign, told, token)


def _of_the_tunnel(gate: Gate) -> Headers:
    return tuple(told_of(gate.public_url, keep_host=gate.kept_hosts.every).items())


def _into_ourselves(leads: Way) -> Refusal | None:
    """The API, the log port and the ingress trust what is on this machine."""
    if leads.place is not Place.OURS:
        return None
    return Refusal(403, f"{leads.target[:500]!r} is this very server, not an app")


def _app_url(target: str, gate: Gate) -> str:
    """By a route of the public URL, else the app."""
    public = gate.public_url + target
    if (routed := route(public, gate.routes)) != public:
        return routed
    return gate.app_url.rstrip("/") + target


def local_message(arrival: Arrival, url: str, user: str, now: int, own_id: str) -> Message:
    """What an arrival is recorded as: under the cloud's id, so that the cloud's retries are its
    attempts, or under one of ours if it has none.

    A callback knows the message that it tells of, which becomes its parent.
    """
    spec = Spec(
        url=url,
        method=arrival.method,
        headers=_plain(arrival.headers),
        max_retries=_number(arrival.header("upstash-max-retries"), DEFAULT_RETRIES),
        retry_delay=_retry_delay(arrival.header("upstash-retry-delay")),
        topic=arrival.header("upstash-topic-name"),
        schedule_id=arrival.header("upstash-schedule-id"),
        caller_ip=arrival.header("upstash-caller-ip"),
        kind=Kind.CLOUD,
        parent_id=_told_of(arrival.body),
    )
    return waiting(spec, own_id, user, arrival.body, now)


def message_id(arrival: Arrival) -> str | None:
    """The id that the cloud gave the message; `None` for what no id looks like."""
    given = arrival.header("upstash-message-id") or ""
    return given if _ID.fullmatch(given) else None


def waiting(spec: Spec, message_id: str, user: str, body: bytes, now: int) -> Message:
    """A message that the cloud will deliver."""
    return Message(
        id=message_id,
        user=user,
        spec=replace(spec, kind=Kind.CLOUD, queue=None, flow=None),
        body=body,
        created_at=now,
        not_before=now,
        state=State.CREATED,
        due_at=now,
        held=AT_CLOUD,
    )


def begin(message: Message, arrival: Arrival, now: int) -> Change:
    """The cloud makes an attempt, perhaps of a message that we thought was over."""
    retried = _number(arrival.header("upstash-retried"), message.retried)
    again = replace(message, retried=retried, finished_at=None, cancel_requested=False)
    return start(again, now)


def settled(message: Message, attempt: Attempt, now: int) -> Change:
    """What the attempt means. The retry, the callbacks and the dead letter are the cloud's."""
    ours = replace(message, spec=replace(message.spec, callback=None, failure_callback=None))
    change = settle(ours, attempt, now, _no_id)
    return replace(change, dead=())


def _no_id() -> str:
    raise AssertionError("a message of the cloud makes no callbacks here")


def request(arrival: Arrival, admission: Admission, timeout_ms: int) -> Request:
    """The request to the app: as it came, apart from what belongs to each connection."""
    headers = tuple(
        (name, value)
        for name, value in without(arrival.headers, OF_A_REQUEST)
        if not _is_of_the_way(name, admission)
    )
    return Request(
        method=arrival.method,
        url=admission.url,
        target=admission.target,
        headers=(*headers, *admission.told),
        body=arrival.body,
        timeout_ms=timeout_ms,
    )


def _is_of_the_way(name: str, admission: Admission) -> bool:
    """What the tunnel's proxies say. An app that gets the dev keys is to know nothing of a tunnel."""
    name = name.lower()
    taken = ("x-forwarded-host", "x-forwarded-proto")
    return name.startswith("x-forwarded-") if admission.resign else name in taken


def resigned(request: Request, key: str, now_s: int, jti: str) -> Request:
    """The same request for an app that has the dev keys and does not know of the tunnel."""
    token = sign(request.url, request.body, key, now_s, jti)
    headers = without(request.headers, {SIGNATURE})
    return replace(request, headers=(*headers, ("Upstash-Signature", token)))


def error_status(is_timeout: bool) -> HTTPStatus:
    """What the cloud is told when the app gave no answer."""
    return HTTPStatus.GATEWAY_TIMEOUT if is_timeout else HTTPStatus.BAD_GATEWAY


def _plain(headers: Headers) -> Headers:
    """What a replay delivers again; QStash's own headers are made anew each time."""
    return tuple(
        (canonical(name), value)
        for name, value in without(headers, OF_A_REQUEST | {"user-agent"})
        if not name.lower().startswith(("upstash-", "x-forwarded-"))
    )


def _number(text: str | None, default: int) -> int:
    number = whole_number(text or "", 8)
    return default if number is None else number


def _retry_delay(expression: str | None) -> str | None:
    """Only shown, for the cloud has judged it; but what is no expression breaks who reads it."""
    try:
        validate_retry_delay(expression or "")
    except ValueError:
        return None
    return expression


class _Told(Struct):
    sourceMessageId: str | None = None


def _told_of(body: bytes) -> str | None:
    """The `sourceMessageId` of a callback's body."""
    if b'"sourceMessageId"' not in body:
        return None
    try:
        source = msgspec.json.decode(body, type=_Told).sourceMessageId
    except (ValueError, RecursionError):
        return None
    return source if source and _ID.fullmatch(source) else None
