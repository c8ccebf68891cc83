"""Workflows by the Python SDK in a FastAPI app: each kind of step and each end, with the exact number
of calls of the app, all of them signed.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from qstash import AsyncQStash, Receiver
from upstash_workflow import AsyncWorkflowContext
from upstash_workflow.fastapi import Serve

from tests.patience import PATIENCE_S

Route = Callable[[AsyncWorkflowContext[Any]], Awaitable[None]]


@dataclass
class Request:
    path: str
    headers: dict[str, str]
    body: str


@dataclass
class App:
    """A FastAPI app with a workflow at each path, and what it was sent."""

    server: Any
    client: AsyncQStash
    receiver: Receiver
    routes: FastAPI = field(default_factory=FastAPI)
    requests: list[Request] = field(default_factory=list)
    results: list[Any] = field(default_factory=list)
    url: str = ""
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        parts: list[Any] = [await receive()]
        while parts[-1].get("more_body"):
            parts.append(await receive())
        body = b"".join(part.get("body", b"") for part in parts)
        headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
        self.requests.append(Request(scope["path"], headers, body.decode()))
        self.arrived.set()

        async def again() -> Any:
            return parts.pop(0) if parts else await receive()

        await self.routes(scope, again, send)

    def workflow(self, path: str, **options: Any) -> Callable[[Route], Route]:
        """Serves a workflow; what its runs end with is in `results`."""
        post = Serve(self.routes).post
        served: Callable[[Route], Route] = post(
            path, qstash_client=self.client, receiver=self.receiver, **options
        )
        return served

    async def calls(self, path: str, count: int) -> list[Request]:
        """All requests to a path, once nothing is left to do; every one has a valid signature."""
        async with asyncio.timeout(PATIENCE_S):
            while len(self.of(path)) < count:
                self.arrived.clear()
                await self.arrived.wait()
        await self.server.advance(0)
        snapshot = await self.server.call("/_dev/snapshot")
        counts = snapshot["counts"]
        assert counts["active"] + counts["delayed"] + counts["retry"] == 0, counts
        for row in snapshot["rows"]:
            detail = await self.server.call(f"/_dev/messages/{row['id']}")
            assert not [lint for lint in detail["row"]["lints"] if "has no effect" in lint]
        for request in self.of(path):
            self.receiver.verify(
                signature=request.headers["upstash-signature"],
                body=request.body,
                url=self.url + request.path,
            )
        return self.of(path)

    def of(self, path: str) -> list[Request]:
        return [request for request in self.requests if request.path == path]

    async def start(self, path: str, body: str = "payload", **options: Any) -> None:
        """As anybody starts a workflow who has no SDK for it: a message to its URL."""
        await self.client.message.publish(url=self.url + path, body=body, **options)

    async def run(self) -> Any:
        """The log of the newest run."""
        return (await self.server.call("/v2/workflows/logs"))["runs"][0]


@pytest.fixture
async def app(server: Any) -> AsyncIterator[App]:
    env = server.env
    client = AsyncQStash(env["QSTASH_TOKEN"], base_url=env["QSTASH_URL"], retry=False)
    receiver = Receiver(env["QSTASH_CURRENT_SIGNING_KEY"], env["QSTASH_NEXT_SIGNING_KEY"])
    app = App(server, client, receiver)
    config = uvicorn.Config(app, port=0, lifespan="off", log_level="critical")
    served = uvicorn.Server(config)
    running = asyncio.create_task(served.serve())
    while not served.started:
        await asyncio.sleep(0)
    app.url = f"http://127.0.0.1:{served.servers[0].sockets[0].getsockname()[1]}"
    await server.call("/_dev/clock", "POST", json={"mode": "scaled", "scale": 86_400})
    yield app
    served.should_exit = True
    await running
    await client.http._client.aclose()


async def test_steps_run_one_after_the_other_with_the_payload_and_headers_of_the_start(
    app: App,
) -> None:
    @app.workflow("/path", initial_payload_parser=json.loads)
    async def path(context: AsyncWorkflowContext[Any]) -> None:
        async def second() -> Any:
            return {"got": first}

        first = await context.run("one", lambda: f"processed {context.request_payload['ü']}")
        out = await context.run("two", second)
        await context.run("three", lambda: None)
        app.results.append((out, context.headers["x-own"]))

    await app.start("/path", '{"ü": 1}', headers={"x-own": "v"})
    # The message, with which the app starts its run; the start; three steps.
    received = await app.calls("/path", 5)
    assert len(received) == 5
    assert app.results == [({"got": "processed 1"}, "v")]
    assert [len(json.loads(request.body)) for request in received[1:]] == [1, 2, 3, 4]
    run = await app.run()
    assert run["workflowState"] == "RUN_SUCCESS"
    assert [group["steps"][0]["stepName"] for group in run["steps"]] == [
        "init", "one", "two", "three",
    ]  # fmt: skip


async def test_a_workflow_sleeps_for_a_time_and_until_a_moment(app: App) -> None:
    began = (await app.server.call("/_dev/clock"))["now"] / 1000

    @app.workflow("/sleep")
    async def sleep(context: AsyncWorkflowContext[str]) -> None:
        await context.sleep("for", 3600)
        await context.sleep("text", "1d")
        await context.sleep_until("until", began + 2 * 86_400)
        await context.run("done", lambda: "done")

    await app.start("/sleep")
    assert len(await app.calls("/sleep", 6)) == 6
    assert (await app.server.call("/_dev/clock"))["now"] / 1000 >= began + 2 * 86_400


async def test_a_call_gives_the_answer_of_a_third_party(app: App) -> None:
    @app.routes.put("/party")
    async def party() -> dict[str, int]:
        return {"a": 1}

    @app.workflow("/call")
    async def call(context: AsyncWorkflowContext[str]) -> None:
        found = await context.call(
            "get", url=f"{app.url}/party", method="PUT", body={"b": 2}, headers={"x-own": "v"}
        )
        nobody = await context.call("nobody", url="http://127.0.0.1:1/", retries=1)
        app.results.append((found.status, found.body, nobody.status, nobody.body))

    await app.start("/call", headers={"x-secret": "s"})
    # The message, the start, and two for each call.
    received = await app.calls("/call", 6)
    assert len(received) == 6
    assert app.results == [(200, {"a": 1}, -1, "")]
    (asked,) = app.of("/party")
    assert asked.body == '{"b": 2}'
    assert asked.headers["x-own"] == "v"
    assert "x-secret" not in asked.headers
    assert [name for name in asked.headers if "workflow" in name] == []
    # It fetches no list: no delivery is without its body.
    assert all(request.body for request in received)


async def test_a_step_that_fails_is_tried_again_and_then_its_failure_function_is_called(
    app: App,
) -> None:
    async def failed(
        context: AsyncWorkflowContext[str], status: int, text: str, headers: dict[str, str]
    ) -> None:
        app.results.append((status, text, context.request_payload, context.headers.get("x-own")))

    @app.workflow("/failing", retries=1, failure_function=failed)
    async def failing(context: AsyncWorkflowContext[str]) -> None:
        def bad() -> None:
            raise RuntimeError("no luck")

        await context.run("good", lambda: 1)
        await context.run("bad", bad)

    await app.start("/failing", headers={"x-own": "v"})
    # The message, the start, two attempts of the step, the failure function.
    assert len(await app.calls("/failing", 5)) == 5
    assert app.results == [(500, "no luck", "payload", "v")]
    run = await app.run()
    assert run["workflowState"] == "RUN_FAILED"
    assert run["failureFunction"]["state"] == "CALLBACK_SUCCESS"


async def test_a_failure_url_is_called_instead(app: App) -> None:
    told: list[Any] = []

    @app.routes.post("/elsewhere")
    async def elsewhere(body: dict[str, Any]) -> None:
        told.append(body)

    @app.workflow("/unlucky", retries=0, failure_url=f"{app.url}/elsewhere")
    async def unlucky(context: AsyncWorkflowContext[str]) -> None:
        def bad() -> None:
            raise RuntimeError("no luck")

        await context.run("bad", bad)

    await app.start("/unlucky")
    assert len(await app.calls("/unlucky", 2)) == 2
    assert len(await app.calls("/elsewhere", 1)) == 1
    assert told[0]["status"] == 500
    assert told[0]["workflowRunId"].startswith("wfr_")


async def test_a_run_that_is_cancelled_is_called_no_more(app: App) -> None:
    @app.workflow("/asleep")
    async def asleep(context: AsyncWorkflowContext[str]) -> None:
        await context.sleep("long", "300d")

    await app.server.call("/_dev/clock", "POST", json={"mode": "real"})
    await app.start("/asleep")
    async with asyncio.timeout(PATIENCE_S):
        while len(app.of("/asleep")) < 2:
            app.arrived.clear()
            await app.arrived.wait()
    cancelled = await app.server.call("/v2/workflows/runs", "DELETE")
    assert cancelled == {"cancelled": 1}
    assert len(await app.calls("/asleep", 2)) == 2
