"""`/_dev/logs`, and how filters and events look in the control API."""

from typing import Any

import msgspec

from qstash_dev.api import web
from qstash_dev.api.call import Call, gather
from qstash_dev.api.parameters import LINES
from qstash_dev.devtools.filters import Filter, FilterError, parse_filter
from qstash_dev.protocol.errors import QStashError
from qstash_dev.store.feed import Entry


async def logs(call: Call) -> web.Response:
    """Events around a sequence number, oldest first."""
    limit = call.whole(LINES)
    wanted, now = filter_of(call), call.engine.clock.now()
    feed = call.store.feed
    seq = feed.last_seq()  # what comes during the search follows after this page
    if call.arg("after") is not None:
        after = call.number("after", 0)
        found = await gather(feed.select(wanted, now, limit, after=after))
    else:
        before = call.number("before", seq + 1)
        found = (await gather(feed.select(wanted, now, limit, before)))[::-1]
    events = [entry_document(entry) for entry in found if entry.seq <= seq]
    return await call.answer({"events": events, "seq": seq})


def filter_of(call: Call) -> Filter:
    """The `filter` parameter. Raises QStashError(400) with its suggestion."""
    try:
        return parse_filter(call.arg("filter") or "")
    except FilterError as error:
        raise QStashError(400, str(error)) from error


def entry_document(entry: Entry) -> dict[str, Any]:
    """An event as readers see it."""
    document = msgspec.structs.asdict(entry)
    del document["message"]
    return document
