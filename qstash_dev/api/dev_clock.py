"""`/_dev/clock`: what time the messages live in, and how to change it."""

import asyncio
from typing import Any, Literal

from aiohttp import web
from msgspec import Struct

from qstash_dev.api.call import Call
from qstash_dev.api.router import Route
from qstash_dev.protocol.errors import QStashError

PATIENCE_MS = 5_000
"""How long an order to the clock waits for deliveries; less than the time-out of most clients."""


class ClockOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """One of `mode` (with `scale`), `advance_ms`, `until` (epoch ms) and `skip`.

    `wait_ms` is how long to wait, in real time, for the deliveries that become due.
    """

    mode: Literal["real", "frozen", "scaled"] | None = None
    scale: float | None = None
    advance_ms: int | None = None
    until: int | None = None
    skip: bool = False
    wait_ms: int = PATIENCE_MS


async def show(call: Call) -> web.Response:
    """How the clock runs."""
    return await call.answer(_document(call))


async def change(call: Call) -> web.Response:
    """Change the clock; the answer comes when what became due was delivered (see `wait_ms`).

    `{"advance_ms": 0}` only waits.
    """
    order = await call.json(ClockOrder)
    _check(order)
    if order.skip:
        await _idle(call, order.wait_ms)
    _obey(call, order)
    call.engine.wake()
    call.context.bus.publish()
    await _idle(call, order.wait_ms)
    return await call.answer(_document(call))


def _check(order: ClockOrder) -> None:
    orders = (order.mode, order.advance_ms, order.until, order.skip or None)
    if sum(x is not None for x in orders) != 1:
        raise QStashError(400, "give one of mode, advance_ms, until and skip")
    if order.scale is not None and order.mode != "scaled":
        raise QStashError(400, 'scale belongs to {"mode": "scaled"}')


def _obey(call: Call, order: ClockOrder) -> None:
    clock = call.context.clock
    try:
        if order.mode is not None:
            clock.set(order.mode, 1.0 if order.scale is None else order.scale)
        elif order.advance_ms is not None:
            clock.advance(order.advance_ms)
        else:
            at = order.until if order.until is not None else _next(call)
            clock.advance(max(0, at - clock.now()) if order.skip else at - clock.now())
    except ValueError as error:
        raise QStashError(400, str(error)) from error


def _next(call: Call) -> int:
    """When the next event is due, or now if there is none."""
    if call.engine.paused:
        raise QStashError(409, "deliveries are paused: resume them before skipping to the next one")
    at = call.engine.next_time()
    return call.context.clock.now() if at is None else at


async def _idle(call: Call, wait_ms: int) -> None:
    """Wait until nothing is under way or due, or until the time is over. Real time for both."""
    try:
        async with asyncio.timeout(max(0, min(wait_ms, 600_000)) / 1000):
            while not call.engine.is_idle():
                await call.context.bus.changed_since(call.context.bus.version)
    except TimeoutError:
        return


def _document(call: Call) -> dict[str, Any]:
    clock = call.context.clock
    return {**call.context.server()["clock"], "now": clock.now(), "wall": clock.wall()}


ROUTES = (
    Route("GET", "/_dev/clock", show),
    Route("POST", "/_dev/clock", change),
)
