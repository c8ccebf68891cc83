"""`/_dev/app`: the developer's app, where this server started it: its state, output, a new start."""

from qstash_dev.api import web
from qstash_dev.api.call import Call
from qstash_dev.api.parameters import LINE, OUTPUT
from qstash_dev.api.router import Route
from qstash_dev.devtools.control_documents import AppOutput
from qstash_dev.protocol.errors import QStashError

NONE = "this server started no app: qstash-dev -- COMMAND does"


async def output(call: Call) -> web.Response:
    """Its process and the lines after a number, the oldest first; without one, the last lines."""
    app = call.context.own_app
    if app is None:
        return await call.answer(AppOutput())
    limit, count = call.whole(OUTPUT), app.output.count
    after = call.number("after", max(0, count - limit))
    return await call.answer(AppOutput(app.state, app.output.after(after, limit), count))


async def restart(call: Call) -> web.Response:
    """End it, if it runs, and start it again."""
    app = call.context.own_app
    if app is None:
        raise QStashError(404, NONE)
    await app.restart()
    return await call.answer(AppOutput(app.state, count=app.output.count))


ROUTES = (
    Route("GET", "/_dev/app", output, AppOutput, query=(OUTPUT, LINE)),
    Route("POST", "/_dev/app/restart", restart, AppOutput),
)
