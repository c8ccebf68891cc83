"""Queues and flow control on the wire: what is set, what is shown, what is refused."""

import asyncio
from urllib.parse import quote

import pytest
from msgspec.structs import replace

from qstash_dev.protocol.quota import QUOTAS
from tests.api.wire import upstash

URL = "http://localhost:3000"
NAMES = ["a/b", "a%2Fb", "100%25", "%C3%BC", "a%20b", "a:b", "%00", "%"]


async def upsert(wire, name="q", **fields):
    return await wire.ask("POST", "/v2/queues", {"queueName": name, **fields})


# Queues


async def test_a_queue_has_the_documented_fields_and_defaults(wire):
    now = await wire.now()
    assert (await upsert(wire)).status == 200
    queue = {
        "name": "q",
        "createdAt": now,
        "updatedAt": now,
        "parallelism": 1,
        "paused": False,
        "lag": 0,
    }
    assert await wire.ok("GET", "/v2/queues/q") == queue
    assert await wire.ok("GET", "/v2/queues") == [queue]
    assert await wire.ok("GET", "/v2/queues/") == [queue]


async def test_an_upsert_changes_what_it_names_and_leaves_the_rest(wire):
    await upsert(wire, parallelism=3, paused=True)
    await wire.advance(1)
    await upsert(wire, parallelism=None)
    queue = await wire.ok("GET", "/v2/queues/q")
    assert (queue["parallelism"], queue["paused"]) == (3, True)
    assert queue["updatedAt"] - queue["createdAt"] == 1_000
    await upsert(wire, parallelism=5, paused=False)
    queue = await wire.ok("GET", "/v2/queues/q")
    assert (queue["parallelism"], queue["paused"]) == (5, False)


@pytest.mark.parametrize(
    ("parallelism", "status", "text"),
    [
        (0, 400, "at least 1"),
        (-1, 400, "at least 1"),
        (10_001, 412, "quota maxQueueParallelism exceeded, current limit: 10000"),
        ("3", 400, "parallelism"),
        (1.5, 400, "parallelism"),
    ],
)
async def test_a_parallelism_that_cannot_be_is_refused(wire, parallelism, status, text):
    answer = await upsert(wire, parallelism=parallelism)
    assert answer.status == status
    assert text in answer.error
    assert await wire.ok("GET", "/v2/queues") == []


async def test_the_parallelism_of_a_queue_can_be_limited_otherwise(start_wire):
    wire = await start_wire(limits=replace(QUOTAS["payg"], max_queue_parallelism=2))
    assert [(await upsert(wire, parallelism=n)).status for n in (2, 3)] == [200, 412]
    wire = await start_wire(limits=replace(QUOTAS["payg"], max_queue_parallelism=None))
    assert (await upsert(wire, parallelism=1_000_000)).status == 200


async def test_a_queue_needs_a_name(wire):
    for body in ({}, {"queueName": ""}, {"queueName": None}, {"queueName": 7}):
        answer = await wire.ask("POST", "/v2/queues", body)
        assert answer.status == 400
        assert len(answer.error) > 10


@pytest.mark.parametrize("name", ["a/b", "100%", "ü", "a b", "a:b", "\0", "é" * 5_000])
async def test_a_queue_name_of_other_characters_is_refused(wire, name):
    answer = await upsert(wire, name)
    assert answer.status == 400
    assert "invalid queue name" in answer.error
    assert len(answer.error) < 1_000
    answer = await wire.ask("POST", f"/v2/enqueue/{quote(name, safe='')}/{URL}")
    assert answer.status == 400
    assert await wire.events() == []


@pytest.mark.parametrize("name", NAMES)
async def test_a_queue_that_cannot_be_is_not_found(wire, name):
    assert (await wire.ask("GET", f"/v2/queues/{name}")).status == 404
    assert (await wire.ask("POST", f"/v2/queues/{name}/pause")).status == 404


async def test_a_queue_name_of_ten_thousand_characters_works_as_a_short_one(wire):
    name = "q" * 10_000
    message_id = await wire.enqueue(name, URL, delay="1h")
    assert (await wire.ok("GET", f"/v2/queues/{name}"))["lag"] == 1
    assert (await wire.ok("GET", f"/v2/messages/{message_id}"))["queueName"] == name
    await wire.ok("DELETE", f"/v2/queues/{name}")
    assert await wire.ok("GET", "/v2/queues") == []


async def test_enqueueing_makes_the_queue_and_leaves_one_that_exists(wire, app):
    await wire.enqueue("new", app.url)
    assert (await wire.ok("GET", "/v2/queues/new"))["parallelism"] == 1
    await upsert(wire, "old", parallelism=4)
    await wire.enqueue("old", app.url)
    assert (await wire.ok("GET", "/v2/queues/old"))["parallelism"] == 4


async def test_the_lag_counts_what_is_not_finished(wire, app):
    hold = asyncio.Event()
    await upsert(wire, parallelism=2)
    await wire.enqueue("q", app.answers("/bad", 500), retries=1)
    await wire.enqueue("q", app.answers("/slow", {"hold": hold}))
    await wire.enqueue("q", app.url + "/next")
    await app.received(2)
    assert (await wire.ok("GET", "/v2/queues/q"))["lag"] == 3
    hold.set()
    await app.one("/next")
    await wire.idle()
    assert (await wire.ok("GET", "/v2/queues/q"))["lag"] == 1  # the one that is to be retried


async def test_pause_and_resume_may_be_repeated(wire, app):
    await upsert(wire)
    for _ in range(2):
        assert (await wire.ask("POST", "/v2/queues/q/pause")).status == 200
        assert (await wire.ok("GET", "/v2/queues/q"))["paused"] is True
    ids = [await wire.enqueue("q", app.url) for _ in range(3)]
    await wire.idle()
    assert not app.requests
    for _ in range(2):
        assert (await wire.ask("POST", "/v2/queues/q/resume")).status == 200
        assert (await wire.ok("GET", "/v2/queues/q"))["paused"] is False
    received = await app.received(3)
    assert [r.headers["Upstash-Message-Id"] for r in received] == ids


async def test_the_line_waits_for_retries_and_callbacks(wire, app):
    first = await wire.enqueue(
        "q",
        app.answers("/job", 500, 200),
        retries=1,
        retry_delay="5000",
        callback=app.answers("/callback", 500, 200),
        callback_retries=1,
        callback_retry_delay="5000",
    )
    second = await wire.enqueue("q", app.url + "/second")
    await wire.advance(60)
    await app.one("/second")
    begun = (await wire.events(f"messageId={second}&state=ACTIVE"))[0]["time"]
    delivered = (await wire.events(f"messageId={first}&state=DELIVERED"))[0]["time"]
    called = [e["time"] for e in await wire.events(f"url={app.url}/callback&state=DELIVERED")]
    assert begun >= max(delivered, *called)
    assert len(called) == 2


async def test_deleting_a_queue_is_fine_even_if_there_is_none(wire, app):
    waiting = await wire.enqueue("q", app.url, delay="1h")
    assert (await wire.ask("DELETE", "/v2/queues/q")).status == 200
    assert (await wire.ask("DELETE", "/v2/queues/q")).status == 200
    assert (await wire.ask("GET", "/v2/queues/q")).status == 404
    assert (await wire.states(waiting))[-1] == "CANCELED"


async def test_clients_that_change_a_queue_at_once_all_succeed(wire):
    answers = await asyncio.gather(*(upsert(wire, parallelism=n + 1) for n in range(30)))
    assert {a.status for a in answers} == {200}
    assert len(await wire.ok("GET", "/v2/queues")) == 1


# Flow control


def flow(key="k", value="parallelism=1", **headers):
    return upstash(flow_control_key=key, flow_control_value=value, delay="1h", **headers)


async def test_a_key_exists_after_the_first_publish_with_the_documented_fields(wire):
    await wire.ok("POST", f"/v2/publish/{URL}", b"", flow(value="parallelism=3, rate=5, period=1m"))
    assert await wire.ok("GET", "/v2/flowControl/k") == {
        "flowControlKey": "k",
        "waitListSize": 0,
        "parallelismMax": 3,
        "parallelismCount": 0,
        "rateMax": 5,
        "rateCount": 0,
        "ratePeriod": 60,
        "ratePeriodStart": 0,
        "isPaused": False,
        "isPinnedParallelism": False,
        "isPinnedRate": False,
    }


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("parallelism=3", {"parallelism": 3, "period": 1}),
        ("rate=2", {"rate": 2, "period": 1}),
        ("rate=2,period=1h30m3s", {"rate": 2, "period": 5_403}),
        ("period=1d,rate=2", {"rate": 2, "period": 86_400}),
        (" rate = 2 , parallelism=4 ,period=7d", {"rate": 2, "parallelism": 4, "period": 604_800}),
        ("parallelism=1000000000", {"parallelism": 10**9, "period": 1}),
        ("rate=1,period=30", {"rate": 1, "period": 30}),
    ],
)
async def test_limits_of_a_message_are_shown_in_seconds(wire, value, shown):
    headers = flow(value=value)
    message_id = (await wire.ok("POST", f"/v2/publish/{URL}", b"", headers))["messageId"]
    message = await wire.ok("GET", f"/v2/messages/{message_id}")
    found = {name: message[name] for name in ("parallelism", "rate", "period") if name in message}
    assert found == shown
    assert message["flowControlKey"] == "k"


async def test_the_longest_period_can_be_configured(start_wire):
    wire = await start_wire(limits=replace(QUOTAS["payg"], max_flow_period_s=60))
    for seconds, status in ((60, 200), (61, 400)):
        headers = flow(value=f"rate=1,period={seconds}")
        answers = [
            await wire.ask("POST", f"/v2/publish/{URL}", b"", headers),
            await wire.ask("POST", f"/v2/flowControl/k/pin?rate=1&period={seconds}"),
        ]
        assert [answer.status for answer in answers] == [status, status]
    assert all("1m" in answer.error for answer in answers)
    wire = await start_wire(limits=replace(QUOTAS["payg"], max_flow_period_s=None))
    await wire.ok("POST", f"/v2/publish/{URL}", b"", flow(value="rate=1,period=700d"))
    await wire.ok("POST", "/v2/flowControl/k/pin?rate=1&period=700d")


async def test_a_delivery_echoes_its_limits_in_one_form(wire, app):
    headers = flow(value="period=1m, rate=9")
    await wire.ok("POST", f"/v2/publish/{app.url}", b"", {**headers, "Upstash-Delay": "0s"})
    received = await app.one()
    assert received.headers["Upstash-Flow-Control-Key"] == "k"
    assert received.headers["Upstash-Flow-Control-Value"] == "rate=9,period=60"


@pytest.mark.parametrize(
    "value",
    ["parallelism=0", "parallelism=-1", "parallelism=x", "rate=0", "rate=1.5", "rate=", "rate",
     "period=1m", "rate=1,period=0", "rate=1,period=8d", "rate=1,period=1w", "speed=1", ",",
     "parallelism=1" + "0" * 30],
)  # fmt: skip
async def test_limits_that_cannot_be_are_refused_by_name(wire, value):
    answer = await wire.ask("POST", f"/v2/publish/{URL}", b"", flow(value=value))
    assert answer.status == 400
    assert "Upstash-Flow-Control-Value" in answer.error
    assert await wire.ok("GET", "/v2/flowControl") == []


async def test_a_key_and_its_limits_belong_together(wire):
    for headers in (upstash(flow_control_key="k"), upstash(flow_control_value="rate=1")):
        answer = await wire.ask("POST", f"/v2/publish/{URL}", b"", headers)
        assert answer.status == 400
        assert "Upstash-Flow-Control" in answer.error


@pytest.mark.parametrize("key", ["a/b", "100%", "ü", "a b", "a:b?c=d#e", "k" * 10_000])
async def test_any_key_is_found_by_its_encoded_name(wire, key):
    headers = [(n, v) for n, v in flow(key=key).items()]
    await wire.ok("POST", f"/v2/publish/{URL}", b"", headers)
    found = await wire.ok("GET", f"/v2/flowControl/{quote(key, safe='')}")
    assert found["flowControlKey"] == key
    await wire.ok("POST", f"/v2/flowControl/{quote(key, safe='')}/pause")
    (listed,) = await wire.ok("GET", f"/v2/flowControl?search={quote(key[:4], safe='')}")
    assert (listed["flowControlKey"], listed["isPaused"]) == (key, True)


@pytest.mark.parametrize("key", ["a/b", "/a", "a%25b", "a%2Fb", "a+b", "a/pause", "100%"])
async def test_a_flow_control_key_is_found_as_sdks_write_it_into_the_path(wire, key):
    await wire.ok("POST", f"/v2/publish/{URL}", b"", flow(key=key))
    assert (await wire.ok("GET", f"/v2/flowControl/{key}"))["flowControlKey"] == key
    await wire.ok("POST", f"/v2/flowControl/{key}/pause")
    await wire.ok("POST", f"/v2/flowControl/{key}/pin?parallelism=2")
    (found,) = await wire.ok("GET", "/v2/flowControl")
    assert (found["flowControlKey"], found["isPaused"]) == (key, True)
    assert found["parallelismMax"] == 2


async def test_two_keys_that_differ_by_an_encoding_are_told_apart(wire):
    for key in ("a/b", "a%2Fb"):
        await wire.ok("POST", f"/v2/publish/{URL}", b"", flow(key=key))
    for path, key in (("a/b", "a/b"), ("a%2Fb", "a%2Fb"), ("a%252Fb", "a%2Fb")):
        assert (await wire.ok("GET", f"/v2/flowControl/{path}"))["flowControlKey"] == key


async def test_search_finds_a_part_of_the_name(wire):
    for key in ("orders-eu", "orders-us", "mail"):
        await wire.ok("POST", f"/v2/publish/{URL}", b"", flow(key=key))
    for search, count in (("orders", 2), ("-eu", 1), ("ORDERS", 0), ("", 3), ("%25", 0)):
        found = await wire.ok("GET", f"/v2/flowControl?search={search}")
        assert len(found) == count, search


async def test_the_wait_list_is_counted_and_served_in_order(wire, app):
    hold = asyncio.Event()
    app.answers("/slow", {"hold": hold}, 200)
    headers = {**flow(), "Upstash-Delay": "0s"}
    urls = [f"{app.url}/slow", f"{app.url}/1", f"{app.url}/2"]
    for url in urls:
        await wire.ok("POST", f"/v2/publish/{url}", b"", headers)
    await app.one("/slow")
    key = await wire.ok("GET", "/v2/flowControl/k")
    assert (key["parallelismCount"], key["waitListSize"]) == (1, 2)
    hold.set()
    received = await app.received(3)
    assert [r.path for r in received] == ["/slow", "/1", "/2"]


async def test_a_paused_key_starts_nothing_until_it_is_resumed(wire, app):
    await wire.ok("POST", "/v2/flowControl/k/pause")
    await wire.ok("POST", f"/v2/publish/{app.url}", b"", {**flow(), "Upstash-Delay": "0s"})
    await wire.idle()
    key = await wire.ok("GET", "/v2/flowControl/k")
    assert (key["isPaused"], key["waitListSize"]) == (True, 1)
    assert not app.requests
    await wire.ok("POST", "/v2/flowControl/k/resume")
    await app.one()
    assert (await wire.ok("GET", "/v2/flowControl/k"))["isPaused"] is False


async def test_a_rate_lets_through_so_many_in_each_period(wire, app):
    headers = {**flow(value="rate=2,period=10s"), "Upstash-Delay": "0s"}
    for _ in range(5):
        await wire.ok("POST", f"/v2/publish/{app.url}", b"", headers)
    await wire.idle()
    key = await wire.ok("GET", "/v2/flowControl/k")
    assert (key["rateCount"], key["waitListSize"]) == (2, 3)
    assert key["ratePeriodStart"] == await wire.now() // 1000
    counts = []
    for _ in range(3):
        await wire.advance(9.999)
        before = len(app.requests)
        await wire.advance(0.001)
        counts.append((before, len(app.requests)))
    assert counts == [(2, 4), (4, 5), (5, 5)]


async def test_a_pin_is_shown_and_holds_until_it_is_removed(wire):
    await wire.ok("POST", f"/v2/publish/{URL}", b"", flow(value="parallelism=1,rate=1"))
    await wire.ok("POST", "/v2/flowControl/k/pin?parallelism=7&rate=80&period=9")
    key = await wire.ok("GET", "/v2/flowControl/k")
    limits = ("parallelismMax", "rateMax", "ratePeriod", "isPinnedParallelism", "isPinnedRate")
    assert [key[name] for name in limits] == [7, 80, 9, True, True]
    await wire.ok("POST", "/v2/flowControl/k/unpin?parallelism=true")
    key = await wire.ok("GET", "/v2/flowControl/k")
    assert [key[name] for name in limits] == [7, 80, 9, False, True]
    await wire.ok("POST", "/v2/flowControl/k/unpin?rate=true")
    key = await wire.ok("GET", "/v2/flowControl/k")
    assert [key[name] for name in limits] == [7, 80, 9, False, False]


@pytest.mark.parametrize(
    "query",
    ["", "period=5", "parallelism=0", "parallelism=-1", "rate=0", "rate=x", "parallelism=1.5",
     "rate=1&period=0", "rate=1&period=8d", "rate=1&period=x", "parallelism=1" + "0" * 30],
)  # fmt: skip
async def test_a_pin_that_cannot_be_is_refused(wire, query):
    answer = await wire.ask("POST", f"/v2/flowControl/k/pin?{query}")
    assert answer.status == 400
    assert len(answer.error) > 10
    assert await wire.ok("GET", "/v2/flowControl") == []


@pytest.mark.parametrize("number", [10**9, 10**18 - 1])
async def test_a_pin_may_be_as_high_as_what_a_message_may_carry(wire, number):
    await wire.ok("POST", f"/v2/flowControl/k/pin?parallelism={number}&rate={number}")
    key = await wire.ok("GET", "/v2/flowControl/k")
    assert (key["parallelismMax"], key["rateMax"]) == (number, number)


async def test_an_unpin_must_say_of_what(wire):
    for query in ("", "parallelism=false", "rate=1"):
        assert (await wire.ask("POST", f"/v2/flowControl/k/unpin?{query}")).status == 400


async def test_a_reset_counts_attempts_under_way_no_more(wire, app):
    release = asyncio.Event()
    url = app.answers("/slow", {"hold": release})
    headers = {**flow(), "Upstash-Delay": "0s"}
    for _ in range(2):
        await wire.ok("POST", f"/v2/publish/{url}", b"", headers)
    await app.received(1)
    await wire.ok("POST", "/v2/flowControl/k/resetRate")
    assert (await wire.ok("GET", "/v2/flowControl/k"))["waitListSize"] == 1
    await wire.ok("POST", "/v2/flowControl/k/reset")
    await app.received(2)
    assert (await wire.ok("GET", "/v2/flowControl/k"))["parallelismCount"] == 1
    release.set()
    await wire.wait("state:delivered", 2)


@pytest.mark.parametrize("verb", ["resetRate", "reset", "resetrate"])
async def test_a_rate_can_be_reset_by_either_name(wire, app, verb):
    headers = {**flow(value="rate=1,period=1d"), "Upstash-Delay": "0s"}
    for _ in range(2):
        await wire.ok("POST", f"/v2/publish/{app.url}", b"", headers)
    await wire.idle()
    assert len(app.requests) == 1
    await wire.ok("POST", f"/v2/flowControl/k/{verb}")
    await app.received(2)


async def test_global_parallelism_shows_the_limit_and_what_is_under_way(start_wire, app):
    wire = await start_wire(global_parallelism=7, clock_mode="real")
    assert await wire.ok("GET", "/v2/globalParallelism") == {
        "parallelismMax": 7,
        "parallelismCount": 0,
    }
    hold = asyncio.Event()
    for _ in range(2):
        await wire.publish(app.answers("/slow", {"hold": hold}))
    await app.received(2)
    assert (await wire.ok("GET", "/v2/globalParallelism"))["parallelismCount"] == 2
    hold.set()
