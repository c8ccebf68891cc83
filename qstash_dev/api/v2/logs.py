"""`/v2/events` and `/v2/logs`: what happened, newest first, page by page."""

from typing import Any

from qstash_dev.api import web
from qstash_dev.api.call import PAGE_BYTES, Call, gather, size_of
from qstash_dev.protocol.model import Message
from qstash_dev.protocol.query import EVENTS, Defaults, format_cursor, parse_query
from qstash_dev.protocol.wire import TELLS_ANSWER, Document, event_document, logged_message

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
    documents: list[dict[str, Any]] = []
    size = 0
    seen = 0
    known: dict[int, tuple[Message, Document]] = {}
    for item in found[: query.count]:
        seen += 1
        if item.message not in known:
            loaded = call.store.messages.load_many([item.message])
            if not loaded:
                continue  # forgotten during the search
            (message,) = loaded.values()
            known[item.message] = message, logged_message(message)
        message, about = known[item.message]
        attempt = None
        if item.event.attempt is not None and item.event.state in TELLS_ANSWER:
            attempt = call.store.attempts.get(message.id, message.seq, item.event.attempt)
        documents.append(event_document(item.event, message, attempt, about))
        size += size_of(message, attempt)
        if size > PAGE_BYTES:
            break
    if seen == len(found):
        return documents, {}
    last = found[seen - 1].event
    return documents, {"cursor": format_cursor(last.time, last.seq)}
