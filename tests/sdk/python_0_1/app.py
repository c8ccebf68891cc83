"""Workflows by the Python SDK 0.1.x, which stands in no environment beside 2.0.0. Prints its port."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response
from upstash_workflow import AsyncWorkflowContext, __version__
from upstash_workflow.fastapi import Serve

app = FastAPI()
serve = Serve(app)
calls: Counter[str] = Counter()
results: list[Any] = []


@app.middleware("http")
async def count(request: Request, call: Callable[[Request], Awaitable[Response]]) -> Response:
    calls[request.url.path] += 1
    return await call(request)


@app.get("/told")
async def told() -> dict[str, Any]:
    return {"version": __version__, "calls": calls, "results": results}


@app.put("/party")
async def party() -> dict[str, int]:
    return {"a": 1}


@serve.post("/steps")
async def steps(context: AsyncWorkflowContext[str]) -> None:
    first = await context.run("one", lambda: f"processed {context.request_payload}")
    await context.sleep("for", 3600)
    found: Any = await context.call("get", url=f"{context.url[:-6]}/party", method="PUT")
    status = found["status"] if isinstance(found, dict) else found.status
    await context.run("end", lambda: results.append([first, status]))


async def failed(context: Any, status: int, text: str, headers: Any) -> None:
    results.append([status, text, context.request_payload])


@serve.post("/failing", retries=0, failure_function=failed)
async def failing(context: AsyncWorkflowContext[str]) -> None:
    def bad() -> None:
        raise RuntimeError("no luck")

    await context.run("good", lambda: 1)  # only steps name the failure function
    await context.run("bad", bad)


async def main() -> None:
    server = uvicorn.Server(uvicorn.Config(app, port=0, lifespan="off", log_level="critical"))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0)
    print(server.servers[0].sockets[0].getsockname()[1], flush=True)
    await serving


asyncio.run(main())
