"""From the headers of a publish request to a draft of its messages (QStash API reference, "Publish").

A callback family (`Upstash-Callback-*`) is the same configuration under a longer prefix, so it is read
by the same code, and so is the family nested in it. Knows nothing of HTTP servers or of storage.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import TypeVar

from msgspec import Struct

from qstash_dev.protocol.destination import NAME, check_url
from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.model import Callback, FlowControl, Headers, Spec
from qstash_dev.protocol.quota import Limits, exceeds
from qstash_dev.protocol.redact import parse_redact
from qstash_dev.protocol.retry import validate_retry_delay
from qstash_dev.protocol.timing import format_duration, parse_duration, parse_not_before
from qstash_dev.protocol.workflow.headers import Part, read_part

T = TypeVar("T")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
DEFAULT_RETRIES = 3
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_HOP_BY_HOP = frozenset(
    [
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "host",
        "content-length",
        "expect",
        "accept-encoding",
    ]
)
_KNOWN = frozenset(
    [
        "method",
        "delay",
        "not-before",
        "retries",
        "retry-delay",
        "timeout",
        "deduplication-id",
        "content-based-deduplication",
        "callback",
        "failure-callback",
        "header-forward",
        "label",
        "flow-control-key",
        "flow-control-value",
        "redact-fields",
        "cron",
        "schedule-id",
        "queue-name",
        "feature-set",
    ]
)
_SERVER_OWNED = frozenset(
    ["retried", "message-id", "signature", "max-retries", "caller-ip", "region", "topic-name"]
)
_FAMILIES = ("forward-", "callback-", "failure-callback-", "telemetry-", "workflow-")
_NESTED = 2
_FORWARDED_TYPE = "upstash-forward-content-type"
# Control characters but the tab, and what is no text: nothing that could be sent on or stored.
_UNSENDABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")


class Draft(Struct, frozen=True):
    """One publish request, understood: the spec of its messages and when and whether to make them.

    `not_before` (epoch ms) wins over `delay_ms`. `cron` makes it a schedule; for one to a URL group
    `asked` are the headers to read again at each firing, with the group's defaults of that time.
    `given` are the lower-case names of the settings that have a value. `part` makes it a message of a
    workflow run.
    """

    spec: Spec
    delay_ms: int = 0
    not_before: int | None = None
    deduplication_id: str | None = None
    content_based_deduplication: bool = False
    cron: str | None = None
    schedule_id: str | None = None
    asked: Headers = ()
    given: frozenset[str] = frozenset()
    part: Part | None = None


def parse_draft(
    url: str,
    request_headers: Iterable[tuple[str, str]],
    limits: Limits,
    *,
    config: Mapping[str, str] | None = None,
    defaults: Mapping[str, str] | None = None,
    caller_ip: str | None = None,
    authorized_by_header: bool = True,
) -> Draft:
    """Read a publish request. `config` comes from the query string, `defaults` from a URL group.

    Precedence: request header, then query parameter, then group default, then built-in default; an
    empty value is none.
    Raises QStashError: 400 naming the header, 412 for a quota.
    """
    own, ordinary = _sort(request_headers)
    if authorized_by_header:
        ordinary = tuple(pair for pair in ordinary if pair[0].lower() != "authorization")
    named = _joined(own)
    own += [(name, value.strip()) for name, value in (config or {}).items() if name not in named]
    merged = _joined((defaults or {}).items()) | _joined(own)
    for name, value in merged.items():
        check_header(canonical(name), value)
    forwarded = _forwarded(own, merged)
    if _flag(merged, "upstash-header-forward"):
        forwarded = _with_ordinary(forwarded, ordinary)
    content_type = next((v for n, v in ordinary if n.lower() == "content-type"), None)
    headers = forwarded
    if content_type:
        headers = (check_header("Content-Type", content_type), *forwarded)
    cron = merged.get("upstash-cron") or None
    return Draft(
        spec=_spec(url, headers, merged, limits, caller_ip),
        delay_ms=_delay(merged, limits),
        not_before=_read(merged, "upstash-not-before", parse_not_before),
        deduplication_id=_deduplication_id(merged),
        content_based_deduplication=_flag(merged, "upstash-content-based-deduplication"),
        cron=cron,
        schedule_id=_name(merged, "upstash-schedule-id"),
        asked=(*own, *_sendable(ordinary)) if cron and not url else (),
        given=frozenset(merged),
        part=read_part(merged),
    )


def is_given(name: str, value: str) -> bool:
    """Whether a setting has a value; that of a header to be forwarded may be empty."""
    return bool(value.strip()) or "-forward-" in name.lower()


@lru_cache(maxsize=1_000)
def canonical(name: str) -> str:
    """The header name as Go writes it: `x-my-header` becomes `X-My-Header`."""
    if _TOKEN.fullmatch(name) is None:
        return name
    return "-".join(part[:1].upper() + part[1:].lower() for part in name.split("-"))


def _spec(
    url: str, headers: Headers, values: dict[str, str], limits: Limits, caller_ip: str | None
) -> Spec:
    retries = _retries(values, limits)
    return Spec(
        url=url,
        method=_method(values),
        headers=headers,
        max_retries=_default_retries(limits) if retries is None else retries,
        retry_delay=_retry_delay(values),
        timeout_ms=_timeout(values),
        callback=_callback(values, "upstash-callback", limits),
        failure_callback=_callback(values, "upstash-failure-callback", limits),
        labels=tuple(x for x in map(str.strip, values.get("upstash-label", "").split(",")) if x),
        flow=_flow(values, limits),
        redact=_read(values, "upstash-redact-fields", parse_redact) or (),
        queue=_name(values, "upstash-queue-name"),
        caller_ip=caller_ip,
        notices=_notices(values),
    )


def _callback(
    values: Mapping[str, str], name: str, limits: Limits, depth: int = 0
) -> Callback | None:
    url = values.get(name)
    if not url:
        return None
    if depth > _NESTED:
        raise QStashError(400, "Upstash-Failure-Callback headers are nested too deeply")
    prefix = name + "-"
    family = {
        "upstash-" + key[len(prefix) :]: value
        for key, value in values.items()
        if key.startswith(prefix)
    }
    what = "failure callback" if name.endswith("failure-callback") else "callback"
    return Callback(
        url=check_url(url, what),
        method=_method(family),
        headers=_forwarded((), family),
        retries=_retries(family, limits),
        retry_delay=_retry_delay(family),
        timeout_ms=_timeout(family),
        delay_ms=_delay(family, limits),
        flow=_flow(family, limits),
        failure_callback=_callback(family, "upstash-failure-callback", limits, depth + 1),
    )


def _sort(headers: Iterable[tuple[str, str]]) -> tuple[list[tuple[str, str]], Headers]:
    own: list[tuple[str, str]] = []
    ordinary: list[tuple[str, str]] = []
    for name, value in headers:
        lowered = name.lower()
        if lowered.startswith("upstash-"):
            own.append((lowered, value.strip()))
        else:
            ordinary.append((name, value))
    return own, tuple(ordinary)


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    values: dict[str, str] = {}
    for name, value in pairs:
        if is_given(name, value):
            values[name] = f"{values[name]},{value}" if name in values else value
    return values


def _forwarded(own: Iterable[tuple[str, str]], merged: Mapping[str, str]) -> Headers:
    """Repeated request headers stay separate; a default has one value for a name.

    QStash takes the content type from the plain header only.
    """
    prefix = "upstash-forward-"
    pairs = [pair for pair in own if pair[0].startswith(prefix) and pair[0] != _FORWARDED_TYPE]
    seen = {name for name, _ in pairs} | {_FORWARDED_TYPE}
    pairs += [(n, v) for n, v in merged.items() if n.startswith(prefix) and n not in seen]
    return tuple(check_header(canonical(name[len(prefix) :]), value) for name, value in pairs)


def check_header(name: str, value: str) -> tuple[str, str]:
    """The pair, if it can stand in a request. Raises QStashError(400)."""
    if _TOKEN.fullmatch(name) is None:
        raise QStashError(400, f"invalid header name {name[:100]!r}")
    if (bad := _UNSENDABLE.search(value)) is not None:
        raise QStashError(
            400, f"invalid value of header {name}: {bad.group()!r} cannot stand in a header"
        )
    return name, value


def _sendable(ordinary: Headers) -> Headers:
    pairs = ((canonical(name), value) for name, value in ordinary if _TOKEN.fullmatch(name))
    return tuple((name, value) for name, value in pairs if not _UNSENDABLE.search(value))


def _with_ordinary(forwarded: Headers, ordinary: Headers) -> Headers:
    taken = {name for name, _ in forwarded} | {"Content-Type"}
    extra = tuple(
        check_header(canonical(name), value)
        for name, value in ordinary
        if name.lower() not in _HOP_BY_HOP and canonical(name) not in taken
    )
    return forwarded + extra


def _read(values: Mapping[str, str], name: str, parse: Callable[[str], T]) -> T | None:
    text = values.get(name)
    if not text:
        return None
    try:
        return parse(text)
    except ValueError as error:
        raise QStashError(400, f"invalid {canonical(name)} header: {error}") from error


def _flag(values: Mapping[str, str], name: str) -> bool:
    text = values.get(name, "").lower()
    if text not in ("", "true", "false", "1", "0"):
        raise QStashError(400, f"invalid {canonical(name)} header: {text!r} is not true or false")
    return text in ("true", "1")


def _method(values: Mapping[str, str]) -> str:
    method = values.get("upstash-method", "").upper() or "POST"
    if method not in METHODS:
        raise QStashError(
            400,
            f"invalid Upstash-Method header: {method[:50]!r} is not one of {', '.join(METHODS)}",
        )
    return method


def _retries(values: Mapping[str, str], limits: Limits) -> int | None:
    retries = _read(values, "upstash-retries", _whole_number)
    if exceeds(retries, limits.max_retries):
        raise QStashError(412, "quota maxRetries exceeded")
    return retries


def _default_retries(limits: Limits) -> int:
    most = limits.max_retries
    return DEFAULT_RETRIES if most is None else min(DEFAULT_RETRIES, most)


def _retry_delay(values: Mapping[str, str]) -> str | None:
    expression = values.get("upstash-retry-delay") or None
    if expression is not None:
        _read(values, "upstash-retry-delay", validate_retry_delay)
    return expression


def _timeout(values: Mapping[str, str]) -> int | None:
    timeout_ms = _read(values, "upstash-timeout", parse_duration)
    if timeout_ms == 0:
        raise QStashError(400, "invalid Upstash-Timeout header: it must be longer than 0s")
    return timeout_ms


def _delay(values: Mapping[str, str], limits: Limits) -> int:
    delay_ms = _read(values, "upstash-delay", parse_duration) or 0
    check_delay(delay_ms, limits)
    return delay_ms


def check_delay(delay_ms: int, limits: Limits) -> None:
    """Raises QStashError(412) for a delivery that is further away than the plan allows."""
    if exceeds(delay_ms / 1000, limits.max_delay_s):
        raise QStashError(412, f"quota maxDelay exceeded, current limit: {limits.max_delay_s}")


def _deduplication_id(values: Mapping[str, str]) -> str | None:
    key = values.get("upstash-deduplication-id") or None
    if key is not None and ":" in key:
        raise QStashError(400, "DeduplicationId cannot contain ':'")
    return key


def _name(values: Mapping[str, str], header: str) -> str | None:
    name = values.get(header) or None
    if name is not None and NAME.fullmatch(name) is None:
        raise QStashError(
            400,
            f"invalid {canonical(header)} header: {name[:200]!r} may only contain letters, digits, "
            "'-', '_' and '.'",
        )
    return name


def _flow(values: Mapping[str, str], limits: Limits) -> FlowControl | None:
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
    found: dict[str, int] = {}
    for part in filter(None, map(str.strip, text.split(","))):
        name, _, value = (x.strip() for x in part.partition("="))
        if name not in ("parallelism", "rate", "period"):
            raise QStashError(400, f"invalid Upstash-Flow-Control-Value header: unknown {part!r}")
        found[name] = _flow_number(name, value, limits)
    if "parallelism" not in found and "rate" not in found:
        raise QStashError(
            400, "invalid Upstash-Flow-Control-Value header: parallelism or rate must be given"
        )
    return FlowControl(key, found.get("parallelism"), found.get("rate"), found.get("period", 1))


def _flow_number(name: str, value: str, limits: Limits) -> int:
    try:
        number = parse_duration(value) // 1000 if name == "period" else _whole_number(value)
    except ValueError as error:
        raise QStashError(
            400, f"invalid Upstash-Flow-Control-Value header: {name}: {error}"
        ) from error
    if number < 1:
        raise QStashError(
            400, f"invalid Upstash-Flow-Control-Value header: {name} must be at least 1"
        )
    limit_s = limits.max_flow_period_s
    if name == "period" and limit_s is not None and number > limit_s:
        longest = format_duration(limit_s * 1000)
        raise QStashError(
            400, f"invalid Upstash-Flow-Control-Value header: period must be at most {longest}"
        )
    return number


def _whole_number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise ValueError(f"{text[:50]!r} is not a whole number of 0 or more")
    return int(text)


def _notices(values: Mapping[str, str]) -> tuple[str, ...]:
    notices = [
        f"header {canonical(name)} is not known and has no effect"
        for name in values
        if not _is_known(name.removeprefix("upstash-"))
    ]
    if _FORWARDED_TYPE in values:
        notices.append("Upstash-Forward-Content-Type has no effect: send a plain Content-Type")
    return tuple(notices)


def _is_known(rest: str) -> bool:
    return rest in _KNOWN or rest in _SERVER_OWNED or rest.startswith(_FAMILIES)
