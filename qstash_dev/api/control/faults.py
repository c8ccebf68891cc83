"""`/_dev/faults`: rules that make deliveries and publishes go wrong."""

from msgspec.structs import asdict

from qstash_dev.api import web
from qstash_dev.api.call import Call
from qstash_dev.api.parameters import URL
from qstash_dev.api.router import Route
from qstash_dev.devtools.control_documents import Deleted, FaultRow, Faults
from qstash_dev.devtools.faults import Fault, FaultOrder
from qstash_dev.devtools.orders import fault_choices
from qstash_dev.devtools.vocabulary import Preset
from qstash_dev.protocol.errors import QStashError


async def list_(call: Call) -> web.Response:
    """All rules with how often they were applied."""
    return await call.answer(Faults([_document(rule) for rule in call.context.faults.rules]))


async def choices(call: Call) -> web.Response:
    """What can be done about the deliveries to a URL, each an order that is ready."""
    found = fault_choices(call.context.faults.rules, call.arg("url"))
    return await call.answer([one._asdict() for one in found])


async def add(call: Call) -> web.Response:
    """One more rule; the first one that matches is applied."""
    rule = call.context.faults.add(await call.order())
    call.context.notifier.publish()
    return await call.answer(_document(rule), 201)


async def clear(call: Call) -> web.Response:
    """Forget all rules."""
    deleted = call.context.faults.remove()
    call.context.notifier.publish()
    return await call.answer(Deleted(deleted=deleted))


async def remove(call: Call) -> web.Response:
    """Forget one rule."""
    if not call.context.faults.remove(call.params["id"]):
        raise QStashError(404, f"fault {call.params['id'][:50]} not found")
    call.context.notifier.publish()
    return await call.answer(Deleted(deleted=1))


def _document(rule: Fault) -> FaultRow:
    return FaultRow(**asdict(rule), active=rule.is_active)


ROUTES = (
    Route("GET", "/_dev/faults", list_, Faults, is_stable=True),
    Route("GET", "/_dev/faults/choices", choices, list[Preset], query=(URL,)),
    Route("POST", "/_dev/faults", add, FaultRow, FaultOrder, status=201, is_stable=True),
    Route("DELETE", "/_dev/faults", clear, Deleted, is_stable=True),
    Route("DELETE", "/_dev/faults/{id}", remove, Deleted, is_stable=True),
)
