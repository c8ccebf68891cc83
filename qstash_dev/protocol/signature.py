"""`Upstash-Signature`: the JWT of a delivery, and why a given one holds or does not.

Sources: QStash docs, "Verify Signatures"; for what receivers check, qstash-js `src/receiver.ts` and
qstash-py `qstash/receiver.py`.
It refuses to know users, key rotation and the clock; `now_s` is always wall time, because the
receivers compare with theirs.
"""

import hmac
import json
from binascii import b2a_base64
from collections.abc import Iterator
from functools import cache, lru_cache
from hashlib import sha256
from math import isfinite
from typing import TYPE_CHECKING, Any, Literal, TypeGuard
from urllib.parse import SplitResult

from msgspec import Struct
from msgspec.json import Encoder

from qstash_dev.protocol.json_body import loads
from qstash_dev.protocol.timing import format_duration
from qstash_dev.protocol.urls import parts_of

if TYPE_CHECKING:
    from jwt.algorithms import HMACAlgorithm

LIFETIME_S = 300
NOT_BEFORE_S = -62_135_596_800

_HEADER = b2a_base64(b'{"alg":"HS256","typ":"JWT"}', newline=False).rstrip(b"=") + b"."
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_encode_claims = Encoder().encode
_MAX_GUESSED_BODY = 1_048_576


class _Claims(Struct):
    """In the order of the sample (QStash docs, "Security")."""

    iss: str
    sub: str
    exp: int
    nbf: int
    iat: int
    jti: str
    body: str


class Inspection(Struct, frozen=True):
    """What a token says, and every reason why a receiver would refuse it, each with its fix.

    `key` tells which key signed it. `valid` means: signed with one of the keys, and no problems.
    """

    header: dict[str, Any]
    claims: dict[str, Any]
    key: Literal["current", "next", "unknown"]
    valid: bool
    problems: tuple[str, ...]


def sign(url: str, body: bytes, key: str, now_s: int, jti: str) -> str:
    """The JWT for one attempt: `sub` is the URL byte for byte, `body` the padded hash of the body.

    `nbf` is Go's zero time, as a running QStash sends it: golang-jwt v3 and v4, and so the official
    Fly.io quickstart, take 0 for a missing claim and refuse it. PyJWT signs; its `encode` around that
    would check the key and build the header anew for every delivery, at five times the cost.
    """
    exp = now_s + LIFETIME_S
    claims = _Claims("Upstash", url, exp, NOT_BEFORE_S, now_s, jti, body_hash(body))
    signed = _HEADER + _base64url(_encode_claims(claims)).rstrip(b"=")
    digest = _hs256().sign(signed, _prepared(key))
    return (signed + b"." + _base64url(digest).rstrip(b"=")).decode("ascii")


def _base64url(data: bytes) -> bytes:
    return b2a_base64(data, newline=False).translate(_URL_SAFE)


@cache
def _hs256() -> "HMACAlgorithm":
    from jwt.algorithms import HMACAlgorithm  # late: 26 ms of start-up

    return HMACAlgorithm(HMACAlgorithm.SHA256)


@lru_cache(maxsize=64)
def _prepared(key: str) -> bytes:
    """The key as PyJWT wants it. Raises its InvalidKeyError for what cannot be an HMAC secret."""
    return _hs256().prepare_key(key)


def body_hash(body: bytes) -> str:
    """Base64url of the SHA-256, with padding: one published receiver compares it literally."""
    return _base64url(sha256(body).digest()).decode("ascii")


def inspect(
    token: str,
    keys: tuple[str, str] | None,
    body: bytes | None,
    url: str | None,
    now_s: int,
) -> Inspection:
    """Explain a token. `keys` are current and next; `None` for keys, body or URL: not checked.

    Never raises: what is no JWT at all is an `Inspection` with that problem.
    """
    import jwt  # late: 26 ms of start-up

    token = token.strip()
    try:
        parts = jwt.decode_complete(token, options={"verify_signature": False})
    except (jwt.InvalidTokenError, UnicodeEncodeError) as error:
        return Inspection({}, {}, "unknown", False, (_not_a_token(token, error),))
    header, claims = parts["header"], parts["payload"]
    key, key_problem = _signer(token, parts["signature"], keys)
    problems = (
        *_header_problems(header),
        *key_problem,
        *_claim_problems(claims, now_s),
        *(() if url is None else _url_problem(claims.get("sub"), url)),
        *(() if body is None else _body_problem(claims.get("body"), body)),
    )
    return Inspection(header, claims, key, key != "unknown" and not problems, problems)


def _not_a_token(token: str, error: Exception) -> str:
    parts = token.count(".") + 1 if token else 0
    if parts != 3:
        return f"This is not a JWT: expected three parts separated by dots, found {parts}."
    return f"This is not a readable JWT ({error}): was it cut or wrapped when it was copied?"


def _header_problems(header: dict[str, Any]) -> Iterator[str]:
    if header.get("alg") != "HS256":
        yield f"The algorithm is {header.get('alg')!r}: QStash signs with HS256 only."


def _signer(
    token: str, signature: bytes, keys: tuple[str, str] | None
) -> tuple[Literal["current", "next", "unknown"], tuple[str, ...]]:
    if keys is None:
        return "unknown", ("The signature was not checked: no signing keys were given.",)
    signed = token.rpartition(".")[0].encode()
    current, following = keys
    if _signed_by(current, signed, signature):
        return "current", ()
    if _signed_by(following, signed, signature):
        return "next", ()
    return "unknown", (_key_problem(keys, signed, signature),)


def _signed_by(key: str, signed: bytes, signature: bytes) -> bool:
    return bool(key) and hmac.compare_digest(
        hmac.digest(key.encode(errors="replace"), signed, "sha256"), signature
    )


def _key_problem(keys: tuple[str, str], signed: bytes, signature: bytes) -> str:
    for name, key in zip(("current", "next"), keys, strict=True):
        if _signed_by(key.strip().strip("\"'").strip(), signed, signature):
            return (
                f"The {name} key has white space or quotes around it: it would match without them."
            )
    if not any(keys):
        return (
            "Both signing keys are empty: set QSTASH_CURRENT_SIGNING_KEY and "
            "QSTASH_NEXT_SIGNING_KEY."
        )
    return (
        "It is signed with neither the current nor the next key: the keys belong to another user "
        "or region, were rotated, or the token was altered. Copy both keys again."
    )


def _claim_problems(claims: dict[str, Any], now_s: int) -> Iterator[str]:
    if claims.get("iss") != "Upstash":
        yield f"The issuer is {claims.get('iss')!r}: receivers expect 'Upstash'."
    for name in ("exp", "nbf"):
        value = claims.get(name)
        if not _is_seconds(value):
            yield f"The claim {name} is {value!r}: receivers expect unix seconds."
        else:
            yield from _time_problem(name, value, now_s)


def _is_seconds(value: object) -> TypeGuard[float]:
    """Neither `true` nor the NaN and Infinity that Python's JSON knows."""
    if isinstance(value, float):
        return isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)


def _time_problem(name: str, value: float, now_s: int) -> Iterator[str]:
    if name == "exp" and value <= now_s:
        yield (
            f"It expired {_span(now_s - value)} ago: a signature holds for five minutes. "
            "Deliver the message again, or check this machine's clock."
        )
    if name == "nbf" and value > now_s:
        yield (
            f"It is not valid for another {_span(value - now_s)}: the clocks of sender and "
            "receiver differ."
        )


def _span(seconds: float) -> str:
    return format_duration(int(min(seconds, 1e12) * 1_000))


def _url_problem(sub: object, url: str) -> Iterator[str]:
    if sub == url:
        return
    if not isinstance(sub, str):
        yield f"The claim sub is {sub!r}: expected the destination URL {url!r}."
        return
    yield (
        f"It is signed for {sub!r}, but the URL to check is {url!r}: {_difference(sub, url)}. "
        "Check against the URL that was published, or leave the URL out of the verification."
    )


def _difference(sub: str, url: str) -> str:
    left, right = parts_of(sub), parts_of(url)
    if left is None or right is None:
        return "they differ"
    pairs = _differing(left, right)
    if pairs == ["path"] and left.path.rstrip("/") == right.path.rstrip("/"):
        return "only the slash at the end differs"
    return f"the {' and the '.join(pairs)} differ{'s' if len(pairs) == 1 else ''}"


def _differing(left: SplitResult, right: SplitResult) -> list[str]:
    names = {
        "scheme": (left.scheme, right.scheme),
        "host": (left.hostname, right.hostname),
        "port": (left.port, right.port),
        "path": (left.path, right.path),
        "query": (left.query, right.query),
    }
    return [name for name, (a, b) in names.items() if a != b] or ["spelling"]


def _body_problem(claim: object, body: bytes) -> Iterator[str]:
    if not isinstance(claim, str):
        yield f"The claim body is {claim!r}: expected the base64url SHA-256 of the body."
        return
    if _same_hash(claim, body):
        return
    for what, guess in _guesses(body):
        if _same_hash(claim, guess):
            yield (
                f"The body was changed before verification: the hash matches {what}. "
                "Verify the raw body, before anything parses it."
            )
            return
    yield (
        f"The body hash is not that of the given {len(body)} bytes: the body was changed (parsed "
        "and written again?) or belongs to another message. Verify the raw body."
    )


def _same_hash(claim: str, body: bytes) -> bool:
    return claim.rstrip("=") == body_hash(body).rstrip("=")


def _guesses(body: bytes) -> Iterator[tuple[str, bytes]]:
    """What the body may have been before somebody touched it."""
    if len(body) > _MAX_GUESSED_BODY:
        return
    yield "it without the line break at the end", body.rstrip(b"\r\n")
    yield "it with a line break at the end", body + b"\n"
    yield "it with LF instead of CRLF line breaks", body.replace(b"\r\n", b"\n")
    yield "it with CRLF instead of LF line breaks", body.replace(b"\n", b"\r\n")
    yield "an empty body", b""
    yield from _json_guesses(body)


def _json_guesses(body: bytes) -> Iterator[tuple[str, bytes]]:
    try:
        value = loads(body)
        if isinstance(value, str):
            yield "the text inside the JSON string", value.encode()
        for separators in ((",", ":"), (", ", ": ")):
            for ascii_only in (False, True):
                text = json.dumps(value, separators=separators, ensure_ascii=ascii_only)
                yield "the same JSON with other white space or escapes", text.encode()
        yield "the same JSON, indented", json.dumps(value, indent=2, ensure_ascii=False).encode()
    except ValueError:  # no JSON, lone surrogates, absurd nesting
        return
