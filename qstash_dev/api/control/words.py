"""`/_dev/words`, and of a message what can be copied, its difference from another, and its fixture:
what the TUI knows by itself, for the page.
"""

from typing import Any

from qstash_dev.api import web
from qstash_dev.api.call import Call
from qstash_dev.api.control import workflows
from qstash_dev.api.control.messages import find, select, whole
from qstash_dev.api.parameters import CREATED_AT, FILTER, OLD, REVEAL
from qstash_dev.api.router import Route
from qstash_dev.devtools import filters, states, vocabulary
from qstash_dev.devtools.control_documents import BatchItem, FixtureFile, WrittenMessage
from qstash_dev.devtools.copies import Copyable, copies_of, copies_of_run, quick_start
from qstash_dev.devtools.diff import Compared, attempt_diff, message_diff
from qstash_dev.devtools.filter_words import values_of, whole_lines
from qstash_dev.devtools.filters import parse_filter
from qstash_dev.devtools.fixtures import (
    FixtureError,
    fixture_of,
    name_for,
    read_fixture,
    write_fixture,
    written_headers,
)
from qstash_dev.devtools.orders import INSTEAD, ORDERS
from qstash_dev.devtools.run_documents import TURN
from qstash_dev.devtools.written import absolute, publish_headers, taken_queue
from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.model import Kind

SEEN = 500
"""Of so many messages the values are known that complete a filter."""


async def words(call: Call) -> web.Response:
    """Names, keys, sentences and symbols that people are shown."""
    looks, server = states.STATES | states.EVENTS | states.RUNS, call.context.server()
    document = {
        "looks": {name: look._asdict() for name, look in looks.items()},
        "kinds": states.KINDS,
        "filter": {
            "help": filters.HELP,
            "trouble": filters.TROUBLE,
        },
        "commands": [command._asdict() for command in vocabulary.COMMANDS],
        "views": [view._asdict() for view in (*vocabulary.VIEWS.values(), vocabulary.APP)],
        "clock": [preset._asdict() for preset in vocabulary.CLOCK],
        "orders": {
            what: {id: order._asdict() for id, order in orders.items()}
            for what, orders in ORDERS.items()
        },
        "instead": INSTEAD,
        "turn": TURN,
        "quick_start": quick_start(server),
    }
    return await call.answer(document)


async def copies(call: Call) -> web.Response:
    """What of a message can be copied, each with its key, name and text."""
    return await call.answer(copies_of(whole(call, find(call)), call.context.server()))


async def run_copies(call: Call) -> web.Response:
    """What of a run can be copied, each with its key, name and text."""
    return await call.answer(copies_of_run(workflows.whole(call)))


async def completions(call: Call) -> web.Response:
    """What a filter could become, if its last word is completed."""
    rows = await select(call, parse_filter(""), SEEN)
    return await call.answer(whole_lines(call.arg("filter") or "", values_of(rows)))


async def diff(call: Call) -> web.Response:
    """What differs from another message.

    Without `old` from the origin of a replay, else what the last attempt brought and the one before did
    not.
    """
    message = find(call)
    new = whole(call, message)
    old = call.arg("old") or (message.spec.kind == Kind.REPLAY and message.spec.parent_id)
    if old:
        origin = call.engine.find(message.user, old)
        return await call.answer(message_diff(whole(call, origin), new))
    if len(new.attempts) < 2:
        raise QStashError(409, "Mark two messages, or select one with two attempts, to compare.")
    return await call.answer(attempt_diff(*new.attempts[-2:]))


async def fixture(call: Call) -> web.Response:
    """A message as a file that sends it again, without its secrets."""
    message = find(call)
    if message.spec.redact:
        raise QStashError(409, "Its redacted fields are not known here: it cannot be saved.")
    found = fixture_of(whole(call, message), message.body)
    file = FixtureFile(f"{name_for(found.url)}.json", write_fixture(found))
    return await call.answer(file)


async def read(call: Call) -> web.Response:
    """What a fixture's file says, as a person writes it who sends it."""
    try:
        found = read_fixture(await call.body())
        text = found.body.decode()
    except FixtureError as error:
        raise QStashError(400, str(error)) from None
    except UnicodeDecodeError:
        sentence = "Its body is no text: qstash-dev send --fixture FILE sends it."
        raise QStashError(400, sentence) from None
    headers = "\n".join(f"{name}: {value}" for name, value in written_headers(found))
    return await call.answer(WrittenMessage(found.url, found.method, headers, text))


async def written(call: Call) -> web.Response:
    """What a person wrote as `/v2/batch` takes it."""
    message: WrittenMessage = await call.order()
    if not message.url.strip():
        raise QStashError(400, "Where to? A URL, a /path of the app, or a URL group.")
    app = call.context.app_url()
    queue, headers = taken_queue(publish_headers(message.headers, message.method, app))
    item = BatchItem(absolute(message.url, app), headers, message.body, queue)
    return await call.answer(item)


ROUTES = (
    Route("GET", "/_dev/words", words, dict[str, Any]),
    Route("GET", "/_dev/messages/{id}/copies", copies, list[Copyable], query=(REVEAL,)),
    Route("GET", "/_dev/workflows/{id}/copies", run_copies, list[Copyable], query=(CREATED_AT,)),
    Route("GET", "/_dev/completions", completions, list[str], query=(FILTER,)),
    Route("GET", "/_dev/messages/{id}/diff", diff, list[Compared], query=(OLD,)),
    Route("GET", "/_dev/messages/{id}/fixture", fixture, FixtureFile),
    Route("POST", "/_dev/fixtures/read", read, WrittenMessage, dict[str, Any]),
    Route("POST", "/_dev/written", written, BatchItem, WrittenMessage),
)
