"""Narrows a list that is here already by words, as the filter of messages does on the server.

Space is AND, `|` inside a value is OR, a leading `-` is NOT; `key:value` looks in one field only.
"""

import shlex
from collections.abc import Iterable
from typing import Any

import msgspec

from qstash_dev.devtools.ansi import plain

Fields = dict[str, str]


def fields_of(item: Any) -> Fields:
    """The fields of a thing as text, by their names, all in lower case."""
    found = msgspec.to_builtins(item)
    if not isinstance(found, dict):
        return {"": str(found).lower()}
    return {name.lower(): _text(value).lower() for name, value in found.items()}


def matches(fields: Fields, words: str) -> bool:
    return all(_holds(fields, word) for word in _words(words))


def complaint(items: Iterable[Fields], words: str) -> str | None:
    """What is wrong with the words: a field that nothing here has."""
    known = {name for fields in items for name in fields}
    for word in _words(words):
        key, colon, _ = word.removeprefix("-").partition(":")
        if colon and known and not any(key in name for name in known):
            return f'Nothing here has a field "{key}"; there are: {", ".join(sorted(known))}.'
    return None


def _text(value: Any) -> str:
    if isinstance(value, str):
        return plain(value)
    return msgspec.json.encode(value).decode()


def _holds(fields: Fields, word: str) -> bool:
    negated, word = word.startswith("-"), word.removeprefix("-")
    key, colon, value = word.partition(":")
    if not colon or not any(key in name for name in fields):
        key, value = "", word
    named = [key] if key in fields else [name for name in fields if key in name]
    texts = [fields[name] for name in named]
    return negated != any(part in text for part in value.split("|") for text in texts)


def _words(words: str) -> list[str]:
    try:
        return shlex.split(words.lower())
    except ValueError:  # a quote is open: it is still being typed
        return words.lower().split()
