"""`/v2/queues`: in order, so many at a time."""

from msgspec import Struct

from qstash_dev.api import web
from qstash_dev.api.call import Call
from qstash_dev.api.v2.submission import check_name
from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.quota import exceeds
from qstash_dev.protocol.wire import queue_document


class Upsert(Struct, frozen=True, rename="camel"):
    """The body of `POST /v2/queues`."""

    queue_name: str
    parallelism: int | None = None
    paused: bool | None = None


async def upsert(call: Call) -> web.Response:
    """Create a queue or change its parallelism."""
    order = await call.json(Upsert)
    name = check_name(order.queue_name, "queue")
    if order.parallelism is not None and order.parallelism < 1:
        raise QStashError(400, f"invalid parallelism {order.parallelism}: it must be at least 1")
    limit = call.engine.policy.limits.max_queue_parallelism
    if exceeds(order.parallelism, limit):
        raise QStashError(412, f"quota maxQueueParallelism exceeded, current limit: {limit}")
    call.engine.queues.upsert(call.user, name, order.parallelism, order.paused)
    return await call.done()


async def list_(call: Call) -> web.Response:
    queues = call.store.queues.of(call.user)
    return await call.answer(
        [queue_document(q, call.engine.queues.lag(q.user, q.name)) for q in queues]
    )


async def get(call: Call) -> web.Response:
    name = call.params["name"]
    queue = call.store.queues.get(call.user, name)
    if queue is None:
        raise QStashError(404, f"queue {name[:200]} not found")
    return await call.answer(queue_document(queue, call.engine.queues.lag(call.user, name)))


async def delete(call: Call) -> web.Response:
    """Remove a queue, also one that does not exist."""
    await call.engine.queues.delete(call.user, call.params["name"])
    return await call.done()


async def pause(call: Call) -> web.Response:
    """Start nothing of this queue; it still accepts messages."""
    return await _pause(call, True)


async def resume(call: Call) -> web.Response:
    """Go on with the oldest message."""
    return await _pause(call, False)


async def _pause(call: Call, paused: bool) -> web.Response:
    name = call.params["name"]
    if call.store.queues.get(call.user, name) is None:
        raise QStashError(404, f"queue {name[:200]} not found")
    call.engine.queues.upsert(call.user, name, paused=paused)
    return await call.done()
