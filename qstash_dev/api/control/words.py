"""`/_dev/words`, `/_dev/messages/{id}/copies`: what people are shown in the TUI, for the page."""

from typing import Any

import msgspec

from qstash_dev.api import web
from qstash_dev.api.call import Call
from qstash_dev.api.control.detail import detail
from qstash_dev.api.control.messages import find
from qstash_dev.api.parameters import REVEAL
from qstash_dev.api.router import Route
from qstash_dev.devtools import filters, states, vocabulary
from qstash_dev.devtools.copies import Copyable, copies_of, quick_start
from qstash_dev.devtools.documents import Detail, Server
from qstash_dev.devtools.run_documents import TURN


async def words(call: Call) -> web.Response:
    """Names, keys, sentences and symbols that people are shown."""
    looks = {"states": states.STATES, "events": states.EVENTS}
    looks |= {"runs": states.RUNS, "steps": states.STEPS}
    server = call.context.server()
    document: dict[str, Any] = {
        kind: {name: look._asdict() for name, look in table.items()}
        for kind, table in looks.items()
    }
    document |= {
        "kinds": states.KINDS,
        "filter": {
            "keys": filters.COMPLETIONS,
            "help": filters.HELP,
            "trouble": filters.TROUBLE,
        },
        "commands": [command._asdict() for command in vocabulary.COMMANDS],
        "views": [view._asdict() for view in (*vocabulary.VIEWS.values(), vocabulary.APP)],
        "clock": [preset._asdict() for preset in vocabulary.CLOCK],
        "faults": [preset._asdict() for preset in vocabulary.FAULTS],
        "turn": TURN,
        "quick_start": quick_start(server["env"], server["app"]["url"]),
    }
    return await call.answer(document)


async def copies(call: Call) -> web.Response:
    """What of a message can be copied, each with its key, name and text."""
    message = find(call)
    row = call.store.rows.by_id(message.id, call.engine.clock.now())
    assert row is not None
    whole = msgspec.convert(msgspec.to_builtins(detail(call, message, row)), Detail)
    server = msgspec.convert(call.context.server(), Server)
    return await call.answer(copies_of(whole, server))


ROUTES = (
    Route("GET", "/_dev/words", words, dict[str, Any]),
    Route("GET", "/_dev/messages/{id}/copies", copies, list[Copyable], query=(REVEAL,)),
)
