"""`/_dev/routes`: destinations that are delivered elsewhere than they say."""

from typing import Any

from aiohttp import web
from msgspec import Struct
from msgspec.structs import replace

from qstash_dev.api.call import Call
from qstash_dev.api.router import Route as ApiRoute
from qstash_dev.protocol.destination import check_url


class Route(Struct, frozen=True, forbid_unknown_fields=True, rename={"source": "from"}):
    """A URL prefix, and the URL that takes its place."""

    source: str
    to: str


class Routes(Struct, frozen=True, forbid_unknown_fields=True):
    """All routes; the longest prefix that fits a destination counts."""

    routes: list[Route]


async def show(call: Call) -> web.Response:
    """The routes that hold now."""
    return await call.answer(_document(call))


async def put(call: Call) -> web.Response:
    """Replace all routes, until the server ends; messages that wait for an app are tried anew."""
    order: Routes = await call.json(Routes)
    routes = tuple(
        (check_url(route.source, "from"), check_url(route.to, "to").rstrip("/"))
        for route in order.routes
    )
    call.engine.set_policy(replace(call.engine.policy, routes=routes))
    call.context.notifier.publish()
    return await call.answer(_document(call))


def _document(call: Call) -> dict[str, Any]:
    return {"routes": [{"from": old, "to": new} for old, new in call.engine.policy.routes]}


ROUTES = (
    ApiRoute("GET", "/_dev/routes", show),
    ApiRoute("PUT", "/_dev/routes", put),
)
