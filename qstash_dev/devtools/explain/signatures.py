"""Causes of a refused signature that the answer's text tells apart, before those that it does not.

The wrappers of the SDK throw, so that a wrong key looks like a bug of the handler
(`@upstash/qstash` 2.12: receiver.ts, nextjs.ts).
"""

import re
from email.utils import parsedate_to_datetime
from urllib.parse import SplitResult

from qstash_dev.devtools.explain.evidence import Cause, Evidence
from qstash_dev.devtools.explain.refusals import REFUSALS, is_python
from qstash_dev.devtools.explain.signing_keys import CURRENT, KEYS, NEXT, give_keys, says_signature
from qstash_dev.devtools.route_files import serving
from qstash_dev.protocol.signature import inspect
from qstash_dev.protocol.timing import format_duration
from qstash_dev.protocol.urls import parts_of

_MISSING = re.compile(
    r"upstash-signature`? header is (missing|not passed)"
    r"|\b(missing|no|without) (a |the |upstash[ -])*signature\b"
    # "If signature is missing, trigger ..." is advice that workflow SDKs add to every refusal.
    r"|(?<!If )\bsignature (header )?(is )?(missing|required|not found)",
    re.IGNORECASE,
)
_OF_A_BODY = re.compile(r"\b(field|form|input|contract|image|document)\b|body\.", re.IGNORECASE)
_NO_KEYS = re.compile(
    r"currentSigningKey and nextSigningKey are required|No signing keys available"
    r"|secretOrPublicKey must have a value|Zero-length key|Key may not be empty|key must not be empty"
    r"|QSTASH_(CURRENT|NEXT)_SIGNING_KEY\W.{0,40}(required|missing|not set|undefined)",
    re.IGNORECASE,
)
_SUBJECT = re.compile(r"invalid subject: (\S+?),? want: ([^\s\"'}]+)", re.IGNORECASE)
_BODY = re.compile(r"body hash does not match|invalid body hash", re.IGNORECASE)
_UNREAD = re.compile(
    r"Compact JWS must be a string|jwt must be provided|token is empty|Not enough segments"
    r"|invalid number of segments|cannot be null or empty|Nil JSON web token"
    r"|Wrong number of segments|Invalid Compact JWS|jwt (malformed|must be a string)"
    r"|Expecting a string- or bytes-formatted|Token must be a|Invalid token type",
    re.IGNORECASE,
)
_TIME = re.compile(
    r"\b(token|jwt|signature)\b.{0,20}(expired|not valid yet|not active|before issued)"
    r"|used before issued|not yet valid|JWTExpired|TokenExpired|ExpiredSignature|\"(exp|nbf)\" claim"
    r"|exp(iration)? (claim )?.{0,20}(failed|passed)|ImmatureSignature",
    re.IGNORECASE,
)
_EMPTY_HASH = "47DEQpj8HBSa"


def _missing(e: Evidence) -> str | None:
    if not _MISSING.search(e.refusal) or _OF_A_BODY.search(e.refusal):
        return None
    if not e.sent("upstash-signature"):
        return "The app wants an Upstash-Signature header, and this request was sent without one."
    return (
        "The app did not see the Upstash-Signature header that was sent: a middleware, rewrite or "
        "proxy in front of the handler drops it. Pass the request headers on unchanged."
    )


def _keys_missing(e: Evidence) -> str | None:
    if not _NO_KEYS.search(e.refusal):
        return None
    fix = "set those of the QStash console" if e.facts.is_cloud else give_keys(e)
    return f"The app has no signing keys ({CURRENT}, {NEXT}): {fix}."


def _other_subject(e: Evidence) -> str | None:
    found = _SUBJECT.search(e.refusal)
    if not found:
        return None
    signed, checked = (parts_of(url) for url in found.groups())
    fix = "publish to that very URL, give `verify` the published one, or leave its `url` out"
    base = _lacking(signed, checked) if signed and checked else ""
    if base:
        fix = (
            f"its own `request.url` lacks {base} (a base path, a mount, a proxy), so give `verify` the "
            "published URL, or leave its `url` out"
        )
    return f"The signature is for {found[1]}, but the app checks {found[2]}: {fix}."


def _lacking(signed: SplitResult, checked: SplitResult) -> str:
    """The beginning of the signed path that the other lacks; empty if it lacks no whole segments."""
    is_end = checked.path.strip("/") and signed.path.endswith(checked.path)
    return signed.path.removesuffix(checked.path) if is_end else ""


def _body_consumed(e: Evidence) -> str | None:
    if not _BODY.search(e.refusal):
        return None
    file = serving(e.path, e.facts.routes, has_base=True) or ""
    if "Workflow request" in e.refusal and _EMPTY_HASH in e.refusal and e.facts.body:
        return (
            "The body was read before the workflow SDK got the request: pass the request on "
            "untouched, or a clone of it."
        )
    if "pages/api/" in file or (_EMPTY_HASH in e.refusal and e.facts.body):
        where = f" to {file}" if file else ""
        return (
            "The body was consumed before the signature check. Pages router: add "
            f"`export const config = {{ api: {{ bodyParser: false }} }}`{where}."
        )
    return None


def _body_changed(e: Evidence) -> str | None:
    if not _BODY.search(e.refusal):
        return None
    python = "`await request.body()` (Flask: `request.get_data()`)"
    return (
        "The body was changed before the signature check (parsed and written again?): verify the raw "
        f"text, {python if is_python(e) else '`await req.text()`'}, and parse it afterwards."
    )


def _clock(e: Evidence) -> str | None:
    """The receiver's clock, as its `Date` header shows it, against the token's life."""
    claims = inspect(e.sent("upstash-signature"), None, None, None, 0).claims
    there, exp, iat = _date(e.header("date")), claims.get("exp"), claims.get("iat")
    if there is None or not isinstance(exp, int) or not isinstance(iat, int):
        return None
    hides = e.is_opaque and e.status in (400, 401, 403, 500)
    if not (says_signature(e) or hides or _TIME.search(e.refusal)) or iat - 60 <= there <= exp:
        return None
    side, gap = ("ahead", there - iat) if there > iat else ("behind", iat - there)
    return (
        f"The clock of {e.place} is {format_duration(gap * 1000)} {side}: signatures hold for five "
        "minutes. Set that clock, or give the receiver a clockTolerance."
    )


def _too_late(e: Evidence) -> str | None:
    """The text speaks of time, and the clocks agree."""
    if not _TIME.search(e.refusal):
        return None
    if e.facts.is_cloud:
        return (
            "The signature is the cloud's and holds for five minutes: replay the message, or start "
            "with --resign always, and it gets a new one."
        )
    return (
        f"The app says that the signature is not valid at this time{e.quoted}, though it was made "
        "for this delivery and holds for five minutes: did the handler wait before it checked "
        "(a breakpoint), or does it count with another clock?"
    )


def _date(text: str) -> int | None:
    try:
        return int(parsedate_to_datetime(text).timestamp())
    except (ValueError, TypeError, OverflowError):
        return None


SIGNATURES = (
    Cause("signature-missing", _missing),
    Cause(
        "signature-not-read",
        "No signature reached the check{e.quoted}, though one was sent: read the header "
        "`upstash-signature` (frameworks lower its case, WSGI calls it "
        "HTTP_UPSTASH_SIGNATURE) and pass on its value alone.",
        holds=lambda e: _UNREAD.search(e.refusal) and e.sent("upstash-signature"),
    ),
    Cause("keys-missing", _keys_missing),
    Cause("subject-differs", _other_subject),
    Cause("body-consumed", _body_consumed),
    Cause("body-changed", _body_changed),
    Cause("clock-differs", _clock),
    Cause("signature-time", _too_late, (400, 401, 403, 500)),
    *KEYS,
    *REFUSALS,
)
