"""`/v2/queues`: in order, so many at a time."""

from msgspec import Struct

from qstash_dev.api import web
from qstash_dev.api.call import Call
from qstash_dev.api.v2.submission import check_name
from qstash_dev.protocol.errors import QStashError, there
from qstash_dev.protocol.model import Queue
from qstash_dev.protocol.quota import exceeds
from qstash_dev.protocol.wire import QueueDocument, queue_document


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
    return await call.answer([_document(call, one) for one in call.store.queues.of(call.user)])


async def get(call: Call) -> web.Response:
    return await call.answer(_document(call, _find(call)))


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
    call.engine.queues.upsert(call.user, _find(call).name, paused=paused)
    return await call.done()


def _find(call: Call) -> Queue:
    name = call.params["name"]
    return there(call.store.queues.get(call.user, name), "queue", name)


def _document(call: Call, queue: Queue) -> QueueDocument:
    return queue_document(queue, call.store.messages.lag(queue.user, queue.name))
