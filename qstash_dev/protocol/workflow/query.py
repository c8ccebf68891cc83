"""Filters and pages of lists of workflow runs (workflow docs, "List logs", "Bulk cancel", "DLQ").

Values of one name are alternatives; names must all hold.
"""

from collections.abc import Iterable

from msgspec import Struct

from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.query import (
    IGNORED,
    grouped,
    is_set,
    number,
    parse_cursor,
    read_conditions,
    whole,
)
from qstash_dev.protocol.workflow.model import FailureState, RunState

_NAMES = {
    "workflowrunid": "id",
    "workflowrunids": "id",
    "workflowurl": "url",
    "workflowcreatedat": "created_at",
    "state": "state",
    "label": "label",
    "messageid": "message_id",
    "flowcontrolkey": "flow_key",
    "callerip": "caller_ip",
    "dlqid": "dlq_id",
    "dlqids": "dlq_id",
    "failurefunctionstate": "failure_state",
    "failurecallbackstate": "failure_state",
    "responsestatus": "status",
}
_LISTS = frozenset(("workflowrunids", "dlqids", "state", "workflowcreatedat"))
_NUMBERS = frozenset(("created_at", "status"))
_RUNS = "workflowruns"
_EXACT = "workflowurlexactmatch"
_OTHERS = IGNORED | {"fromdate", "todate", "count", "cursor", _RUNS, _EXACT, "source"}
_STEP_STATES = frozenset(
    ("STEP_SUCCESS", "STEP_FAILED", "STEP_CANCELED", "STEP_PROGRESS", "STEP_RETRY")
)
_COMMON = frozenset(("id", "url", "label", "flow_key", "caller_ip"))
CANCELLED = _COMMON
LOGGED = _COMMON | {"created_at", "state", "message_id"}
DEAD = _COMMON | {"created_at", "dlq_id", "failure_state", "status"}


class RunQuery(Struct, frozen=True):
    """Which runs, and which page of them. `among` are ids with their creation times, which override
    all filters; `url_prefix` is what their URLs begin with. For people: what ids begin with, and what
    is in URLs. Dates are epoch ms, inclusive.
    """

    conditions: dict[str, tuple[str, ...]] = {}
    url_prefix: tuple[str, ...] = ()
    id_prefix: str = ""
    url_part: str = ""
    among: tuple[tuple[str, int], ...] = ()
    from_date: int | None = None
    to_date: int | None = None
    count: int | None = None
    cursor: int | None = None


def parse_runs(
    pairs: Iterable[tuple[str, str]],
    known: frozenset[str],
    *,
    count: int | None = None,
    max_count: int | None = None,
    by_prefix: bool = False,
    changes: bool = False,
) -> RunQuery:
    """Read query parameters. `by_prefix`: a URL stands for all that begin with it, unless
    `workflowUrlExactMatch` says otherwise. A call that `changes` what it selects takes no filter
    without a value for "everything". Raises QStashError(400) for an unknown filter or a bad value.
    """
    pairs = list(pairs)
    values = grouped(pairs)
    conditions = read_conditions(values, _NAMES, known, _LISTS, _OTHERS, _checked, changes=changes)
    among = _among(values.get(_RUNS, ()))
    prefix: tuple[str, ...] = ()
    if by_prefix and not is_set(pairs, _EXACT):
        prefix = conditions.pop("url", ())
    asked = number(values, "count")
    return RunQuery(
        conditions={} if among else conditions,
        url_prefix=prefix,
        among=among,
        from_date=number(values, "fromDate"),
        to_date=number(values, "toDate"),
        count=_bounded(count if asked is None else asked, max_count),
        cursor=parse_cursor(values.get("cursor", [""])[-1]),
    )


def _checked(name: str, field: str, texts: tuple[str, ...]) -> tuple[str, ...]:
    states: Iterable[str] = ()
    if field == "state":
        states = {*RunState, *_STEP_STATES}
    elif field == "failure_state":
        states = set(FailureState)
    for text in texts:
        if states and text not in states:
            expected = ", ".join(sorted(states))
            raise QStashError(400, f"unknown {name} {text[:100]!r}: expected one of {expected}")
        if field in _NUMBERS:
            whole(name, text)
    return texts


def _among(texts: Iterable[str]) -> tuple[tuple[str, int], ...]:
    """`ID@CREATED_AT,ID@CREATED_AT`; an id may itself have an `@`."""
    found: list[tuple[str, int]] = []
    for part in filter(None, (part.strip() for text in texts for part in text.split(","))):
        run_id, _, at = part.rpartition("@")
        if not run_id:
            raise QStashError(400, f"invalid workflowRuns: {part[:100]!r} is not <id>@<created at>")
        found.append((run_id, whole(_RUNS, at)))
    return tuple(found)


def _bounded(count: int | None, most: int | None) -> int | None:
    if count is None or most is None:
        return count
    return max(1, min(count, most))
