"""The queries of QStash's API as the tree that our filter language is read to (`devtools.filters`).

From here on nobody knows in which of the two something was asked.
"""

from collections.abc import Iterable, Mapping

from qstash_dev.devtools.filters import Begins, Exactly, Filter, Span, Term, Text, Value, Words
from qstash_dev.protocol.model import Query
from qstash_dev.protocol.workflow.query import RunQuery

_KEYS = {
    "url": "dest",
    "topic": "group",
    "schedule_id": "schedule",
    "flow_key": "flow",
    "status": "code",
}
_NUMBERS = ("status", "created_at")


def of_query(query: Query, user: str | None) -> Filter:
    """What is asked of the events, messages or dead letters of a user; `None` is all users."""
    conditions = dict(query.conditions)
    events = conditions.pop("state", ())
    terms = [*_conditions(conditions), *_exactly("event", events), *_owner(user)]
    if query.cursor is not None:
        before = query.latest_first
        span = Span(None, query.cursor - 1) if before else Span(query.cursor + 1, None)
        terms.append(Term("number", (span,)))
    return Filter((*terms, *_dates(query.from_date, query.to_date)))


def of_runs(
    query: RunQuery, user: str | None, *words: str, events: tuple[str, ...] | None = None
) -> Filter:
    """What is asked of the runs of a user; with words of `is`, also that. Of what happened in them
    only these `events`.
    """
    terms = [
        *_conditions(query.conditions),
        *_exactly("run", query.among),
        *_any("begin", *(Begins(text) for text in query.url_prefix)),
        *_any("id", *(Text((text,)) for text in (query.id_prefix,) if text)),
        *_any("dest", *(Text((text,)) for text in (query.url_part,) if text)),
        *_owner(user),
        *(Term("is", (Words((word,)),)) for word in words),
        *(() if events is None else (Term("event", (Exactly(events),)),)),
    ]
    if query.cursor is not None:
        terms.append(Term("number", (Span(None, query.cursor - 1),)))
    return Filter((*terms, *_dates(query.from_date, query.to_date)))


def _conditions(conditions: Mapping[str, tuple[str, ...]]) -> Iterable[Term]:
    for field, texts in conditions.items():
        if field in ("state", "source"):
            yield Term(field, (Words(texts),))
        else:
            values = [int(text) for text in texts] if field in _NUMBERS else texts
            yield from _exactly(_KEYS.get(field, field), values)


def _owner(user: str | None) -> Iterable[Term]:
    return _exactly("user", () if user is None else (user,))


def _dates(since: int | None, until: int | None) -> Iterable[Term]:
    return () if since is None and until is None else (Term("time", (Span(since, until),)),)


def _exactly(key: str, values: Iterable[str | int | tuple[str, int]]) -> Iterable[Term]:
    found = tuple(values)
    return _any(key, Exactly(found)) if found else ()


def _any(key: str, *values: Value) -> Iterable[Term]:
    return (Term(key, values),) if values else ()
