"""Snapshot, event stream and log: a reader begins, follows, comes back and misses nothing."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp
import pytest

from tests.api.conftest import TOKENS, Api, StartApi
from tests.conftest import App
from tests.patience import PATIENCE_S

NOWHERE = "http://127.0.0.1:1/x"
SERVER = {
    "version", "pid", "url", "port", "data_dir", "warning", "app", "clock", "tunnel", "external",
    "hold", "paused", "faults", "auto_replay", "env",
}  # fmt: skip
COUNTS = {
    "messages", "delayed", "active", "retry", "held", "delivered", "failed", "canceled", "dlq",
    "schedules", "queues", "groups", "flow",
}  # fmt: skip


class Stream:
    """An open event stream."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.ids: list[int] = []

    async def tick(self) -> Any:
        """The next tick."""
        async with asyncio.timeout(PATIENCE_S):
            while not (line := await self._response.content.readline()).startswith(b"id: "):
                assert line, "the stream has ended"
            data = await self._response.content.readline(max_line_length=100_000_000)
            assert await self._response.content.readline() == b"\n"
        self.ids.append(int(line.removeprefix(b"id: ")))
        tick = json.loads(data.removeprefix(b"data: "))
        assert tick["seq"] == self.ids[-1]
        return tick

    async def events(self, count: int) -> list[Any]:
        """That many events, of as many ticks as it takes."""
        found: list[Any] = []
        while len(found) < count:
            found += (await self.tick())["events"]
        return found

    async def row(self, message_id: str) -> Any:
        """The next row of this message."""
        while True:
            for row in (await self.until("rows"))["rows"]:
                if row["id"] == message_id:
                    return row

    async def until(self, field: str) -> Any:
        """The next tick in which a field says something."""
        while not (tick := await self.tick()).get(field):
            pass
        return tick


@asynccontextmanager
async def stream(api: Api, query: str = "", **headers: str) -> AsyncIterator[Stream]:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    async with api.session.get(f"{api.url}/_dev/events{query}", headers=names) as response:
        assert response.headers["Content-Type"] == "text/event-stream"
        yield Stream(response)


async def snapshot(api: Api) -> Any:
    return await api.ok("GET", "/_dev/snapshot")


async def test_an_empty_server(api: Api) -> None:
    found = await snapshot(api)
    assert (found["seq"], found["rows"], found["total"], found["cursor"]) == (0, [], 0, None)
    assert set(found["counts"]) >= COUNTS
    assert set(found["counts"].values()) == {0}
    server = found["server"]
    assert server.keys() >= SERVER
    assert (server["url"], server["port"], server["data_dir"]) == (api.url, api.port, None)
    assert server["clock"].keys() >= {"mode", "scale", "offset_ms", "next_event_at"}
    assert server["env"]["QSTASH_URL"] == api.url
    keys = await api.ok("GET", "/v2/keys")
    assert server["env"]["QSTASH_CURRENT_SIGNING_KEY"] == keys["current"]


async def test_health_is_who_answers(api: Api) -> None:
    found = await api.ok("GET", "/_dev/health")
    assert found.keys() == {"ok", "version", "pid", "url", "uptime_ms", "warning"}


async def test_a_snapshot_amid_publishes_tells_one_number_of_messages(api: Api) -> None:
    for _ in range(20):
        publishes = [api.publish(NOWHERE, delay="1h") for _ in range(20)]
        *_, told, _ = await asyncio.gather(
            *publishes[:10], snapshot(api), asyncio.gather(*publishes[10:])
        )
        assert told["total"] == told["counts"]["messages"]


async def test_a_snapshot_has_rows_counts_and_where_events_go_on(api: Api, app: App) -> None:
    await api.publish(app.url)
    await api.wait("state:ok")
    waiting = await api.publish(NOWHERE, delay="1h")
    found = await snapshot(api)
    assert (found["seq"], found["total"]) == (4, 2)  # CREATED, ACTIVE, DELIVERED; CREATED
    assert found["rows"][0]["id"] == waiting
    assert (found["counts"]["delivered"], found["counts"]["delayed"]) == (1, 1)
    selected = await api.ok("GET", "/_dev/snapshot?filter=state:ok&limit=1")
    assert [row["state"] for row in selected["rows"]] == ["delivered"]
    assert selected["total"] == 1


async def test_the_stream_goes_on_from_the_snapshot_without_a_gap(api: Api, app: App) -> None:
    await api.publish(NOWHERE, delay="1h")
    seq = (await snapshot(api))["seq"]
    await api.publish(NOWHERE, delay="1h")  # between snapshot and stream
    async with stream(api, f"?after={seq}") as reader:
        first = await reader.events(1)
        message_id = await api.publish(app.url)
        later = await reader.events(3)
    assert [e["seq"] for e in (*first, *later)] == list(range(seq + 1, seq + 5))
    assert {e["id"] for e in later} == {message_id}
    assert [e["state"] for e in later] == ["CREATED", "ACTIVE", "DELIVERED"]
    assert later[2].keys() >= {"seq", "time", "id", "user", "state", "error", "status", "next_at"}


async def test_a_tick_carries_the_rows_of_its_messages(api: Api, app: App) -> None:
    url = app.answers("/x", 500)
    async with stream(api) as reader:
        message_id = await api.publish(url, retries=0)
        while True:
            tick = await reader.until("rows")
            (row,) = tick["rows"]
            if row["state"] == "failed":
                break
    assert (row["id"], row["status"], tick["counts"]["dlq"]) == (message_id, 500, 1)
    assert tick["server"].keys() >= SERVER


async def test_the_row_of_an_original_comes_with_each_replay_that_comes_or_goes(
    api: Api, app: App
) -> None:
    original = await api.publish(app.answers("/x", 200))
    await api.wait("state:delivered")
    async with stream(api) as reader:
        await api.ok("POST", f"/_dev/messages/{original}/replay", json={})
        assert (await reader.row(original))["replays"] == 1
        await api.wait("is:replay state:delivered")
        await api.ok("DELETE", "/_dev/messages?filter=is:replay")
        while (await reader.row(original))["replays"] > 0:
            pass


async def test_a_retry_brings_the_row_that_is_not_in_the_dlq_any_more(api: Api, app: App) -> None:
    dead = await api.publish(app.answers("/x", 500), retries=0)
    await api.wait("state:failed")
    (entry,) = (await api.ok("GET", "/v2/dlq"))["messages"]
    async with stream(api) as reader:
        await api.ok("POST", f"/_dev/dlq/{entry['dlqId']}/retry")
        assert (await reader.row(dead))["dlq_id"] is None


async def test_the_row_of_a_message_comes_whose_dead_letter_is_removed(api: Api, app: App) -> None:
    dead = await api.publish(app.answers("/x", 500), retries=0)
    await api.wait("state:failed")
    (entry,) = (await api.ok("GET", "/v2/dlq"))["messages"]
    async with stream(api) as reader:
        await api.ok("DELETE", f"/_dev/dlq/{entry['dlqId']}")
        assert (await reader.row(dead))["dlq_id"] is None


@pytest.mark.parametrize("way", ["after", "header"])
async def test_a_reader_that_comes_back_gets_what_it_missed(api: Api, app: App, way: str) -> None:
    await api.publish(app.url)
    await api.wait("state:ok")
    query, headers = ("?after=1", {}) if way == "after" else ("", {"Last_Event_ID": "1"})
    async with stream(api, query, **headers) as reader:
        assert [e["seq"] for e in await reader.events(2)] == [2, 3]


async def test_a_reader_that_comes_back_gets_the_rows_that_the_log_says_nothing_of(
    api: Api, app: App
) -> None:
    original = await api.publish(app.answers("/x", 200))
    await api.wait("state:delivered")
    await api.ok("POST", f"/_dev/messages/{original}/replay", json={})
    await api.wait("is:replay state:delivered")
    seq = (await snapshot(api))["seq"]
    await api.ok("DELETE", "/_dev/messages?filter=is:replay")
    async with stream(api, f"?after={seq}") as reader:
        assert [(row["id"], row["replays"]) for row in (await reader.tick())["rows"]] == [
            (original, 0)
        ]


async def test_a_message_comes_that_waits_for_its_turn_instead_of_its_time(api: Api) -> None:
    await api.ok("POST", "/_dev/pause")
    later = await api.publish(NOWHERE, delay="1h")
    async with stream(api) as reader:
        await api.ok("POST", f"/_dev/messages/{later}/run")
        assert (await reader.row(later))["state"] == "created"
    await reads_on_in_vain(api)


async def test_a_message_comes_that_waits_for_its_turn_instead_of_its_app(
    start_api: StartApi, app: App
) -> None:
    api = await start_api(hold=True)
    held = await api.publish(NOWHERE)
    await api.wait("state:held")
    await api.ok("POST", "/_dev/pause")
    async with stream(api) as reader:
        routes = [{"from": NOWHERE.removesuffix("/x"), "to": app.url}]
        await api.ok("PUT", "/_dev/routes", json={"routes": routes})
        assert (await reader.row(held))["state"] == "created"
    await reads_on_in_vain(api)


async def test_a_reader_is_not_sent_again_the_rows_that_its_snapshot_has(
    api: Api, app: App
) -> None:
    original = await api.publish(app.answers("/x", 500), retries=0)
    await api.wait("state:failed")
    (entry,) = (await api.ok("GET", "/v2/dlq"))["messages"]
    await api.ok("DELETE", f"/_dev/dlq/{entry['dlqId']}")
    await reads_on_in_vain(api)
    await api.ok("POST", f"/_dev/messages/{original}/replay", json={})
    await api.wait("is:replay state:failed")
    await api.ok("DELETE", "/_dev/messages?filter=is:replay")
    await reads_on_in_vain(api)


async def reads_on_in_vain(api: Api) -> None:
    """Somebody who comes after a change of rows has no more of it to read."""
    seq = (await snapshot(api))["seq"]
    async with stream(api, f"?after={seq}") as reader:
        assert (await reader.tick())["rows"] == []


async def test_a_new_reader_begins_with_what_happens_from_now_on(api: Api) -> None:
    await api.publish(NOWHERE, delay="1h")
    async with stream(api) as reader:
        await api.publish(NOWHERE, delay="1h")
        assert [e["seq"] for e in await reader.events(1)] == [2]


async def test_each_of_many_readers_gets_all_and_what_its_own_filter_matches(api: Api) -> None:
    async with AsyncExitStack() as stack:
        labels = ["red", "blue"] * 5
        readers = [
            await stack.enter_async_context(stream(api, f"?after=0&filter=label:{label}"))
            for label in labels
        ]
        ids = {label: await api.publish(NOWHERE, delay="1h", label=label) for label in labels[:2]}
        for label, reader in zip(labels, readers, strict=True):
            matched: list[str] = []
            events: list[Any] = []
            while len(events) < 2:
                tick = await reader.tick()
                matched, events = matched + tick["matched"], events + tick["events"]
            assert (matched, [event["seq"] for event in events]) == ([ids[label]], [1, 2])


async def test_a_filter_marks_the_rows_that_match(api: Api) -> None:
    async with stream(api, "?filter=label:red") as reader:
        await api.publish(NOWHERE, delay="1h", label="blue")
        red = await api.publish(NOWHERE, delay="1h", label="red")
        matched: list[str] = []
        seen: set[str] = set()
        while len(seen) < 2:
            tick = await reader.tick()
            matched += tick["matched"]
            seen |= {row["id"] for row in tick["rows"]}
    assert matched == [red]
    async with stream(api) as reader:
        assert "matched" not in await reader.tick()


async def test_forgotten_messages_are_told(api: Api) -> None:
    message_id = await api.publish(NOWHERE, delay="1h")
    async with stream(api) as reader:
        await api.ok("POST", f"/_dev/messages/{message_id}/cancel")
        await api.ok("DELETE", f"/_dev/messages/{message_id}")
        tick = await reader.until("removed")
    assert tick["removed"] == [message_id]
    assert tick["seq"] == (await snapshot(api))["seq"], "who heard of it has a number that says so"


async def test_a_reset_tells_readers_to_begin_anew(api: Api) -> None:
    await api.publish(NOWHERE, delay="1h")
    async with stream(api) as reader:
        await reader.tick()
        assert await api.ok("POST", "/_dev/reset") == {"ok": True}
        tick = await reader.until("reset")
    assert tick["counts"]["messages"] == 0
    assert (await snapshot(api))["seq"] == 2, "numbers go on"


async def test_a_reader_that_comes_back_learns_what_went_meanwhile(api: Api) -> None:
    gone, kept = [await api.publish(NOWHERE, delay="1h") for _ in range(2)]
    await api.ok("POST", f"/_dev/messages/{gone}/cancel")
    seq = (await snapshot(api))["seq"]
    await api.ok("DELETE", f"/_dev/messages/{gone}")
    async with stream(api, f"?after={seq}") as reader:
        assert (await reader.tick())["removed"] == [gone]
    await api.ok("POST", "/_dev/reset")
    async with stream(api, f"?after={seq}") as reader:
        assert (await reader.tick())["reset"] is True
    async with stream(api, f"?after={(await snapshot(api))['seq']}") as reader:
        tick = await reader.tick()
    assert (tick["removed"], "reset" in tick) == ([], False)
    assert kept not in str(tick)


async def test_readers_begin_anew_once_when_what_was_deleted_is_put_back(api: Api) -> None:
    message_id = await api.publish(NOWHERE, delay="1h")
    await api.ok("POST", f"/_dev/messages/{message_id}/cancel")
    order = (await api.ok("DELETE", f"/_dev/messages/{message_id}"))["undo"]
    for is_anew in (True, False):
        seq = (await snapshot(api))["seq"]
        if is_anew:
            await api.ok("POST", "/_dev/undo", json={"ids": [order]})
        async with stream(api, f"?after={seq}") as reader:
            assert ("reset" in await reader.tick()) == is_anew


async def test_a_number_from_another_life_means_beginning_anew(api: Api) -> None:
    async with stream(api, "?after=999") as reader:
        tick = await reader.tick()
    assert (tick["seq"], tick["reset"]) == (0, True)


@pytest.mark.parametrize("after", ["x", "-1", "1.5", "9" * 30])
async def test_a_number_that_is_none_is_400(api: Api, after: str) -> None:
    assert (await api.error("GET", f"/_dev/events?after={after}"))[0] == 400


async def test_many_events_come_in_several_ticks(api: Api) -> None:
    items = [{"destination": NOWHERE, "headers": {"Upstash-Delay": "1h"}}] * 2_500
    await api.ok("POST", "/v2/batch", json=items)
    async with stream(api, "?after=0&filter=state:delayed") as reader:
        ticks = [await reader.tick() for _ in range(3)]
    assert [e["seq"] for tick in ticks for e in tick["events"]] == list(range(1, 2_501))
    rows = [row["id"] for tick in ticks for row in tick["rows"]]
    assert len(set(rows)) == 2_500
    assert [id for tick in ticks for id in tick["matched"]] == rows


async def test_a_reader_that_goes_away_is_forgotten(api: Api) -> None:
    for _ in range(3):
        async with stream(api) as reader:
            await reader.tick()
    await api.publish(NOWHERE, delay="1h")
    assert (await snapshot(api))["total"] == 1


async def test_pause_and_resume(api: Api, app: App) -> None:
    assert await api.ok("POST", "/_dev/pause") == {"paused": True}
    message_id = await api.publish(app.url)
    assert (await snapshot(api))["server"]["paused"] is True
    assert (await api.ok("GET", "/_dev/wait?filter=try:>0&timeout_ms=1"))["met"] is False
    assert await api.ok("POST", "/_dev/resume") == {"paused": False}
    await api.wait(f"id:{message_id} state:ok")


async def test_a_tick_tells_which_resources_were_written(api: Api) -> None:
    orders = {
        "queues": ("/v2/queues", {"queueName": "mail"}),
        "groups": ("/v2/topics/team/endpoints", {"endpoints": [{"url": NOWHERE}]}),
        "flow": ("/v2/flowControl/k/pause", None),
    }
    auth = {"Authorization": f"Bearer {TOKENS['defaultUser']}"}
    async with stream(api) as reader:
        before = (await reader.tick())["resources"]
        assert before == (await snapshot(api))["resources"]
        for noun, (path, order) in orders.items():
            async with api.session.post(api.url + path, json=order, headers=auth) as answer:
                assert answer.ok
            while (after := (await reader.tick())["resources"]) == before:
                pass  # what something else wrote
            assert {name for name in after if after[name] != before[name]} == {noun}
            before = after


# The log


async def log(api: Api, query: str) -> list[int]:
    found = await api.ok("GET", f"/_dev/logs{query}")
    return [event["seq"] for event in found["events"]]


async def test_the_log_in_both_directions(api: Api, app: App) -> None:
    await api.publish(app.url, label="x")
    await api.wait("state:ok")
    await api.publish(NOWHERE, delay="1h")
    assert await log(api, "") == [1, 2, 3, 4]
    assert await log(api, "?after=2") == [3, 4]
    assert await log(api, "?before=3") == [1, 2]
    assert await log(api, "?before=4&limit=2") == [2, 3]
    assert await log(api, "?after=0&limit=1") == [1]
    assert await log(api, "?filter=label:x") == [1, 2, 3]
    assert (await api.ok("GET", "/_dev/logs"))["seq"] == 4


async def test_wait_ends_with_the_server(start_api: Any) -> None:
    api = await start_api()
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(api.ok("GET", "/_dev/wait?filter=state:ok&timeout_ms=600000"))
        async with stream(api) as reader:
            await reader.tick()
            await api.server.stop()
    assert waiting.result()["met"] is False
