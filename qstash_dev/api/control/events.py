"""`/_dev/snapshot`, `/_dev/events`: all that a reader needs to begin, and each change since.

A reader that was away says the number of the last event it saw. Knows no reader by name.
"""

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Any

from qstash_dev.api import web
from qstash_dev.api.call import Call, encode
from qstash_dev.api.control import messages
from qstash_dev.api.control.logs import entry_document, filter_of, logs
from qstash_dev.api.parameters import AFTER, BEFORE, CURSOR, FILTER, LIMIT, LINES, ORDER
from qstash_dev.api.router import Route
from qstash_dev.devtools.documents import Logs, Printed, Row, Snapshot, Tick
from qstash_dev.devtools.filters import Filter
from qstash_dev.engine.notifier import Closed
from qstash_dev.protocol.errors import QStashError

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
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise QStashError(400, f"invalid event number {text[:50]!r}")
    return int(text)


def _present(call: Call) -> dict[str, Any]:
    now = call.engine.clock.now()
    return {
        "now": now,
        "server": call.context.server(),
        "counts": call.store.rows.counts(now),
        "resources": {
            "schedules": call.store.schedules.revision,
            "queues": call.store.queues.revision,
            "groups": call.store.groups.revision,
            "flow": call.store.flows.revision,
            "workflows": call.store.workflows.revision + call.engine.waits.missed.revision,
        },
    }


class _Stream:
    """One reader of the event stream. The store is its queue: it fetches what it has not seen."""

    def __init__(self, call: Call, wanted: Filter, seq: int) -> None:
        self._call = call
        self._wanted = wanted
        self._seq = min(seq, call.store.feed.last_seq())
        self._lost = seq > self._seq
        self._tombstones = call.engine.tombstones.seen_by(self._seq)
        self._version = call.context.notifier.version
        self._app = call.context.own_app
        self._printed = self._app.output.count if self._app is not None else 0

    async def send_to(self, response: web.StreamResponse) -> None:
        """Ticks until the reader goes away."""
        version = self._call.context.notifier.version
        await response.write(b": ok\n\n")
        while True:
            tick = self._tick()
            await response.write(b"id: %d\ndata: %b\n\n" % (self._seq, encode(tick)))
            await asyncio.sleep(TICK_S)
            if PAGE in (len(tick["events"]), len(tick["printed"])):
                continue
            try:
                async with asyncio.timeout(PING_S):
                    version = await self._call.context.notifier.changed_since(version)
            except TimeoutError:
                await response.write(b": ping\n\n")

    def _tick(self) -> dict[str, Any]:
        store, now = self._call.store, self._call.engine.clock.now()
        entries = store.feed.after(self._seq, PAGE)
        tombstones = self._call.engine.tombstones
        removed = tombstones.since(self._tombstones)
        reset = removed is None or self._lost
        self._tombstones, self._lost = tombstones.count, False
        if entries:
            self._seq = entries[-1].seq
        notifier = self._call.context.notifier
        touched = {entry.message for entry in entries} | notifier.touched_since(self._version)
        self._version = notifier.version
        tick: dict[str, Any] = {
            "seq": self._seq,
            "events": [entry_document(entry) for entry in entries],
            "rows": store.rows.of(touched, now) if touched else [],
            "removed": removed or [],
            "printed": self._lines(),
            **_present(self._call),
        }
        if self._wanted.terms:
            matching: Iterable[Row] = store.rows.of(touched, now, self._wanted) if touched else []
            tick["matched"] = [row.id for row in matching]
        if reset:
            tick["reset"] = True
        return tick

    def _lines(self) -> list[Printed]:
        """What the app printed since."""
        if self._app is None:
            return []
        lines = self._app.output.after(self._printed, PAGE)
        self._printed = lines[-1].number if lines else self._app.output.count
        return lines


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
