"""`/_dev/about`: what there is to read about a message, run or thing, and what can be done."""

from collections.abc import Callable, Mapping
from typing import Any

from qstash_dev.api import web
from qstash_dev.api.call import Call
from qstash_dev.api.control import messages, resources, workflows
from qstash_dev.api.parameters import CREATED_AT, PAGE, REVEAL, USER
from qstash_dev.api.router import Route
from qstash_dev.devtools.control_documents import About
from qstash_dev.devtools.documents import Piece
from qstash_dev.devtools.orders import THINGS, message_verbs, run_verbs
from qstash_dev.devtools.pages.message_pages import PAGES
from qstash_dev.devtools.pages.parts import line
from qstash_dev.devtools.pages.run_page import run_parts
from qstash_dev.devtools.pages.thing_page import thing_parts
from qstash_dev.protocol.errors import QStashError

Find = Callable[[Call], Mapping[str, Any]]
FOUND: dict[str, tuple[str, Find]] = {
    "schedules": ("schedule", resources.schedule),
    "queues": ("queue", resources.queue),
    "groups": ("group", resources.group),
    "flow": ("flow", resources.flow),
}
"""Things by the noun of their address: the key that filters their messages, and what finds one."""


async def about(call: Call) -> web.Response:
    """One page about a message or another thing of the control API, named as in its own address."""
    noun = call.params["noun"]
    if noun == "messages":
        return await call.answer(_message(call))
    if noun == "workflows":
        return await call.answer(_run(call))
    if noun not in FOUND:
        known = ", ".join(("messages", "workflows", *FOUND))
        raise QStashError(404, f"nothing is told about {noun[:50]!r}: expected one of {known}")
    key, find = FOUND[noun]
    its = line(Piece("its messages", to=key, name=call.params["id"]))
    parts = thing_parts(find(call), call.engine.clock.now())
    return await call.answer(About(parts=[its, *parts], verbs=list(THINGS[noun])))


def _message(call: Call) -> About:
    found = messages.whole(call, messages.find(call))
    page = call.arg("page") or "Overview"
    if page not in PAGES:
        known = ", ".join(PAGES)
        raise QStashError(404, f"a message has no page {page[:50]!r}: expected one of {known}")
    verbs = message_verbs(found.row, len(found.attempts))
    return About(PAGES[page](found, call.context.server().app.url), verbs, list(PAGES), found.row)


def _run(call: Call) -> About:
    found = workflows.whole(call)
    its = line(Piece("all its messages", to="run", name=found.row.id))
    parts = run_parts(found, call.engine.clock.now())
    return About([*parts, its], run_verbs(found.row), row=found.row)


ROUTES = (
    Route("GET", "/_dev/about/{noun}/{id}", about, About, query=(PAGE, REVEAL, USER, CREATED_AT)),
)
