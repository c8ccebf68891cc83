"""`/v2/dlq`: dead letters, and the way back."""

from msgspec.structs import replace

from qstash_dev.api import web
from qstash_dev.api.call import Call, gather, that_fit
from qstash_dev.api.v2 import workflow_dlq
from qstash_dev.api.v2.submission import request_settings
from qstash_dev.protocol.headers import not_beginning
from qstash_dev.protocol.model import DeadLetter, Headers, Query
from qstash_dev.protocol.query import (
    DEAD_LETTERS,
    Defaults,
    format_cursor,
    json_pairs,
    parse_query,
)
from qstash_dev.protocol.wire import dead_letter_document

_LIST = Defaults(DEAD_LETTERS, max_count=100, latest_first=False)
_MANY = replace(_LIST, changes=True)
_Found = list[tuple[int, DeadLetter, int]]


async def list_(call: Call) -> web.Response:
    """Entries, oldest first; with `source=workflow` as workflow SDKs know them, newest first."""
    if (call.arg("source") or "").lower() == "workflow":
        return await workflow_dlq.list_(call)
    query = parse_query(call.pairs(), _LIST)
    found, cursor = await _page(call, query)
    shown = that_fit(call, found, lambda item: item[2])
    if len(shown) < len(found):
        number, letter, _ = shown[-1]
        cursor = {"cursor": format_cursor(letter.time, number)}
    messages = call.store.messages.load_many(seq for _, _, seq in shown)
    last = call.store.attempts.last_of(messages.values())
    documents = [
        dead_letter_document(letter, messages[seq], last.get(seq)) for _, letter, seq in shown
    ]
    return await call.answer({"messages": documents, **cursor})


async def get(call: Call) -> web.Response:
    letter, seq = call.engine.find_dead(call.user, call.params["id"])
    message = call.store.messages.load(seq)
    last = call.store.attempts.last(message.id, seq)
    return await call.answer(dead_letter_document(letter, message, last))


async def delete(call: Call) -> web.Response:
    """Remove one entry."""
    letter, _ = call.engine.find_dead(call.user, call.params["id"])
    call.engine.remove_dead([letter])
    return await call.done()


async def delete_many(call: Call) -> web.Response:
    """Remove by ids or filters, from the query or a JSON body; unknown ids are ignored."""
    query = parse_query(call.pairs() + json_pairs(await call.body()), _MANY)
    found, cursor = await _page(call, query)
    call.engine.remove_dead(letter for _, letter, _ in found)
    return await call.answer({"deleted": len(found), **cursor})


async def retry(call: Call) -> web.Response:
    """Publish one entry's message anew; headers and query of this request override its settings."""
    letter, _ = call.engine.find_dead(call.user, call.params["id"])
    return await call.answer(_retry(call, letter, request_settings(call)), 201)


async def retry_many(call: Call) -> web.Response:
    """Publish the messages of many entries anew."""
    pairs = (*not_beginning(call.pairs(), "upstash-"), *json_pairs(await call.body()))
    query = parse_query(pairs, _MANY)
    found, cursor = await _page(call, query)
    settings = request_settings(call)
    responses = [_retry(call, letter, settings) for _, letter, _ in found]
    return await call.answer({"responses": responses, **cursor}, 201)


def _retry(call: Call, letter: DeadLetter, settings: Headers) -> dict[str, str]:
    retried = call.engine.retry_dead(call.user, letter.id, letter.message_id, settings)
    return {"messageId": retried}


async def _page(call: Call, query: Query) -> tuple[_Found, dict[str, str]]:
    """The entries of a page, and the cursor of the next one if there is one.

    Those that others took out of the DLQ during the search are left out, so that nothing is done twice.
    """
    found = await gather(call.store.search.dead_letters(call.user, query))
    dead = call.store.search.still_dead(letter.id for _, letter, _ in found[: query.count])
    page = [item for item in found[: query.count] if item[1].id in dead]
    if len(found) <= query.count:
        return page, {}
    seq, letter, _ = found[query.count - 1]
    return page, {"cursor": format_cursor(letter.time, seq)}
