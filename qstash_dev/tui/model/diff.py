"""What differs between two messages or two attempts: JSON by value, text by line. Pure."""

import difflib
import json
from collections.abc import Iterator
from typing import Any

from qstash_dev.client import Attempt, Body, Detail
from qstash_dev.protocol.json_body import loads
from qstash_dev.tui.render import fmt
from qstash_dev.tui.render.pages import reason_phrase
from qstash_dev.tui.render.palette import Line

_NOTHING = object()


def message_diff(old: Detail, new: Detail) -> list[Line]:
    """Two messages: destination, headers, bodies and last answers."""
    lines: list[Line] = [[(f"- {old.row.id}", "gone")], [(f"+ {new.row.id}", "added")]]
    lines += _section("Request", _texts(_first_line(old), _first_line(new)))
    lines += _section("Headers", _pairs(old.request.headers, new.request.headers))
    lines += _section("Body", body_diff(old.request.body, new.request.body))
    if old.attempts and new.attempts:
        lines += attempt_diff(old.attempts[-1], new.attempts[-1])
    return lines


def attempt_diff(old: Attempt, new: Attempt) -> list[Line]:
    """Two attempts: what came back."""
    lines = _section("Answer", _texts(_outcome(old), _outcome(new)))
    if old.response is not None and new.response is not None:
        lines += _section("Answer's headers", _pairs(old.response.headers, new.response.headers))
        lines += _section("Answer's body", body_diff(old.response.body, new.response.body))
    return lines


def body_diff(old: Body, new: Body) -> list[Line]:
    """Two bodies; empty when they are the same."""
    if old.text is None or new.text is None:
        if (old.text, old.base64) == (new.text, new.base64):
            return []
        sizes = f"binary, {fmt.size(old.size)} and {fmt.size(new.size)}"
        return [[(f"They differ ({sizes}).", "warning")]]
    try:
        return list(_values("", loads(old.text), loads(new.text)))
    except ValueError:
        return _texts(old.text, new.text)


def _values(path: str, old: Any, new: Any) -> Iterator[Line]:
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
                yield [(fmt.safe(f"{sign} {path or '(all)'}: {shown}"), role)]


def _texts(old: str, new: str) -> list[Line]:
    if "\n" not in old + new:
        pair: list[Line] = [
            [(fmt.safe(f"- {old}"), "gone")],
            [(fmt.safe(f"+ {new}"), "added")],
        ]
        return [] if old == new else pair
    roles = {"+": "added", "-": "gone", "@": "muted"}
    found = difflib.unified_diff(old.split("\n"), new.split("\n"), n=2, lineterm="")
    return [[(fmt.safe(line), roles.get(line[:1], ""))] for line in list(found)[2:]]


def _pairs(old: list[tuple[str, str]], new: list[tuple[str, str]]) -> list[Line]:
    one, two = ({name.lower(): value for name, value in side} for side in (old, new))
    return list(_values("", one, two))


def _section(title: str, lines: list[Line]) -> list[Line]:
    head: Line = [("── ", "muted"), (title, "title"), (" ──", "muted")]
    return [[], head, *(lines or [[("the same", "muted")]])]


def _first_line(detail: Detail) -> str:
    return f"{detail.request.method} {detail.request.url}"


def _outcome(attempt: Attempt) -> str:
    if attempt.response is not None:
        return reason_phrase(attempt.response.status)
    return f"{attempt.failure.reason}: {attempt.failure.detail}" if attempt.failure else "none yet"
