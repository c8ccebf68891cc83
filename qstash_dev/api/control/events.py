"""`/_dev/snapshot`, `/_dev/events`: all that a reader needs to begin, and each change since.

A reader that was away says the number of the last event it saw. Knows no reader by name.
"""

import asyncio
import contextlib
from typing import Any

from msgspec import Struct

from qstash_dev.api import web
from qstash_dev.api.call import Call, encode
from qstash_dev.api.control import messages
from qstash_dev.api.control.logs import entry_document, filter_of, logs
from qstash_dev.api.parameters import AFTER, BEFORE, CURSOR, FILTER, LIMIT, LINES, ORDER
from qstash_dev.api.router import Route
from qstash_dev.devtools.documents import Logs, Printed, Snapshot, Tick
from qstash_dev.devtools.filters import Filter
from qstash_dev.devtools.status import status_of
from qstash_dev.engine.notifier import Closed
from qstash_dev.protocol.model import State
from qstash_dev.protocol.query import whole

TICK_S = 0.1
PING_S = 10.0
PAGE = 1_000


async def snapshot(call: Call) -> web.Response:
    """All that a reader needs to begin: newest rows, counts, and where the events go on."""
    seq = call.store.feed.last_seq()
    page = await messages.page(call, filter_of(call), call.whole(LIMIT))
    return await call.answer({"seq": seq, **_present(call), **page})


async def events(call: Call) -> web.StreamResponse:
    """Server-sent events: what happened since `after`, at most ten times a second."""
    after = call.request.headers.get("Last-Event-ID") or call.arg("after")
    stream = _Stream(call, filter_of(call), _sequence(call, after))
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
    )
    await response.prepare(call.request)
    ends = (ConnectionError, asyncio.CancelledError, Closed)
    with call.context.notifier.reading(), contextlib.suppress(*ends):
        await stream.send_to(response)
    return response


def _sequence(call: Call, text: str | None) -> int:
    if text is None:
        return call.store.feed.last_seq()
    return whole("event number", text)


def _present(call: Call) -> dict[str, Any]:
    now, server = call.engine.clock.now(), call.context.server()
    counts = call.store.rows.counts(now)
    return {
        "now": now,
        "server": server,
        "counts": counts,
        "status": status_of(server, counts),
        "resources": {
            "schedules": call.store.schedules.revision,
            "queues": call.store.queues.revision,
            "groups": call.store.groups.revision,
            "flow": call.store.flows.revision,
            "workflows": call.store.workflows.revision + call.engine.waits.missed.revision,
        },
    }


class _Place(Struct, frozen=True):
    """How much a reader has seen; `lost`: it knows what this server does not."""

    seq: int
    tombstones: int
    version: int
    printed: int
    lost: bool = False


class _Stream:
    """One reader of the event stream. The store is its queue: it fetches what it has not seen."""

    def __init__(self, call: Call, wanted: Filter, seq: int) -> None:
        self._call = call
        self._notifier = call.context.notifier
        self._wanted = wanted
        known = min(seq, call.store.feed.last_seq())
        self._app = call.context.own_app
        self._place = _Place(
            known,
            call.engine.tombstones.seen_by(known),
            self._notifier.version,
            self._app.output.count if self._app is not None else 0,
            lost=seq > known,
        )

    async def send_to(self, response: web.StreamResponse) -> None:
        """Ticks until the reader goes away."""
        version = self._notifier.version
        await response.write(b": ok\n\n")
        while True:
            # Readers who have seen as much get the same one.
            moment = int(self._call.engine.clock.wall() / 1000 / TICK_S)
            key = (moment, self._place, self._wanted)
            known = self._notifier.found(key)
            text, self._place, is_whole = known or self._notifier.keep(key, await self._next())
            await response.write(text)
            await asyncio.sleep(TICK_S)
            if not is_whole:
                continue
            try:
                async with asyncio.timeout(PING_S):
                    version = await self._notifier.changed_since(version)
            except TimeoutError:
                await response.write(b": ping\n\n")

    async def _next(self) -> tuple[bytes, _Place, bool]:
        """What to send, where the reader is then, and whether that is all there is."""
        tick, place = await self._tick(self._place)
        is_whole = PAGE not in (len(tick["events"]), len(tick["printed"]))
        await asyncio.sleep(0)
        return b"id: %d\ndata: %b\n\n" % (place.seq, encode(tick)), place, is_whole

    async def _tick(self, seen: _Place) -> tuple[dict[str, Any], _Place]:
        """In parts, between which publishes are answered: all of it would hold them up for longer than
        one takes. The place is of the beginning: what happens meanwhile is told with the next one.
        """
        store, now = self._call.store, self._call.engine.clock.now()
        entries = store.feed.after(seen.seq, PAGE)
        tombstones = self._call.engine.tombstones
        removed = tombstones.since(seen.tombstones)
        printed = self._lines(seen.printed)
        place = _Place(
            entries[-1].seq if entries else seen.seq,
            tombstones.count,
            self._notifier.version,
            printed[-1].number if printed else self._app.output.count if self._app else 0,
        )
        touched = {entry.message for entry in entries} | self._notifier.touched_since(seen.version)
        if created := {entry.message for entry in entries if entry.state == State.CREATED}:
            touched |= store.rows.originals(created)
        await asyncio.sleep(0)
        rows = store.rows.of(touched, now) if touched else []
        found = store.rows.of(touched, now, self._wanted) if self._wanted.terms and touched else []
        await asyncio.sleep(0)
        tick: dict[str, Any] = {
            "seq": place.seq,
            "events": [entry_document(entry) for entry in entries],
            "rows": rows,
            "removed": removed or [],
            "printed": printed,
            **_present(self._call),
        }
        if self._wanted.terms:
            tick["matched"] = [row.id for row in found]
        if removed is None or seen.lost:
            tick["reset"] = True
        return tick, place

    def _lines(self, after: int) -> list[Printed]:
        """What the app printed since."""
        return self._app.output.after(after, PAGE) if self._app is not None else []


ROUTES = (
    Route(
        "GET",
        "/_dev/snapshot",
        snapshot,
        Snapshot,
        query=(FILTER, LIMIT, CURSOR, ORDER),
        is_stable=True,
    ),
    Route(
        "GET", "/_dev/events", events, Tick, query=(AFTER, FILTER), is_stable=True, is_stream=True
    ),
    Route("GET", "/_dev/logs", logs, Logs, query=(FILTER, LINES, AFTER, BEFORE)),
)
