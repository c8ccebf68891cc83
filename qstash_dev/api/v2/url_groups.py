"""`/v2/topics`: URL groups, as the API has always called them."""

from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from qstash_dev.api import web
from qstash_dev.api.call import Call
from qstash_dev.api.v2.submission import check_name
from qstash_dev.protocol.destination import check_url
from qstash_dev.protocol.errors import QStashError, there
from qstash_dev.protocol.model import Endpoint, Group
from qstash_dev.protocol.publish.draft import parse_draft
from qstash_dev.protocol.publish.options import BY_KEY
from qstash_dev.protocol.url_group import added, removed
from qstash_dev.protocol.wire import group_document


class EndpointOrder(Struct, frozen=True):
    """An endpoint in a request; to remove one, either field is enough."""

    url: str | None = None
    name: str | None = None


class Endpoints(Struct, frozen=True):
    """The body of `POST` and `DELETE /v2/topics/{name}/endpoints`."""

    endpoints: list[EndpointOrder]


class Defaults(Struct, frozen=True):
    """The body of `PATCH /v2/topics/{name}`."""

    headers: dict[str, str | list[str]]


async def add_endpoints(call: Call) -> web.Response:
    """Create the group or add to it; the same URL or name updates in place."""
    name = check_name(call.params["name"], "URL group")
    order = await call.json(Endpoints)
    if not order.endpoints:
        raise QStashError(400, "endpoints must not be empty")
    endpoints = tuple(_endpoint(e) for e in order.endpoints)
    for endpoint in endpoints:
        call.engine.policy.check_url(endpoint.url, "endpoint")
    now = call.engine.clock.now()
    group = call.store.groups.get(call.user, name) or Group(call.user, name, (), now, now)
    _put(call, replace(group, endpoints=added(group.endpoints, endpoints)))
    return await call.done()


async def remove_endpoints(call: Call) -> web.Response:
    """Remove endpoints by URL or name; without endpoints the group is gone."""
    order = await call.json(Endpoints)
    group = _find(call)  # after the last await: another client may change it meanwhile
    left = removed(group.endpoints, [(e.url, e.name) for e in order.endpoints])
    if left:
        _put(call, replace(group, endpoints=left))
    else:
        call.store.groups.delete(call.user, group.name)
    return await call.done()


async def list_(call: Call) -> web.Response:
    return await call.answer([group_document(group) for group in call.store.groups.of(call.user)])


async def get(call: Call) -> web.Response:
    return await call.answer(group_document(_find(call)))


async def delete(call: Call) -> web.Response:
    """Remove a group, also one that does not exist; its messages are still delivered."""
    call.store.groups.delete(call.user, call.params["name"])
    return await call.done()


async def set_defaults(call: Call) -> web.Response:
    """Headers that every publish to the group has unless it says otherwise."""
    order = await call.json(Defaults)
    headers = {name.lower(): _header(name, value) for name, value in order.headers.items()}
    # What is wrong is told now, not to everybody who publishes later.
    policy = call.engine.policy
    policy.check(parse_draft("", headers.items(), policy.limits).spec)
    group = _find(call)
    _put(call, replace(group, headers=headers))
    return await call.done()


def _find(call: Call) -> Group:
    name = call.params["name"]
    return there(call.store.groups.get(call.user, name), "topic", name)


def _put(call: Call, group: Group) -> None:
    now = call.engine.clock.now()
    call.store.groups.put(call.user, group.name, replace(group, updated_at=now))


def _endpoint(order: EndpointOrder) -> Endpoint:
    if not order.url:
        raise QStashError(400, "every endpoint needs a url")
    return Endpoint(check_url(order.url, "endpoint"), order.name or None)


def _header(name: str, value: Any) -> str:
    if not name.lower().startswith("upstash-"):
        raise QStashError(400, f"invalid default header {name[:100]!r}: only Upstash-* can be set")
    row = BY_KEY.get(name.lower())
    reason = row.no_default if row is not None else None
    if name.lower().startswith("upstash-workflow-"):
        reason = "messages of a workflow run go to one URL"
    if reason is not None:
        raise QStashError(400, f"invalid default header {name}: {reason}")
    return ",".join(value) if isinstance(value, list) else value
