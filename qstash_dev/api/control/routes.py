"""`/_dev/routes`: destinations that are delivered elsewhere than they say."""

from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from qstash_dev.api import web
from qstash_dev.api.call import Call
from qstash_dev.api.router import Route as ApiRoute
from qstash_dev.protocol.destination import check_url
from qstash_dev.protocol.urls import KeptHosts


class Route(
    Struct,
    frozen=True,
    forbid_unknown_fields=True,
    rename={"source": "from", "keep_host": "keepHost"},
):
    """A URL prefix, and the URL that takes its place; with `keep_host` Host stays the first's."""

    source: str
    to: str
    keep_host: bool = False


class Routes(Struct, frozen=True, forbid_unknown_fields=True):
    """All routes; the longest prefix that fits a destination counts."""

    routes: list[Route]


async def show(call: Call) -> web.Response:
    """The routes that hold now."""
    return await call.answer(_document(call))


async def put(call: Call) -> web.Response:
    """Replace all routes, until the server ends; messages that wait for an app are tried anew."""
    order: Routes = await call.order()
    routes = tuple(
        (check_url(route.source, "from"), check_url(route.to, "to").rstrip("/"))
        for route in order.routes
    )
    policy = call.engine.policy
    kept = tuple(
        old for route, (old, _) in zip(order.routes, routes, strict=True) if route.keep_host
    )
    kept_hosts = KeptHosts(policy.kept_hosts.every, kept)
    call.engine.set_policy(replace(policy, routes=routes, kept_hosts=kept_hosts))
    call.context.notifier.publish()
    return await call.answer(_document(call))


def _document(call: Call) -> dict[str, Any]:
    policy = call.engine.policy
    kept = policy.kept_hosts.prefixes
    return {
        "routes": [
            {"from": old, "to": new, **({"keepHost": True} if old in kept else {})}
            for old, new in policy.routes
        ]
    }


ROUTES = (
    ApiRoute("GET", "/_dev/routes", show, Routes, is_stable=True),
    ApiRoute("PUT", "/_dev/routes", put, Routes, Routes, is_stable=True),
)
