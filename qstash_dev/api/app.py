"""The HTTP application: the route table, guards, and errors as JSON in one place."""

import logging
from functools import cache

from qstash_dev.api import web
from qstash_dev.api.call import Call, Context, json_response
from qstash_dev.api.control import ALIVE, is_of_page
from qstash_dev.api.guard import (
    allow_headers,
    authenticate,
    check_action,
    check_caller,
    check_is_here,
    preflight,
)
from qstash_dev.api.listener import ApiServer
from qstash_dev.api.refused import tell
from qstash_dev.api.request_line import Target, read_target
from qstash_dev.api.router import Route, Router, WrongMethod
from qstash_dev.api.v2 import waits
from qstash_dev.api.v2.first_routes import FIRST
from qstash_dev.protocol.errors import QStashError
from qstash_dev.store.errors import StoreError

log = logging.getLogger(__name__)


def all_routes() -> tuple[Route, ...]:
    """The whole table. Imported when something is asked for that is none of the first: a start is
    faster without.
    """
    from qstash_dev.api.control import page, server
    from qstash_dev.api.v2.all_routes import ROUTES

    return (*ROUTES, *page.ROUTES, *server.ROUTES)


@cache
def _spelled() -> list[str]:
    from qstash_dev.api.v2.all_routes import ROUTES

    return [
        f"{method} {route.pattern}"
        for route in ROUTES
        for method in route.methods.replace("ANY", "POST").split()
    ]


def make_server(context: Context) -> ApiServer:
    """The server of QStash's API and the control API, for the running event loop."""
    router = Router(FIRST, all_routes)
    return ApiServer(lambda request: _serve(request, context, router), context.notify)


async def _serve(request: web.BaseRequest, context: Context, router: Router) -> web.StreamResponse:
    origin = None
    target = read_target(request.raw_path)
    try:
        origin = check_caller(request, target, context)
        if origin is not None and request.method == "OPTIONS":
            return preflight(request, origin)
        response = await _dispatch(
            Call(request, context, target.query, target.path), target, router
        )
    except QStashError as error:
        await tell(request, context, target, error, _spelled)
        response = _refusal(error)
    except StoreError as error:
        log.error("%s", error)
        response = json_response({"error": str(error)}, 500)
    if response.prepared:
        return response
    if origin is not None:
        response.headers.update(allow_headers(origin))
    if not target.is_api:
        response.headers.setdefault("Cache-Control", "no-store")  # it may hold the token
    return response


async def _dispatch(call: Call, target: Target, router: Router) -> web.StreamResponse:
    request, context = call.request, call.context
    if target.is_api or context.token_required:
        try:
            call.user, call.by_header = authenticate(request, call.query, context)
        except QStashError:
            if not _is_public(target.path):
                raise
    if context.cloud is not None and waits.is_public(target.path):
        raise QStashError(404, waits.IN_CLOUD)
    # The cloud's token is lent to those alone who have one of ours.
    if context.cloud is not None and call.user and context.cloud.takes(call):
        return await context.cloud.pass_on(call)
    try:
        match = router.find(request.method, target.path)
    except WrongMethod as error:
        raise QStashError(405, f"{request.method} is not allowed here, only {error}") from error
    if match is None:
        raise QStashError(404, _nothing_there(router, request.method, target.path[:200]))
    if match.any_method:
        check_action(request)
    if context.token_required and not target.is_api and not match.only_reads:
        check_is_here(request)
    call.params, call.rest, call.only_reads = match.params, match.rest, match.only_reads
    call.takes = match.takes
    return await match.handler(call)


def _is_public(path: str) -> bool:
    own = path.rstrip("/").lower() == ALIVE
    return own or is_of_page(path) or waits.is_public(path)


def _nothing_there(router: Router, method: str, path: str) -> str:
    text, now = f"there is no {method} {path}", f"/v2{path[3:]}"
    if path[:4].lower() != "/v1/":
        return text
    try:
        is_there = router.find(method, now) is not None
    except WrongMethod:
        is_there = False
    return f"{text}: this is version 2" + (f", use {now}" if is_there else "")


def _refusal(error: QStashError) -> web.Response:
    response = json_response({"error": error.message}, error.status)
    if error.status == 405:
        response.headers["Allow"] = error.message.rpartition(", only ")[2]
    return response
