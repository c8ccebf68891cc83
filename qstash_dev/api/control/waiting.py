"""Why a message that is due is not under way: the one thing that it waits for, in a sentence.

Reads the lanes and changes nothing.
"""

from collections import Counter

from qstash_dev.devtools import hold
from qstash_dev.engine.engine import Engine
from qstash_dev.engine.lanes import FlowLane, QueueLane
from qstash_dev.protocol.model import Message, State
from qstash_dev.protocol.timing import format_duration
from qstash_dev.protocol.urls import dialled, origin_of, way

PAUSED = (
    "everything is paused: p in the terminal UI, Resume in the page or POST /_dev/resume goes on"
)


def why_waiting(engine: Engine, message: Message, now: int) -> str | None:
    """`None` for what is finished, under way, or waits for its time alone."""
    if message.finished_at is not None or message.state is State.ACTIVE:
        return None
    if message.held is not None:
        return _held(message.held)
    if message.due_at > now:
        return None
    if engine.paused:
        return PAUSED
    if engine.shortage.is_on:
        return "qstash-dev has too many open files, and tries again by itself: raise `ulimit -n`"
    return (
        _in_queue(engine, message)
        or _in_flow(engine, message, now)
        or _at_limit(engine, message, now)
    )


def _held(awaited: str) -> str:
    if hold.is_origin(awaited):
        return f"waits for the app at {awaited}, which is not running"
    if awaited == hold.EXTERNAL:
        return "waits for your order: --external hold keeps it on this machine"
    return f"waits: {awaited}"


def _in_queue(engine: Engine, message: Message) -> str | None:
    name = message.spec.queue
    lane = engine.lanes.queues.get((message.user, name)) if name else None
    ahead = lane.ahead_of(message.id) if lane is not None else None
    if lane is None or ahead is None:
        return None
    if lane.paused:
        return f"the queue {name} is paused{_ahead(ahead)}"
    return f"{_behind(lane)} in the queue {name}{_ahead(ahead)}"


def _behind(lane: QueueLane) -> str:
    first, *others = lane.holders or ["nothing"]
    more = f" and {len(others)} more" if others else ""
    return f"waits behind {first}{more}"


def _in_flow(engine: Engine, message: Message, now: int) -> str | None:
    flow = message.spec.flow
    lane = engine.lanes.flows.get((message.user, flow.key)) if flow else None
    ahead = lane.line.ahead_of(message.id) if lane is not None else None
    if flow is None or lane is None or ahead is None:
        return None
    return f"waits for flow control {flow.key}: {_limit(lane, now)}{_ahead(ahead)}"


def _limit(lane: FlowLane, now: int) -> str:
    if lane.state.paused:
        return "it is paused"
    rate, period_s = lane.rate
    if rate is not None and lane.counted(now) >= rate:
        over = lane.state.period_start + period_s * 1_000 - now
        return (
            f"{rate} per {format_duration(period_s * 1_000)} is used up, next in "
            f"{format_duration(-(-over // 1_000) * 1_000)}"
        )
    return f"{len(lane.active)} of {lane.parallelism} are under way"


def _at_limit(engine: Engine, message: Message, now: int) -> str | None:
    places = engine.lanes.places
    active, limit = places.active, places.limit
    routes = engine.policy.routes
    app = dialled(message.spec.url, routes)
    if len(active) < limit:
        if not places.is_crowded(app):
            return None
        where = origin_of(way(message.spec.url, routes).target)
        return (
            f"{Counter(active.values())[app]} deliveries to {where} are under way: "
            f"the others of {limit} places are for other apps (global-parallelism)"
        )
    rows = (engine.store.rows.by_id(id_, now) for id_ in active)
    targets = (way(row.url, routes).target for row in rows if row is not None)
    (where, most), *_ = Counter(map(origin_of, targets)).most_common(1) or [("", 0)]
    to = f", {most} of them to {where}" if most else ""
    return f"{len(active)} deliveries are under way{to}: the limit is {limit} (global-parallelism)"


def _ahead(count: int) -> str:
    return f", {count} ahead" if count else ""
