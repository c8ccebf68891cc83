"""How the documents of the API tell of options (QStash docs, `openapi.yaml`).

Fields that are `None` are left out by whoever makes the document.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal

from qstash_dev.protocol.headers import header_map
from qstash_dev.protocol.model import Callback, Spec
from qstash_dev.protocol.redact import redact_headers

Where = Literal["message", "log", "schedule"]
"""The document that tells of a message."""

Shown = Callable[[Spec, Where], Mapping[str, Any]]


def callback(name: str, field: str) -> Shown:
    """Its URL, and its headers with redacted ones hashed."""

    def show(spec: Spec, where: Where) -> dict[str, Any]:
        found: Callback | None = getattr(spec, field)
        if found is None:
            return {}
        headers = header_map(redact_headers(found.headers, spec.redact)) or None
        return {name: found.url, f"{name}Header{'s' if where == 'log' else ''}": headers}

    return show


def retries(spec: Spec, where: Where) -> dict[str, Any]:
    """Schedules have another name for it."""
    return {"retries" if where == "schedule" else "maxRetries": spec.max_retries}


def retry_delay(spec: Spec, where: Where) -> dict[str, Any]:
    """qstash-py reads the short spelling in logs, the docs have the long one."""
    again = {"retryDelayExpr": spec.retry_delay} if where == "log" else {}
    return {"retryDelayExpression": spec.retry_delay, **again}


def timeout(spec: Spec, where: Where) -> dict[str, Any]:
    """Milliseconds in logs (QStash docs, `openapi.yaml`), seconds in schedules (ours: not said)."""
    if where == "message" or spec.timeout_ms is None:
        return {}
    return {"timeout": spec.timeout_ms if where == "log" else spec.timeout_ms // 1000 or None}


def labels(spec: Spec, _where: Where = "message") -> dict[str, Any]:
    """The first alone, and all."""
    return {"label": spec.labels[0], "labels": list(spec.labels)} if spec.labels else {}


def flow(spec: Spec, _where: Where) -> dict[str, Any]:
    """Key and limits, one beside the other."""
    limits = spec.flow
    if limits is None:
        return {}
    return {
        "flowControlKey": limits.key,
        "parallelism": limits.parallelism,
        "rate": limits.rate,
        "period": limits.period_s,
    }
