"""`/_dev/messages`, `/_dev/replay`, `/_dev/wait`: messages for people, and what to do."""

import asyncio
import contextlib
from base64 import b64decode
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from qstash_dev.api import web
from qstash_dev.api.call import Call, gather, in_pieces
from qstash_dev.api.control.detail import detail, meant_body, meant_headers, media_type
from qstash_dev.api.control.logs import filter_of
from qstash_dev.api.control.matching import Matching
from qstash_dev.api.control.undo import undo_of
from qstash_dev.api.listener import patience
from qstash_dev.api.parameters import COUNT, CURSOR, FILTER, LIMIT, ORDER, REVEAL, TIMEOUT
from qstash_dev.api.router import Route
from qstash_dev.devtools import near_misses
from qstash_dev.devtools.control_documents import Cancelled, Deleted, Made, Waited
from qstash_dev.devtools.documents import BulkReplay, Detail, NotReplayed, Page, Replayed, Row
from qstash_dev.devtools.filters import Filter, FilterError, parse_filter
from qstash_dev.devtools.near_misses import LOOKED_AT, relaxed
from qstash_dev.devtools.written import absolute, header_pairs
from qstash_dev.engine.notifier import Closed
from qstash_dev.protocol.creation import Changes
from qstash_dev.protocol.destination import check_url
from qstash_dev.protocol.errors import QStashError, there
from qstash_dev.protocol.headers import canonical, check_header
from qstash_dev.protocol.json_body import whole_number
from qstash_dev.protocol.model import Headers, Message, Response
from qstash_dev.protocol.publish.readers import METHODS
from qstash_dev.protocol.query import format_cursor, parse_cursor
from qstash_dev.protocol.redact import redact_body

MAX_SELECTED = 10_000
LOOK_S = 0.0002
"""More than it takes to see whether what changed matches a filter."""


BodyOrder = str | dict[str, Any]
"""Text, or `{"base64": "..."}`: what else an object may be is refused in one sentence."""


class ReplayOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """What a replay does differently. `body` is text or `{"base64": "..."}`; `headers` are a mapping,
    pairs where a name stands more than once, or lines `Name: value`. `url` may be a path of the app.

    A header or body as it is shown, hashed or masked, is the original's.
    """

    body: BodyOrder | None = None
    headers: dict[str, str] | list[tuple[str, str]] | str | None = None
    url: str | None = None
    method: str | None = None


class ReplayMany(Struct, frozen=True, forbid_unknown_fields=True):
    """Which messages to replay: ids, or a filter."""

    ids: list[str] | None = None
    filter: str | None = None


async def page(call: Call, wanted: Filter, limit: int) -> dict[str, Any]:
    """Rows that match, how many match in all, and where the next page begins."""
    cursor = parse_cursor(call.arg("cursor") or "")
    latest_first = call.arg("order") != "earliest"
    rows = await select(call, wanted, limit + 1, cursor, latest_first)
    if cursor is None and len(rows) <= limit:
        return {"rows": rows, "total": len(rows), "cursor": None}
    total = 0
    for count in call.store.rows.count(wanted, call.engine.clock.now()):
        total += count
        await asyncio.sleep(0)
    more = len(rows) > limit
    rows = rows[:limit]
    next_ = format_cursor(rows[-1].created_at, rows[-1].seq) if more else None
    return {"rows": rows, "total": total, "cursor": next_}


async def select(
    call: Call, wanted: Filter, limit: int, cursor: int | None = None, latest_first: bool = True
) -> list[Row]:
    """Up to `limit` rows that match; other requests are served between two windows."""
    now = call.engine.clock.now()
    before, after = (cursor, None) if latest_first else (None, cursor or 0)
    return await gather(call.store.rows.select(wanted, now, before, after, limit))


async def list_(call: Call) -> web.Response:
    """A page of rows."""
    return await call.answer(await page(call, filter_of(call), call.whole(LIMIT)))


async def get(call: Call) -> web.Response:
    """One message, whole."""
    return await call.answer(whole(call, find(call)))


def whole(call: Call, message: Message) -> Detail:
    """All that is known of a message."""
    row = call.store.rows.by_id(message.id, call.engine.clock.now())
    assert row is not None
    return detail(call, message, row)


async def body(call: Call) -> web.Response:
    """The whole body of a message."""
    message = find(call)
    shown = redact_body(message.body, message.spec.redact)
    return _download(shown, media_type(message))


async def response_body(call: Call) -> web.Response:
    """The whole body of the answer to one attempt, as far as it was kept."""
    message = find(call)
    text = call.params["number"]
    number = whole_number(text, 9)
    attempt = call.store.attempts.get(message.id, message.seq, number) if number else None
    if attempt is None or not isinstance(attempt.outcome, Response):
        raise QStashError(404, f"attempt {text[:20]} of {message.id} has no answer")
    return _download(attempt.outcome.body, "application/octet-stream")


async def replay(call: Call) -> web.Response:
    """Deliver a copy now, with changes if the body names some."""
    order: ReplayOrder = await call.order()
    message = find(call)
    changes = _changes(call, order, message)
    return await call.answer(Made(call.engine.replay(message.user, message.id, changes)))


async def replay_many(call: Call) -> web.Response:
    """Deliver copies of many messages."""
    order: ReplayMany = await call.order()
    if (order.ids is None) == (order.filter is None):
        raise QStashError(400, "give either ids or a filter")
    replayed: list[Replayed] = []
    failed: list[NotReplayed] = []
    async for ids in in_pieces(call, await _selected(call, order)):
        for message_id in ids:
            try:
                message = find(call, message_id)
                copy = call.engine.replay(message.user, message.id, Changes())
                replayed.append(Replayed(message_id, copy))
            except QStashError as error:
                failed.append(NotReplayed(message_id, error.message))
    return await call.answer(BulkReplay(replayed, failed))


async def run(call: Call) -> web.Response:
    """Deliver a waiting message now."""
    message = find(call)
    call.engine.run_now(message)
    return await call.answer(Made(message.id))


async def cancel(call: Call) -> web.Response:
    """Cancel a message."""
    message = find(call)
    if call.engine.cancel([message]) == 0:
        raise QStashError(409, f"message {message.id} cannot be cancelled: it is finished")
    order = call.engine.undo.begin()
    call.engine.undo.was_cancelled(order, message)
    return await call.answer(Cancelled(id=message.id, undo=undo_of(call, order)))


async def delete(call: Call) -> web.Response:
    """Forget a finished message."""
    message = find(call)
    if message.finished_at is None:
        raise QStashError(409, f"message {message.id} is not finished: cancel it first")
    order = call.engine.undo.begin()
    deleted = len(_delete(call, order, [message.seq]))
    return await call.answer(Deleted(deleted=deleted, undo=undo_of(call, order)))


async def delete_many(call: Call) -> web.Response:
    """Forget finished messages that match a filter."""
    wanted = filter_of(call)
    deleted, order = 0, call.engine.undo.begin()
    for window in call.store.rows.select(wanted, call.engine.clock.now(), None):
        async for rows in in_pieces(call, window):
            deleted += len(_delete(call, order, [row.seq for row in rows]))
    return await call.answer(Deleted(deleted=deleted, undo=undo_of(call, order)))


async def wait(call: Call) -> web.Response:
    """Answer once `count` messages match, or when the time is over or the client says no more."""
    wanted, count = filter_of(call), call.whole(COUNT)
    timeout_s = call.whole(TIMEOUT) / 1000
    notifier = call.context.notifier
    matching = Matching(call.engine, notifier, wanted)
    version = notifier.version
    rows = matching.begin(await select(call, wanted, count))
    with contextlib.suppress(TimeoutError, Closed), notifier.searching():
        async with patience(call.request, timeout_s):
            while len(rows) < count:
                version = await notifier.changed_since(version)
                if matching.may_be(count, call.engine.clock.now()):
                    rows = matching.begin(await select(call, wanted, count))
                # Who waits longest waits for all the others to look, too.
                await asyncio.sleep(notifier.searchers * LOOK_S)
    if len(rows) < count:
        rows = await select(call, wanted, count)
    is_met = len(rows) >= count
    return await call.answer(Waited(is_met, rows, "" if is_met else await nearest(call, rows)))


async def nearest(call: Call, matched: list[Row]) -> str:
    """What else there is that nearly matches."""
    known = {row.id for row in matched}
    found = []
    for term, filter in relaxed(call.arg("filter") or ""):
        rows = await select(call, filter, LOOKED_AT)
        found.append((term, [row for row in rows if row.id not in known]))
    return near_misses.nearest(found)


def find(call: Call, message_id: str | None = None) -> Message:
    """A message of any user. Raises QStashError(404)."""
    wanted = message_id or call.params["id"]
    return there(call.store.messages.get(None, wanted), "message", wanted)


def _delete(call: Call, order: str, seqs: list[int]) -> list[str]:
    with call.store.database:
        call.engine.undo.will_delete(order, seqs)
        return call.engine.delete(seqs)


async def _selected(call: Call, order: ReplayMany) -> list[str]:
    if order.ids is not None:
        return order.ids
    try:
        wanted = parse_filter(order.filter or "")
    except FilterError as error:
        raise QStashError(400, str(error)) from error
    return [row.id for row in reversed(await select(call, wanted, MAX_SELECTED))]


def _changes(call: Call, order: ReplayOrder, source: Message) -> Changes:
    method = order.method.upper() if order.method else None
    if method is not None and method not in METHODS:
        raise QStashError(400, f"invalid method {method[:50]!r}: expected {', '.join(METHODS)}")
    return Changes(
        body=_optional(order.body, lambda body: meant_body(source, body_bytes(body))),
        headers=_optional(order.headers, lambda pairs: meant_headers(source, _checked(pairs))),
        url=_optional(order.url, lambda url: check_url(absolute(url, call.context.app_url()))),
        method=method,
    )


def _checked(headers: dict[str, str] | list[tuple[str, str]] | str) -> Headers:
    if isinstance(headers, str):
        headers = header_pairs(headers)
    pairs = headers.items() if isinstance(headers, dict) else headers
    return tuple(check_header(canonical(name), value) for name, value in pairs)


def _optional(value: Any, read: Callable[[Any], Any]) -> Any:
    return None if value is None else read(value)


def body_bytes(body: BodyOrder) -> bytes:
    """The bytes that are meant. Raises QStashError(400)."""
    if isinstance(body, str):
        return body.encode()
    try:
        return b64decode(body["base64"], validate=True)
    except (KeyError, ValueError, TypeError) as error:
        expected = 'text (of JSON, too: a string) or {"base64": "..."}'
        raise QStashError(400, f"invalid body: expected {expected}") from error


def _download(content: bytes, media: str) -> web.Response:
    # Never rendered by a browser: the content is somebody else's.
    headers = {
        "Content-Type": media,
        "Content-Disposition": "attachment",
        "X-Content-Type-Options": "nosniff",
    }
    return web.Response(body=content, headers=headers)


ROUTES = (
    Route(
        "GET", "/_dev/messages", list_, Page, query=(FILTER, LIMIT, CURSOR, ORDER), is_stable=True
    ),
    Route("DELETE", "/_dev/messages", delete_many, Deleted, query=(FILTER,)),
    Route("GET", "/_dev/messages/{id}", get, Detail, query=(REVEAL,), is_stable=True),
    Route("DELETE", "/_dev/messages/{id}", delete, Deleted, is_stable=True),
    Route("GET", "/_dev/messages/{id}/body", body, bytes, is_stable=True),
    Route(
        "GET", "/_dev/messages/{id}/attempts/{number}/body", response_body, bytes, is_stable=True
    ),
    Route("POST", "/_dev/messages/{id}/replay", replay, Made, ReplayOrder, is_stable=True),
    Route("POST", "/_dev/messages/{id}/run", run, Made, is_stable=True),
    Route("POST", "/_dev/messages/{id}/cancel", cancel, Cancelled, is_stable=True),
    Route("POST", "/_dev/replay", replay_many, BulkReplay, ReplayMany, is_stable=True),
    Route("GET", "/_dev/wait", wait, Waited, query=(FILTER, COUNT, TIMEOUT), is_stable=True),
)
