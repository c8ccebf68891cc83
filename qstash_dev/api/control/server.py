"""`/_dev/`: the control API of the terminal UI, the commands and tests; never part of QStash's."""

from aiohttp import web

from qstash_dev.api.call import Call, json_response
from qstash_dev.api.control import (
    auto_replay,
    clock,
    dlq,
    events,
    faults,
    inspections,
    messages,
    resources,
    routes,
    undo,
    workflows,
)
from qstash_dev.api.router import Route

ALIVE = "/health"


async def alive(call: Call) -> web.Response:
    """That the server answers: for start scripts and containers, which have no token."""
    return json_response({"ok": True})


async def health(call: Call) -> web.Response:
    """Whether the server answers, and which one it is."""
    server = call.context.server()
    keys = ("version", "pid", "url", "uptime_ms", "warning")
    return await call.answer({"ok": True, **{key: server[key] for key in keys}})


async def tunnel(call: Call) -> web.Response:
    """What faces the internet: state and address, webhook address, what was refused."""
    return await call.answer(call.context.tunnel())


async def reset(call: Call) -> web.Response:
    """Forget everything but the signing keys, faults as well."""
    call.engine.reset()
    call.context.faults.remove()
    call.context.auto_replay.clear()
    return await call.answer({"ok": True})


async def pause(call: Call) -> web.Response:
    """Start no more deliveries."""
    call.engine.pause(True)
    return await call.answer({"paused": True})


async def resume(call: Call) -> web.Response:
    """Start deliveries again."""
    call.engine.pause(False)
    return await call.answer({"paused": False})


ROUTES = (
    Route("GET HEAD", ALIVE, alive),
    Route("GET", "/_dev/health", health),
    Route("GET", "/_dev/tunnel", tunnel),
    Route("POST", "/_dev/reset", reset),
    Route("POST", "/_dev/pause", pause),
    Route("POST", "/_dev/resume", resume),
    *events.ROUTES,
    *messages.ROUTES,
    *dlq.ROUTES,
    *undo.ROUTES,
    *inspections.ROUTES,
    *resources.ROUTES,
    *workflows.ROUTES,
    *routes.ROUTES,
    *auto_replay.ROUTES,
    *clock.ROUTES,
    *faults.ROUTES,
)
