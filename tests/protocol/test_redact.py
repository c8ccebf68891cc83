"""What `Upstash-Redact-Fields` hides, and how its spellings are read."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qstash_dev.protocol.model import Headers
from qstash_dev.protocol.redact import parse_redact, redact_body, redact_headers

HEADERS: Headers = (("Authorization", "Bearer x"), ("X-Tenant", "acme"), ("X-Tenant", "other"))


def hashed(text: str) -> str:
    return "REDACTED:" + sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("", ()),
        (" , ", ()),
        ("body", ("body",)),
        ("header", ("header",)),
        ("headers", ("header",)),
        ("body,header[Authorization]", ("body", "header[Authorization]")),
        ("headers[authorization]", ("header[Authorization]",)),
        ("header[x-API-key]", ("header[X-Api-Key]",)),
        ("header[ x-tenant ]", ("header[X-Tenant]",)),
        ("Body, HEADERS[a] ,body,header[A]", ("body", "header[A]")),
    ],
)
def test_every_spelling_is_normalised(text: str, fields: tuple[str, ...]) -> None:
    assert parse_redact(text) == fields


@pytest.mark.parametrize(
    "text", ["bodies", "header[]", "header[a", "header[a b]", "url", "body[x]", "headerX"]
)
def test_anything_else_is_refused_with_the_value(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected body, header or header\[Name\]") as refused:
        parse_redact(f"body, {text}")
    assert repr(text) in str(refused.value)


def test_without_fields_nothing_is_hidden() -> None:
    assert redact_headers(HEADERS, ()) == HEADERS
    assert redact_body(b"secret", ()) == b"secret"


def test_body_hides_the_body_alone() -> None:
    assert redact_body(b"secret", ("body",)) == hashed("secret").encode()
    assert redact_headers(HEADERS, ("body",)) == HEADERS


def test_header_hides_every_value_and_no_name() -> None:
    shown = redact_headers(HEADERS, ("header",))
    assert shown == tuple((name, hashed(value)) for name, value in HEADERS)
    assert redact_body(b"secret", ("header",)) == b"secret"


def test_a_named_header_is_hidden_wherever_it_stands_and_however_it_is_spelled() -> None:
    assert redact_headers((*HEADERS, ("x-tenant", "c")), parse_redact("header[X-tenant]")) == (
        ("Authorization", "Bearer x"),
        ("X-Tenant", hashed("acme")),
        ("X-Tenant", hashed("other")),
        ("x-tenant", hashed("c")),
    )


def test_a_value_of_raw_bytes_can_be_hidden() -> None:
    (shown,) = redact_headers((("A", b"\xff".decode("utf-8", "surrogateescape")),), ("header",))
    assert shown == ("A", "REDACTED:" + sha256(b"\xff").hexdigest())


@given(st.text(max_size=40))
def test_any_text_is_normalised_once_and_for_all_or_refused(text: str) -> None:
    try:
        fields = parse_redact(text)
    except ValueError:
        return
    assert parse_redact(",".join(fields)) == fields
