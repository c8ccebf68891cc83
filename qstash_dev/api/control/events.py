"""`/_dev/snapshot`, `/_dev/events`: all that a reader needs to begin, and each change since.

A reader that was away says the number of the last event it saw. Knows no reader by name.
"""

import asyncio
import contextlib
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from qstash_dev.api import web
from qstash_dev.api.call import Call, encode
from qstash_dev.api.control import messages
from qstash_dev.api.control.logs import entry_document, filter_of, logs
from qstash_dev.api.parameters import AFTER, BEFORE, CURSOR, FILTER, LIMIT, LINES, ORDER, PRINTED
from qstash_dev.api.router import Route
from qstash_dev.devtools.documents import Logs, Printed, Row, Snapshot, Tick
from qstash_dev.devtools.filters import Filter
from qstash_dev.devtools.status import status_of
from qstash_dev.engine.notifier import Closed
from qstash_dev.protocol.model import State
from qstash_dev.protocol.query import whole
from qstash_dev.store.feed import Entry

TICK_S = 0.1
PING_S = 10.0
PAGE = 1_000
PIECE = 50
"""Events, or rows, that are read in one go: in less time than a publish takes."""
BREATH_S = 0.001
"""Between two pieces of a tick. A publish takes several turns of the loop: if a piece came in each of
them, it would wait for all of the tick.
"""


async def snapshot(call: Call) -> web.Response:
    """All that a reader needs to begin: newest rows, counts, and where the events go on."""
    seq, wanted = call.store.feed.last_seq(), filter_of(call)
    page = await messages.page(call, wanted, call.whole(LIMIT))
    present = _present(call)
    if not wanted.terms:
        page["total"] = present["counts"].messages  # of the same moment
    return await call.answer({"seq": seq, "line": _lines(call), **present, **page})


async def events(call: Call) -> web.StreamResponse:
    """Server-sent events: what happened since `after`, at most ten times a second. `printed` is the
    last line of the app that the reader heard of; without it those from now on are told.
    """
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


def _lines(call: Call) -> int:
    """How many the app has printed."""
    return call.context.own_app.output.count if call.context.own_app is not None else 0


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
        known, lines = min(seq, call.store.feed.last_seq()), _lines(call)
        printed = call.number(PRINTED.name, lines)
        self._place = _Place(
            known,
            call.engine.tombstones.seen_by(known),
            self._notifier.seen_by(known),
            min(printed, lines),
            lost=seq > known or printed > lines,
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
        await asyncio.sleep(BREATH_S)
        return b"id: %d\ndata: %b\n\n" % (place.seq, encode(tick)), place, is_whole

    async def _tick(self, seen: _Place) -> tuple[dict[str, Any], _Place]:
        """In pieces, between which publishes are answered: all of it would hold them up for longer than
        one takes. The place is of the beginning: what happens meanwhile is told with the next one.
        """
        tombstones = self._call.engine.tombstones
        removed = tombstones.since(seen.tombstones)
        printed = self._printed(seen.printed)
        line = printed[-1].number if printed else _lines(self._call)
        last = self._call.store.feed.last_seq()
        place = _Place(last, tombstones.count, self._notifier.version, line)
        missed = self._notifier.touched_since(seen.version)
        entries = await self._events(seen.seq, last)
        if len(entries) == PAGE:  # there may be more
            place = replace(place, seq=entries[-1].seq)
        touched = (missed or set()) | {entry.message for entry in entries}
        if created := {entry.message for entry in entries if entry.state == State.CREATED}:
            touched |= self._call.store.rows.originals(created)
        told = [entry_document(entry) for entry in entries]
        rows, matched = await self._rows(sorted(touched))
        tick: dict[str, Any] = {
            "seq": place.seq,
            "events": told,
            "rows": rows,
            "removed": removed or [],
            "printed": printed,
            "line": line,
            **_present(self._call),
        }
        if self._wanted.terms:
            tick["matched"] = matched
        if removed is None or missed is None or seen.lost:
            tick["reset"] = True
        return tick, place

    async def _events(self, after: int, last: int) -> list[Entry]:
        """Up to a page of those that follow, and no newer ones than the last."""
        found: list[Entry] = []
        while after < last and len(found) < PAGE:
            piece = self._call.store.feed.after(after, PIECE)
            found += [entry for entry in piece if entry.seq <= last]
            after = piece[-1].seq if len(piece) == PIECE else last
            await asyncio.sleep(BREATH_S)
        return found

    async def _rows(self, numbers: list[int]) -> tuple[list[Row], list[str]]:
        """Those of messages with these numbers, and the ids of those that match the filter."""
        rows: list[Row] = []
        matched: list[str] = []
        store, now = self._call.store, self._call.engine.clock.now()
        for first in range(0, len(numbers), PIECE):
            piece = numbers[first : first + PIECE]
            found = store.rows.of(piece, now)
            if self._wanted.terms:
                matching = store.rows.matching(self._wanted, piece, now)
                matched += [row.id for row in found if row.seq in matching]
            rows += found
            await asyncio.sleep(BREATH_S)
        return rows, matched

    def _printed(self, after: int) -> list[Printed]:
        """What the app printed since."""
        app = self._call.context.own_app
        return app.output.after(after, PAGE) if app is not None else []


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
        "GET",
        "/_dev/events",
        events,
        Tick,
        query=(AFTER, PRINTED, FILTER),
        is_stable=True,
        is_stream=True,
    ),
    Route("GET", "/_dev/logs", logs, Logs, query=(FILTER, LINES, AFTER, BEFORE)),
)
