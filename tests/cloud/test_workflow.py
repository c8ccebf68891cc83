"""Workflows through the cloud: URLs leave and come back whole in every call, or the call is refused."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from qstash import AsyncQStash
from upstash_workflow import AsyncWorkflowContext
from upstash_workflow.fastapi import Serve

from qstash_dev.cloud.rewrite import outbound
from tests.cloud.test_proxy import DEV_RECEIVER, Circle, made_circle
from tests.cloud.test_rewrite import BORDERS, TO, call
from tests.patience import PATIENCE_S
from tests.server.outside_world import DEV

LOCAL = "http://localhost:3000/wf"
OUTSIDE = f"{TO}/http/localhost:3000/wf"


def sent_out(path: str, body: Any, **headers: str) -> Any:
    out = outbound(call(path, body=json.dumps(body).encode(), **headers), BORDERS)
    return json.loads(out.body)


def test_a_wait_goes_on_by_the_tunnel() -> None:
    body = {
        "url": LOCAL, "timeout": "7d", "timeoutUrl": LOCAL, "step": {"stepName": LOCAL},
        "timeoutHeaders": {"Upstash-Workflow-Url": [LOCAL], "Upstash-Forward-Own": [LOCAL]},
    }  # fmt: skip
    assert sent_out("/v2/wait/an%20event", body) == {
        "url": OUTSIDE, "timeout": "7d", "timeoutUrl": OUTSIDE, "step": {"stepName": LOCAL},
        "timeoutHeaders": {"Upstash-Workflow-Url": [OUTSIDE], "Upstash-Forward-Own": [LOCAL]},
    }  # fmt: skip


def test_an_invocation_names_its_parent_by_the_tunnel() -> None:
    body = {"workflowUrl": LOCAL, "body": LOCAL, "headers": {"Upstash-Workflow-Url": [LOCAL]}}
    expected = {
        "workflowUrl": OUTSIDE,
        "body": LOCAL,
        "headers": {"Upstash-Workflow-Url": [OUTSIDE]},
    }
    invoke = {"Upstash-Workflow-Invoke": "true"}
    assert sent_out(f"/v2/publish/{LOCAL}", body, **invoke) == expected
    item = {"destination": LOCAL, "headers": invoke, "body": json.dumps(body)}
    (out,) = sent_out("/v2/batch", [item])
    assert json.loads(out["body"]) == expected
    assert sent_out(f"/v2/publish/{LOCAL}", body) == body


def test_a_start_and_its_callbacks_leave_by_the_tunnel() -> None:
    names = ("upstash-workflow-url", "upstash-failure-callback", "upstash-callback-workflow-url")
    item = {"destination": LOCAL, "headers": dict.fromkeys(names, LOCAL)}
    for path in ("/v2/batch", "/v2/batch/trigger"):
        (out,) = sent_out(path, [item])
        assert out == {"destination": OUTSIDE, "headers": dict.fromkeys(names, OUTSIDE)}
    assert outbound(call(f"/v2/trigger/{LOCAL}"), BORDERS).path == f"/v2/trigger/{OUTSIDE}"


def test_runs_are_chosen_by_the_url_that_the_cloud_knows() -> None:
    assert sent_out("/v2/workflows/runs", {"workflowUrl": LOCAL}) == {"workflowUrl": OUTSIDE}
    assert sent_out("/v2/workflows/runs", {"workflowUrl": [LOCAL]}) == {"workflowUrl": [OUTSIDE]}
    query = "workflowUrl=http%3A%2F%2Flocalhost%3A3000%2Fwf"
    for path in ("/v2/workflows/logs", "/v2/workflows/dlq/resume"):
        assert "mine.ngrok-free.app" in outbound(call(path, query), BORDERS).query


@pytest.mark.parametrize("body", [b"", b"{", b"1", b"[1]", b"null", b'{"headers": 1}'])
def test_what_cannot_be_read_is_left_for_the_cloud_to_refuse(body: bytes) -> None:
    for path in ("/v2/wait/e", "/v2/workflows/runs", f"/v2/publish/{LOCAL}"):
        made = call(path, body=body, **{"Upstash-Workflow-Invoke": "true"})
        assert outbound(made, BORDERS).body == body


@pytest.fixture
async def circle(tmp_path: Path) -> Any:
    async with made_circle(tmp_path) as made:
        yield made


@pytest.fixture
async def app(circle: Circle) -> AsyncIterator[tuple[str, FastAPI, AsyncQStash]]:
    """A FastAPI app, its URL, and a client of ours."""
    routes = FastAPI()
    config = uvicorn.Config(routes, port=0, lifespan="off", log_level="critical")
    served = uvicorn.Server(config)
    running = asyncio.create_task(served.serve())
    while not served.started:
        await asyncio.sleep(0)
    client = AsyncQStash(DEV.token, base_url=circle.world.url, retry=False)
    url = f"http://127.0.0.1:{served.servers[0].sockets[0].getsockname()[1]}"
    yield url, routes, client
    served.should_exit = True
    await running
    await client.http._client.aclose()


async def test_a_run_in_the_cloud_goes_on_step_by_step_in_the_local_app(
    circle: Circle, app: tuple[str, FastAPI, AsyncQStash]
) -> None:
    url, routes, client = app
    results: list[Any] = []
    ended = asyncio.Event()

    @routes.post("/party")
    async def party() -> dict[str, int]:
        return {"a": 1}

    async def workflow(context: AsyncWorkflowContext[str]) -> None:
        first = await context.run("one", lambda: f"{context.request_payload}!")
        await context.sleep("nap", 1)
        answer = await context.call("call", url=f"{url}/party", method="POST")
        results.append((first, answer.status, answer.body))
        ended.set()

    Serve(routes).post("/wf", qstash_client=client, receiver=DEV_RECEIVER)(workflow)
    await client.message.publish(url=f"{url}/wf", body="payload")
    async with asyncio.timeout(PATIENCE_S):
        await ended.wait()
    assert results[0] == ("payload!", 200, {"a": 1})
    status, found = await circle.call("GET", f"/v2/workflows/logs?workflowUrl={url}/wf")
    assert status == 200
    (run,) = found["runs"]
    assert run["workflowUrl"] == f"{url}/wf"
    assert [group["steps"][0].get("stepName") for group in run["steps"]][:4] == [
        "init", "one", "nap", "call",
    ]  # fmt: skip
    # Nothing of it became a run of ours.
    assert (await circle.world.dev("workflows"))["runs"] == []


async def test_a_webhook_of_the_cloud_is_refused_with_what_is_missing(circle: Circle) -> None:
    status, answer = await circle.call("POST", "/v2/workflows/hooks/defaultUser/wfr_1/event")
    assert status == 404
    assert "UserID of the cloud's token" in answer["error"]
