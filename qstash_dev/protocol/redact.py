"""`Upstash-Redact-Fields`: the body or headers that people see only as a hash of their value.

The hash tells whether two values are the same without telling them. Deliveries, and retries out of the
DLQ, have the values themselves (QStash docs, "Redact Private Data"). Knows not where values are shown:
the API redacts messages, logs, DLQ and schedules.
"""

import re
from hashlib import sha256

from msgspec.structs import replace

from qstash_dev.protocol.model import Callback, Headers

REDACTED = "REDACTED:"
"""With this begins what stands for a value that is not shown."""
BODY = "body"
ALL_HEADERS = "header"

# Compiled by `re` when first used: most starts do not use it.
_ONE_HEADER = r"headers?\[\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*\]"


def parse_redact(text: str) -> tuple[str, ...]:
    """The fields in one spelling: `body`, `header`, `header[Name]` with the name in canonical case.

    A comma list; the SDKs send `header`, the docs write `headers`. Repeated fields count once.
    Raises `ValueError` with a sentence.
    """
    fields = (_field(item.strip()) for item in text.split(",") if item.strip())
    return tuple(dict.fromkeys(fields))


def _field(text: str) -> str:
    lower = text.lower()
    if lower == BODY:
        return BODY
    if lower in ("header", "headers"):
        return ALL_HEADERS
    if one := re.fullmatch(_ONE_HEADER, text, re.IGNORECASE):
        return f"{ALL_HEADERS}[{'-'.join(part.capitalize() for part in one[1].split('-'))}]"
    raise ValueError(f"{text!r} cannot be redacted: expected body, header or header[Name].")


def redact_headers(headers: Headers, redact: tuple[str, ...]) -> Headers:
    """The headers as they are shown: all values hashed, or those that are named."""
    if not redact or redact == (BODY,):
        return headers
    hidden = {field.lower() for field in redact}
    everything = ALL_HEADERS in hidden
    return tuple(
        (name, _hashed(value.encode(errors="surrogateescape")))
        if everything or f"{ALL_HEADERS}[{name.lower()}]" in hidden
        else (name, value)
        for name, value in headers
    )


def redact_callback(callback: Callback | None, redact: tuple[str, ...]) -> Callback | None:
    """The callback as it is shown. Ours: its headers may hold the same secrets as the message's."""
    if callback is None or not redact:
        return callback
    return replace(
        callback,
        headers=redact_headers(callback.headers, redact),
        failure_callback=redact_callback(callback.failure_callback, redact),
    )


def redact_body(body: bytes, redact: tuple[str, ...]) -> bytes:
    """The body as it is shown."""
    return _hashed(body).encode() if BODY in redact else body


def _hashed(value: bytes) -> str:
    """Hex is our choice: the docs say `REDACTED:<SHA256>` and no more."""
    return f"{REDACTED}{sha256(value).hexdigest()}"
