"""What a publish asks for in vain: headers that nothing reads, as sentences for the developer.

Ours: QStash passes over them in silence.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from qstash_dev.protocol.errors import nearest
from qstash_dev.protocol.headers import canonical
from qstash_dev.protocol.publish.options import BY_KEY, OF_CALLBACK
from qstash_dev.protocol.publish.readers import FORWARDED_TYPE
from qstash_dev.protocol.workflow.headers import RUN_ID, SDK_VERSION

_SERVER_OWNED = frozenset(
    ["retried", "message-id", "signature", "max-retries", "caller-ip", "region", "topic-name"]
)
_OPEN = ("forward-", "telemetry-", "workflow-")
_OTHER_NAMES = {
    **dict.fromkeys(
        ["retry", "retry-count", "retries-count", "num-retries", "max-retry", "max-attempts"],
        "upstash-retries",
    ),
    **dict.fromkeys(["success-callback", "on-success"], "upstash-callback"),
    **dict.fromkeys(
        ["error-callback", "on-failure", "on-error", "failure-url"], "upstash-failure-callback"
    ),
    **dict.fromkeys(["dedup-id", "idempotency-key", "idempotency-id"], "upstash-deduplication-id"),
    **dict.fromkeys(
        ["rate-limit", "ratelimit", "rate", "parallelism"], "upstash-flow-control-value"
    ),
    **dict.fromkeys(["backoff", "retry-backoff", "retry-after"], "upstash-retry-delay"),
    **dict.fromkeys(["tag", "tags"], "upstash-label"),
    "delay-seconds": "upstash-delay",
    "redact": "upstash-redact-fields",
    "schedule-name": "upstash-schedule-id",
    "content-type": "content-type",
}
"""What other services, or the SDKs' options, call a header; no slip of the fingers leads there."""
_CALLBACKS = ("failure-callback", "callback")
_OF_PROXIES = (
    *("x-forwarded-", "x-real-", "x-request-", "x-vercel-", "x-amz", "x-correlation-", "x-b3-"),
    *("x-cloud-trace", "x-client-ip", "x-requested-with", "x-middleware-", "x-datadog-"),
)


def notices(values: Mapping[str, str]) -> tuple[str, ...]:
    """`values` by lower-case names, as they were joined."""
    found = [text for name in values if not _is_read(name) for text in _notice(name, values)]
    if FORWARDED_TYPE in values and not _is_of_sdk(values):
        found.append("Upstash-Forward-Content-Type has no effect: send a plain Content-Type")
    return tuple(dict.fromkeys(found))


def unforwarded(ordinary: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Plain headers that somebody may have meant for the destination, which never sees them."""
    names = [canonical(name) for name, _ in ordinary if name[:2] in ("x-", "X-")]
    return tuple([name for name in names if not name.lower().startswith(_OF_PROXIES)][:5])


def _is_of_sdk(values: Mapping[str, str]) -> bool:
    """Whether a workflow SDK wrote these. It sets callbacks up that it does not ask for, and names the
    type twice (Python: `workflow_requests.py`): nobody could do anything about it.
    """
    return RUN_ID in values or SDK_VERSION.lower() in values


@lru_cache(maxsize=1_000)
def _is_read(name: str) -> bool:
    """Whether something reads this header, whatever others there are."""
    return name in BY_KEY or name.removeprefix("upstash-").startswith(_OPEN)


def _notice(name: str, values: Mapping[str, str]) -> Iterator[str]:
    rest = name.removeprefix("upstash-")
    family, setting = _family(rest)
    if family:
        yield from _of_callback(name, family, setting, values)
    elif name not in BY_KEY and rest not in _SERVER_OWNED and not rest.startswith(_OPEN):
        near = _meant(rest)
        meant = f": did you mean {canonical(near)}?" if near else ""
        yield f"header {canonical(name)} is not known and has no effect{meant}"


def _meant(rest: str) -> str | None:
    """The header that somebody wanted who wrote another one."""
    if (other := _OTHER_NAMES.get(rest)) is not None:
        return other
    keys = {key.removeprefix("upstash-"): key for key in BY_KEY}
    near = nearest(rest, keys) or next(
        (key for key in keys if key.startswith(f"{rest}-") or rest.startswith(key)), None
    )
    return keys[near] if near else None


def _of_callback(name: str, family: str, setting: str, values: Mapping[str, str]) -> Iterator[str]:
    known = f"upstash-{setting}"
    if setting == "url":
        yield (
            f"header {canonical(name)} is not known and has no effect: the callback's URL is the "
            f"value of {canonical(family)}"
        )
    elif known not in OF_CALLBACK and not setting.startswith((*_OPEN, "feature-set")):
        why = "a callback has no such setting" if known in BY_KEY else "it is not known"
        yield f"header {canonical(name)} has no effect: {why}"
    elif family not in values and not _is_of_sdk(values):
        yield f"header {canonical(name)} has no effect without {canonical(family)}"


def _family(rest: str) -> tuple[str, str]:
    """The header that asks for the callback, and what is set of it: the longest family counts."""
    family = ""
    while True:
        found = next((f for f in _CALLBACKS if rest.startswith(f"{f}-")), None)
        if found is None:
            return (f"upstash-{family}", rest) if family else ("", rest)
        family = f"{family}-{found}" if family else found
        rest = rest[len(found) + 1 :]
