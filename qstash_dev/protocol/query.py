"""Filters, order and pages of list and bulk calls: from a query string or a JSON body to one value.

Values of one name are alternatives; names must all hold (QStash API reference, "List logs" and "Bulk
cancel messages"). States are accepted in both spellings: the docs have CANCELLED, the SDKs CANCELED.
"""

from collections.abc import Callable, Container, Iterable, Mapping

from msgspec import Struct

from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.json_body import read_json, read_whole_number, scalar_text, whole_number
from qstash_dev.protocol.model import Query, State

_NAMES = {
    "messageid": "id",
    "messageids": "id",
    "state": "state",
    "url": "url",
    "host": "host",
    "path": "path",
    "topicname": "topic",
    "scheduleid": "schedule_id",
    "queuename": "queue",
    "label": "label",
    "flowcontrolkey": "flow_key",
    "callerip": "caller_ip",
    "responsestatus": "status",
    "dlqid": "dlq_id",
    "dlqids": "dlq_id",
    "api": "api",
    "source": "source",
}
_WIRE = {
    "id": "messageIds",
    "topic": "topicName",
    "schedule_id": "scheduleId",
    "queue": "queueName",
    "flow_key": "flowControlKey",
    "caller_ip": "callerIp",
}
_DATES = ("fromDate", "toDate")
_LISTS = frozenset(("messageids", "dlqids", "state"))
IGNORED = frozenset(("qstash_token", "groupby", "trimbody", "async", "all"))
_OTHERS = IGNORED | {"fromdate", "todate", "count", "cursor", "order"}
_COMMON = frozenset(
    ("id", "url", "topic", "schedule_id", "queue", "label", "flow_key", "caller_ip")
)
MESSAGES = _COMMON | {"host", "path", "api", "source"}
EVENTS = _COMMON | {"host", "path", "state", "api", "source"}
DEAD_LETTERS = _COMMON | {"status", "dlq_id", "api", "source"}
_Value = str | int | bool | list[str | int | None] | None
_IN_PROGRESS = (State.ACTIVE, State.RETRY, State.ERROR)


class Defaults(Struct, frozen=True):
    """What a call assumes: which filters it knows, how many it lists, in which order.

    With `ids_alone`, ids of messages override all other filters. A call that `changes` what it selects
    takes no filter without a value for "everything". With `at_once` it has no pages: without a count
    it takes everything, with one the oldest, so many of them.
    """

    known: frozenset[str]
    count: int = 100
    max_count: int = 1000
    latest_first: bool = True
    ids_alone: bool = False
    changes: bool = False
    at_once: bool = False


CANCELLED = Defaults(MESSAGES, max_count=500, ids_alone=True, changes=True, at_once=True)
"""Of a call that cancels many messages. `count` counts (qstash-js `messages.test.ts`), though the newer
docs call it ignored.
"""


def parse_query(pairs: Iterable[tuple[str, str]], defaults: Defaults) -> Query:
    """Read query parameters. Raises QStashError(400) for an unknown filter or a bad value."""
    values = grouped(pairs)
    for name in _DATES if defaults.changes else ():
        if not "".join(values.get(name.lower(), ["given"])):
            raise QStashError(400, f"the filter {name!r} has no value")
    conditions = read_conditions(
        values, _NAMES, defaults.known, _LISTS, _OTHERS, _checked, changes=defaults.changes
    )
    if defaults.ids_alone and "id" in conditions:
        return Query({"id": conditions["id"]}, latest_first=defaults.latest_first)
    count = _count(values, defaults)
    return Query(
        conditions=conditions,
        from_date=number(values, "fromDate"),
        to_date=number(values, "toDate"),
        count=count or defaults.count,
        cursor=parse_cursor(values.get("cursor", [""])[-1]),
        latest_first=_latest_first(values, defaults.latest_first),
        at_most=count if defaults.at_once else None,
    )


def json_pairs(body: bytes) -> list[tuple[str, str]]:
    """The filters in a JSON body: an object whose values are strings, numbers or lists of them.

    qstash-py and qstash-go cancel with a body. `null` is as good as nothing: Go may send it for an
    empty list.
    """
    if not body.strip():
        return []
    document = read_json(body, dict[str, _Value] | None) or {}
    pairs: list[tuple[str, str]] = []
    for name, value in document.items():
        values = value if isinstance(value, list) else [value]
        found = [(name, scalar_text(v)) for v in values if v is not None]
        # An empty list of messages is documented as all of them; of anything else it is no value.
        is_all = value is None or name.lower() == "messageids"
        pairs += found or ([] if is_all else [(name, "")])
    return pairs


def filters(query: Query) -> dict[str, list[str]]:
    """The query's filters by their names on the wire."""
    shown = {_WIRE.get(field, field): list(values) for field, values in query.conditions.items()}
    dates = {"fromDate": query.from_date, "toDate": query.to_date}
    return shown | {name: [str(date)] for name, date in dates.items() if date is not None}


def parse_cursor(text: str) -> int | None:
    """The sequence number in a cursor `<ms>-<n>`; an empty cursor is none."""
    if not text:
        return None
    seq = whole_number(text.rpartition("-")[2])
    if seq is None:
        raise QStashError(400, f"invalid cursor {text[:100]!r}")
    return seq


def format_cursor(time: int, seq: int) -> str:
    """Where a list goes on: never a bare number, which would be too large for JavaScript. The form is
    that of the samples (QStash API reference, "List logs").
    """
    return f"{time}-{seq}"


def is_set(pairs: Iterable[tuple[str, str]], name: str) -> bool:
    """Whether a switch such as `async` is on. Raises QStashError(400) when it is neither on nor off."""
    texts = [value.strip().lower() for key, value in pairs if key.lower() == name]
    if not texts:
        return False
    if texts[-1] not in ("true", "false", "1", "0", ""):
        raise QStashError(400, f"invalid {name}: {texts[-1][:100]!r} is neither true nor false")
    return texts[-1] in ("true", "1")


def grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """The values of each parameter, by its name in lower case."""
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name.lower(), []).append(value.strip())
    return values


def read_conditions(
    values: Mapping[str, list[str]],
    names: Mapping[str, str],
    known: Container[str],
    lists: Container[str],
    others: Container[str],
    checked: Callable[[str, str, tuple[str, ...]], tuple[str, ...]],
    *,
    changes: bool,
) -> dict[str, tuple[str, ...]]:
    """The filters among parameters, by their fields in `names`; those in `lists` have commas between
    values, `others` are no filters. Raises QStashError(400), as `checked` may, also for a filter
    without a value in a call that `changes` what it selects.
    """
    conditions: dict[str, tuple[str, ...]] = {}
    for name, texts in values.items():
        if name in others:
            continue
        field = names.get(name)
        if field is None or field not in known:
            raise QStashError(400, f"unknown filter {name[:100]!r}")
        parts = [part.strip() for text in texts for part in text.split(",")]
        found = checked(name, field, tuple(filter(None, parts if name in lists else texts)))
        if found:
            conditions[field] = (*conditions.get(field, ()), *found)
        elif changes:
            raise QStashError(400, f"the filter {name[:100]!r} has no value")
    return conditions


def number(values: Mapping[str, list[str]], name: str) -> int | None:
    """A parameter that is a number, named as QStash spells it. Raises QStashError(400)."""
    text = values.get(name.lower(), [""])[-1]
    return whole(name, text) if text else None


def whole(name: str, text: str) -> int:
    """A number of at most 18 digits. Raises QStashError(400)."""
    try:
        return read_whole_number(text)
    except ValueError as error:
        raise QStashError(400, f"invalid {name}: {error}") from error


def _checked(name: str, field: str, texts: tuple[str, ...]) -> tuple[str, ...]:
    if field == "state":
        return _states(texts)
    if field == "status":
        return tuple(str(whole(name, text)) for text in texts)
    if field == "source" and set(texts) - {"workflow"}:
        raise QStashError(400, f"unknown source {texts[0][:100]!r}: expected workflow")
    return texts


def _states(texts: tuple[str, ...]) -> tuple[str, ...]:
    states: list[str] = []
    for text in texts:
        name = text.upper().replace("CANCELLED", "CANCELED")
        if name == "IN_PROGRESS":
            states += _IN_PROGRESS
        elif name in State.__members__:
            states.append(name)
        else:
            raise QStashError(400, f"unknown state {text[:100]!r}")
    return tuple(states)


def _count(values: Mapping[str, list[str]], defaults: Defaults) -> int | None:
    """What is asked for, at most `max_count`; a list takes 0 for nothing said."""
    asked = number(values, "count")
    if asked == 0 and defaults.changes:
        raise QStashError(400, f"invalid count: expected 1 to {defaults.max_count}")
    return min(asked, defaults.max_count) if asked else None


def _latest_first(values: Mapping[str, list[str]], default: bool) -> bool:
    text = values.get("order", [""])[-1].lower()
    if text not in ("", "latestfirst", "earliestfirst"):
        raise QStashError(
            400, f"invalid order {text[:100]!r}: expected latestFirst or earliestFirst"
        )
    return default if not text else text == "latestfirst"
