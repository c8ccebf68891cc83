"""`/v2/flowControl` and `/v2/globalParallelism`: limits by key, and who waits for them."""

from typing import NotRequired, TypedDict

from qstash_dev.api import web
from qstash_dev.api.call import Call
from qstash_dev.engine.lanes import FlowLane, Key
from qstash_dev.protocol.errors import QStashError, there
from qstash_dev.protocol.json_body import whole_number
from qstash_dev.protocol.quota import exceeds
from qstash_dev.protocol.timing import format_duration, parse_duration


class FlowDocument(TypedDict):
    """A flow-control key; its limits are there if they are set. Periods are seconds."""

    flowControlKey: str
    waitListSize: int
    parallelismCount: int
    rateCount: int
    ratePeriod: int
    ratePeriodStart: int
    isPaused: bool
    isPinnedParallelism: bool
    isPinnedRate: bool
    parallelismMax: NotRequired[int]
    rateMax: NotRequired[int]


async def list_(call: Call) -> web.Response:
    """All keys of the user; `search` is a part of the name."""
    part = call.arg("search") or ""
    keys = sorted(key for key in call.engine.lanes.flows if key[0] == call.user and part in key[1])
    return await call.answer([document(call, key) for key in keys])


async def get(call: Call) -> web.Response:
    key = _key(call)
    there(call.engine.flows.find(key), "flow control key", key[1])
    return await call.answer(document(call, key))


async def pause(call: Call) -> web.Response:
    """Start nothing with this key."""
    call.engine.flows.pause(_key(call), True)
    return await call.done()


async def resume(call: Call) -> web.Response:
    """Go on."""
    call.engine.flows.pause(_key(call), False)
    return await call.done()


async def pin(call: Call) -> web.Response:
    """Fix parallelism, rate or both, whatever messages carry."""
    parallelism, rate = _limit(call, "parallelism"), _limit(call, "rate")
    if parallelism is None and rate is None:
        raise QStashError(400, "pin needs parallelism or rate")
    call.engine.flows.pin(_key(call), parallelism, rate, _period(call))
    return await call.done()


async def unpin(call: Call) -> web.Response:
    """Let messages decide again."""
    chosen = [call.arg(name) == "true" for name in ("parallelism", "rate")]
    if not any(chosen):
        raise QStashError(400, "unpin needs parallelism=true or rate=true")
    call.engine.flows.unpin(_key(call), *chosen)
    return await call.done()


async def reset(call: Call) -> web.Response:
    """Begin a new period, and count no attempts that are under way."""
    call.engine.flows.reset(_key(call))
    return await call.done()


async def reset_rate(call: Call) -> web.Response:
    """Begin a new period."""
    call.engine.flows.reset_rate(_key(call))
    return await call.done()


async def global_parallelism(call: Call) -> web.Response:
    """The limit on all deliveries."""
    lanes = call.engine.lanes
    return await call.answer(
        {"parallelismMax": lanes.places.limit, "parallelismCount": len(lanes.places.active)}
    )


def document(call: Call, key: Key) -> FlowDocument:
    """A key with its limits and how much of them is used. Periods are seconds."""
    lane = call.engine.lanes.flows[key]
    return flow_document(key[1], lane, call.engine.clock.now())


def flow_document(name: str, lane: FlowLane, now: int) -> FlowDocument:
    """The fields of a flow-control key; limits that are not set are left out."""
    rate, period_s = lane.rate
    document: FlowDocument = {
        "flowControlKey": name,
        "waitListSize": len(lane.line),
        "parallelismCount": len(lane.active),
        "rateCount": lane.counted(now),
        "ratePeriod": period_s,
        "ratePeriodStart": lane.state.period_start // 1000,
        "isPaused": lane.state.paused,
        "isPinnedParallelism": lane.state.pins.parallelism is not None,
        "isPinnedRate": lane.state.pins.rate is not None,
    }
    if lane.parallelism is not None:
        document["parallelismMax"] = lane.parallelism
    if rate is not None:
        document["rateMax"] = rate
    return document


def _key(call: Call) -> Key:
    """The key in the path. SDKs encode nothing, so a known key that is written there counts first."""
    written = call.user, call.rest
    return written if call.engine.flows.find(written) else (call.user, call.params["key"])


def _limit(call: Call, name: str) -> int | None:
    text = call.arg(name)
    if text is None or text == "":
        return None
    number = whole_number(text)
    if not number:
        raise QStashError(
            400, f"invalid {name} {text[:50]!r}: expected a whole number of at least 1"
        )
    return number


def _period(call: Call) -> int:
    text = call.arg("period") or "1"
    try:
        seconds = parse_duration(text) // 1000
    except ValueError as error:
        raise QStashError(400, f"invalid period: {error}") from error
    limit_s = call.engine.policy.limits.max_flow_period_s
    if seconds < 1 or exceeds(seconds, limit_s):
        longest = format_duration(limit_s * 1000) if limit_s else "any time"
        raise QStashError(400, f"invalid period {text[:50]!r}: expected between 1s and {longest}")
    return seconds
