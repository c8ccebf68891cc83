"""`/_dev/dlq`: messages that ran out of retries, of all users."""

from qstash_dev.api import web
from qstash_dev.api.call import Call, gather
from qstash_dev.api.control.undo import undo_of
from qstash_dev.api.parameters import CURSOR, LIMIT
from qstash_dev.api.router import Route
from qstash_dev.devtools.control_documents import Deleted, Dlq, Made
from qstash_dev.devtools.documents import DlqEntry, Row
from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.model import DeadLetter, Query
from qstash_dev.protocol.query import format_cursor, parse_cursor


async def list_(call: Call) -> web.Response:
    """The DLQ of all users, newest first."""
    limit = call.whole(LIMIT)
    query = Query(count=limit, cursor=parse_cursor(call.arg("cursor") or ""))
    found = await gather(call.store.search.dead_letters(None, query))
    now = call.engine.clock.now()
    rows = {row.seq: row for row in call.store.rows.of([seq for _, _, seq in found[:limit]], now)}
    entries = [
        _entry(letter, rows[seq])
        for _, letter, seq in found[:limit]
        if seq in rows  # else it was forgotten during the search
    ]
    more = len(found) > limit
    cursor = format_cursor(found[limit - 1][1].time, found[limit - 1][0]) if more else None
    return await call.answer(Dlq(entries, cursor))


async def get(call: Call) -> web.Response:
    """One dead letter."""
    letter, seq = call.engine.find_dead(None, call.params["id"])
    rows = call.store.rows.of([seq], call.engine.clock.now())
    if not rows:
        raise QStashError(404, f"dlq message {letter.id} not found")
    return await call.answer(_entry(letter, rows[0]))


async def retry(call: Call) -> web.Response:
    """Publish a dead letter's message anew."""
    letter, _ = call.engine.find_dead(None, call.params["id"])
    new_id = call.engine.retry_dead(letter.user, letter.id, letter.message_id, ())
    return await call.answer(Made(new_id))


async def delete(call: Call) -> web.Response:
    """Remove a dead letter."""
    letter, _ = call.engine.find_dead(None, call.params["id"])
    order = call.engine.undo.begin()
    with call.store.database:
        call.engine.undo.will_remove(order, letter.id)
        call.engine.remove_dead([letter])
    return await call.answer(Deleted(deleted=1, undo=undo_of(call, order)))


def _entry(letter: DeadLetter, row: Row) -> DlqEntry:
    return DlqEntry(letter.id, letter.time, row)


ROUTES = (
    Route("GET", "/_dev/dlq", list_, Dlq, query=(LIMIT, CURSOR), is_stable=True),
    Route("GET", "/_dev/dlq/{id}", get, DlqEntry, is_stable=True),
    Route("POST", "/_dev/dlq/{id}/retry", retry, Made),
    Route("DELETE", "/_dev/dlq/{id}", delete, Deleted),
)
