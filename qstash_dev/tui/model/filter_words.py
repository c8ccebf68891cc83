"""The filter line as an editor: what may follow, and what was typed before. Knows no widgets."""

from collections.abc import Iterable, Mapping
from itertools import takewhile
from typing import NamedTuple

from qstash_dev.devtools.documents import Row
from qstash_dev.devtools.filters import COMPLETIONS
from qstash_dev.protocol.urls import parts_of
from qstash_dev.tui.model.memory import Memory

KEPT = 50
OFFERED = 12

_MEMORY = "filters"

Values = Mapping[str, Iterable[str]]


class Completion(NamedTuple):
    """The text and the place of the cursor in it; `options` are what the word could be, if several."""

    text: str
    place: int
    options: tuple[str, ...] = ()


def complete(text: str, place: int, known: Values) -> Completion:
    """The word at the cursor completed as far as that is certain, of keys and their known values."""
    start = text.rfind(" ", 0, place) + 1
    start += text[start:place].startswith("-")
    key, colon, _ = text[start:place].partition(":")
    if colon:
        start = max(start + len(key) + 1, text.rfind("|", start, place) + 1)
        options = sorted({_quoted(value) for value in known.get(key, ()) if value})
    else:
        options = sorted(f"{key}:" for key in known)
    begun = text[start:place]
    options = [option for option in options if option.startswith(begun)]
    if not options:
        return Completion(text, place)
    word = common_start(options)
    if len(options) == 1 and colon:
        word += " "
    several = tuple(options[:OFFERED]) if len(options) > 1 else ()
    rest = text[place:].removeprefix(" ") if word.endswith(" ") else text[place:]
    return Completion(text[:start] + word + rest, start + len(word), several)


def values_of(rows: Iterable[Row]) -> dict[str, set[str]]:
    """Keys of the filter with what is known to occur: in the language, and in these messages."""
    seen: dict[str, set[str]] = {key: set(values) for key, values in COMPLETIONS.items()}
    for row in rows:
        found = {
            "dest": [_path(row.url)],
            "label": row.labels,
            "queue": [row.queue],
            "group": [row.topic],
            "flow": [row.flow_key],
            "schedule": [row.schedule],
            "run": [row.run],
            "step": [row.step],
            "code": [str(row.status) if row.status else None],
        }
        for key, values in found.items():
            seen.setdefault(key, set()).update(filter(None, values))
    return seen


def common_start(words: list[str]) -> str:
    """How all of them begin."""
    same = takewhile(lambda chars: len(set(chars)) == 1, zip(*words, strict=False))
    return "".join(chars[0] for chars in same)


class History:
    """Filters that were used, the newest last; kept from one start to the next."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._texts: list[str] = [str(text) for text in memory.get(_MEMORY, [])]
        self._place = len(self._texts)
        self._typed = ""

    def add(self, text: str) -> None:
        """This one was used; whoever looks back begins with it."""
        if text:
            self._texts = [*(other for other in self._texts if other != text), text][-KEPT:]
            self._memory.put(_MEMORY, self._texts)
        self._place = len(self._texts)

    def older(self, typed: str) -> str:
        """The one before; what was typed comes back after the newest."""
        if self._place == len(self._texts):
            self._typed = typed
        self._place = max(0, self._place - 1)
        return self._texts[self._place] if self._texts else typed

    def newer(self) -> str | None:
        """The one after; `None` when nothing is older than what is typed now."""
        if self._place >= len(self._texts):
            return None
        self._place += 1
        return self._texts[self._place] if self._place < len(self._texts) else self._typed


def _path(url: str) -> str:
    parts = parts_of(url)
    return url if parts is None else parts.path


def _quoted(value: str) -> str:
    return f'"{value}"' if " " in value else value
