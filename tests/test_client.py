"""The client against a played server: shapes, refusals, and a stream without gaps."""

import asyncio
import gc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qstash_dev.client import Client, Refused, ServerUnreachable
from qstash_dev.client.paths import path_of
from qstash_dev.client.sse import server_sent
from qstash_dev.devtools.documents import Lost, Online, Snapshot, Tick
from tests.tui.world import World, row


async def no_wait(seconds: float) -> None:
    """Reconnect at once."""


async def test_the_snapshot_has_rows_newest_first_and_a_cursor_for_more() -> None:
    async with World().open() as url, Client(url) as client:
        snapshot = await client.snapshot(limit=2)
        assert [r.seq for r in snapshot.rows] == [13, 12]
        assert snapshot.counts.failed == 1
        assert snapshot.server.app.up is True
        page = await client.messages(cursor=snapshot.cursor, limit=3)
        assert [r.seq for r in page.rows] == [11, 10, 9]


async def test_a_detail_has_every_attempt_whole() -> None:
    async with World().open() as url, Client(url) as client:
        detail = await client.message("msg_00000005")
        assert [a.number for a in detail.attempts] == [1, 2, 3, 4]
        assert detail.attempts[0].response is not None
        assert detail.attempts[0].response.status == 500
        assert detail.signature is not None
        assert detail.signature.valid is False


async def test_what_the_server_says_no_to_is_refused_with_its_words() -> None:
    async with World().open() as url, Client(url) as client:
        with pytest.raises(Refused, match='did you mean "state"') as caught:
            await client.snapshot("sate:failed")
        assert caught.value.status == 400
        with pytest.raises(Refused, match="message msg_x not found"):
            await client.message("msg_x")


async def test_nobody_listening_is_unreachable_and_names_the_address() -> None:
    world = World()
    async with world.open() as url:
        pass
    async with Client(url) as client:
        with pytest.raises(ServerUnreachable, match=f"{url}: the connection was refused"):
            await client.health()


async def test_an_address_whose_host_is_no_host_is_told_so() -> None:
    async with Client("http://nowhere.invalid") as client:
        with pytest.raises(ServerUnreachable, match=r'no host "nowhere\.invalid" is known'):
            await client.health()


async def test_a_stranger_on_the_port_is_told_apart_from_a_server() -> None:
    async with World().open() as url, Client(url) as client:
        with pytest.raises(Refused, match="did not answer like a qstash-dev server"):
            await client._get("/_dev/messages/msg_00000001/body", Snapshot)


async def test_replay_sends_only_what_changes() -> None:
    world = World()
    async with world.open() as url, Client(url) as client:
        assert await client.replay("msg_00000001", {"body": "new"}) == "msg_new"
        assert world.asked == [("POST", "/_dev/messages/msg_00000001/replay", {"body": "new"})]


async def test_a_destination_is_published_byte_for_byte() -> None:
    world = World()
    async with world.open() as url, Client(url) as client:
        await client.publish("http://localhost:3000/a%2Fb?x=%20y&z=ü", b"hi", {}, "token")
        path = "/v2/publish/http://localhost:3000/a%2Fb?x=%20y&z=%C3%BC"
        assert world.asked == [("POST", path, "hi")]


async def test_what_is_published_for_a_queue_is_enqueued() -> None:
    world = World()
    async with world.open() as url, Client(url) as client:
        await client.publish("http://a.test", b"hi", {"upstash-queue-name": "a b"}, "token")
        assert world.asked == [("POST", "/v2/enqueue/a%20b/http://a.test", "hi")]


async def test_watch_gives_a_snapshot_then_each_change_once() -> None:
    world = World([row(1)])
    async with world.open() as url, Client(url, sleep=no_wait) as client:
        updates = client.watch()
        assert isinstance(await anext(updates), Snapshot)
        assert isinstance(await anext(updates), Online)
        world.say(row(2))
        tick = await anext(updates)
        assert isinstance(tick, Tick)
        assert [r.seq for r in tick.rows] == [2]


async def test_watch_resumes_after_a_hang_up_without_gap_or_double() -> None:
    world = World([row(1)])
    async with world.open() as url, Client(url, sleep=no_wait) as client:
        updates = client.watch()
        await anext(updates)
        await anext(updates)
        world.say(row(2))
        seen = [await anext(updates)]
        world.hang_up()
        world.say(row(3))
        world.say(row(4))
        while len(seen) < 3:
            update = await anext(updates)
            if isinstance(update, Tick):
                seen.append(update)
        assert [r.seq for t in seen for r in t.rows] == [2, 3, 4]  # type: ignore[union-attr]


async def test_watch_says_that_the_server_is_gone_and_catches_up_when_it_is_back() -> None:
    world = World([row(1)])
    async with world.open() as url, Client(url, sleep=no_wait) as client:
        updates = client.watch()
        await anext(updates)
        await anext(updates)
        await world.stop()
        lost = await anext(updates)
        assert isinstance(lost, Lost)
        assert url in lost.why
        world.say(row(2))
        await world.start()
        update = await anext(updates)
        while isinstance(update, Lost):
            update = await anext(updates)
        assert isinstance(update, Online)
        tick = await anext(updates)
        assert isinstance(tick, Tick)
        assert [r.seq for r in tick.rows] == [2]


async def test_a_reset_brings_a_fresh_snapshot() -> None:
    world = World([row(1), row(2)])
    async with world.open() as url, Client(url, sleep=no_wait) as client:
        updates = client.watch()
        await anext(updates)
        await anext(updates)
        world.rows.clear()
        world.say(reset=True)
        fresh = await anext(updates)
        assert isinstance(fresh, Snapshot)
        assert fresh.rows == []


async def test_a_filter_comes_back_with_what_matched() -> None:
    world = World([row(1)])
    async with world.open() as url, Client(url, sleep=no_wait) as client:
        updates = client.watch("state:failed")
        first = await anext(updates)
        assert isinstance(first, Snapshot)
        assert first.rows == []
        await anext(updates)
        world.say(row(1, state="failed"), row(2))
        tick = await anext(updates)
        assert isinstance(tick, Tick)
        assert tick.matched == ["msg_00000001"]


@given(
    st.lists(st.text(alphabet="abü {}:", max_size=8), max_size=6),
    st.integers(1, 7),
    st.sampled_from(["\n", "\r\n"]),
)
async def test_events_survive_any_cut_of_the_stream(
    texts: list[str], chunk: int, newline: str
) -> None:
    lines = [
        f": ping{newline}{newline}id: 1{newline}data: {text}{newline}{newline}" for text in texts
    ]
    raw = "".join(lines).encode()

    async def chunks():
        for start in range(0, len(raw), chunk):
            yield raw[start : start + chunk]

    assert [data.decode() async for data in server_sent(chunks())] == texts


async def test_a_session_opened_while_another_is_closed_is_closed_as_well() -> None:
    async with World().open() as url:
        client = Client(url)
        await client.snapshot()
        await asyncio.gather(client.close(), client.snapshot())
        await client.close()
        assert client._session is None
        gc.collect()  # tells of a session that was left open


@pytest.mark.parametrize(
    ("parts", "path"),
    [
        (("dlq", "1-1", "retry"), "/_dev/dlq/1-1/retry"),
        (("messages", "msg_1", "attempts", 2, "body"), "/_dev/messages/msg_1/attempts/2/body"),
        (("queues", "../reset?x#"), "/_dev/queues/..%2Freset%3Fx%23"),
        (("schedules", "täglich 1"), "/_dev/schedules/t%C3%A4glich%201"),
    ],
)
def test_a_name_is_one_part_of_a_path_whatever_it_holds(parts: Any, path: str) -> None:
    assert path_of(*parts) == path


def test_without_a_name_there_is_no_path() -> None:
    with pytest.raises(Refused, match="an id or a name is missing"):
        path_of("dlq", "")
