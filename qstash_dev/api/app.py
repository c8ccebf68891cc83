"""The HTTP application: the route table, guards, and errors as JSON in one place."""

import logging

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
from qstash_dev.api.v2 import (
    dlq,
    flow_control,
    keys,
    logs,
    messages,
    publish,
    queues,
    schedules,
    triggers,
    url_groups,
    waits,
    workflow_dlq,
    workflow_logs,
    workflows,
)
from qstash_dev.protocol.errors import QStashError
from qstash_dev.store.errors import StoreError

log = logging.getLogger(__name__)

HTTP_METHODS = "GET HEAD POST PUT PATCH DELETE OPTIONS"
ROUTES = (
    Route("ANY", "/v2/publish/*", publish.publish),
    Route("ANY", "/v2/enqueue/{queue}/*", publish.enqueue),
    Route("POST", "/v2/batch", publish.batch),
    Route("GET", "/v2/messages/{id}", messages.get),
    Route("DELETE", "/v2/messages/{id}", messages.cancel),
    Route("DELETE", "/v2/messages", messages.cancel_many),
    Route("POST", "/v2/messages/{id}/retry", messages.run_now),
    Route("GET", "/v2/bulkActions", messages.bulk_actions),
    Route("GET", "/v2/bulkActions/{id}", messages.bulk_action),
    Route("GET", "/v2/schedules", schedules.list_),
    Route("POST PATCH PUT", "/v2/schedules/{id}/pause", schedules.pause),
    Route("POST PATCH PUT", "/v2/schedules/{id}/resume", schedules.resume),
    Route("GET", "/v2/schedules/{id}", schedules.get),
    Route("DELETE", "/v2/schedules/{id}", schedules.delete),
    Route("POST PUT", "/v2/schedules/*", schedules.create),
    Route("GET", "/v2/queues", queues.list_),
    Route("POST", "/v2/queues", queues.upsert),
    Route("GET", "/v2/queues/{name}", queues.get),
    Route("DELETE", "/v2/queues/{name}", queues.delete),
    Route("POST", "/v2/queues/{name}/pause", queues.pause),
    Route("POST", "/v2/queues/{name}/resume", queues.resume),
    Route("GET", "/v2/topics", url_groups.list_),
    Route("GET", "/v2/topics/{name}", url_groups.get),
    Route("DELETE", "/v2/topics/{name}", url_groups.delete),
    Route("PATCH", "/v2/topics/{name}", url_groups.set_defaults),
    Route("POST", "/v2/topics/{name}/endpoints", url_groups.add_endpoints),
    Route("DELETE", "/v2/topics/{name}/endpoints", url_groups.remove_endpoints),
    Route("GET", "/v2/flowControl", flow_control.list_),
    Route("GET", "/v2/flowControl/{key...}", flow_control.get),
    Route("POST", "/v2/flowControl/{key...}/pause", flow_control.pause),
    Route("POST", "/v2/flowControl/{key...}/resume", flow_control.resume),
    Route("POST", "/v2/flowControl/{key...}/pin", flow_control.pin),
    Route("POST", "/v2/flowControl/{key...}/unpin", flow_control.unpin),
    Route("POST", "/v2/flowControl/{key...}/resetRate", flow_control.reset_rate),
    Route("POST", "/v2/flowControl/{key...}/reset", flow_control.reset),
    Route("GET", "/v2/globalParallelism", flow_control.global_parallelism),
    Route("GET", "/v2/events", logs.events),
    Route("GET", "/v2/logs", logs.logs),
    Route("GET", "/v2/dlq", dlq.list_),
    Route("DELETE", "/v2/dlq", dlq.delete_many),
    Route("POST", "/v2/dlq/retry", dlq.retry_many),
    Route("POST", "/v2/dlq/retry/{id}", dlq.retry),
    Route("GET", "/v2/dlq/{id}", dlq.get),
    Route("DELETE", "/v2/dlq/{id}", dlq.delete),
    Route("GET", "/v2/keys", keys.get),
    Route("POST", "/v2/keys/rotate", keys.rotate),
    Route("POST", "/v2/rotate", keys.rotate),
    Route("POST", "/v2/trigger/*", triggers.trigger),
    Route("POST", "/v2/batch/trigger", triggers.batch),
    Route("GET", "/v2/workflows/runs/{id}", workflows.entries),
    Route("DELETE", "/v2/workflows/runs/{id}", workflows.end),
    Route("DELETE", "/v2/workflows/runs", workflows.cancel_many),
    Route("GET", "/v2/workflows/bulkActions", workflows.bulk_actions),
    Route("GET", "/v2/workflows/bulkActions/{id}", workflows.bulk_action),
    Route("GET", "/v2/workflows/events", workflow_logs.events),
    Route("GET", "/v2/workflows/logs", workflow_logs.runs),
    Route("GET", "/v2/workflows/messageLogs", workflow_logs.lines),
    Route("GET", "/v2/workflows/dlq", workflow_dlq.list_),
    Route("DELETE", "/v2/workflows/dlq", workflow_dlq.delete_many),
    Route("POST", "/v2/workflows/dlq/resume", workflow_dlq.resume_many),
    Route("POST", "/v2/workflows/dlq/resume/{id}", workflow_dlq.resume),
    Route("POST", "/v2/workflows/dlq/restart", workflow_dlq.restart_many),
    Route("POST", "/v2/workflows/dlq/restart/{id}", workflow_dlq.restart),
    Route("POST", "/v2/workflows/dlq/callback/{id}", workflow_dlq.call_again),
    Route("DELETE", "/v2/workflows/dlq/callback/{id}", workflow_dlq.cancel_call),
    Route("GET", "/v2/workflows/dlq/{id}", workflow_dlq.get),
    Route("DELETE", "/v2/workflows/dlq/{id}", workflow_dlq.delete),
    Route("POST", "/v2/wait/*", waits.wait),
    Route("POST", "/v2/notify/*", waits.notify),
    Route("GET", "/v2/waiters/*", waits.waiters),
    Route(HTTP_METHODS, "/v2/workflows/hooks/{user}/{run}/*", waits.webhook),
)
_SPELLED = [
    f"{method} {route.pattern}"
    for route in ROUTES
    for method in route.methods.replace("ANY", "POST").split()
]


def control_routes() -> tuple[Route, ...]:
    """What is not QStash's. Imported when it is first asked for: a start is faster without."""
    from qstash_dev.api.control import page, server

    return (*page.ROUTES, *server.ROUTES)


def make_server(context: Context) -> ApiServer:
    """The server of QStash's API and the control API, for the running event loop."""
    router = Router(ROUTES, control_routes)

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
        await tell(request, context, target, error, _SPELLED)
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
