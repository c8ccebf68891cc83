"""`/v2/messages`: look at a message, cancel it or many, deliver it now."""

from typing import Any

from qstash_dev.api import web
from qstash_dev.api.call import Call
from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.model import Message
from qstash_dev.protocol.query import (
    CANCELLED,
    format_cursor,
    is_set,
    json_pairs,
    parse_cursor,
    parse_query,
)
from qstash_dev.protocol.wire import bulk_action_document, message_document


async def get(call: Call) -> web.Response:
    """A message that is under way, or was finished a moment ago; a cancelled one is gone at once."""
    message = _find(call)
    age_limit = call.context.finished_readable_ms
    now = call.engine.clock.now()
    is_past = message.finished_at is not None and message.finished_at + age_limit < now
    if is_past or message.cancel_requested:
        raise QStashError(404, f"message {message.id} not found")
    return await call.answer(message_document(message))


async def cancel(call: Call) -> web.Response:
    """202 with `cancelled: 1`; 404 when it is unknown or finished."""
    message = _find(call)
    if call.engine.cancel([message]) == 0:
        raise QStashError(404, f"message {message.id} not found")
    return await call.answer({"cancelled": 1}, 202)


async def cancel_many(call: Call) -> web.Response:
    """Cancel by ids or filters, from the query or a JSON body; without any, everything."""
    pairs = call.pairs() + json_pairs(await call.body())
    query = parse_query(pairs, CANCELLED)
    if is_set(pairs, "async"):
        action = await call.engine.bulk.start(call.user, query)
        return await call.answer({"actionId": action.id}, 202)
    cancelled = await call.engine.bulk.run(call.user, query)
    return await call.answer({"cancelled": cancelled}, 202)


async def bulk_actions(call: Call, *, of_runs: bool = False) -> web.Response:
    """Cancellations in the background, newest first; the cursor counts what was listed."""
    state = (call.arg("state") or "").upper()
    if state not in ("", "IN_PROGRESS", "FINISHED"):
        raise QStashError(400, f"unknown state {state[:100]!r}: expected IN_PROGRESS or FINISHED")
    offset = parse_cursor(call.arg("cursor") or "") or 0
    count = call.number("count", 100, 1, 1_000)
    found = call.engine.bulk.recent(call.user, of_runs=of_runs)
    documents = [bulk_action_document(action) for action in found]
    documents = [d for d in documents if state in ("", d["state"])]
    answer: dict[str, Any] = {"bulkActions": documents[offset : offset + count]}
    if len(documents) > offset + count:
        answer["cursor"] = format_cursor(documents[offset]["createdAt"], offset + count)
    return await call.answer(answer)


async def bulk_action(call: Call) -> web.Response:
    """One of them."""
    action = call.engine.bulk.find(call.user, call.params["id"])
    return await call.answer(bulk_action_document(action))


async def run_now(call: Call) -> web.Response:
    """Deliver a delayed or retrying message at once; not one that stands in a queue."""
    message = _find(call)
    if message.spec.queue is not None:
        raise QStashError(400, f"message {message.id} is in a queue and keeps its turn")
    call.engine.run_now(message)
    return await call.answer({"messageId": message.id})


def _find(call: Call) -> Message:
    return call.engine.find(call.user, call.params["id"])
