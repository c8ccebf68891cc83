import asyncio
import time
from base64 import urlsafe_b64decode
from json import dumps, loads

import pytest

HOUR_MS = 3_600_000


async def test_skips_take_a_message_through_all_retries_to_the_dlq_in_two_seconds(start, make_app):
    app = make_app(lambda path, count: 500)
    await app.start()
    server = await start(clock_mode="frozen")
    begin = time.process_time()
    message_id = await server.publish(f"{app.url}/api/fails")
    skips = 0
    while (await server.row(message_id))["state"] != "failed":
        await server.clock(skip=True)
        skips += 1
        assert skips < 10
    assert time.process_time() - begin < 2  # of ours: others may be busy, too
    assert len(app.requests) == 4
    assert (await server.call("GET", "/_dev/snapshot"))["counts"]["dlq"] == 1


async def test_a_delayed_message_comes_when_the_clock_is_advanced(start, make_app):
    app = make_app()
    await app.start()
    server = await start()
    message_id = await server.publish(app.url, Upstash_Delay="2h")
    shown = (await server.call("GET", "/_dev/clock"))["next_event_at"]
    assert shown == (await server.row(message_id))["due_at"]
    state = await server.clock(advance_ms=2 * HOUR_MS)
    assert (await server.row(message_id))["state"] == "delivered"
    assert state["mode"] == "real"
    assert state["offset_ms"] == 2 * HOUR_MS


async def test_a_schedule_goes_on_at_once_where_the_clock_is_the_wall_clock_again(start, make_app):
    app = make_app()
    await app.start()
    server = await start()
    await server.call("POST", f"/v2/schedules/{app.url}", "", {"Upstash-Cron": "0 0 1 * *"})
    await server.clock(advance_ms=70 * 24 * HOUR_MS)
    state = await server.clock(mode="real")
    assert 0 < state["next_event_at"] - state["now"] <= 31 * 24 * HOUR_MS


async def test_nothing_stays_undone_where_a_period_ends_that_nothing_waits_for(start, make_app):
    app = make_app()
    await app.start()
    server = await start(clock_mode="frozen")
    limits = {"Upstash_Flow_Control_Key": "k", "Upstash_Flow_Control_Value": "rate=1,period=10s"}
    _, waiting = [await server.publish(app.url, **limits) for _ in range(2)]
    assert (await server.clock(advance_ms=0))["next_event_at"] is not None
    await server.call("POST", f"/_dev/messages/{waiting}/cancel")
    for ms in (0, HOUR_MS):
        state = await server.clock(advance_ms=ms)
        assert (state["notice"], state["next_event_at"]) == (None, None)


async def test_what_waits_for_a_time_that_the_clock_showed_before_is_told(start, make_app):
    app = make_app()
    await app.start()
    server = await start()
    await server.publish(app.url, Upstash_Delay="1h")
    state = await server.clock(mode="real")
    assert state["notice"] is None
    await server.clock(advance_ms=3 * HOUR_MS)
    later = await server.publish(app.url, Upstash_Delay="1h")
    state = await server.clock(mode="real")
    assert state["notice"].startswith("1 message waits for a later time, at which the clock was ")
    assert (await server.status())["notice"]["text"] == state["notice"]
    await server.clock(skip=True)
    assert (await server.row(later))["state"] == "delivered"


async def test_rates_and_deduplication_follow_the_clock_back_to_the_wall_clock(start, make_app):
    app = make_app()
    await app.start()
    server = await start()
    await server.clock(advance_ms=30 * 24 * HOUR_MS)
    await server.publish(f"{app.url}/once", upstash_deduplication_id="once")
    rate = {
        "upstash_flow_control_key": "k",
        "upstash_flow_control_value": "rate=1, period=1d",
    }
    for path in ("first", "second"):
        await server.publish(f"{app.url}/{path}", **rate)
    await server.wait("state:delivered", 2)
    await server.clock(mode="real")
    await server.wait("state:delivered dest:second")
    state = await server.clock(advance_ms=HOUR_MS)
    assert state["next_event_at"] is None
    again = await server.publish(f"{app.url}/once", upstash_deduplication_id="once")
    await server.wait(f"state:delivered id:{again}")


async def test_a_schedule_fires_each_of_its_times_on_the_way(start, make_app):
    app = make_app()
    await app.start()
    server = await start(clock_mode="frozen")
    await server.clock(until=2_000_000_040_000)
    headers = {"Upstash-Cron": "*/10 * * * *"}
    await server.call("POST", f"/v2/schedules/{app.url}/tick", headers=headers)
    await server.clock(advance_ms=HOUR_MS)
    assert len(app.requests) == 6


async def test_a_scaled_clock_makes_a_long_delay_short(start, make_app):
    app = make_app()
    await app.start()
    server = await start(clock_mode="scaled", clock_scale=36_000.0)
    await server.publish(app.url, Upstash_Delay="1h")  # a tenth of a second
    await server.wait("state:delivered")


async def test_a_clock_that_is_set_faster_wakes_what_waits(start, make_app):
    app = make_app()
    await app.start()
    server = await start()
    await server.publish(app.url, Upstash_Delay="1h")
    await server.clock(mode="scaled", scale=36_000, wait_ms=0)
    await server.wait("state:delivered")


async def test_signatures_stay_on_wall_time(start, make_app):
    app = make_app()
    await app.start()
    server = await start(clock_mode="frozen")
    await server.clock(advance_ms=1_000 * HOUR_MS)
    await server.publish(app.url)
    await server.clock(advance_ms=0)
    token = app.requests[0][2]["Upstash-Signature"].split(".")[1]
    claims = loads(urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    wall_s = (await server.call("GET", "/_dev/clock"))["wall"] / 1000
    assert abs(claims["iat"] - wall_s) < 10


async def test_skip_without_anything_to_come_leaves_the_clock_alone(start):
    server = await start(clock_mode="frozen")
    before = await server.call("GET", "/_dev/clock")
    after = await server.clock(skip=True)
    assert after["now"] == before["now"]


@pytest.mark.parametrize(
    "order",
    [
        {},
        {"mode": "frozen", "skip": True},
        {"mode": "sideways"},
        {"mode": "scaled", "scale": 0},
        {"mode": "frozen", "scale": 2},
        {"advance_ms": -1},
        {"until": 1},
        {"advance_ms": 10**30},
    ],
)
async def test_an_order_that_makes_no_sense_is_refused(start, order):
    server = await start()
    answer = await server.clock(400, **order)
    assert answer["error"]


async def test_skip_is_refused_while_deliveries_are_paused(start):
    server = await start()
    await server.call("POST", "/_dev/pause")
    await server.clock(skip=True, status=409)


async def test_time_that_moves_while_deliveries_are_paused_says_that_nothing_comes(start, make_app):
    app = make_app()
    await app.start()
    server = await start()
    await server.call("POST", "/_dev/pause")
    await server.publish(app.url, Upstash_Delay="1h")
    state = await server.clock(advance_ms=HOUR_MS // 2)
    assert state["notice"] is None
    state = await server.clock(advance_ms=HOUR_MS)
    assert state["notice"] == (
        "nothing that became due is delivered, as everything is paused: "
        "p in the terminal UI, Resume in the page or POST /_dev/resume goes on"
    )
    assert (await server.status())["notice"]["text"] == f"N{state['notice'][1:]}"
    await server.call("POST", "/_dev/resume")
    state = await server.clock(advance_ms=0)
    assert state["notice"] is None
    assert len(app.requests) == 1


async def test_the_same_script_on_a_frozen_clock_gives_the_same_log_twice(start, make_app):
    """Several messages fail at the same moments, in parallel, with callbacks and delays."""
    logs = []
    for _ in range(2):
        app = make_app(lambda path, count: 500 if path.startswith("/fail") else 200)
        app.headers = {"Date": "Thu, 01 Jan 2026 00:00:00 GMT"}
        await app.start()
        server = await start(
            clock_mode="frozen",
            clock_start_ms=1_767_225_600_000,
            routes=(("https://app.example", app.url),),
        )
        for number in range(8):
            await server.publish(
                f"https://app.example/{'fail' if number % 2 else 'fine'}/{number}",
                Upstash_Delay="10s",
                Upstash_Callback="https://app.example/callback",
            )
        for ms in (10_000, 12_000, 140_000, HOUR_MS, HOUR_MS):
            await server.clock(advance_ms=ms)
        logs.append(await event_log(server))
    assert len(logs[0]) > 5_000
    assert logs[0] == logs[1]


async def event_log(server):
    """The log in its own order, with ids by order of appearance.

    A callback's body goes: it holds ids in base64.
    """
    page = await server.call("GET", "/v2/events?order=earliestFirst&count=1000")
    assert not page.get("cursor")
    text = dumps([{k: v for k, v in e.items() if k != "body"} for e in page["events"]])
    ids = list(dict.fromkeys(event["messageId"] for event in page["events"]))
    for number, message_id in enumerate(ids):
        text = text.replace(message_id, f"msg_{number}")
    return text


async def test_a_retry_is_planned_from_the_time_before_the_advance(start, make_app):
    app = make_app(lambda path, count: 500 if count == 1 else 200)
    await app.start()
    server = await start(clock_mode="frozen")
    message_id = await server.publish(app.url, Upstash_Retry_Delay="1000")
    await server.clock(advance_ms=1_000)
    assert (await server.row(message_id))["state"] == "delivered"


async def test_orders_at_once_are_obeyed_one_after_the_other(start, make_app):
    app = make_app()
    await app.start()
    server = await start(clock_mode="frozen")
    await server.publish(app.url, Upstash_Delay="30m")
    now = (await server.call("GET", "/_dev/clock"))["now"]
    states = await asyncio.gather(*(server.clock(until=now + HOUR_MS) for _ in range(3)))
    assert [state["now"] - now for state in states] == [HOUR_MS] * 3


@pytest.mark.parametrize("order", [{"advance_ms": HOUR_MS}, {"skip": True}])
async def test_what_is_under_way_when_patience_ends_is_named(start, make_app, order):
    ends = asyncio.Event()

    async def answer():
        await ends.wait()
        return 200

    app = make_app(lambda path, count: answer() if path == "/slow" else 200)
    await app.start()
    server = await start(clock_mode="frozen")
    slow = await server.publish(f"{app.url}/slow")
    await server.publish(app.url, Upstash_Delay="30m")
    await server.wait("state:active")
    before = (await server.call("GET", "/_dev/clock"))["now"]
    state = await server.clock(**order, wait_ms=0)
    told, _, names = state["notice"].partition("; still under way: ")
    assert told == "not all that became due was delivered within 0s"
    assert f"POST {app.url}/slow ({slow})" in names
    assert (await server.status())["notice"]["text"] == f"N{state['notice'][1:]}"
    assert state["now"] - before == order.get("advance_ms", HOUR_MS // 2)
    ends.set()
    state = await server.clock(advance_ms=HOUR_MS)
    assert state["notice"] is None
    assert len(await server.wait("state:delivered", 2)) == 2


async def test_settle_takes_every_message_to_its_end(start, make_app):
    app = make_app(lambda path, count: 500 if path == "/fails" else 200)
    await app.start()
    server = await start(clock_mode="frozen")
    await server.publish(f"{app.url}/fails", Upstash_Delay="7d", Upstash_Callback=f"{app.url}/told")
    await server.clock(settle=True)
    counts = (await server.call("GET", "/_dev/snapshot"))["counts"]
    assert counts["failed"] == 1
    assert counts["messages"] == counts["failed"] + counts["delivered"]
    assert [path for _, path, *_ in app.requests].count("/fails") == 4


async def test_settle_says_what_never_ends(start):
    server = await start(clock_mode="frozen")
    await server.publish("http://127.0.0.1:9/x", Upstash_Delay="1h")
    await server.call("POST", "/_dev/pause")
    answer = await server.clock(settle=True, status=409)
    assert answer["error"] == "1 message waits for ever: deliveries are paused"
