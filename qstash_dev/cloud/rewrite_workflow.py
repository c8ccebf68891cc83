"""Local URLs in the bodies of workflow calls: waits, invocations, bulk orders. Knows no other call.

What is delivered to the app later is in these bodies, so a URL that stayed local would end a run in the
cloud half-way.
"""

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

from qstash_dev.protocol.json_body import loads

Out = Callable[[str], str]

_WAIT = re.compile(r"/v2/wait/.+", re.I | re.S)
_MANY = re.compile(r"/v2/workflows/(?:runs|dlq(?:/(?:resume|restart))?)/?", re.I)
_URLS = ("url", "timeoutUrl")
_INVOKE = "upstash-workflow-invoke"


def body_out(path: str, headers: Iterable[tuple[str, Any]], body: bytes, out: Out) -> bytes:
    """The body as the cloud must get it. What cannot be read stays: refusing it is the cloud's part."""
    if _WAIT.fullmatch(path):
        return json_changed(body, lambda data: _wait_out(data, out))
    if _MANY.fullmatch(path):
        return json_changed(body, lambda data: _filters_out(data, out))
    if is_invocation(headers):
        return json_changed(body, lambda data: _invocation_out(data, out))
    return body


def is_invocation(headers: Iterable[tuple[str, Any]]) -> bool:
    """Whether a publish starts a run that another run waits for."""
    return any(
        name.lower() == _INVOKE and str(value).strip().lower() == "true" for name, value in headers
    )


def _wait_out(data: Any, out: Out) -> Any:
    urls = {name: out(data[name]) for name in _URLS if isinstance(data.get(name), str)}
    headers = data.get("timeoutHeaders")
    return {**data, **urls, **({"timeoutHeaders": _map_out(headers, out)} if headers else {})}


def _invocation_out(data: Any, out: Out) -> Any:
    changed = {**data, "workflowUrl": out(data["workflowUrl"])}
    return {**changed, "headers": _map_out(data["headers"], out)} if "headers" in data else changed


def _filters_out(data: Any, out: Out) -> Any:
    urls = data.get("workflowUrl")
    if isinstance(urls, str):
        return {**data, "workflowUrl": out(urls)}
    return {**data, "workflowUrl": [out(url) for url in urls]} if urls else data


def _map_out(headers: Any, out: Out) -> Any:
    """What is forwarded to the app is the app's own."""
    return {
        name: [out(value) for value in values] if "-forward-" not in name.lower() else values
        for name, values in headers.items()
    }


def json_changed(body: bytes, change: Callable[[Any], Any]) -> bytes:
    """A body of JSON with what `change` makes of it, if it can be read."""
    try:
        return json.dumps(change(loads(body)), ensure_ascii=False).encode()
    except (ValueError, TypeError, AttributeError, KeyError):
        return body
