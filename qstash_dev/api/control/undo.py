"""`/_dev/undo`: what was deleted or cancelled a moment ago is taken back."""

from msgspec import Struct

from qstash_dev.api import web
from qstash_dev.api.call import Call
from qstash_dev.api.router import Route
from qstash_dev.devtools.control_documents import Restored


class UndoOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """What to take back: the `undo` of earlier answers."""

    ids: list[str]


async def undo(call: Call) -> web.Response:
    """Take back deletions and cancellations of the last minute, by the ids that they answered."""
    order: UndoOrder = await call.order()
    return await call.answer(Restored(*call.engine.undo.take_back(order.ids)))


def undo_of(call: Call, order: str) -> str | None:
    """The id that takes back an order, if there is something to take back."""
    return order if call.engine.undo.is_possible(order) else None


ROUTES = (Route("POST", "/_dev/undo", undo, Restored, UndoOrder),)
