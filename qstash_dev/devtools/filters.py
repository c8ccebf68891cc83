r"""The filter language of the list, the commands and the control API: text to a checked tree.

It refuses to know where messages are kept; whoever selects translates the tree.

    filter  = term (SPACE term)*                 all must hold
    term    = ["-"] [key ":"] value ("|" value)* "-" negates, "|" is OR
    value   = characters and "quoted text", with \" and \\ inside the quotes

Quoted characters are plain text: no wildcard, no "|", no ":" and no "-" in front. A term without
key is a word. Keys, words and texts are compared without regard to case.

    key                    value                            compared
    (word)                 text                             contained in id, destination or body
    dest body              text                             contained
    id run                 text                             at the beginning
    queue schedule label   text                             whole
    group step flow
    header                 name or name=text                whole; a name alone: it is there
    code                   500, 5xx, >=400, 400-499, none   none: there was no answer
    try                    2, >1, 2-4                       attempts made
    age                    <5m, >1h, 5m-1h                  5m alone: at most
    state                  failed, retry, ok, waiting, ...  see STATES
    source                 publish, callback, cloud, ...    see SOURCES
    is                     held, marked, replay, external

`*` in a text stands for any characters, so `schedule:*` selects whatever came from a schedule.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Literal

from msgspec import Struct

from qstash_dev.devtools import states
from qstash_dev.protocol.errors import nearest
from qstash_dev.protocol.model import Kind
from qstash_dev.protocol.timing import parse_duration


class Text(Struct, frozen=True):
    """Text with wildcards: the pieces between the `*`. One piece: no wildcard."""

    pieces: tuple[str, ...]


class Span(Struct, frozen=True):
    """Whole numbers from `low` to `high`, both included; `None` is open. Ages are milliseconds."""

    low: int | None
    high: int | None


class Words(Struct, frozen=True):
    """One of these: states or sources in the words of the control API's rows, flags, or `none`."""

    names: tuple[str, ...]


class HeaderValue(Struct, frozen=True):
    """A header of the request, its name in lower case; `value` `None`: it need only exist."""

    name: str
    value: Text | None


class Exactly(Struct, frozen=True):
    """One of these, letter for letter: no one writes it, but QStash's lists compare so. A pair is an id
    and a time.
    """

    values: tuple[str | int | tuple[str, int], ...]


class Begins(Struct, frozen=True):
    """A text that begins so, letter for letter."""

    text: str


Value = Text | Span | Words | HeaderValue | Exactly | Begins


class Term(Struct, frozen=True):
    """One condition: any of `values` matches, or none of them if `negated`."""

    key: str
    values: tuple[Value, ...]
    negated: bool = False


class Filter(Struct, frozen=True):
    """All terms must hold; without terms everything is selected."""

    terms: tuple[Term, ...] = ()


class FilterError(ValueError):
    """A filter that cannot be read, as a sentence; `suggestion` is what was probably meant."""

    def __init__(self, message: str, suggestion: str | None = None) -> None:
        super().__init__(f"{message} Did you mean {suggestion!r}?" if suggestion else message)
        self.suggestion = suggestion


COMPARED: Mapping[str, Literal["contains", "prefix", "whole"]] = {
    "word": "contains",
    "dest": "contains",
    "body": "contains",
    "id": "prefix",
    "queue": "whole",
    "schedule": "whole",
    "label": "whole",
    "group": "whole",
    "flow": "whole",
    "run": "prefix",
    "step": "whole",
    "header": "whole",
}
"""How a `Text` is compared, for every key that takes one."""

STATES: Mapping[str, tuple[str, ...]] = {
    **{word: (word,) for word in states.STATES},
    "ok": ("delivered",),
    "success": ("delivered",),
    "dlq": ("failed",),
    "cancelled": ("canceled",),
    "waiting": states.WAITING,
    "finished": states.FINISHED,
}
SOURCES: Mapping[str, tuple[str, ...]] = {
    **{kind.value: (kind.value,) for kind in Kind},
    "dlq": (Kind.DLQ_RETRY.value,),
    "local": tuple(kind.value for kind in Kind if kind is not Kind.CLOUD),
}
FLAGS: Mapping[str, tuple[str, ...]] = {
    word: (word,) for word in ("held", "marked", "replay", "external")
}

HELP = (
    'state:failed  dest:/api/orders  code:5xx  try:>1  body:"user 42"  header:x-tenant=acme',
    "queue:mail  flow:key  schedule:*  label:x  group:g  source:cloud  age:<5m  is:held|replay",
    "space = AND, | inside a value = OR, leading - = NOT; a plain word: id, destination, body",
)
"""The language in three lines, for those who are about to write in it."""

TROUBLE = "state:failed|retry|held"
"""Only what is not ok."""

_MAX_TEXT = 4_000
# SQLite evaluates expressions that are at most a thousand deep.
_MAX_CONDITIONS = 300
_MAX_STARS = 100
_HEADER_NAME = re.compile(r"[!#$%&'+.^_`~0-9a-z-]+")
_OTHER_NAMES = {
    "url": "dest",
    "destination": "dest",
    "host": "dest",
    "path": "dest",
    "status": "code",
    "response": "code",
    "attempt": "try",
    "tries": "try",
    "retries": "try",
    "topic": "group",
    "tag": "label",
    "kind": "source",
    "type": "source",
    "cron": "schedule",
    "workflow": "run",
    "runid": "run",
    "time": "age",
    "since": "age",
    "messageid": "id",
}

Piece = tuple[str, bool]
"""One character of the filter, and whether it was quoted."""


def parse_filter(text: str) -> Filter:
    """Read a filter. Raises `FilterError` with a sentence, and a suggestion where one is likely."""
    if len(text) > _MAX_TEXT:
        raise FilterError(f"The filter is longer than {_MAX_TEXT} characters.")
    terms = tuple(_term(pieces) for pieces in _split_terms(text))
    if sum(len(term.values) for term in terms) > _MAX_CONDITIONS:
        raise FilterError(f"The filter has more than {_MAX_CONDITIONS} conditions.")
    return Filter(terms)


def _split_terms(text: str) -> Iterable[list[Piece]]:
    term: list[Piece] = []
    quoted, rest = False, iter(text)
    for char in rest:
        if quoted and char == "\\":
            following = next(rest, "")
            term += [
                (c, True) for c in (following if following in ('"', "\\") else "\\" + following)
            ]
        elif char == '"':
            quoted = not quoted
            term.append(("", True))  # so that "" is a value, and not nothing
        elif char.isspace() and not quoted:
            if term:
                yield term
            term = []
        else:
            term.append((char, quoted))
    if quoted:
        raise FilterError('A quote is not closed: add a " at the end.')
    if term:
        yield term


def _term(pieces: list[Piece]) -> Term:
    negated = pieces[0] == ("-", False)
    if negated:
        pieces = pieces[1:]
    if not pieces:
        raise FilterError(
            "There is nothing after '-': expected what to leave out, as in -state:ok."
        )
    head, colon, rest = _cut(pieces, ":")
    key = _key(head) if colon else "word"
    values = tuple(_value(key, alternative) for alternative in _split(rest if colon else head, "|"))
    return Term(key, values, negated)


def _cut(pieces: list[Piece], mark: str) -> tuple[list[Piece], bool, list[Piece]]:
    """Around the first unquoted `mark`, as `str.partition` does."""
    if (mark, False) not in pieces:
        return pieces, False, []
    at = pieces.index((mark, False))
    return pieces[:at], True, pieces[at + 1 :]


def _split(pieces: list[Piece], mark: str) -> list[list[Piece]]:
    """Between the unquoted marks, as `str.split` does."""
    parts: list[list[Piece]] = [[]]
    for piece in pieces:
        if piece == (mark, False):
            parts.append([])
        else:
            parts[-1].append(piece)
    return parts


def _plain(pieces: list[Piece]) -> str:
    return "".join(char for char, _ in pieces)


def _key(pieces: list[Piece]) -> str:
    shown = _plain(pieces)
    key = shown.lower()
    if key in _READERS and key != "word":
        return key
    meant = _OTHER_NAMES.get(key) or nearest(key, _READERS)
    if meant:
        raise FilterError(f"There is no filter key {shown!r}.", meant)
    known = ", ".join(sorted(_READERS.keys() - {"word"}))
    raise FilterError(
        f"There is no filter key {shown!r}: expected one of {known}, or the text in quotes."
    )


def _value(key: str, pieces: list[Piece]) -> Value:
    if not pieces:
        where = "The text" if key == "word" else f"The key {key}"
        raise FilterError(f'{where} has an empty value: write "" if nothing is meant.')
    return _READERS[key](key, pieces)


def _text(key: str, pieces: list[Piece]) -> Text:
    first, *others = (_plain(part) for part in _split(pieces, "*"))
    if len(others) > _MAX_STARS:
        raise FilterError(f"A text of the filter has more than {_MAX_STARS} stars: *.")
    # Two stars side by side mean what one means.
    return Text((first, *filter(None, others[:-1]), *others[-1:]))


def _header(key: str, pieces: list[Piece]) -> HeaderValue:
    head, equals, rest = _cut(pieces, "=")
    name = _plain(head).lower()
    if not _HEADER_NAME.fullmatch(name):
        raise FilterError(
            f"{_plain(head)!r} is not a header name: expected header:name or header:name=value."
        )
    return HeaderValue(name, _text(key, rest) if equals else None)


def _words(known: Mapping[str, tuple[str, ...]]) -> Callable[[str, list[Piece]], Words]:
    def read(key: str, pieces: list[Piece]) -> Words:
        shown = _plain(pieces)
        word = shown.lower()
        if word in known:
            return Words(known[word])
        sentence = f"{shown!r} is no value of {key}"
        if meant := nearest(word, known):
            raise FilterError(f"{sentence}.", f"{key}:{meant}")
        raise FilterError(f"{sentence}: expected one of {', '.join(known)}.")

    return read


def _code(key: str, pieces: list[Piece]) -> Span | Words:
    text = _plain(pieces).lower()
    if text == "none":
        return Words(("none",))
    if re.fullmatch(r"[1-5]xx", text):
        return Span(int(text[0]) * 100, int(text[0]) * 100 + 99)
    return _span(text, _status, f"{text!r} is no status code: expected 500, 5xx, >=400 or none.")


def _status(text: str) -> int:
    number = _count(text)
    if not 100 <= number <= 599:
        raise ValueError
    return number


def _count(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise ValueError
    return int(text)


def _try(key: str, pieces: list[Piece]) -> Span:
    text = _plain(pieces)
    return _span(text, _count, f"{text!r} is no number of attempts: expected 2, >1 or 2-4.")


def _age(key: str, pieces: list[Piece]) -> Span:
    text = _plain(pieces).lower()
    bare = text[:1].isdigit() and "-" not in text
    return _span(
        f"<={text}" if bare else text,
        parse_duration,
        f"{text!r} is no age: expected <5m, >1h or 5m-1h.",
    )


def _span(text: str, number: Callable[[str], int], sentence: str) -> Span:
    operator, operand = re.fullmatch(r"([<>]=?|=)?(.*)", text, re.DOTALL).groups()  # type: ignore[union-attr]
    try:
        match operator:
            case ">=":
                return Span(number(operand), None)
            case ">":
                return Span(number(operand) + 1, None)
            case "<=":
                return Span(None, number(operand))
            case "<":
                return Span(None, number(operand) - 1)
        low, dash, high = operand.partition("-")
        return Span(number(low), number(high if dash else low))
    except ValueError:
        raise FilterError(sentence) from None


_READERS: Mapping[str, Callable[[str, list[Piece]], Value]] = {
    **dict.fromkeys(COMPARED, _text),
    "state": _words(STATES),
    "code": _code,
    "try": _try,
    "header": _header,
    "source": _words(SOURCES),
    "age": _age,
    "is": _words(FLAGS),
}

COMPLETIONS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(sorted(_READERS.keys() - {"word"}), ()),
    "state": tuple(STATES),
    "source": tuple(SOURCES),
    "is": tuple(FLAGS),
    "code": ("5xx", "4xx", "none"),
}
"""Every key, with the values that can be offered for it."""
