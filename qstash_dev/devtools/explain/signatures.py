"""Causes of a refused signature. The SDK's own error rarely names them; a wrong key even looks
like a bug of the handler, because the wrappers throw (`@upstash/qstash` 2.12: receiver.ts,
nextjs.ts).
"""

import re
from email.utils import parsedate_to_datetime

from qstash_dev.devtools.explain.evidence import Cause, Evidence
from qstash_dev.devtools.route_files import serving
from qstash_dev.protocol.signature import inspect
from qstash_dev.protocol.timing import format_duration
from qstash_dev.protocol.users import DEV_USERS

CURRENT, NEXT = "QSTASH_CURRENT_SIGNING_KEY", "QSTASH_NEXT_SIGNING_KEY"
WRITE_ENV = "run `qstash-dev env --write .env.local` and restart the app"

_MISSING = re.compile(
    r"upstash-signature`? header is missing"
    r"|\b(missing|no|without) (a |the |upstash[ -])*signature\b"
    r"|\bsignature (header )?(is )?(missing|required|not found)",
    re.IGNORECASE,
)
_NO_KEYS = re.compile(
    r"currentSigningKey and nextSigningKey are required|No signing keys available"
    r"|QSTASH_(CURRENT|NEXT)_SIGNING_KEY\W.*(required|missing|not set|undefined)",
    re.IGNORECASE,
)
_SUBJECT = re.compile(r"invalid subject: (\S+?),? want: ([^\s\"'}]+)", re.IGNORECASE)
_BODY = re.compile(r"body hash does not match|invalid body hash", re.IGNORECASE)
_SIGNATURE = re.compile(
    r"SignatureError|(invalid|bad|wrong) signature|decoding signature|upstash-signature"
    r"|signature (verification|is (invalid|not valid)|has expired|mismatch|does not)"
    r"|\bJW[ST]\b|signing key",
    re.IGNORECASE,
)
_EMPTY_HASH = "47DEQpj8HBSa"


def _missing(e: Evidence) -> str | None:
    if not _MISSING.search(e.said.text):
        return None
    if not e.sent("upstash-signature"):
        return "The app wants an Upstash-Signature header, and this request was sent without one."
    return (
        "The app did not see the Upstash-Signature header that was sent: a middleware, rewrite or "
        "proxy in front of the handler drops it. Pass the request headers on unchanged."
    )


def _keys_missing(e: Evidence) -> str | None:
    if not _NO_KEYS.search(e.said.text):
        return None
    return f"The app has no signing keys ({CURRENT}, {NEXT}): {WRITE_ENV}."


def _other_subject(e: Evidence) -> str | None:
    found = _SUBJECT.search(e.said.text)
    if not found:
        return None
    return (
        f"The signature is for {found[1]}, but the app checks {found[2]}: publish to that very "
        "URL, give `verify` the published one, or leave its `url` out."
    )


def _body_consumed(e: Evidence) -> str | None:
    if not _BODY.search(e.said.text):
        return None
    file = serving(e.path, e.facts.routes) or ""
    if "pages/api/" in file or (_EMPTY_HASH in e.said.text and e.facts.body):
        where = f" to {file}" if file else ""
        return (
            "The body was consumed before the signature check. Pages router: add "
            f"`export const config = {{ api: {{ bodyParser: false }} }}`{where}."
        )
    return None


def _body_changed(e: Evidence) -> str | None:
    if not _BODY.search(e.said.text):
        return None
    return (
        "The body was changed before the signature check (parsed and written again?): verify the "
        "raw text, `await req.text()`, and parse it afterwards."
    )


def _clock(e: Evidence) -> str | None:
    """The receiver's clock, as its `Date` header shows it, against the token's life."""
    claims = inspect(e.sent("upstash-signature"), None, None, None, 0).claims
    there, exp, iat = _date(e.header("date")), claims.get("exp"), claims.get("iat")
    if there is None or not isinstance(exp, int) or not isinstance(iat, int):
        return None
    if not _refused(e) or iat - 60 <= there <= exp:
        return None
    side, gap = ("ahead", there - iat) if there > iat else ("behind", iat - there)
    return (
        f"The clock of {e.place} is {format_duration(gap * 1000)} {side}: signatures hold for five "
        "minutes. Set that clock, or give the receiver a clockTolerance."
    )


def _date(text: str) -> int | None:
    try:
        return int(parsedate_to_datetime(text).timestamp())
    except (ValueError, TypeError, OverflowError):
        return None


def _refused(e: Evidence) -> bool:
    """Whether the answer may be that of a failed verification."""
    if e.status not in (400, 401, 403, 500):
        return False
    return bool(_SIGNATURE.search(e.said.text)) or e.is_opaque


def _region(e: Evidence) -> str | None:
    region = e.env("QSTASH_REGION")
    if not region or not _refused(e):
        return None
    return (
        f"{region[0]} sets QSTASH_REGION, so the SDK verifies with {region[1]}_{CURRENT}: remove "
        "QSTASH_REGION for local work, or put this server's keys under those names."
    )


def _dev_mode(e: Evidence) -> str | None:
    switch, keys = e.env("QSTASH_DEV"), e.facts.keys
    if not switch or switch[1].lower() not in ("1", "true") or not keys or not _refused(e):
        return None
    if keys[0] == DEV_USERS[0].current_key:
        return None
    return (
        f"{switch[0]} sets QSTASH_DEV, so the SDK verifies with the default dev keys, but this "
        "message is signed with your own: publish with the default token, or unset QSTASH_DEV."
    )


def _keys_quoted(e: Evidence) -> str | None:
    for file, name, value, ours in _keys_in_env(e):
        if value != ours and value.strip().strip("\"'").strip() == ours and _refused(e):
            return f"{name} in {file} has quotes or spaces that belong to the value: remove them."
    return None


def _keys_stale(e: Evidence) -> str | None:
    pairs = list(_keys_in_env(e))
    if not pairs or not _refused(e) or any(_fits(value, e) for _, _, value, _ in pairs):
        return None
    file, name, value, ours = pairs[0]
    return (
        f"{file} has another {name} ({_short(value)}) than this server signs with "
        f"({_short(ours)}), so it refuses what is delivered: {WRITE_ENV}."
    )


def _keys_in_env(e: Evidence) -> list[tuple[str, str, str, str]]:
    """File, name, value there, value here, for both keys where they are set."""
    if not e.facts.keys:
        return []
    found = (
        (name, e.env(name), ours) for name, ours in zip((CURRENT, NEXT), e.facts.keys, strict=True)
    )
    return [(place[0], name, place[1], ours) for name, place, ours in found if place]


def _fits(value: str, e: Evidence) -> bool:
    """Deliveries are signed with the current key; either variable of the app may hold it."""
    return e.facts.keys is not None and value == e.facts.keys[0]


def _short(key: str) -> str:
    return f"{key[:8]}…" if len(key) > 8 else repr(key)


def _not_restarted(e: Evidence) -> str | None:
    if e.status not in (400, 401, 403, 500) or not _SIGNATURE.search(e.said.text):
        return None
    if not any(_fits(value, e) for _, _, value, _ in _keys_in_env(e)):
        return None
    return (
        "The app refuses the signature although the keys in its env file are right: it runs with "
        "older ones, from before the file changed or from its shell. Restart it."
    )


def _rejected(e: Evidence) -> str | None:
    if e.status not in (400, 401, 403, 500) or not _SIGNATURE.search(e.said.text):
        return None
    return (
        f"The app refuses the signature, most likely its keys are not this server's: {WRITE_ENV}."
    )


SIGNATURES = (
    Cause("signature-missing", _missing),
    Cause("keys-missing", _keys_missing),
    Cause("subject-differs", _other_subject),
    Cause("body-consumed", _body_consumed),
    Cause("body-changed", _body_changed),
    Cause("clock-differs", _clock),
    Cause("region-keys", _region),
    Cause("dev-mode-keys", _dev_mode),
    Cause("keys-quoted", _keys_quoted),
    Cause("keys-stale", _keys_stale),
    Cause("app-not-restarted", _not_restarted),
    Cause("signature-refused", _rejected),
)
