"""`/_dev/clock`: what time the messages live in, and how to change it."""

import contextlib
from contextlib import AbstractAsyncContextManager
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from qstash_dev.api import web
from qstash_dev.api.call import Call
from qstash_dev.api.control.waiting import PAUSED
from qstash_dev.api.listener import has_hung_up, patience
from qstash_dev.api.router import Route
from qstash_dev.devtools.documents import Clock
from qstash_dev.devtools.text import as_sentence, counted
from qstash_dev.engine.clock import ONLY_FORWARD
from qstash_dev.engine.notifier import Closed
from qstash_dev.engine.recovery import follow_time_back
from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.timing import format_duration

PATIENCE_MS = 5_000
"""How long an order to the clock waits for deliveries; less than the time-out of most clients."""
NAMED = 3
"""So many deliveries that are under way are named."""


class ClockOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """One of `mode` (with `scale`), `advance_ms`, `until` (epoch ms), `skip` and `settle`.

    `settle` walks from event to event until no message waits any more, or says that this never comes.
    `wait_ms` is how long to wait, in real time, for the deliveries that become due. If time was moved
    and that was too short, the `notice` of the answer names what is under way; while deliveries are
    paused, it says that what became due stays.
    """

    mode: Literal["real", "frozen", "scaled"] | None = None
    scale: float | None = None
    advance_ms: int | None = None
    until: int | None = None
    skip: bool = False
    settle: bool = False
    wait_ms: int = PATIENCE_MS


async def show(call: Call) -> web.Response:
    """How the clock runs."""
    return await call.answer(_document(call))


async def change(call: Call) -> web.Response:
    """Change the clock; the answer comes when what became due was delivered (see `wait_ms`).

    `{"advance_ms": 0}` only waits. Of several orders each is obeyed when those before it are done: what
    `until` asks for may be reached by then. Who has hung up before its turn came wants nothing more.
    """
    order: ClockOrder = await call.order()
    _check(order, call.context.clock.now())
    turn = call.context.clock_turn
    must_wait = turn.locked()
    async with turn:
        if must_wait and has_hung_up(call.request):
            raise QStashError(409, "the client hung up before it was this order's turn")
        notice = await _obey(call, order)
        if notice is not None:
            call.context.notify(as_sentence(notice))
        return await call.answer(replace(_document(call), notice=notice))


def _check(order: ClockOrder, now: int) -> None:
    orders = (order.mode, order.advance_ms, order.until, order.skip or None, order.settle or None)
    if sum(x is not None for x in orders) != 1:
        raise QStashError(400, "give one of mode, advance_ms, until, skip and settle")
    if order.scale is not None and order.mode != "scaled":
        raise QStashError(400, 'scale belongs to {"mode": "scaled"}')
    if order.until is not None and order.until < now:
        raise QStashError(400, ONLY_FORWARD)


async def _obey(call: Call, order: ClockOrder) -> str | None:
    """What it did not do, though it may be expected."""
    clock, engine = call.context.clock, call.engine
    notice = None
    try:
        if order.mode is not None:
            clock.set(order.mode, 1.0 if order.scale is None else order.scale)
            follow_time_back(engine.schedules, engine.duplicates, engine.lanes)
            notice = _left_ahead(call)
        elif order.settle:
            await _settle(call, order.wait_ms)
        else:
            until = order.until or 0
            if order.skip:
                await _idle(call, order.wait_ms)
                until = _next(call)
            ahead = max(0, until - clock.now())
            ms = ahead if order.advance_ms is None else order.advance_ms
            clock.check_advance(ms)
            return await _travel(call, ms, order.wait_ms)
    except ValueError as error:
        raise QStashError(400, str(error)) from error
    _time_changed(call)
    await _idle(call, order.wait_ms)
    return notice


def _left_ahead(call: Call) -> str | None:
    """What waits for a time that the clock showed before: it is what was meant, but hard to guess."""
    left = call.store.due.count_ahead(call.engine.clock.now())
    if not left:
        return None
    return (
        f"{counted(left, 'message waits', 'messages wait')} for a later time, at which the clock was "
        "before: `qstash-dev messages run ID` delivers one now, `qstash-dev clock skip` goes there"
    )


async def _travel(call: Call, left_ms: int, wait_ms: int) -> str | None:
    """Move on by `left_ms` and stop wherever something is due, as time itself would.

    What is under way ends at the time at which it began: a retry is planned from there. A schedule
    fires each of its times on the way. After `wait_ms` the rest is one jump, and what was not done is
    told.
    """
    clock, engine = call.context.clock, call.engine
    try:
        async with _patience(call, wait_ms):
            await _until_idle(call)
            while left_ms:
                stop = engine.next_time()
                jump_ms = left_ms if stop is None else min(left_ms, max(0, stop - clock.now()))
                clock.advance(jump_ms)
                left_ms -= jump_ms
                _time_changed(call)
                await _until_idle(call)
        return _left_paused(call)
    except (TimeoutError, Closed):
        clock.advance(left_ms)
        _time_changed(call)
        return _left_undone(call, wait_ms)


def _left_paused(call: Call) -> str | None:
    """Who moves time expects deliveries, and may have paused them long ago."""
    at = call.engine.next_event()
    if not call.engine.paused or at is None or at > call.engine.clock.now():
        return None
    return f"nothing that became due is delivered, as {PAUSED}"


def _left_undone(call: Call, wait_ms: int) -> str:
    """Time is where it was to go, but not all that became due was delivered."""
    ids, now = list(call.engine.lanes.places.active), call.engine.clock.now()
    rows = (call.store.rows.by_id(id_, now) for id_ in ids[:NAMED])
    names = ", ".join(f"{row.method} {row.url} ({row.id})" for row in rows if row is not None)
    more = f" and {len(ids) - NAMED} more" if len(ids) > NAMED else ""
    text = f"not all that became due was delivered within {format_duration(wait_ms)}"
    return f"{text}; still under way: {names}{more}" if names else text


async def _settle(call: Call, wait_ms: int) -> None:
    """Event after event, until every message has ended. Raises QStashError(409) if one never does."""
    clock, engine = call.context.clock, call.engine
    with contextlib.suppress(TimeoutError, Closed):
        async with _patience(call, wait_ms):
            await _until_idle(call)
            while left := _unfinished(call):
                at = None if engine.paused else engine.next_time()
                if at is None:
                    why = ": deliveries are paused" if engine.paused else ", and nothing is due"
                    raise QStashError(409, f"{_count(left)} for ever{why}")
                clock.advance(max(0, at - clock.now()))
                _time_changed(call)
                await _until_idle(call)
            return
    left = _unfinished(call)
    raise QStashError(409, f"{_count(left)}, even after {wait_ms} ms")


def _count(left: int) -> str:
    return counted(left, "message waits", "messages wait")


def _unfinished(call: Call) -> int:
    counts = call.store.rows.counts(call.engine.clock.now())
    return counts.messages - counts.delivered - counts.failed - counts.canceled


def _time_changed(call: Call) -> None:
    call.engine.wake()
    call.context.notifier.publish()


def _next(call: Call) -> int:
    """When the next event is due, or now if there is none."""
    if call.engine.paused:
        raise QStashError(409, "deliveries are paused: resume them before skipping to the next one")
    at = call.engine.next_time()
    return call.context.clock.now() if at is None else at


async def _idle(call: Call, wait_ms: int) -> None:
    """Wait until nothing is under way or due, or until the time is over. Real time for both."""
    with contextlib.suppress(TimeoutError, Closed):
        async with _patience(call, wait_ms):
            await _until_idle(call)


async def _until_idle(call: Call) -> None:
    while not call.engine.is_idle():
        await call.context.notifier.changed_since(call.context.notifier.version)


def _patience(call: Call, wait_ms: int) -> AbstractAsyncContextManager[None]:
    return patience(call.request, max(0, min(wait_ms, 600_000)) / 1000)


def _document(call: Call) -> Clock:
    clock = call.context.clock
    return replace(call.context.server().clock, now=clock.now(), wall=clock.wall())


ROUTES = (
    Route("GET", "/_dev/clock", show, Clock, is_stable=True),
    Route("POST", "/_dev/clock", change, Clock, ClockOrder, is_stable=True),
)
