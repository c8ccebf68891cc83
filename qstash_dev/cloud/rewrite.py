"""Calls passed on to the real QStash, and its answers: local URLs out by the tunnel, and back.

A local destination `http://localhost:3000/x` becomes
`{public}/.qstash-dev/to/http/localhost:3000/x`: the whole URL stands in the path, so nothing has to
be remembered, and a schedule in the cloud still finds its way after a restart. Knows no tokens and
sends nothing.
"""

import re
from functools import partial
from typing import Any
from urllib.parse import quote, unquote

from msgspec import Struct
from msgspec.structs import replace

from qstash_dev.cloud.rewrite_workflow import body_out, is_invocation, json_changed
from qstash_dev.protocol.destination import parse_destination, split_query
from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.headers import canonical
from qstash_dev.protocol.json_body import loads
from qstash_dev.protocol.model import Headers
from qstash_dev.protocol.publish.draft import given_names
from qstash_dev.protocol.urls import ALONE, Nearby, split_url, way

PREFIX = "/.qstash-dev/to/"

_DESTINATION = re.compile(r"(/v2/(?:publish|enqueue/[^/]+|schedules|trigger)/)(.+)", re.I | re.S)
_BATCH = re.compile(r"/v2/batch(?:/trigger)?/?", re.I)
_WORKFLOWS = re.compile(r"/v2/workflows/", re.I)
_ENDPOINTS = re.compile(r"/v2/topics/[^/]+/endpoints/?", re.I)
_URL_FILTERS = ("url", "workflowurl")


class Call(Struct, frozen=True):
    """One request to the API. `path` and `query` are raw text."""

    method: str
    path: str
    query: str
    headers: Headers
    body: bytes


class Sent(Struct, frozen=True):
    """A message that the cloud accepted and will deliver to this machine.

    `url` is the local destination; `headers` those of the publish or of the batch item.
    """

    message_id: str
    url: str
    headers: Headers
    body: bytes


class Borders(Struct, frozen=True):
    """What is on this machine (loopback, `nearby`, what has a route), and its public address."""

    public_url: str
    routes: tuple[tuple[str, str], ...] = ()
    nearby: Nearby = ALONE

    def is_local(self, url: str) -> bool:
        """Whether a delivery to `url` would end on this machine."""
        return way(url, self.routes, nearby=self.nearby).is_here

    def out(self, url: str) -> str:
        """The URL by which the cloud reaches a local one; any other stays as it is."""
        if not self.is_local(url):
            return url
        scheme, _, rest = url.partition("://")
        host = split_url(url).netloc
        return f"{self.public_url}{PREFIX}{scheme}/{quote(host, safe=_IN_HOST)}{rest[len(host) :]}"

    def back(self, text: bytes) -> bytes:
        """An answer or callback of the cloud with the local URLs that `out` replaced."""
        if PREFIX.encode() not in text:
            return text
        pattern = re.escape(self.public_url + PREFIX) + r"(https?)/((?:%5B[0-9A-Fa-f:.]+%5D)?)"
        return re.sub(pattern.encode(), _unwrapped, text)


_IN_HOST = "!$&'()*+,;=:@-._~%"


def _unwrapped(match: re.Match[bytes]) -> bytes:
    return match[1] + b"://" + unquote(match[2].decode()).encode()


def wrapped_url(target: str) -> str | None:
    """The URL inside a request target that `Borders.out` made; `None` for any other target."""
    if not target.startswith(PREFIX):
        return None
    scheme, _, rest = target.removeprefix(PREFIX).partition("/")
    host = re.match(r"[^/?#]*", rest)
    assert host is not None
    if scheme.lower() not in ("http", "https") or not host[0]:
        return None
    return f"{scheme}://{unquote(host[0])}{rest[host.end() :]}"


def outbound(call: Call, borders: Borders) -> Call:
    """The call as the real QStash must get it: local URLs by the tunnel, no token in the query.

    What cannot be read is passed on as it is: refusing it is the cloud's part.
    """
    headers = _headers_out(call.headers, borders)
    body = body_out(call.path, headers, call.body, borders.out)
    call = replace(call, headers=headers, query=_query_out(call, borders), body=body)
    to = _DESTINATION.fullmatch(call.path)
    if to and call.method not in ("GET", "DELETE"):
        return _destination_out(call, to, borders)
    for path, changed in ((_BATCH, _batch_out), (_ENDPOINTS, _endpoints_out)):
        if path.fullmatch(call.path):
            return replace(call, body=json_changed(call.body, partial(changed, borders=borders)))
    return call


def destinations(call: Call) -> tuple[str, ...]:
    """Where a publish, enqueue or batch would send, as the app wrote it: URLs and group names."""
    if _BATCH.fullmatch(call.path):
        try:
            return tuple(item["destination"] for item in loads(call.body))
        except (ValueError, TypeError, KeyError):
            return ()
    to = _DESTINATION.fullmatch(call.path)
    if to is None or "schedules" in to[1].lower():
        return ()
    try:
        found = parse_destination(to[2], call.query)
    except QStashError:
        return ()
    return (found.url or found.group or "",)


def sent(call: Call, answer: bytes, borders: Borders) -> tuple[Sent, ...]:
    """Which messages a call (as the app made it) and its answer created that come back to us."""
    try:
        answered = loads(answer)
    except ValueError:
        return ()
    if _BATCH.fullmatch(call.path):
        found = _sent_by_batch(call, answered)
    elif (to := _DESTINATION.fullmatch(call.path)) and "schedules" not in to[1].lower():
        found = _sent_by_publish(call, to[2], answered)
    else:
        found = []
    local = (replace(one, url=borders.back(one.url.encode()).decode()) for one in found)
    return tuple(one for one in local if borders.is_local(one.url))


def _headers_out(headers: Headers, borders: Borders) -> Headers:
    return tuple((name, _value_out(name, value, borders)) for name, value in headers)


def _value_out(name: str, value: str, borders: Borders) -> str:
    """Callbacks and their like; what is forwarded to the app is the app's own."""
    name = name.lower()
    own = name.startswith("upstash-") and "-forward-" not in name
    return borders.out(value.strip()) if own else value


def _query_out(call: Call, borders: Borders) -> str:
    """Without the token. In reads, a filter by URL means the URL that the cloud knows."""
    parts = []
    for part in call.query.split("&") if call.query else ():
        name, _, value = part.partition("=")
        if unquote(name).lower() == "qstash_token":
            continue
        reads = call.method in ("GET", "DELETE") or _WORKFLOWS.match(call.path)
        if reads and name.lower() in _URL_FILTERS:
            part = f"{name}={quote(borders.out(unquote(value)), safe='')}"
        parts.append(part)
    return "&".join(parts)


def _destination_out(call: Call, to: re.Match[str], borders: Borders) -> Call:
    try:
        destination = parse_destination(to[2], call.query)
    except QStashError:
        return call
    if destination.url is None or not borders.is_local(destination.url):
        return call
    given = given_names(call.headers)
    config = tuple(
        (canonical(name), _value_out(name, value, borders))
        for name, value in destination.config.items()
        if name not in given
    )
    path, _, query = borders.out(destination.url).partition("?")
    return replace(call, path=to[1] + path, query=query, headers=(*call.headers, *config))


def _batch_out(items: Any, borders: Borders) -> Any:
    return [_item_out(item, borders) for item in items]


def _item_out(item: Any, borders: Borders) -> Any:
    changed = dict(item)
    if isinstance(item.get("destination"), str):
        changed["destination"] = borders.out(item["destination"])
    if isinstance(item.get("headers"), dict):
        changed["headers"] = {
            name: _item_value_out(name, value, borders) for name, value in item["headers"].items()
        }
        if isinstance(item.get("body"), str) and is_invocation(item["headers"].items()):
            headers = item["headers"].items()
            changed["body"] = body_out("", headers, item["body"].encode(), borders.out).decode()
    return changed


def _item_value_out(name: str, value: Any, borders: Borders) -> Any:
    if isinstance(value, list):
        return [_item_value_out(name, part, borders) for part in value]
    return _value_out(name, value, borders) if isinstance(value, str) else value


def _endpoints_out(data: Any, borders: Borders) -> Any:
    changed = [
        {**endpoint, "url": borders.out(endpoint["url"])} if "url" in endpoint else endpoint
        for endpoint in data["endpoints"]
    ]
    return {**data, "endpoints": changed}


def _sent_by_publish(call: Call, destination: str, answered: Any) -> list[Sent]:
    try:
        url = parse_destination(destination, call.query).url or ""
    except QStashError:
        return []
    config = split_query(call.query)[0]
    headers = (*call.headers, *((canonical(name), value) for name, value in config.items()))
    return _sent_to(answered, url, headers, call.body)


def _sent_by_batch(call: Call, answered: Any) -> list[Sent]:
    items = loads(call.body)
    if not isinstance(answered, list) or not isinstance(items, list):
        return []
    found = []
    for item, answer in zip(items, answered, strict=False):
        headers = tuple(_item_headers(item))
        found += _sent_to(answer, item["destination"], headers, (item.get("body") or "").encode())
    return found


def _item_headers(item: Any) -> list[tuple[str, str]]:
    pairs = (item.get("headers") or {}).items()
    return [
        (name, str(one))
        for name, value in pairs
        for one in (value if isinstance(value, list) else [value])
    ]


def _sent_to(answered: Any, url: str, headers: Headers, body: bytes) -> list[Sent]:
    """One answer is of one message, or a list of those to the endpoints of a URL group."""
    if isinstance(answered, list):
        return [one for answer in answered for one in _sent_to(answer, url, headers, body)]
    if not isinstance(answered, dict) or not isinstance(answered.get("messageId"), str):
        return []
    to_group = not url.lower().startswith("http")
    return [
        Sent(answered["messageId"], answered.get("url", "") if to_group else url, headers, body)
    ]
