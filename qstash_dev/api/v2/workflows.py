"""`/v2/workflows/runs`: what an app and its developer ask of a run."""

from qstash_dev.api import web
from qstash_dev.api.call import Call
from qstash_dev.api.v2 import messages
from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.model import Query
from qstash_dev.protocol.query import is_set, json_pairs
from qstash_dev.protocol.wire import bulk_action_document
from qstash_dev.protocol.workflow.headers import CREATED_AT, created_at
from qstash_dev.protocol.workflow.query import CANCELLED, parse_runs


async def entries(call: Call) -> web.Response:
    """The list of a run, for an app that got a step without it."""
    body = call.engine.workflows.entries(call.user, call.params["id"])
    return web.Response(body=body, content_type="application/json")


async def end(call: Call) -> web.Response:
    """The app has returned (`cancel=false`), which is fine for any run; else the run is cancelled."""
    run_id = call.params["id"]
    if (call.arg("cancel") or "").lower() == "false":
        result = await call.body()
        generation = created_at(call.request.headers.get(CREATED_AT, ""))
        call.engine.workflows.finish(call.user, run_id, generation, result)
        return await call.done()
    run = call.engine.workflows.find(call.user, run_id)
    if not call.engine.workflows.cancel(run):
        raise QStashError(404, f"workflow run {run_id[:200]} is over")
    return await call.done()


async def cancel_many(call: Call) -> web.Response:
    """Cancel by ids or filters, from the query or a JSON body; without any, everything."""
    pairs = call.pairs() + json_pairs(await call.body())
    query = parse_runs(pairs, CANCELLED, by_prefix=True, changes=True)
    cancelled = call.engine.workflows.cancel_many(call.user, query)
    if is_set(pairs, "async"):
        action = call.engine.bulk.runs_cancelled(call.user, Query(_asked(pairs)), cancelled)
        return await call.answer({"actionId": action.id}, 202)
    return await call.answer({"cancelled": cancelled})


async def bulk_actions(call: Call) -> web.Response:
    """Cancellations that were asked for in the background."""
    return await messages.bulk_actions(call, of_runs=True)


async def bulk_action(call: Call) -> web.Response:
    """One of them."""
    action = call.engine.bulk.find(call.user, call.params["id"], of_runs=True)
    return await call.answer(bulk_action_document(action))


def _asked(pairs: list[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """The filters as they were given."""
    asked: dict[str, tuple[str, ...]] = {}
    for name, value in pairs:
        if name.lower() not in ("async", "qstash_token"):
            asked[name] = (*asked.get(name, ()), value)
    return asked
