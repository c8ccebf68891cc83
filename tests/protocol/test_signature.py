"""Tokens verified by the official receiver and by PyJWT; every explanation reproduced."""

import base64
import hashlib
import json
import time
import warnings

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qstash import Receiver
from qstash.errors import SignatureError

from qstash_dev.protocol.signature import Inspection, body_hash, inspect, sign

URL = "http://localhost:3000/api/orders?a=1"
BODY = b'{"hello":"w\xc3\xb6rld"}'
CURRENT = "sig_7kYjw48mhY7kAjqNGcy6cr29RJ6r"
NEXT = "sig_5ZB6DVzB1wjE8S6rZ7eenA8Pdnhs"
KEYS = (CURRENT, NEXT)
NOW = 1_787_313_600


def token(key: str = CURRENT, **claims: object) -> str:
    """A token as another party might make it, with claims replaced (`None`: left out)."""
    full = {
        "iss": "Upstash",
        "sub": URL,
        "exp": NOW + 300,
        "nbf": -62_135_596_800,
        "iat": NOW,
        "jti": "jwt_1",
        "body": body_hash(BODY),
    } | claims
    return jwt.encode({k: v for k, v in full.items() if v is not None}, key, "HS256")


def problems(text: str, **given: object) -> tuple[str, ...]:
    checked = {"keys": KEYS, "body": BODY, "url": URL, "now_s": NOW} | given
    seen = inspect(text, **checked)  # type: ignore[arg-type]
    assert not seen.valid
    return seen.problems


def only_problem(text: str, **given: object) -> str:
    (problem,) = problems(text, **given)
    return problem


def test_a_signed_token_has_the_documented_header_and_claims_in_order() -> None:
    header, claims, _ = sign(URL, BODY, CURRENT, NOW, "jwt_1").split(".")

    def read(part: str) -> str:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)).decode()

    assert read(header) == '{"alg":"HS256","typ":"JWT"}'
    assert list(json.loads(read(claims)).items()) == [
        ("iss", "Upstash"),
        ("sub", URL),
        ("exp", NOW + 300),
        ("nbf", -62_135_596_800),
        ("iat", NOW),
        ("jti", "jwt_1"),
        ("body", base64.urlsafe_b64encode(hashlib.sha256(BODY).digest()).decode()),
    ]


def test_the_body_hash_keeps_its_padding() -> None:
    assert body_hash(b"") == "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU="


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
@given(
    url=st.text(st.characters(codec="utf-8"), max_size=40).map("http://localhost/".__add__),
    body=st.binary(max_size=200),
    key=st.text(st.characters(codec="ascii"), min_size=1, max_size=40),
)
def test_any_signed_token_verifies_in_pyjwt(url: str, body: bytes, key: str) -> None:
    signed = sign(url, body, key, NOW, "jwt_1")
    claims = jwt.decode(signed, key, ["HS256"], options={"verify_exp": False, "verify_iat": False})
    assert claims["sub"] == url
    assert inspect(signed, (key, key), body, url, NOW) == Inspection(
        {"alg": "HS256", "typ": "JWT"}, claims, "current", True, ()
    )


def test_a_signed_token_verifies_in_the_official_receiver() -> None:
    wall = int(time.time())  # noqa: TID251 - the receiver compares with the real clock
    receiver = Receiver(CURRENT, NEXT)
    for key in KEYS:
        signed = sign(URL, BODY, key, wall, "jwt_1")
        receiver.verify(signature=signed, body=BODY.decode(), url=URL)
        with pytest.raises(SignatureError):
            receiver.verify(signature=signed, body=BODY.decode() + " ", url=URL)


def test_a_short_key_signs_without_a_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert inspect(sign(URL, b"", "k", NOW, "j"), ("k", ""), b"", URL, NOW).valid


@pytest.mark.parametrize(("key", "name"), [(CURRENT, "current"), (NEXT, "next")])
def test_the_signing_key_is_named(key: str, name: str) -> None:
    seen = inspect(sign(URL, BODY, key, NOW, "j"), KEYS, BODY, URL, NOW)
    assert (seen.key, seen.valid, seen.problems) == (name, True, ())


def test_body_and_url_are_checked_only_when_given() -> None:
    assert inspect(token(sub="http://else", body="x"), KEYS, None, None, NOW).valid


def test_an_unpadded_body_hash_is_accepted_as_the_sdks_do() -> None:
    assert inspect(token(body=body_hash(BODY).rstrip("=")), KEYS, BODY, URL, NOW).valid


def test_white_space_around_a_pasted_token_is_ignored() -> None:
    assert inspect(f"  {token()}\n", KEYS, BODY, URL, NOW).valid


@pytest.mark.parametrize("text", ["", "abc", "a.b", "a.b.c.d", "Bearer x"])
def test_what_is_no_jwt_is_said_so(text: str) -> None:
    assert "three parts" in only_problem(text)


@pytest.mark.parametrize("text", ["a.b.c", "..", "é.é.é", token()[:20] + ".x.y"])
def test_a_damaged_jwt_is_said_to_be_cut(text: str) -> None:
    assert "cut or wrapped" in only_problem(text)


def test_another_algorithm_is_named() -> None:
    other = jwt.encode(
        {"iss": "Upstash", "sub": URL, "exp": NOW + 1, "nbf": 0}, CURRENT * 2, "HS512"
    )
    assert any("'HS512'" in problem for problem in problems(other))


def test_without_keys_a_token_is_never_called_valid() -> None:
    assert "not checked" in only_problem(token(), keys=None)


def test_a_foreign_key_is_explained() -> None:
    assert "neither the current nor the next key" in only_problem(token("sig_" + "x" * 40))


@pytest.mark.parametrize("key", [f" {CURRENT}", f'"{CURRENT}"', f"'{CURRENT}'\r"])
def test_a_key_with_quotes_or_white_space_is_found_out(key: str) -> None:
    assert "white space or quotes" in only_problem(token(), keys=(key, NEXT))


def test_empty_keys_are_named() -> None:
    assert "Both signing keys are empty" in only_problem(token(), keys=("", ""))


def test_another_issuer_is_named() -> None:
    assert "'Somebody'" in only_problem(token(iss="Somebody"))


@pytest.mark.parametrize("claim", ["exp", "nbf"])
@pytest.mark.parametrize("value", [None, True])
def test_a_missing_time_claim_is_named(claim: str, value: object) -> None:
    with_claim = json.dumps(
        {"iss": "Upstash", "sub": URL, "exp": NOW + 9, "nbf": 0, "body": body_hash(BODY)}
        | {claim: value}
    )
    signed = jwt.PyJWS().encode(with_claim.encode(), CURRENT, "HS256")
    assert f"The claim {claim} is {value!r}" in only_problem(signed)


@pytest.mark.parametrize(
    ("now", "words"),
    [(NOW + 300, "expired 0s ago"), (NOW + 492, "expired 3m12s ago"), (NOW + 299, None)],
)
def test_an_expired_token_says_since_when(now: int, words: str | None) -> None:
    seen = inspect(token(), KEYS, BODY, URL, now)
    assert seen.valid is (words is None)
    assert words is None or words in seen.problems[0]


def test_a_token_from_the_future_blames_the_clocks() -> None:
    assert "another 1m: the clocks" in only_problem(token(nbf=NOW + 60))


@pytest.mark.parametrize(
    ("checked", "difference"),
    [
        ("https://localhost:3000/api/orders?a=1", "the scheme differs"),
        ("http://127.0.0.1:3000/api/orders?a=1", "the host differs"),
        ("http://localhost:3001/api/orders?a=1", "the port differs"),
        ("http://localhost:3000/api/orders/?a=1", "only the slash at the end differs"),
        ("http://localhost:3000/api/Orders?a=1", "the path differs"),
        ("http://localhost:3000/api/orders", "the query differs"),
        ("https://x.ngrok.app/api/orders?a=1", "the scheme and the host and the port differ"),
        ("http://LOCALHOST:3000/api/orders?a=1", "the spelling differs"),
        ("http://localhost:99999/api/orders?a=1", "they differ"),
    ],
)
def test_the_difference_between_the_urls_is_named(checked: str, difference: str) -> None:
    assert difference in only_problem(token(), url=checked)


def test_a_token_without_sub_is_named() -> None:
    assert "The claim sub is None" in only_problem(token(sub=None))


@pytest.mark.parametrize(
    ("original", "received", "cause"),
    [
        (b'{"a": 1}', b'{"a":1}', "other white space"),
        (b'{"a":1}', b'{"a": 1}', "other white space"),
        (b'{"a":1}', b'{\n  "a": 1\n}', "other white space"),
        (b'{\n  "a": 1\n}', b'{"a":1}', "indented"),
        ('{"a":"ö"}'.encode(), b'{"a":"\\u00f6"}', "escapes"),
        (b"hello", b'"hello"', "inside the JSON string"),
        (b"hello", b"hello\n", "without the line break"),
        (b"hello\n", b"hello", "with a line break"),
        (b"a\r\nb", b"a\nb", "CRLF instead of LF"),
        (b"a\nb", b"a\r\nb", "LF instead of CRLF"),
        (b"", b"undefined", "an empty body"),
        (b"one", b"two", "not that of the given 3 bytes"),
        (b"x", b"\xff" * 2_000_000, "not that of the given 2000000 bytes"),
    ],
)
def test_what_happened_to_the_body_is_guessed(original: bytes, received: bytes, cause: str) -> None:
    assert cause in only_problem(token(body=body_hash(original)), body=received)


def test_a_token_without_body_hash_is_named() -> None:
    assert "The claim body is None" in only_problem(token(body=None))


def test_every_problem_is_reported_at_once() -> None:
    seen = problems(token("k" * 40, iss="x", sub="http://y"), body=b"", now_s=NOW + 900)
    assert len(seen) == 5


@given(st.text(max_size=200), st.binary(max_size=50), st.text(max_size=50))
def test_any_text_is_explained_and_never_raises(text: str, body: bytes, url: str) -> None:
    seen = inspect(text, KEYS, body, url, NOW)
    assert not seen.valid
    assert seen.problems
