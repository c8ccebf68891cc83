"""`/v2/wait`, `/v2/notify`, `/v2/waiters` and the webhooks: how runs wait for events."""

from typing import Any
from urllib.parse import unquote

from qstash_dev.api import web
from qstash_dev.api.call import Call, readable
from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.headers import HOP_BY_HOP, header_map, without
from qstash_dev.protocol.workflow.headers import CREATED_AT, RUN_ID, created_at
from qstash_dev.protocol.workflow.model import Run, Waiter, is_live
from qstash_dev.protocol.workflow.waits import Served, read_wait, webhook_event

HOOKS = "/v2/workflows/hooks/"
IN_CLOUD = (
    "the webhook of a run in the cloud cannot be called here: its address has the user of the local "
    "token. Call the cloud's own /v2/workflows/hooks/ with the UserID of the cloud's token, or notify "
    "the run"
)


def is_public(path: str) -> bool:
    """Whether a path is a webhook, which others call without a token."""
    return path[: len(HOOKS)].lower() == HOOKS


async def wait(call: Call) -> web.Response:
    """A step of a run waits for an event."""
    headers = call.request.headers
    run_id = headers.get(RUN_ID, "")
    order = read_wait(await call.body(), run_id, call.engine.policy.limits)
    part = run_id, created_at(headers.get(CREATED_AT, ""))
    answer = call.engine.waits.wait(call.user, part, _event(call.rest), order)
    return await call.answer({}, then=answer)


async def notify(call: Call) -> web.Response:
    """An event for all who wait for it, or for one run: `/v2/notify/{event}`, `.../{run}/{event}`."""
    _event(call.rest)
    data = await call.body()
    first, _, rest = call.rest.partition("/")
    run_id = unquote(first)
    run = call.engine.workflows.followed(call.user, run_id) if rest else None
    if rest and (run_id.startswith("wfr_") or (run is not None and is_live(run))):
        if run is None or not is_live(run):
            call.engine.waits.miss(call.user, _event(rest), run_id)
            return await call.answer([])
        served, answer = call.engine.waits.notify_run(run, _event(rest), data)
    else:
        served, answer = call.engine.waits.notify(call.user, _event(call.rest), data)
    documents = [_served(one) for one in served]
    return await call.answer(documents, then=answer)


async def waiters(call: Call) -> web.Response:
    """Who waits for an event."""
    found = call.store.waits.waiters(call.user, _event(call.rest))
    return await call.answer([_waiter(one) for one in found])


async def webhook(call: Call) -> web.Response:
    """Somebody calls the webhook of a run; the run may not wait for it yet."""
    run = _run_of_hook(call)
    body = await call.body()
    request = call.request
    data = webhook_event(
        request.method,
        header_map(without(call.text_headers(), HOP_BY_HOP)),
        body,
        ("http", readable(request.headers.get("Host", "localhost"))),
        call.path + (f"?{call.query}" if call.query else ""),
    )
    answer = call.engine.waits.call_webhook(run, _event(call.rest), data)
    return await call.answer({}, then=answer)


def _run_of_hook(call: Call) -> Run:
    user, run_id = call.params["user"], call.params["run"]
    run = call.engine.workflows.followed(user, run_id)
    if run is None or not is_live(run):
        raise QStashError(404, f"there is no live workflow run {run_id[:200]} of {user[:200]}")
    return run


def _event(raw: str) -> str:
    event = unquote(raw)
    if not event:
        raise QStashError(400, "the path must end with the id of an event")
    return event


def _served(served: Served) -> dict[str, Any]:
    document: dict[str, Any] = {
        "waiter": _waiter(served.waiter),
        "messageId": served.message.id if served.message is not None else "",
        "workflowRunId": served.run.id,
        "workflowCreatedAt": served.run.created_at,
    }
    if served.error is not None:
        document["error"] = served.error
    return document


def _waiter(waiter: Waiter) -> dict[str, Any]:
    return {
        "url": waiter.draft.spec.url,
        "headers": waiter.headers,
        "deadline": waiter.due_at // 1000,
        "timeoutUrl": waiter.timeout.spec.url,
        "timeoutHeaders": waiter.headers,
    }
