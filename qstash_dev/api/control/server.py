"""`/_dev/`: the control API of the terminal UI, the commands and tests; never part of QStash's."""

from typing import Any

import msgspec

from qstash_dev.api import web
from qstash_dev.api.call import Call, json_response
from qstash_dev.api.control import (
    ALIVE,
    about,
    app,
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
    words,
    workflows,
)
from qstash_dev.api.control.openapi import openapi
from qstash_dev.api.router import Route
from qstash_dev.devtools.control_documents import Alive, Health, Paused, TunnelDetail


async def alive(call: Call) -> web.Response:
    """That the server answers: for start scripts and containers, which have no token."""
    return json_response(Alive())


async def health(call: Call) -> web.Response:
    """Whether the server answers, and which one it is."""
    server = call.context.server()
    return await call.answer(msgspec.convert(server, Health, from_attributes=True))


async def tunnel(call: Call) -> web.Response:
    """What faces the internet: state and address, webhook address, what was refused."""
    facing = call.context.tunnel
    return await call.answer(facing() if facing is not None else TunnelDetail())


async def describe(call: Call) -> web.Response:
    """This description, for programs that make clients and forms of it."""
    return json_response(openapi(ROUTES))


async def reset(call: Call) -> web.Response:
    """Forget everything but the signing keys, faults as well."""
    call.engine.reset()
    call.context.faults.remove()
    call.context.auto_replay.clear()
    return await call.answer(Alive())


async def pause(call: Call) -> web.Response:
    """Start no more deliveries."""
    call.engine.pause(True)
    call.context.notifier.publish()
    return await call.answer(Paused(True))


async def resume(call: Call) -> web.Response:
    """Start deliveries again."""
    call.engine.pause(False)
    call.context.notifier.publish()
    return await call.answer(Paused(False))


ROUTES = (
    Route("GET HEAD", ALIVE, alive, Alive, is_stable=True),
    Route("GET", "/_dev/health", health, Health, is_stable=True),
    Route("GET", "/_dev/tunnel", tunnel, TunnelDetail),
    Route("GET", "/_dev/openapi.json", describe, dict[str, Any]),
    Route("POST", "/_dev/reset", reset, Alive, is_stable=True),
    Route("POST", "/_dev/pause", pause, Paused, is_stable=True),
    Route("POST", "/_dev/resume", resume, Paused, is_stable=True),
    *app.ROUTES,
    *words.ROUTES,
    *about.ROUTES,
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
