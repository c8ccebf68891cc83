"""`/v2/schedules`: messages by the clock."""

from typing import Any

from qstash_dev.api import web
from qstash_dev.api.call import Call
from qstash_dev.api.v2.submission import (
    create_schedule,
    destination_group,
    originals_known,
    read_draft,
)
from qstash_dev.protocol.destination import parse_destination
from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.model import Schedule
from qstash_dev.protocol.wire import schedule_document


async def create(call: Call) -> web.Response:
    """Create or replace a schedule for the destination in the path."""
    destination = parse_destination(call.rest, call.query)
    group = destination_group(call, destination)
    draft = read_draft(call, destination, group)
    if draft.cron is None:
        raise QStashError(400, "a schedule needs an Upstash-Cron header")
    body = await call.body(call.engine.policy.limits.max_message_size)
    await originals_known(call, [draft])
    document, status = create_schedule(call, draft, destination, body)
    return await call.answer(document, status)


async def list_(call: Call) -> web.Response:
    schedules = call.store.schedules.of(call.user)
    return await call.answer([_document(call, schedule) for schedule in schedules])


async def get(call: Call) -> web.Response:
    return await call.answer(_document(call, _find(call)))


async def delete(call: Call) -> web.Response:
    """No more firings."""
    call.engine.schedules.delete(_find(call))
    return await call.done()


async def pause(call: Call) -> web.Response:
    """Skip firings until it is resumed."""
    call.engine.schedules.pause(_find(call), True)
    return await call.done()


async def resume(call: Call) -> web.Response:
    """Fire again from the next time on."""
    call.engine.schedules.pause(_find(call), False)
    return await call.done()


def _find(call: Call) -> Schedule:
    return call.engine.schedules.find(call.user, call.params["id"])


def _document(call: Call, schedule: Schedule) -> dict[str, Any]:
    scheduler = call.engine.schedules
    return schedule_document(scheduler.as_of_now(schedule), scheduler.states(schedule))
