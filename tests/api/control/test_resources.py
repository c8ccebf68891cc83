"""The control API lists resources of all users and acts on them."""

import itertools
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from yarl import URL

from qstash_dev.config import Config
from qstash_dev.server import Server

SCHEDULE = {"Upstash-Cron": "0 9 * * *", "Upstash-Schedule-Id": "daily"}


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    server = Server(Config(port=0, data_dir=None))
    await server.start()
    headers = {"Authorization": f"Bearer {server.started.user.token}"}
    async with aiohttp.ClientSession(server.started.url, headers=headers) as client:
        yield client
    await server.stop()


async def get(session: aiohttp.ClientSession, path: str) -> Any:
    async with session.get(path) as response:
        assert response.status == 200
        return await response.json()


async def test_a_schedule_is_listed_with_its_next_ten_times(session: aiohttp.ClientSession) -> None:
    await session.post("/v2/schedules/http://localhost:1/x", headers=SCHEDULE)
    (schedule,) = (await get(session, "/_dev/schedules"))["schedules"]
    times = schedule["next_times"]
    assert len(times) == 10
    assert [later - earlier for earlier, later in itertools.pairwise(times)] == [86_400_000] * 9
    assert schedule["user"] == "defaultUser"


async def test_a_schedule_can_be_run_now_and_paused(session: aiohttp.ClientSession) -> None:
    await session.post("/v2/schedules/http://localhost:1/x", headers=SCHEDULE)
    async with session.post("/_dev/schedules/daily/run") as response:
        (message_id,) = (await response.json())["ids"]
    detail = await get(session, f"/_dev/messages/{message_id}")
    assert detail["row"]["kind"] == "schedule"
    await session.post("/_dev/schedules/daily/pause")
    assert (await get(session, "/v2/schedules/daily"))["isPaused"]


async def test_queues_groups_and_flow_keys_are_listed(session: aiohttp.ClientSession) -> None:
    flow = {"Upstash-Flow-Control-Key": "k", "Upstash-Flow-Control-Value": "parallelism=1"}
    endpoints = {"endpoints": [{"url": "http://localhost:1/a"}]}
    await session.post("/v2/queues", json={"queueName": "mail", "parallelism": 2})
    await session.post("/v2/topics/team/endpoints", json=endpoints)
    await session.post("/v2/publish/http://localhost:1/x", headers={**flow, "Upstash-Delay": "1h"})
    (queue,) = (await get(session, "/_dev/queues"))["queues"]
    (group,) = (await get(session, "/_dev/groups"))["groups"]
    (key,) = (await get(session, "/_dev/flow"))["keys"]
    assert (queue["name"], queue["parallelism"], queue["active"]) == ("mail", 2, 0)
    assert (group["name"], group["endpoints"]) == ("team", endpoints["endpoints"])
    assert (key["flowControlKey"], key["parallelismMax"]) == ("k", 1)


async def test_an_unknown_resource_is_a_404_with_a_sentence(session: aiohttp.ClientSession) -> None:
    async with session.post("/_dev/queues/nope/pause") as response:
        assert response.status == 404
        assert (await response.json())["error"] == "queue nope not found"


async def test_a_flow_key_is_deleted_when_no_message_has_it(
    session: aiohttp.ClientSession,
) -> None:
    flow = {"Upstash-Flow-Control-Key": "a/b", "Upstash-Flow-Control-Value": "parallelism=1"}
    headers = {**flow, "Upstash-Delay": "1h"}
    async with session.post("/v2/publish/http://localhost:1/x", headers=headers) as response:
        message_id = (await response.json())["messageId"]
    path = URL("/_dev/flow/a%2Fb", encoded=True)
    async with session.delete(path) as response:
        assert response.status == 409
        assert "1 are pending" in (await response.json())["error"]
    async with session.delete(f"/v2/messages/{message_id}") as response:
        assert response.status == 202
    async with session.delete(path) as response:
        assert response.status == 200
    assert await get(session, "/_dev/flow") == {"keys": []}
    async with session.delete(path) as response:
        assert response.status == 404


async def test_a_live_run_without_anything_under_way_says_that_it_is_stuck(
    session: aiohttp.ClientSession,
) -> None:
    started = await session.post(
        "/v2/trigger/http://localhost:1/wf", headers={"Upstash-Delay": "1d"}
    )
    run = (await started.json())["workflowRunId"]
    waits = (await get(session, f"/_dev/workflows/{run}"))["row"]["waits"]
    assert [waiting["kind"] for waiting in waits] == ["delayed"]
    await session.delete(f"/v2/messages/{waits[0]['message']}")
    row = (await get(session, f"/_dev/workflows/{run}"))["row"]
    (waiting,) = row["waits"]
    assert waiting["text"] == "waits for nothing"
    assert waiting["why"].startswith("it is stuck: ")
    assert row["told"] == {"text": f"! {waiting['why']}", "role": "warning"}
    for order in ("resume", "restart", "run"):
        refused = await session.post(f"/_dev/workflows/{run}/{order}")
        assert refused.status == 409
        assert (await refused.json())["error"].endswith(f". I{waiting['why'][1:]}")
    # A replay that is under way carries it on.
    await session.post("/_dev/clock", json={"mode": "frozen"})
    again = await session.post(f"/_dev/messages/{waits[0]['message']}/replay")
    (waiting,) = (await get(session, f"/_dev/workflows/{run}"))["row"]["waits"]
    assert waiting["kind"] != "nothing"
    assert waiting["message"] == (await again.json())["id"]


@pytest.mark.parametrize(
    ("path", "body", "is_batch"),
    [
        ("/v2/batch", {"destination": "http://localhost:1/x", "body": {"a": 1}}, True),
        (
            "/v2/batch",
            {"destination": "http://localhost:1/x", "headers": {"Upstash-Retries": "x"}},
            True,
        ),
        ("/v2/publish/localhost:1", {}, False),
        ("/v2/wait/paid", {"url": "http://localhost:1/wf", "timeout": "soon"}, False),
    ],
)
async def test_a_live_run_tells_which_step_of_it_was_refused(
    session: aiohttp.ClientSession, path: str, body: dict[str, Any], is_batch: bool
) -> None:
    named = {"Upstash-Workflow-RunId": "wfr_1"}
    start = {**named, "Upstash-Delay": "1d"}
    await session.post("/v2/trigger/http://localhost:1/wf", headers=start)
    for _ in range(2):
        if is_batch:
            item = {**body, "headers": {**body.get("headers", {}), **named}}
            answer = await session.post(path, json=[item])
        else:
            answer = await session.post(path, json=body, headers=named)
        assert answer.status == 400
    row = (await get(session, "/_dev/workflows/wfr_1"))["row"]
    (notice,) = row["notices"]
    message = row["waits"][0]["message"]
    await session.delete(f"/v2/messages/{message}")
    row = (await get(session, "/_dev/workflows/wfr_1"))["row"]
    (waiting,) = row["waits"]
    assert row["notices"] == []  # it is said once
    way_on = f". Once mended, it goes on with: qstash-dev replay {message}"
    assert waiting["why"] == f"it is stuck: {notice.removesuffix('.')}{way_on}"
    assert notice.startswith("a step of it was refused: ")
    refused = (await answer.json())[0]["error"] if is_batch else (await answer.json())["error"]
    assert notice.partition("refused: ")[2].startswith(refused)


async def test_a_run_that_went_on_tells_no_longer_that_a_step_was_refused(
    session: aiohttp.ClientSession,
) -> None:
    named = {"Upstash-Workflow-RunId": "wfr_1"}
    await session.post(
        "/v2/trigger/http://localhost:1/wf", headers={**named, "Upstash-Delay": "1d"}
    )
    call = {**named, "Upstash-Workflow-CallType": "toCallback"}
    item = {"destination": "http://localhost:1/x", "headers": call, "body": {"a": 1}}
    await session.post("/v2/batch", json=[item])
    (notice,) = (await get(session, "/_dev/workflows/wfr_1"))["row"]["notices"]
    assert notice.endswith(
        "got an object. The body of context.call is text since version 1 of the "
        "SDK: JSON.stringify it."
    )
    for concurrent, left in ((2, [notice]), (1, [])):
        step = {"stepId": 1, "stepName": "s", "stepType": "Run", "concurrent": concurrent}
        headers = {**named, "Upstash-Workflow-CallType": "step", "Upstash-Workflow-Init": "false"}
        async with session.post(
            "/v2/publish/http://localhost:1/wf", json=step, headers=headers
        ) as answer:
            assert answer.status == 201 or answer.status == 200
        assert (await get(session, "/_dev/workflows/wfr_1"))["row"]["notices"] == left
