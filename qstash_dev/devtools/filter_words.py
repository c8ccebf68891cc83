"""What may follow in a filter: keys, and values that are known to occur. Pure."""

from collections.abc import Iterable, Mapping
from itertools import takewhile
from typing import NamedTuple

from qstash_dev.devtools.documents import Row
from qstash_dev.devtools.filters import COMPLETIONS
from qstash_dev.protocol.urls import parts_of

OFFERED = 12
LINES = 20

Values = Mapping[str, Iterable[str]]


class Completion(NamedTuple):
    """The text and the place of the cursor in it; `options` are what the word could be, if several."""

    text: str
    place: int
    options: tuple[str, ...] = ()


def complete(text: str, place: int, known: Values) -> Completion:
    """The word at the cursor completed as far as that is certain, of keys and their known values."""
    start, options = _options(text, place, known)
    if not options:
        return Completion(text, place)
    word = common_start(options)
    if len(options) == 1 and not word.endswith(":"):
        word += " "
    several = tuple(options[:OFFERED]) if len(options) > 1 else ()
    rest = text[place:].removeprefix(" ") if word.endswith(" ") else text[place:]
    return Completion(text[:start] + word + rest, start + len(word), several)


def whole_lines(text: str, known: Values) -> list[str]:
    """What the text could become, if its last word is completed: for who chooses a whole line."""
    start, options = _options(text, len(text), known)
    return [text[:start] + option for option in options[:LINES]]


def _options(text: str, place: int, known: Values) -> tuple[int, list[str]]:
    """Where what is completed begins, and what could stand there."""
    start = text.rfind(" ", 0, place) + 1
    start += text[start:place].startswith("-")
    key, colon, _ = text[start:place].partition(":")
    if colon:
        start = max(start + len(key) + 1, text.rfind("|", start, place) + 1)
        options = sorted({_quoted(value) for value in known.get(key, ()) if value})
    else:
        options = sorted(f"{key}:" for key in known)
    return start, [option for option in options if option.startswith(text[start:place])]


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


def _path(url: str) -> str:
    parts = parts_of(url)
    return url if parts is None else parts.path


def quoted(key: str, value: str) -> str:
    """A term of the filter language for exactly this value."""
    return f"{key}:{_in_quotes(value)}"


def _quoted(value: str) -> str:
    return _in_quotes(value) if set(' "|') & set(value) else value


def _in_quotes(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
