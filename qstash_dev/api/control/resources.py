"""`/_dev/schedules`, `queues`, `groups`, `flow`: resources of all users, and what people do to them."""

from collections.abc import Callable, Mapping
from functools import partial, wraps
from typing import Any, TypedDict, TypeVar

from msgspec.structs import replace

from qstash_dev.api import web
from qstash_dev.api.call import Call, in_pieces
from qstash_dev.api.control.undo import undo_of
from qstash_dev.api.parameters import USER
from qstash_dev.api.router import Handler, Route
from qstash_dev.api.v2 import flow_control, queues, schedules
from qstash_dev.api.v2.flow_control import FlowDocument, flow_document
from qstash_dev.devtools.control_documents import (
    DeduplicationRow,
    Deduplications,
    Deleted,
    Fired,
)
from qstash_dev.engine.lanes import FlowLane, Key
from qstash_dev.protocol.cron import MINUTE_MS, parse_cron, upcoming
from qstash_dev.protocol.deduplication import id_in
from qstash_dev.protocol.errors import QStashError, there
from qstash_dev.protocol.model import Group, Queue, Schedule
from qstash_dev.protocol.wire import (
    GroupDocument,
    QueueDocument,
    group_document,
    queue_document,
    schedule_document,
)

UPCOMING = 10

T = TypeVar("T")


class ScheduleRow(TypedDict):
    """A schedule in QStash's words, of which these are always there; `next_times` are its next ten."""

    scheduleId: str
    cron: str
    destination: str
    createdAt: int
    isPaused: bool
    user: str
    next_times: list[int]


class ScheduleRows(TypedDict):
    """All schedules."""

    schedules: list[ScheduleRow]


class QueueRow(QueueDocument):
    """A queue, and how many of its messages are under way."""

    user: str
    active: int


class QueueRows(TypedDict):
    """All queues."""

    queues: list[QueueRow]


class GroupRow(GroupDocument):
    """A URL group with its default headers."""

    user: str
    headers: dict[str, str]


class GroupRows(TypedDict):
    """All URL groups."""

    groups: list[GroupRow]


class FlowRow(FlowDocument):
    """A flow-control key."""

    user: str


class FlowRows(TypedDict):
    """All flow-control keys."""

    keys: list[FlowRow]


async def list_schedules(call: Call) -> web.Response:
    """Every schedule with its next ten times."""
    documents = []
    async for some in in_pieces(call, call.store.schedules.all(), 20):
        documents += [_schedule(call, schedule) for _, _, schedule in some]
    return await call.answer({"schedules": documents})


async def run_schedule(call: Call) -> web.Response:
    """Fire now, beside the plan."""
    schedule = call.engine.schedules.find(_user(call), call.params["id"])
    return await call.answer(Fired(call.engine.schedules.run(schedule)))


async def list_queues(call: Call) -> web.Response:
    """Every queue, with how many messages are under way."""
    documents = [_queue(call, user, queue) for user, _, queue in call.store.queues.all()]
    return await call.answer({"queues": documents})


async def list_groups(call: Call) -> web.Response:
    """Every URL group, with its default headers."""
    documents = [_group(user, group) for user, _, group in call.store.groups.all()]
    return await call.answer({"groups": documents})


async def list_flow(call: Call) -> web.Response:
    """Every flow-control key."""
    keys = [_flow(call, key, lane) for key, lane in sorted(call.engine.lanes.flows.items())]
    return await call.answer({"keys": keys})


def schedule(call: Call) -> Mapping[str, Any]:
    """A schedule by its id. Raises QStashError(404), as those below do."""
    return _schedule(call, call.engine.schedules.find(_user(call), call.params["id"]))


def queue(call: Call) -> Mapping[str, Any]:
    """A queue by its name."""
    user, name = _user(call), call.params["id"]
    return _queue(call, user, there(call.store.queues.get(user, name), "queue", name))


def group(call: Call) -> Mapping[str, Any]:
    """A URL group by its name."""
    user, name = _user(call), call.params["id"]
    return _group(user, there(call.store.groups.get(user, name), "group", name))


def flow(call: Call) -> Mapping[str, Any]:
    """A flow-control key."""
    key = (_user(call), call.params["id"])
    return _flow(call, key, _lane(call, key))


async def resume_flow(call: Call) -> web.Response:
    """Go on. Of QStash's API an unknown key is made by that; here it is a slip of the fingers."""
    _lane(call, (_user(call), call.params["key"]))
    return await flow_control.resume(replace(call, user=_user(call)))


async def delete_schedule(call: Call) -> web.Response:
    """No more firings."""
    scheduler = call.engine.schedules
    schedule = scheduler.find(_user(call), call.params["id"])
    scheduler.delete(schedule)
    find = partial(call.store.schedules.get, schedule.user, schedule.id)
    return await _deleted(call, f"schedule {schedule.id}", schedule, find, scheduler.put)


async def delete_queue(call: Call) -> web.Response:
    """Remove a queue and cancel what waits in it; one that does not exist, too."""
    user, name = _user(call), call.params["name"]
    queue, order = call.store.queues.get(user, name), call.engine.undo.begin()
    await call.engine.queues.delete(user, name, partial(call.engine.undo.was_cancelled, order))
    find = partial(call.store.queues.get, user, name)
    return await _deleted(call, f"queue {name}", queue, find, call.engine.queues.put, order)


async def delete_group(call: Call) -> web.Response:
    """Remove a group, also one that does not exist; its messages are still delivered."""
    user, name = _user(call), call.params["name"]
    groups = call.store.groups
    find, put = partial(groups.get, user, name), partial(groups.put, user, name)
    group = find()
    groups.delete(user, name)
    return await _deleted(call, f"group {name}", group, find, put)


async def delete_flow(call: Call) -> web.Response:
    """Forget a key that no message has; QStash itself never does."""
    key, flows = (_user(call), call.params["key"]), call.engine.flows
    find, put = partial(flows.find, key), partial(flows.put, key)
    lane = find()
    flows.delete(key)
    return await _deleted(call, f"flow-control key {key[1]}", lane, find, put)


async def _deleted(
    call: Call,
    words: str,
    gone: T | None,
    find: Callable[[], T | None],
    put: Callable[[T], object],
    order: str | None = None,
) -> web.Response:
    """That a thing is gone, if it was there, and what takes that back."""
    order = order or call.engine.undo.begin()
    if gone is not None:
        call.engine.undo.was_deleted(order, words, find, partial(put, gone))
    return await call.answer(Deleted(deleted=int(gone is not None), undo=undo_of(call, order)))


async def list_deduplication(call: Call) -> web.Response:
    """Deduplication ids that are in force, with what they stand for."""
    found = call.store.deduplication.all(call.engine.clock.now())
    by_id = {(one.user, id_in(one.key)): one for one in reversed(found)}
    documents = [
        DeduplicationRow(name, user, one.original, one.expires_at)
        for (user, name), one in by_id.items()
    ]
    return await call.answer(Deduplications(documents[::-1]))


async def forget_deduplication(call: Call) -> web.Response:
    """The next publish with this id is no duplicate."""
    user, name = _user(call), call.params["id"]
    found = call.store.deduplication.all(call.engine.clock.now())
    keys = [one.key for one in found if one.user == user and id_in(one.key) == name]
    if not keys:
        raise QStashError(404, f"deduplication id {name[:200]} not found")
    call.store.deduplication.forget(user, keys)
    return await call.done()


def _queue(call: Call, user: str, queue: Queue) -> QueueRow:
    lag = call.store.messages.lag(user, queue.name)
    lane = call.engine.lanes.queues.get((user, queue.name))
    active = len(lane.holders) if lane is not None else 0
    return {**queue_document(queue, lag), "user": user, "active": active}


def _group(user: str, group: Group) -> GroupRow:
    return {**group_document(group), "user": user, "headers": group.headers}


def _flow(call: Call, key: Key, lane: FlowLane) -> FlowRow:
    return {**flow_document(key[1], lane, call.engine.clock.now()), "user": key[0]}


def _lane(call: Call, key: Key) -> FlowLane:
    return there(call.engine.flows.find(key), "flow-control key", key[1])


def _schedule(call: Call, schedule: Schedule) -> dict[str, object]:
    now = call.engine.clock.now()
    scheduler = call.engine.schedules
    document = schedule_document(scheduler.as_of_now(schedule), scheduler.states(schedule))
    # From a moment that stays the same as long as the answer does.
    since = max(now // MINUTE_MS * MINUTE_MS, (schedule.next_at or 0) - MINUTE_MS)
    times = upcoming(parse_cron(schedule.cron), since, UPCOMING)
    return {**document, "user": schedule.user, "next_times": times}


def _user(call: Call) -> str:
    return call.arg("user") or next(iter(call.context.users.values())).id


def _as_user(handler: Handler) -> Handler:
    """A handler of QStash's API for the user named in the query: `/_dev/` is of all users."""

    @wraps(handler)
    async def handle(call: Call) -> web.StreamResponse:
        return await handler(replace(call, user=_user(call)))

    return handle


OF_USER = (USER,)
ROUTES = (
    Route("GET", "/_dev/schedules", list_schedules, ScheduleRows, is_stable=True),
    Route("POST", "/_dev/schedules/{id}/run", run_schedule, Fired, query=OF_USER, is_stable=True),
    Route("POST", "/_dev/schedules/{id}/pause", _as_user(schedules.pause), str, query=OF_USER),
    Route("POST", "/_dev/schedules/{id}/resume", _as_user(schedules.resume), str, query=OF_USER),
    Route("DELETE", "/_dev/schedules/{id}", delete_schedule, Deleted, query=OF_USER),
    Route("GET", "/_dev/deduplication", list_deduplication, Deduplications),
    Route("DELETE", "/_dev/deduplication/{id}", forget_deduplication, str, query=OF_USER),
    Route("GET", "/_dev/queues", list_queues, QueueRows, is_stable=True),
    Route("POST", "/_dev/queues/{name}/pause", _as_user(queues.pause), str, query=OF_USER),
    Route("POST", "/_dev/queues/{name}/resume", _as_user(queues.resume), str, query=OF_USER),
    Route("DELETE", "/_dev/queues/{name}", delete_queue, Deleted, query=OF_USER),
    Route("GET", "/_dev/groups", list_groups, GroupRows, is_stable=True),
    Route("DELETE", "/_dev/groups/{name}", delete_group, Deleted, query=OF_USER),
    Route("GET", "/_dev/flow", list_flow, FlowRows, is_stable=True),
    Route("POST", "/_dev/flow/{key}/pause", _as_user(flow_control.pause), str, query=OF_USER),
    Route("POST", "/_dev/flow/{key}/resume", resume_flow, str, query=OF_USER),
    Route("DELETE", "/_dev/flow/{key}", delete_flow, Deleted, query=OF_USER),
)
