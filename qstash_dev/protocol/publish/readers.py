"""How the value of each option is read, and written as a header has it (QStash API, "Publish").

A reader gets all values of a publish or of a callback family by lower-case names, the name of its
own, and the limits. It raises QStashError: 400 naming the header, 412 for a quota.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, TypeVar, get_args

from qstash_dev.protocol.destination import NAME
from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.headers import canonical, check_header
from qstash_dev.protocol.json_body import read_whole_number
from qstash_dev.protocol.model import FlowControl, Headers
from qstash_dev.protocol.quota import Limits, exceeds
from qstash_dev.protocol.retry import validate_retry_delay
from qstash_dev.protocol.timing import format_duration, parse_duration

T = TypeVar("T")
Values = Mapping[str, str]
Reader = Callable[[Values, str, Limits], Any]

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
METHODS: tuple[Method, ...] = get_args(Method)
DEFAULT_RETRIES = 3
FORWARDED_TYPE = "upstash-forward-content-type"


def parsed(parse: Callable[[str], T]) -> Callable[[Values, str, Limits], T | None]:
    """The reader of an option whose text alone counts; `parse` raises ValueError with a sentence."""

    def read(values: Values, name: str, _limits: Limits) -> T | None:
        text = values.get(name)
        if not text:
            return None
        try:
            return parse(text)
        except ValueError as error:
            raise QStashError(400, f"invalid {canonical(name)} header: {error}") from error

    return read


def flag(values: Values, name: str, _limits: Limits) -> bool:
    """`true` or `1`, or their opposites; qstash-py sends `True`. Ours: all else is refused."""
    text = values.get(name, "").lower()
    if text not in ("", "true", "false", "1", "0"):
        raise QStashError(400, f"invalid {canonical(name)} header: {text!r} is not true or false")
    return text in ("true", "1")


def method(values: Values, name: str, _limits: Limits) -> str:
    """One of `METHODS`, in any case."""
    found = values.get(name, "").upper() or "POST"
    if found not in METHODS:
        raise QStashError(
            400,
            f"invalid Upstash-Method header: {found[:50]!r} is not one of {', '.join(METHODS)}",
        )
    return found


def retries(values: Values, name: str, limits: Limits) -> int | None:
    """How often at most; with more than the plan has, 412 (workflow-js CI, `quota-error`)."""
    number = _number(values, name, limits)
    if exceeds(number, limits.max_retries):
        raise QStashError(412, "quota maxRetries exceeded")
    return number


def default_retries(limits: Limits) -> int:
    """Where a publish does not say it (QStash docs, "Retry")."""
    most = limits.max_retries
    return DEFAULT_RETRIES if most is None else min(DEFAULT_RETRIES, most)


def retry_delay(text: str) -> str:
    """An expression, checked and as it was written."""
    validate_retry_delay(text)
    return text


def timeout(text: str) -> int:
    """Milliseconds; a bare number is seconds, as workflow-js sends it. Ours: 0 is refused."""
    timeout_ms = parse_duration(text)
    if timeout_ms == 0:
        raise ValueError("it must be longer than 0s")
    return timeout_ms


def delay(values: Values, name: str, limits: Limits) -> int:
    """Milliseconds."""
    delay_ms = _duration(values, name, limits) or 0
    check_delay(delay_ms, limits)
    return delay_ms


def check_delay(delay_ms: int, limits: Limits) -> None:
    """Raises QStashError(412) for a delivery that is further away than the plan allows. The words are
    QStash's, as users report them; the status is ours, that of its other quotas.
    """
    if exceeds(delay_ms / 1000, limits.max_delay_s):
        raise QStashError(412, f"quota maxDelay exceeded, current limit: {limits.max_delay_s}")


def deduplication_id(values: Values, name: str, _limits: Limits) -> str | None:
    """Any text without a colon; the words of the refusal are QStash's, as users report them."""
    key = values.get(name) or None
    if key is not None and ":" in key:
        raise QStashError(400, "DeduplicationId cannot contain ':'")
    return key


def resource_name(text: str) -> str:
    """The name of a queue, or a schedule's id (QStash docs, `openapi.yaml`)."""
    if NAME.fullmatch(text) is None:
        raise ValueError(f"{text[:200]!r} may only contain letters, digits, '-', '_' and '.'")
    return text


def forwarded(own: Iterable[tuple[str, str]], merged: Values) -> Headers:
    """What `Upstash-Forward-*` hands on.

    Repeated request headers stay separate; a default has one value for a name. QStash takes the
    content type from the plain header only (a comment in workflow-js).
    """
    prefix = "upstash-forward-"
    pairs = [pair for pair in own if pair[0].startswith(prefix) and pair[0] != FORWARDED_TYPE]
    seen = {name for name, _ in pairs} | {FORWARDED_TYPE}
    pairs += [(n, v) for n, v in merged.items() if n.startswith(prefix) and n not in seen]
    return tuple([check_header(canonical(name[len(prefix) :]), value) for name, value in pairs])


def labels(text: str) -> tuple[str, ...]:
    """A comma list, whose first one is the label where a document has room for one (`openapi.yaml`)."""
    return tuple(x for x in map(str.strip, text.split(",")) if x)


def flow(values: Values, _name: str, limits: Limits) -> FlowControl | None:
    """Key and limits (QStash docs, "Flow Control"). Ours: one without the other is refused."""
    key, text = values.get("upstash-flow-control-key"), values.get("upstash-flow-control-value")
    if not key and not text:
        return None
    if not key:
        raise QStashError(400, "Upstash-Flow-Control-Value needs an Upstash-Flow-Control-Key")
    if not text:
        raise QStashError(400, "Upstash-Flow-Control-Key needs an Upstash-Flow-Control-Value")
    return parse_flow(key, text, limits)


def parse_flow(key: str, text: str, limits: Limits) -> FlowControl:
    """Read `parallelism=3, rate=5, period=1m`. Raises QStashError(400) naming the part at fault."""
    try:
        found = _flow_numbers(text, limits)
    except ValueError as error:
        raise QStashError(400, f"invalid Upstash-Flow-Control-Value header: {error}") from error
    return FlowControl(key, found.get("parallelism"), found.get("rate"), found.get("period", 1))


def _flow_numbers(text: str, limits: Limits) -> dict[str, int]:
    found: dict[str, int] = {}
    for part in filter(None, map(str.strip, text.split(","))):
        name, _, value = (x.strip() for x in part.partition("="))
        if name not in ("parallelism", "rate", "period"):
            raise ValueError(f"unknown {part!r}")
        found[name] = _flow_number(name, value, limits)
    if "parallelism" not in found and "rate" not in found:
        raise ValueError("parallelism or rate must be given")
    return found


def _flow_number(name: str, value: str, limits: Limits) -> int:
    try:
        number = parse_duration(value) // 1000 if name == "period" else read_whole_number(value)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    if number < 1:
        raise ValueError(f"{name} must be at least 1")
    limit_s = limits.max_flow_period_s
    if name == "period" and limit_s is not None and number > limit_s:
        raise ValueError(f"period must be at most {format_duration(limit_s * 1000)}")
    return number


def flow_value(flow: FlowControl) -> str:
    """Flow control as QStash echoes it: `parallelism=3,rate=5,period=1`, unset parts left out
    (a recorded delivery; workflow-js glossary).
    """
    parts = [("parallelism", flow.parallelism), ("rate", flow.rate), ("period", flow.period_s)]
    return ",".join(f"{name}={value}" for name, value in parts if value is not None)


def seconds(ms: int) -> str | None:
    """A duration as a header has it, rounded up; none is none."""
    return f"{-(-ms // 1000)}s" if ms else None


_number = parsed(read_whole_number)
_duration = parsed(parse_duration)
