"""A saved request, to be sent again: JSON that a person can read, edit and commit.

    {"url": "http://localhost:3000/api/orders", "method": "POST",
     "headers": {"Content-Type": "application/json"}, "body": {"id": 7},
     "options": {"delay": "10s", "retries": 0, "queue": "mail"}}

`headers` are what the destination receives; `body` is text, or any JSON value, sent compactly;
`bodyBase64` takes its place for bytes that are no text. `options` are QStash's own: by short names
(those of `protocol/publish/options`), or by the name of any `Upstash-*` header, as those that
configure a callback. It refuses to know files and servers.
"""

import binascii
import json
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from qstash_dev.devtools.documents import Detail
from qstash_dev.protocol.headers import SECRET, to_forward
from qstash_dev.protocol.json_body import loads
from qstash_dev.protocol.model import Callback, Headers, Spec
from qstash_dev.protocol.publish.options import BY_NAME, family_texts, text_of

_FIELDS = ("url", "method", "headers", "body", "bodyBase64", "options")


class Fixture(Struct, frozen=True):
    """One saved request. `headers` are the destination's; `options` by the names of the file."""

    url: str
    method: str = "POST"
    headers: Headers = ()
    body: bytes = b""
    options: tuple[tuple[str, str], ...] = ()


class FixtureError(ValueError):
    """A file that is no fixture: a sentence that names the field."""


def read_fixture(text: str | bytes) -> Fixture:
    """Read a fixture. Raises `FixtureError` naming the field and what was expected."""
    try:
        value = loads(text)
    except ValueError as error:
        raise FixtureError(f"The fixture is not JSON: {error}.") from None
    if not isinstance(value, dict):
        raise FixtureError(f"The fixture is {_kind(value)}: expected an object with a url.")
    for name in value.keys() - set(_FIELDS):
        raise FixtureError(f"The fixture has no field {name!r}: expected {', '.join(_FIELDS)}.")
    return Fixture(
        url=_url(value.get("url")),
        method=_text(value, "method", "POST").upper(),
        headers=_headers(value.get("headers", {})),
        body=_body(value),
        options=_options(value.get("options", {})),
    )


def write_fixture(fixture: Fixture) -> str:
    """The file for a fixture, indented, ending with a line break; reading it gives it back.

    A body that is compact JSON is written as JSON, so that it can be edited.
    """
    value: dict[str, Any] = {"url": fixture.url, "method": fixture.method}
    if fixture.headers:
        value["headers"] = _grouped(fixture.headers)
    if fixture.body:
        value |= _written_body(fixture.body)
    if fixture.options:
        value["options"] = dict(fixture.options)
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def publish_headers(fixture: Fixture) -> Headers:
    """The headers of the publish request that sends this fixture."""
    options = ((_header_of(name), value) for name, value in fixture.options)
    return (("Upstash-Method", fixture.method), *to_forward(fixture.headers), *options)


def written_headers(fixture: Fixture) -> Headers:
    """The headers as a person writes them: those for the destination by their own names."""
    options = ((_header_of(name), value) for name, value in fixture.options)
    return (*fixture.headers, *options)


def name_for(url: str) -> str:
    """The name of a file for a fixture, without its end: it tells the destination."""
    rest = url.partition("://")[2] or url
    path = (rest.partition("/")[2].partition("?")[0] or rest)[:60]
    return re.sub(r"[^a-z0-9]+", "-", path.lower()).strip("-") or "message"


def fixture_of(detail: Detail, body: bytes, *, secrets: bool = False) -> Fixture:
    """A published message as a fixture, with all its options. `body` is the whole one.

    Without `secrets`, headers that hold some are left out: `detail` has but masks of them.
    """
    asked = detail.request
    spec = msgspec.convert({**detail.spec, "url": asked.url}, Spec)
    headers = tuple(pair for pair in asked.headers if secrets or not _is_secret(pair[0]))
    options = tuple(pair for pair in _options_of(spec) if secrets or not _is_secret(pair[0]))
    return Fixture(asked.url, asked.method, headers, body, options)


def _options_of(spec: Spec) -> Iterator[tuple[str, str]]:
    for name, row in BY_NAME.items():
        text = text_of(row, spec)
        if text is not None:
            yield name, text
        callback = getattr(spec, row.spec) if row.spec and text is not None else None
        if isinstance(callback, Callback):
            yield from family_texts(row.header, callback)


def _is_secret(name: str) -> bool:
    return name.lower().rpartition("-forward-")[2] in SECRET


def _header_of(option: str) -> str:
    return BY_NAME[option].header if option in BY_NAME else option


def _kind(value: object) -> str:
    names: dict[type, str] = {
        dict: "an object",
        list: "a list",
        str: "a text",
        bool: "true or false",
    }
    return "null" if value is None else names.get(type(value), "a number")


def _url(value: object) -> str:
    if not isinstance(value, str):
        raise FixtureError(f"The field url is {_kind(value)}: expected a destination as text.")
    if not value.strip():
        raise FixtureError("The field url is empty: expected a destination.")
    return value


def _text(value: Mapping[str, Any], name: str, default: str) -> str:
    found = value.get(name, default)
    if not isinstance(found, str) or not found.strip():
        raise FixtureError(f"The field {name} is {found!r}: expected a text such as {default!r}.")
    return found.strip()


def _headers(value: object) -> Headers:
    return tuple(_pairs(value, "headers", _header_values))


def _pairs(
    value: object, field: str, read: Callable[[str, Any], tuple[str, ...]]
) -> list[tuple[str, str]]:
    if not isinstance(value, dict):
        raise FixtureError(f"The field {field} is {_kind(value)}: expected names with values.")
    return [(name, text) for name, given in value.items() for text in read(name, given)]


def _header_values(name: str, value: Any) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(each, str) for each in values):
        raise FixtureError(f"The field headers.{name} is {value!r}: expected a text or texts.")
    if any(char in each for each in (name, *values) for char in "\r\n\0") or not name:
        raise FixtureError(f"The field headers.{name} holds a line break, or no name.")
    return tuple(values)


def _body(value: Mapping[str, Any]) -> bytes:
    if "body" in value and "bodyBase64" in value:
        raise FixtureError("The fields body and bodyBase64 exclude each other: keep one.")
    if "bodyBase64" in value:
        return _base64(value["bodyBase64"])
    body = value.get("body")
    if body is None:
        return b""
    try:
        return body.encode() if isinstance(body, str) else _compact(body)
    except UnicodeEncodeError:
        raise FixtureError("The field body holds half a character: use bodyBase64.") from None


def _base64(value: object) -> bytes:
    try:
        if not isinstance(value, str):
            raise ValueError
        return b64decode(value, validate=True)
    except (ValueError, binascii.Error):
        raise FixtureError(
            "The field bodyBase64 is not base64: expected bytes as base64."
        ) from None


def _compact(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def _options(value: object) -> tuple[tuple[str, str], ...]:
    return tuple(_pairs(value, "options", _option_value))


def _option_value(name: str, value: Any) -> tuple[str, ...]:
    if name not in BY_NAME and not name.lower().startswith("upstash-"):
        known = ", ".join(BY_NAME)
        raise FixtureError(
            f"There is no option options.{name}: expected one of {known}, or an Upstash-... header."
        )
    if isinstance(value, bool):
        return ("true" if value else "false",)
    if isinstance(value, int | float):
        return (str(value),)
    if not isinstance(value, str) or any(char in value for char in "\r\n\0"):
        raise FixtureError(f"The field options.{name} is {value!r}: expected a text or a number.")
    return (value,)


def _grouped(headers: Headers) -> dict[str, Any]:
    found: dict[str, list[str]] = {}
    for name, value in headers:
        found.setdefault(name, []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def _written_body(body: bytes) -> dict[str, Any]:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return {"bodyBase64": b64encode(body).decode("ascii")}
    try:
        value = loads(text)
        is_exact = isinstance(value, dict | list) and _compact(value) == body
    except ValueError:
        is_exact = False
    return {"body": value if is_exact else text}
