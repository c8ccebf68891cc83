"""JSON as Go and JavaScript write it: half a surrogate pair is U+FFFD (Go docs, `encoding/json`,
"Unmarshal"). Knows nothing of what the documents mean.
"""

import json
import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import msgspec

from qstash_dev.protocol.errors import QStashError

# One escape after the other, so that an escaped backslash is not taken for the beginning of one.
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(?P<half>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
_KINDS = {
    "str": "a string",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "object": "an object",
    "array": "an array",
}
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


TOO_DEEP = "it is nested too deeply"


class TooDeep(ValueError):
    """A document of more levels than can be read."""


def loads(text: str | bytes) -> Any:
    """Any JSON, also what Python alone takes for it. Raises ValueError for everything else."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise TooDeep(TOO_DEEP) from error


def read_json(body: bytes | msgspec.Raw, kind: Any = object, what: str = "JSON body") -> Any:
    """The document of type `kind` in a body.

    Raises QStashError(400) with what is wrong, also for bytes that are not UTF-8 and for a document
    that is nested too deeply.
    """
    text = bytes(body)
    if b"\\u" in text and _SURROGATE.search(text):
        text = _ESCAPE.sub(_whole, text)
    try:
        return _decoder(kind)(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        said = TOO_DEEP if isinstance(error, RecursionError) else in_words(str(error), kind)
        problem = said if _is_utf8(text) else "it is not UTF-8"
        raise QStashError(400, f"invalid {what}: {problem}") from error


def in_words(problem: str, kind: Any) -> str:
    """A problem that msgspec found with a `kind`, with JSON's names of types instead of Python's, and
    the values of an enum.
    """
    said, _, place = problem.removesuffix("`").partition(" - at `$")
    if found := re.fullmatch(r"Object missing required field `([^`]+)`?", said):
        said = f"the field {found[1]!r} is missing"
    elif found := re.fullmatch(r"Object contains unknown field `([^`]+)`?", said):
        said = f"there is no field {found[1]!r}"
    elif found := re.fullmatch(r"Invalid enum value (.*)", said):
        said = f"{found[1]} is none of {', '.join(_values(kind, place)) or 'its values'}"
    elif said.startswith("Expected `"):
        said = "e" + re.sub("`([^`]+)(?:`|$)", _kinds, said[1:])
    return f"{place.removeprefix('.')}: {said}" if place else said


def _values(kind: Any, place: str) -> list[str]:
    """What may stand at a place such as `.faults[0].kind`."""
    from msgspec import inspect  # only for what is wrong

    kinds = _alternatives(inspect.type_info(kind))
    for name in re.findall(r"\.(\w+)|\[", place):
        if name:
            fields = (field for one in kinds for field in getattr(one, "fields", ()))
            inner = [field.type for field in fields if field.encode_name == name]
        else:
            inner = [getattr(one, "item_type", getattr(one, "value_type", None)) for one in kinds]
        kinds = [one for found in inner for one in _alternatives(found)]
    return [str(value) for one in kinds for value in getattr(one, "values", ())]


def _alternatives(kind: Any) -> Sequence[Any]:
    return getattr(kind, "types", (kind,))


def _kinds(found: re.Match[str]) -> str:
    return " or ".join(_KINDS.get(kind, kind) for kind in found[1].split(" | "))


def whole_number(text: str, digits: int = 18) -> int | None:
    """The number that ASCII digits write, at most so many; `None` for any other text. `int` alone takes
    signs, white space, `_`, the digits of other scripts, and any number of them.
    """
    return int(text) if text.isascii() and text.isdigit() and len(text) <= digits else None


def read_whole_number(text: str) -> int:
    """The number that a text writes. Raises ValueError, which says what the text is not."""
    number = whole_number(text)
    if number is None:
        is_long = text.isascii() and text.isdigit()
        why = "has more than 18 digits" if is_long else "is not a whole number of 0 or more"
        raise ValueError(f"{text[:50]!r} {why}")
    return number


def scalar_text(value: str | int | float | bool) -> str:
    """A value of JSON as a header or a parameter has it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


@cache
def _decoder(kind: Any) -> Callable[[bytes], Any]:
    """Made once for each of the few types: that takes longer than to read a short document."""
    return msgspec.json.Decoder(kind).decode


def _is_utf8(text: bytes) -> bool:
    """Asked of the bytes: which error the decoder raises depends on the version of Python."""
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _whole(escape: re.Match[bytes]) -> bytes:
    return b"\\ufffd" if escape["half"] else escape[0]
