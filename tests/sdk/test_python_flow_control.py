"""The Python SDK's `flow_control`: limits are kept, shown and changed."""

import asyncio

import pytest
from qstash.errors import QStashError

HOUR_S = 3600


@pytest.fixture
async def publish(qstash, app):
    """Publishes to a path with limits for the key `k`."""

    async def publish(path, **limits):
        flow = {"key": "k", **limits}
        return (await qstash.message.publish(url=app.url + path, flow_control=flow)).message_id

    return publish


async def test_a_key_exists_after_its_first_message(qstash, app, publish):
    with pytest.raises(QStashError, match="404"):
        await qstash.flow_control.get("k")
    await publish("/", parallelism=3, rate=5, period="1m")
    info = await qstash.flow_control.get("k")
    assert (info.key, info.parallelism_max, info.rate_max, info.rate_period) == ("k", 3, 5, 60)
    assert (info.is_paused, info.is_pinned_parallelism, info.is_pinned_rate) == (False,) * 3


async def test_no_more_than_the_parallelism_are_under_way(qstash, server, app, publish):
    release = asyncio.Event()
    for n in range(4):
        app.answers(f"/{n}", {"hold": release})
        await publish(f"/{n}", parallelism=2)
    await app.received(2)
    await server.wait("state:queued", 2)
    info = await qstash.flow_control.get("k")
    assert (info.parallelism_count, info.wait_list_size) == (2, 2)
    assert sorted(r.path for r in app.requests) == ["/0", "/1"]
    release.set()
    assert sorted(r.path for r in await app.received(4)) == ["/0", "/1", "/2", "/3"]
    await server.wait("state:delivered", 4)
    info = await qstash.flow_control.get("k")
    assert (info.parallelism_count, info.wait_list_size) == (0, 0)


async def test_no_more_than_the_rate_start_in_a_period(qstash, server, app, publish):
    for n in range(5):
        await publish(f"/{n}", rate=2, period="1h")
    await server.wait("state:queued", 3)
    await server.wait("state:delivered", 2)
    info = await qstash.flow_control.get("k")
    assert (info.rate_count, info.rate_max, info.wait_list_size) == (2, 2, 3)
    await server.advance(HOUR_S)
    await server.wait("state:delivered", 4)
    await server.advance(HOUR_S)
    assert [r.path for r in await app.received(5)] == ["/0", "/1", "/2", "/3", "/4"]


async def test_resetting_the_rate_begins_a_new_period(qstash, server, app, publish):
    for n in range(3):
        await publish(f"/{n}", rate=1, period="1h")
    await app.received(1)
    await server.wait("state:queued", 2)
    await qstash.flow_control.reset_rate("k")
    assert [r.path for r in await app.received(2)] == ["/0", "/1"]


async def test_resetting_the_rate_of_a_paused_key_leaves_it_at_zero(qstash, server, app, publish):
    release = asyncio.Event()
    app.answers("/slow", {"hold": release})
    await publish("/slow", rate=5, period="1h")
    await app.one()
    await qstash.flow_control.pause("k")
    assert (await qstash.flow_control.get("k")).rate_count == 1
    await qstash.flow_control.reset_rate("k")
    assert (await qstash.flow_control.get("k")).rate_count == 0
    waiting = await publish("/next", rate=5, period="1h")
    release.set()
    await server.wait("state:delivered")
    await server.wait(f"id:{waiting} state:queued")
    info = await qstash.flow_control.get("k")
    assert (info.rate_count, info.is_paused, info.wait_list_size) == (0, True, 1)


async def test_a_paused_key_collects_until_it_is_resumed(qstash, server, app, publish):
    await qstash.flow_control.pause("k")
    for n in range(3):
        await publish(f"/{n}", parallelism=1)
    await server.wait("state:queued", 3)
    assert (await qstash.flow_control.get("k")).is_paused
    assert app.requests == []
    await qstash.flow_control.resume("k")
    assert [r.path for r in await app.received(3)] == ["/0", "/1", "/2"]
    assert not (await qstash.flow_control.get("k")).is_paused


async def test_a_pin_holds_against_what_messages_carry(qstash, server, app, publish):
    await publish("/", parallelism=9, rate=9)
    await qstash.flow_control.pin("k", {"parallelism": 2, "rate": 3, "period": 60})
    await publish("/", parallelism=9, rate=9)
    info = await qstash.flow_control.get("k")
    assert (info.parallelism_max, info.rate_max, info.rate_period) == (2, 3, 60)
    assert (info.is_pinned_parallelism, info.is_pinned_rate) == (True, True)
    await qstash.flow_control.unpin("k", {"parallelism": True})
    info = await qstash.flow_control.get("k")
    assert (info.is_pinned_parallelism, info.is_pinned_rate) == (False, True)
    # As long as messages with the old values are pending, the higher ones are in force.
    await server.wait("state:delivered", 2)
    await publish("/", parallelism=7, rate=7)
    info = await qstash.flow_control.get("k")
    assert (info.parallelism_max, info.rate_max) == (7, 3)
    await qstash.flow_control.unpin("k", {"rate": True})
    assert not (await qstash.flow_control.get("k")).is_pinned_rate


@pytest.mark.parametrize(
    "options", [{}, {"parallelism": 0}, {"rate": -1}, {"rate": 1, "period": 0}]
)
async def test_a_pin_without_a_limit_is_refused(qstash, options):
    with pytest.raises(QStashError, match="400"):
        await qstash.flow_control.pin("k", options)


async def test_a_pinned_parallelism_limits_deliveries(qstash, server, app, publish):
    release = asyncio.Event()
    await qstash.flow_control.pin("k", {"parallelism": 1})
    for n in range(2):
        app.answers(f"/{n}", {"hold": release})
        await publish(f"/{n}", parallelism=9)
    await server.wait("state:queued")
    assert [r.path for r in await app.received()] == ["/0"]
    release.set()
    await app.received(2)


async def test_the_global_parallelism_counts_what_is_under_way(qstash, app):
    assert (await qstash.flow_control.get_global_parallelism()).parallelism_count == 0
    release = asyncio.Event()
    await qstash.message.publish(url=app.answers("/slow", {"hold": release}))
    await app.one()
    info = await qstash.flow_control.get_global_parallelism()
    assert info.parallelism_count == 1
    assert info.parallelism_max > 1
    release.set()
