"""What differs between two messages or two attempts: JSON by value, text by line. Pure.

Texts are as they were sent; whoever shows them makes them safe.
"""

import difflib
import json
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from qstash_dev.devtools.documents import Attempt, Body, Detail
from qstash_dev.protocol.json_body import loads
from qstash_dev.protocol.settle import status_text

_NOTHING = object()


class Difference(Struct):
    """A line of a diff; `role` is `gone`, `added`, `muted`, `warning`, or nothing."""

    text: str
    role: str = ""


class Compared(Struct):
    """A part that was compared, `Headers` for example; without lines it is the same on both sides."""

    title: str
    lines: list[Difference] = []


def message_diff(old: Detail, new: Detail) -> list[Compared]:
    """Two messages: destination, headers, bodies and last answers."""
    parts = [
        Compared("Messages", list(_pair(old.row.id, new.row.id))),
        Compared("Request", _texts(_first_line(old), _first_line(new))),
        Compared("Headers", _pairs(old.request.headers, new.request.headers)),
        Compared("Body", _bodies(old.request.body, new.request.body)),
    ]
    if old.attempts and new.attempts:
        parts += attempt_diff(old.attempts[-1], new.attempts[-1])
    return parts


def attempt_diff(old: Attempt, new: Attempt) -> list[Compared]:
    """Two attempts: what came back."""
    parts = [Compared("Answer", _texts(_outcome(old), _outcome(new)))]
    if old.response is not None and new.response is not None:
        parts += [
            Compared("Answer's headers", _pairs(old.response.headers, new.response.headers)),
            Compared("Answer's body", _bodies(old.response.body, new.response.body)),
        ]
    return parts


def _bodies(old: Body, new: Body) -> list[Difference]:
    if old.text is None or new.text is None:
        if (old.text, old.base64, old.size) == (new.text, new.base64, new.size):
            return []
        sizes = f"binary, {old.size:,} and {new.size:,} bytes"
        return [Difference(f"They differ ({sizes}).", "warning")]
    try:
        return list(_values("", loads(old.text), loads(new.text)))
    except ValueError:
        return _texts(old.text, new.text)


def _values(path: str, old: Any, new: Any) -> Iterator[Difference]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(k for k in new if k not in old)]:
            place = f"{path}.{key}" if path else key
            yield from _values(place, old.get(key, _NOTHING), new.get(key, _NOTHING))
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            pair = [side[index] if index < len(side) else _NOTHING for side in (old, new)]
            yield from _values(f"{path}[{index}]", *pair)
    elif old != new or type(old) is not type(new):
        for sign, role, value in (("-", "gone", old), ("+", "added", new)):
            if value is not _NOTHING:
                shown = json.dumps(value, ensure_ascii=False)
                yield Difference(f"{sign} {path or '(all)'}: {shown}", role)


def _texts(old: str, new: str) -> list[Difference]:
    if "\n" not in old + new:
        return [] if old == new else list(_pair(old, new))
    roles = {"+": "added", "-": "gone", "@": "muted"}
    found = difflib.unified_diff(old.split("\n"), new.split("\n"), n=2, lineterm="")
    return [Difference(line, roles.get(line[:1], "")) for line in list(found)[2:]]


def _pair(old: str, new: str) -> Iterator[Difference]:
    yield Difference(f"- {old}", "gone")
    yield Difference(f"+ {new}", "added")


def _pairs(old: list[tuple[str, str]], new: list[tuple[str, str]]) -> list[Difference]:
    one, two = ({name.lower(): value for name, value in side} for side in (old, new))
    return list(_values("", one, two))


def _first_line(detail: Detail) -> str:
    return f"{detail.request.method} {detail.request.url}"


def _outcome(attempt: Attempt) -> str:
    if attempt.response is not None:
        return status_text(attempt.response.status)
    return f"{attempt.failure.reason}: {attempt.failure.detail}" if attempt.failure else "none yet"
