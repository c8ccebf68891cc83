"""A refused signature whose text does not tell why: what is known leads, keys only if they can be it.

`qstash-py` says "Signature verification failed" for another key, another URL and another body alike
(`qstash/receiver.py` reports the error of the next key); others say "Invalid signature", or nothing.
"""

import json
import re

from qstash_dev.devtools.explain.evidence import Cause, Evidence
from qstash_dev.devtools.explain.signing_keys import (
    fits,
    give_keys,
    keys_in_env,
    may_be_the_keys,
    says_signature,
)
from qstash_dev.devtools.text import shorten
from qstash_dev.protocol.json_body import loads
from qstash_dev.protocol.urls import parts_of

_PYTHON = re.compile(
    r"uvicorn|werkzeug|wsgiserver|gunicorn|hypercorn|cpython|python", re.IGNORECASE
)
_OF_JOSE = re.compile(r"(?:^|[:\"'(>] ?)signature verification failed")
_JOSE = re.compile(r"SignatureError|JWSSignatureVerification|ERR_JWS")


def _cloud(e: Evidence) -> str | None:
    """The cloud signed it, for the tunnel's URL: nothing that `env --write` writes would help."""
    if not e.facts.is_cloud or not says_signature(e):
        return None
    return (
        "This delivery came from the cloud and has its signature: the app needs the keys of the "
        "QStash console, or start with --resign always, which signs with those of this server. "
        f"Another URL or body is refused with the same text: {_verify(e)}"
    )


def _other_host(e: Evidence) -> str | None:
    if not says_signature(e):
        return None
    signed, called = _site(e.signed_url), _site(e.facts.target or e.facts.url)
    if signed == called or e.sent("host").lower() == signed:
        return None
    cloud = " Other keys than those of the QStash console say the same." if e.facts.is_cloud else ""
    return (
        f"The signature is for {signed}, but the app is called at {called}: one that checks the "
        "URL by Host refuses it. Let it read X-Forwarded-Host and -Proto (Django: "
        "USE_X_FORWARDED_HOST, SECURE_PROXY_SSL_HEADER), or keep the Host with --keep-host."
        f"{cloud}"
    )


def _rewritten(e: Evidence) -> str | None:
    """Whoever hashes the JSON that he parsed and wrote again gets another hash for this body."""
    if not says_signature(e):
        return None
    javascript, python = reserialised(e.facts.body)
    other = python if is_python(e) else javascript
    if other in (None, e.facts.body):
        return None
    call = "json.dumps(...)" if other is python else "JSON.stringify(req.body)"
    return (
        f"{_keys_text(e)}Parsed and written again this body is another one ({_short(other)} "
        f"instead of {_short(e.facts.body)}): if the app checks {call}, give it the raw body. "
        f"To compare: {_verify(e)}"
    )


def _undecided(e: Evidence) -> str | None:
    if not says_signature(e) or may_be_the_keys(e):
        return None
    said = f'"{e.said.headline[:60]}"' if e.said.headline else "This answer"
    return (
        f"{_keys_text(e)}{said} does not tell another URL from a changed body: compare the URL that "
        f"the app checks with {e.facts.url[:120]}: {_verify(e)}"
    )


def _other_key(e: Evidence) -> str | None:
    """`jose`'s words, which the JavaScript SDK keeps for a key alone (2.12, receiver.ts); others may
    use the same ones for everything, so only the name of its error is a proof.
    """
    if not _OF_JOSE.search(e.refusal) or e.facts.is_cloud or is_python(e):
        return None
    if not _JOSE.search(e.refusal):
        return _perhaps_jose(e) if e.facts.accepted_at is None else None
    if e.facts.accepted_at is not None:
        return (
            f"The app took a delivery to {e.path} before, and checks with other keys now: they were "
            "changed since, in its code or where it was started. `qstash-dev env` shows the right ones."
        )
    if fits(e):
        return (
            f"The keys in {keys_in_env(e)[0].file.path} are right, but the SDK checks with others: "
            "the app runs with those from before the file changed, or from its shell. Restart it."
        )
    return (
        "The app checks with other keys than this server signs with; no .env file here has them: "
        f"{give_keys(e)}."
    )


def _perhaps_jose(e: Evidence) -> str:
    if fits(e):
        return (
            f"{_keys_text(e)}If this text is the JavaScript SDK's, the app runs with others (from "
            "before the file changed, or from its shell): restart it. If the app has one text for "
            f"everything: {_verify(e)}"
        )
    return (
        "The JavaScript SDK says this when the app has other keys than this server, and no .env file "
        f"here has them: {give_keys(e)}. If the app has one text for everything: {_verify(e)}"
    )


def _not_restarted(e: Evidence) -> str | None:
    """Right in the file, which is newer than the last delivery that the app took, if any."""
    file = keys_in_env(e)[0].file if keys_in_env(e) else None
    if not says_signature(e) or file is None or not fits(e):
        return None
    if e.facts.accepted_at is not None and file.changed_at <= e.facts.accepted_at:
        return None
    if not file.is_fresh:
        return None
    return (
        f"The keys in {file.path} are right, but that file was changed a moment ago: if the app "
        f"started before, restart it. Else the text does not tell: {_verify(e)}"
    )


def _perhaps_keys(e: Evidence) -> str | None:
    if not says_signature(e):
        return None
    return (
        "The app refuses the signature, and its text does not tell why: another key, another URL or "
        f"a changed body. No .env file here has its keys: {give_keys(e)}, or compare: {_verify(e)}"
    )


def is_python(e: Evidence) -> bool:
    """Whether the server says that it is one of Python."""
    return _PYTHON.search(e.header("server")) is not None


def silent_refusal(e: Evidence) -> str:
    """What to add to an answer that may hide a refused signature; empty when none was sent."""
    if not e.sent("upstash-signature") or not e.facts.message:
        return ""
    return f" If it is the signature: {_verify(e)}"


def reserialised(body: bytes) -> tuple[bytes | None, bytes | None]:
    """A JSON object or list as JavaScript and as Python would write it again; `None` for others."""
    if len(body) > 65_536 or body.strip()[:1] not in (b"{", b"["):
        return None, None
    try:
        value = loads(body)
        written = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
        return _as_javascript(written), json.dumps(value).encode()
    except (ValueError, RecursionError):
        return None, None


def _as_javascript(written: bytes) -> bytes:
    return re.sub(rb"(?<=[:,\[]\d)\.0(?=[,\]}])", b"", written)


def _keys_text(e: Evidence) -> str:
    """What is known of the keys, if they are known to be right."""
    if fits(e):
        return f"The keys in {keys_in_env(e)[0].file.path} are right. "
    if e.facts.accepted_at is not None:
        return (
            f"The app took a delivery to {e.path} before, so its keys are right unless its code "
            "gives others since. "
        )
    return ""


def _verify(e: Evidence) -> str:
    return f"qstash-dev verify {e.facts.message or 'MESSAGE_ID'} --url URL"


def _site(url: str) -> str:
    parts = parts_of(url)
    return "" if parts is None else parts.netloc.lower()


def _short(body: bytes) -> str:
    return shorten(body.decode("utf-8", "replace"), 24)


REFUSALS = (
    Cause(
        "signature-not-sent",
        "The app checks a signature, and this request was sent without one.",
        holds=lambda e: says_signature(e) and (not e.sent("upstash-signature")),
    ),
    Cause("host-differs", _other_host),
    Cause("cloud-signature", _cloud),
    Cause("key-differs", _other_key),
    Cause("app-not-restarted", _not_restarted),
    Cause("body-rewritten", _rewritten),
    Cause("signature-undecided", _undecided),
    Cause("signature-refused", _perhaps_keys),
)
