"""What a list is asked, as SQL: the one place that compiles the tree of `devtools.filters`."""

import re
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import Struct

from qstash_dev.devtools.filters import (
    COMPARED,
    Begins,
    Exactly,
    Filter,
    HeaderValue,
    Span,
    Term,
    Text,
    Value,
    Words,
)
from qstash_dev.protocol.delivery import host_and_path
from qstash_dev.protocol.headers import all_of
from qstash_dev.protocol.model import Headers
from qstash_dev.protocol.redact import redact_body, redact_headers
from qstash_dev.protocol.urls import ALONE, Nearby, Routes, way
from qstash_dev.store.database import Database
from qstash_dev.store.lists.candidates import as_json
from qstash_dev.store.lists.columns import MESSAGES, Columns

OF_URL = ("host", "path")
"""The parts of a URL that are asked for, in the order of `host_and_path`."""
_SPECIAL, _PLAIN = re.compile(r"[*?[]"), r"[\g<0>]"
_REGEX = re.IGNORECASE | re.ASCII | re.DOTALL


class Leaves:
    """Whether a URL leads off this machine; `routes` and `nearby` are those in force."""

    def __init__(self) -> None:
        self.routes: Routes = ()
        self.nearby = ALONE

    def __call__(self, url: str) -> bool:
        return _leaves(url, self.routes, self.nearby)


def add_functions(database: Database, leaves: Leaves) -> None:
    """Make what conditions call known to SQL."""
    database.function("has_header", 3, _has_header)
    database.function("shown_body", 2, _shown_body)
    database.function("is_external", 1, leaves)


def condition(wanted: Filter, columns: Columns = MESSAGES) -> tuple[str, dict[str, Any]]:
    """SQL that holds for what a filter selects, and its values."""
    values: dict[str, Any] = {}
    parts = [*(_term(columns, term, values) for term in wanted.terms), *columns.always]
    return " AND ".join(parts) or "TRUE", values


def _term(columns: Columns, term: Term, values: dict[str, Any]) -> str:
    parts = " OR ".join(f"({_value(columns, term.key, value, values)})" for value in term.values)
    return f"NOT ifnull(({parts}), 0)" if term.negated else f"({parts})"


def _value(columns: Columns, key: str, value: Value, values: dict[str, Any]) -> str:
    if isinstance(value, Words):
        return " OR ".join(columns.words[key][name] for name in value.names)
    if isinstance(value, HeaderValue):
        regex = None if value.value is None else _regex(value.value, COMPARED[key])
        return f"has_header(c.spec, {_bind(values, value.name)}, {_bind(values, regex)})"
    return columns.tests[key].format(_test(key, value, values))


def _test(key: str, value: Text | Span | Exactly | Begins, values: dict[str, Any]) -> str:
    """What stands behind a column."""
    if isinstance(value, Text):
        return f"LIKE {_bind(values, like(value, COMPARED[key]))} ESCAPE '!'"
    if isinstance(value, Span):
        return _between(value, values)
    if isinstance(value, Begins):
        return f"GLOB {_bind(values, _SPECIAL.sub(_PLAIN, value.text) + '*')}"
    if len(value.values) == 1 and not isinstance(value.values[0], tuple):
        return f"= {_bind(values, value.values[0])}"
    # One value for the whole list: ids may be more than SQLite allows variables.
    bound = _bind(values, as_json(list(value.values)))
    pairs = any(isinstance(one, tuple) for one in value.values)
    shown = "json_extract(value, '$[0]'), json_extract(value, '$[1]')" if pairs else "value"
    return f"IN (SELECT {shown} FROM json_each({bound}))"


def _between(span: Span, values: dict[str, Any]) -> str:
    low, high = (None if n is None else _bind(values, n) for n in (span.low, span.high))
    if low and high:
        return f"BETWEEN {low} AND {high}"
    return f">= {low}" if low else f"<= {high}" if high else "IS NOT NULL"


def _bind(values: dict[str, Any], value: Any) -> str:
    name = f"v{len(values)}"
    values[name] = value
    return f":{name}"


def like(text: Text, compared: str) -> str:
    """The pattern of `LIKE ... ESCAPE '!'` for a text."""
    escaped = (
        piece.replace("!", "!!").replace("%", "!%").replace("_", "!_") for piece in text.pieces
    )
    pattern = "%".join(escaped)
    if compared == "contains":
        return f"%{pattern}%"
    return f"{pattern}%" if compared == "prefix" else pattern


def _regex(text: Text, compared: str) -> str:
    first, *others = map(re.escape, text.pieces)
    if compared == "contains":
        return f"{_found([first, *others])}.*"
    if compared == "prefix":
        return f"{first}{_found(others)}.*"
    return f"{first}{_found(others[:-1])}.*{others[-1]}" if others else first


def _found(pieces: list[str]) -> str:
    """One after the other, each where it comes first: nothing is tried twice, whatever the text."""
    return "".join(f"(?>.*?{piece})" for piece in pieces)


def is_meant(key: str, value: Value, name: str, leaves: Leaves) -> bool:
    """Whether a condition on a name holds for this one."""
    if isinstance(value, Text):
        return _compile(_regex(value, COMPARED[key]), _REGEX).fullmatch(name) is not None
    if isinstance(value, Exactly):
        return host_and_path(name)[OF_URL.index(key)] in value.values
    return leaves(name)


@lru_cache(maxsize=4_096)
def _leaves(url: str, routes: Routes, nearby: Nearby) -> bool:
    return way(url, routes, nearby=nearby).leaves


class _Searched(Struct):
    """What is read of a stored spec."""

    headers: Headers = ()
    redact: tuple[str, ...] = ()


_decode = msgspec.msgpack.Decoder(_Searched).decode
_compile = lru_cache(maxsize=256)(re.compile)


def _has_header(spec: bytes, name: str, regex: str | None) -> bool:
    """SQL function: whether a stored spec has a header of this name and, if asked for, this value."""
    known = _decode(spec)
    headers = redact_headers(known.headers, known.redact)
    values = all_of(headers, name)
    if regex is None:
        return bool(values)
    return any(_compile(regex, _REGEX).fullmatch(value) for value in values)


def _shown_body(spec: bytes, body: bytes) -> bytes:
    """SQL function: the body of a message with redacted fields, as it is shown."""
    return redact_body(body, _decode(spec).redact)
