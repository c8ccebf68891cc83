"""The filter language as SQL over messages `m` and their contents `c`."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import Struct

from qstash_dev.devtools.filters import (
    COMPARED,
    Filter,
    HeaderValue,
    Span,
    Term,
    Text,
    Value,
)
from qstash_dev.protocol.headers import all_of
from qstash_dev.protocol.model import Headers
from qstash_dev.protocol.redact import redact_body, redact_headers
from qstash_dev.protocol.urls import ALONE, Nearby, Routes, way
from qstash_dev.store.bodies import BODY
from qstash_dev.store.database import Database

STATE = """
    CASE WHEN m.finished_at IS NULL AND m.held IS NOT NULL AND m.kind <> 'cloud' THEN 'held'
         WHEN m.state <> 'CREATED' THEN lower(m.state)
         WHEN m.due_at > :now THEN 'delayed'
         WHEN m.claimed THEN 'queued'
         ELSE 'created' END"""
"""Where a message is, in the words of the filter language."""
_REGEX = re.IGNORECASE | re.ASCII | re.DOTALL

ACCEPTED = "m.intake IS NULL"


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


def condition(wanted: Filter) -> tuple[str, dict[str, Any]]:
    """SQL that holds for the messages `m` (contents `c`) a filter selects, and its values.

    What came in by halves is no message yet.
    """
    values: dict[str, Any] = {}
    parts = [_term(term, values) for term in wanted.terms]
    return " AND ".join([*parts, ACCEPTED]), values


def _term(term: Term, values: dict[str, Any]) -> str:
    parts = " OR ".join(f"({_value(term.key, value, values)})" for value in term.values)
    return f"NOT ifnull(({parts}), 0)" if term.negated else f"({parts})"


def _value(key: str, value: Value, values: dict[str, Any]) -> str:
    if isinstance(value, HeaderValue):
        regex = None if value.value is None else _regex(value.value, COMPARED[key])
        return f"has_header(c.spec, {_bind(values, value.name)}, {_bind(values, regex)})"
    if isinstance(value, Text):
        pattern = _bind(values, like(value, COMPARED[key]))
        return _TEXTS[key].format(f"LIKE {pattern} ESCAPE '!'")
    if isinstance(value, Span):
        return _span(_SPANS[key], value, values)
    if key == "is":
        return " OR ".join(_FLAGS[name] for name in value.names)
    if key == "code":
        return "m.last_status IS NULL AND m.last_error IS NOT NULL"
    if key == "state":
        return _states(value.names, values)
    return _among("m.kind", value.names, values)


def _states(names: Iterable[str], values: dict[str, Any]) -> str:
    shown = _among(STATE, names, values)
    if "held" in names:
        return shown
    # The column is compared first: few rows need the long expression.
    return f"{_among('m.state', stored_states(names), values)} AND {shown}"


def stored_states(names: Iterable[str]) -> list[str]:
    """The stored states of messages that are where these words say (but not held)."""
    return sorted({"CREATED" if name in ("delayed", "queued") else name.upper() for name in names})


def _among(column: str, names: Iterable[str], values: dict[str, Any]) -> str:
    return f"{column} IN ({', '.join(_bind(values, name) for name in names)})"


# What is redacted is found as it is shown: a search must not tell what is hidden.
_BODY = f"CAST(iif(c.redacted, shown_body(c.spec, {BODY}), {BODY}) AS TEXT)"
_NAMES = {
    "dest": "url",
    "queue": "queue",
    "schedule": "schedule_id",
    "group": "topic",
    "flow": "flow_key",
    "step": "step",
}
COLUMNS = {**_NAMES, "label": "label"}
"""Keys that are compared with what an index knows: columns of messages, and their labels."""
_TEXTS = {
    **{key: f"m.{column} {{0}}" for key, column in _NAMES.items()},
    "word": f"m.id {{0}} OR m.url {{0}} OR {_BODY} {{0}}",
    "body": f"{_BODY} {{0}}",
    "id": "m.id {0}",
    "run": "m.run IN (SELECT r.seq FROM runs r WHERE r.id {0})",
    "label": "EXISTS (SELECT 1 FROM labels l WHERE l.message = m.seq AND l.label {0})",
}
_SPANS = {"code": "m.last_status", "try": "m.attempts", "age": "(:now - m.created_at)"}
_FLAGS = {
    "held": "(m.held IS NOT NULL AND m.finished_at IS NULL AND m.kind <> 'cloud')",
    "replay": "m.kind = 'replay'",
    "external": "is_external(m.url)",
    # Marks live in the terminal UI, which knows them by itself.
    "marked": "0",
}


def _span(column: str, span: Span, values: dict[str, Any]) -> str:
    low, high = (None if n is None else _bind(values, n) for n in (span.low, span.high))
    if low and high:
        return f"{column} BETWEEN {low} AND {high}"
    return f"{column} >= {low}" if low else f"{column} <= {high}" if high else "1"


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
