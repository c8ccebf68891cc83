"""`/v2/events` and `/v2/logs`: what happened, newest first, page by page."""

from typing import Any

from qstash_dev.api import web
from qstash_dev.api.call import Call, gather, that_fit
from qstash_dev.protocol.query import EVENTS, Defaults, format_cursor, parse_query
from qstash_dev.protocol.wire import TELLS_ANSWER, event_document, logged_message
from qstash_dev.store.lists.search import Found

_DEFAULTS = Defaults(EVENTS, count=1000)


async def events(call: Call) -> web.Response:
    """What all SDKs call."""
    found, cursor = await _page(call)
    return await call.answer({"events": found, **cursor})


async def logs(call: Call) -> web.Response:
    """The same under both keys: the reference says `logs`, older pages said `events`."""
    found, cursor = await _page(call)
    return await call.answer({"logs": found, "events": found, **cursor})


async def _page(call: Call) -> tuple[list[dict[str, Any]], dict[str, str]]:
    query = parse_query(call.pairs(), _DEFAULTS)
    found = await gather(call.store.search.events(call.user, query))
    shown = that_fit(call, found[: query.count], lambda item: item.message)
    documents = _documents(call, shown)
    if len(shown) == len(found):
        return documents, {}
    last = shown[-1].event
    return documents, {"cursor": format_cursor(last.time, last.seq)}


def _documents(call: Call, found: list[Found]) -> list[dict[str, Any]]:
    """Without those whose message was forgotten during the search."""
    messages = call.store.messages.load_many(item.message for item in found)
    logged = {seq: logged_message(message) for seq, message in messages.items()}
    there = [item for item in found if item.message in messages]
    attempts = call.store.attempts.named(
        (messages[item.message], item.event.attempt)
        for item in there
        if item.event.attempt is not None and item.event.state in TELLS_ANSWER
    )
    return [
        event_document(
            item.event,
            messages[item.message],
            attempts.get((item.message, item.event.attempt or 0)),
            logged[item.message],
        )
        for item in there
    ]
