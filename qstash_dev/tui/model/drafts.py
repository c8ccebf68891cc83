"""A message as it is written, what is wrong with it, and where; and those that were not sent.

Knows no widgets and no server.
"""

import base64
from typing import Any, NamedTuple

import msgspec

from qstash_dev.devtools.written import header_pairs
from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.publish.readers import METHODS
from qstash_dev.tui.model.memory import Memory

KEPT = 20
MOST_BODY = 1_000_000

_MEMORY = "drafts"


class Draft(NamedTuple):
    """A message as it is written; `body` is `None` when it stays as it is."""

    url: str
    method: str
    headers: str
    body: bytes | None


class Problem(NamedTuple):
    """What is wrong; `field` is one of `Draft` or empty, `line` counts from 0 in that field."""

    text: str
    field: str = ""
    line: int = 0


def problem_of(draft: Draft) -> Problem | None:
    """What keeps a draft from being sent at all."""
    if not draft.url:
        return Problem("The destination is missing: a URL, or the name of a URL group.", "url")
    if draft.method not in METHODS:
        wanted = ", ".join(METHODS)
        return Problem(f'The method is one of {wanted}, not "{draft.method}".', "method")
    for place, line in enumerate(draft.headers.split("\n")):
        try:
            header_pairs(line)
        except QStashError as error:
            return Problem(error.message, "headers", place)
    return None


def refusal_at(said: str, draft: Draft) -> Problem:
    """What a server refused, at the header it names, else at the destination if it speaks of it."""
    words = said.lower()
    for place, line in enumerate(draft.headers.split("\n")):
        name = line.partition(":")[0].strip().lower()
        if name.startswith("upstash-") and name in words:
            return Problem(said, "headers", place)
    is_url = any(word in words for word in ("destination", "url", "endpoint", "scheme"))
    return Problem(said, "url" if is_url else "")


class Drafts:
    """What was written and not sent, by name; kept from one start to the next.

    `note` is what stands in a form now, which is kept, too, when the UI ends with the form open.
    """

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        found = memory.get(_MEMORY, {})
        read = {name: _read(value) for name, value in found.items()}
        self._kept = {name: draft for name, draft in read.items() if draft is not None}
        self._open: tuple[str, Draft | None] | None = None

    def __contains__(self, name: str) -> bool:
        return name in self._kept

    def get(self, name: str) -> Draft | None:
        """What was kept under this name."""
        return self._kept.get(name)

    def note(self, name: str, draft: Draft | None) -> None:
        """What is in the form now; `None` when it is as it began."""
        self._open = name, draft

    def keep(self) -> bool:
        """Keep what was noted last, or forget what was kept under its name; whether it was kept."""
        if self._open is None:
            return False
        (name, draft), self._open = self._open, None
        others = {other: kept for other, kept in self._kept.items() if other != name}
        after = others if draft is None else {**others, name: draft}
        if after != self._kept:
            self._kept = dict(list(after.items())[-KEPT:])
            written = {name: _written(draft) for name, draft in self._kept.items()}
            self._memory.put(_MEMORY, {name: value for name, value in written.items() if value})
        return draft is not None


def _written(draft: Draft) -> dict[str, str] | None:
    """As JSON takes it; `None` for what is too large to be written at every change."""
    body = draft.body or b""
    if len(body) > MOST_BODY:
        return None
    return {**draft._asdict(), "body": base64.b64encode(body).decode("ascii")}


def _read(value: Any) -> Draft | None:
    try:
        draft = msgspec.convert(value, _Written)
        return Draft(draft.url, draft.method, draft.headers, base64.b64decode(draft.body))
    except (msgspec.ValidationError, ValueError):
        return None


class _Written(msgspec.Struct):
    url: str
    method: str
    headers: str
    body: str
