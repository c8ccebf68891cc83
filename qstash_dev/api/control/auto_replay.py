"""`/_dev/messages/{id}/arm` and `disarm`: delivered again when the app's source changes, or not."""

from qstash_dev.api import web
from qstash_dev.api.call import Call
from qstash_dev.api.control.messages import find
from qstash_dev.api.router import Route
from qstash_dev.devtools.control_documents import Armed


async def arm(call: Call) -> web.Response:
    """Deliver the message again at the next change of the source, until it succeeds."""
    message = find(call)
    call.context.auto_replay.arm(message)
    return await call.answer(Armed(message.id, True))


async def disarm(call: Call) -> web.Response:
    """Leave the message alone."""
    message = find(call)
    call.context.auto_replay.disarm(message)
    return await call.answer(Armed(message.id, False))


ROUTES = (
    Route("POST", "/_dev/messages/{id}/arm", arm, Armed),
    Route("POST", "/_dev/messages/{id}/disarm", disarm, Armed),
)
