"""What nearly matches a filter: messages for which all terms but one hold. Reads no store."""

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from qstash_dev.devtools.documents import Row
from qstash_dev.devtools.filters import Filter, parse_filter
from qstash_dev.devtools.text import counted
from qstash_dev.protocol.urls import split_url

LOOKED_AT = 200
"""So many messages of each kind are compared."""
_NAMED = 3
_TERM = re.compile(r'(?:[^\s"]|"(?:\\.|[^"\\])*")+')


def relaxed(text: str) -> Iterator[tuple[str, Filter]]:
    """Each term of a filter as it is written, and the filter without it."""
    terms = _TERM.findall(text)
    for place, term in enumerate(terms):
        yield term, parse_filter(" ".join(terms[:place] + terms[place + 1 :]))


def nearest(found: Sequence[tuple[str, Sequence[Row]]]) -> str:
    """A sentence about the term that keeps fewest messages out; empty if none would match."""
    some = [(term, rows) for term, rows in found if rows]
    if not some:
        return ""
    term, rows = min(some, key=lambda each: len(each[1]))
    value = term.partition(":")[2] or term
    likest = sorted(rows, key=lambda row: -_likeness(value, row))[:_NAMED]
    many = "or more " if len(rows) >= LOOKED_AT else ""
    count = counted(len(rows), f"{many}message matches", f"{many}messages match")
    return f"Nearest: {count} all but {term}: {', '.join(map(_named, likest))}."


def _likeness(value: str, row: Row) -> float:
    return SequenceMatcher(None, value, split_url(row.url).path).ratio() if "/" in value else 0


def _named(row: Row) -> str:
    status = "" if row.status is None else f" {row.status}"
    return f"{row.state}{status} {row.method} {row.url} ({row.id})"
