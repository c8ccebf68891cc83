"""The Python SDK for workflows before 2.0.0, unmodified, in an app of its own."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

APP = Path(__file__).parent / "python_0_1"
PACKAGES = APP / ".packages"


@pytest.fixture
async def old_app(server: Any) -> AsyncIterator[str]:
    """The address of the app; skips the test where its SDK is not installed.

    `pip install --no-deps --target tests/sdk/python_0_1/.packages upstash-workflow==0.1.3
    qstash==2.0.5` does that: 2.0.0 needs another qstash. With `QSTASH_DEV_REQUIRE_PYTHON_0_1=1` it
    fails instead.
    """
    if not PACKAGES.exists():
        if os.environ.get("QSTASH_DEV_REQUIRE_PYTHON_0_1") == "1":
            pytest.fail("the old SDK is not installed")
        pytest.skip("the old SDK is not installed")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "app.py"),
        cwd=APP,
        env={**os.environ, **server.env, "PYTHONPATH": str(PACKAGES)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    port = await process.stdout.readline()
    assert port, (await process.communicate())[1]
    yield f"http://127.0.0.1:{int(port)}"
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    await process.communicate()


async def test_the_sdk_before_2_runs_steps_sleeps_calls_and_its_failure_function(
    server: Any, old_app: str
) -> None:
    await server.call("/_dev/clock", "POST", json={"mode": "scaled", "scale": 86_400})
    for path in ("/steps", "/failing"):
        # As anybody starts one who has no SDK for it: a message to its URL.
        await server.call(f"/v2/publish/{old_app}{path}", "POST", data="payload")
    await server.wait("state:ok|failed", 12)
    async with aiohttp.ClientSession(old_app) as app, app.get("/told") as answer:
        told = await answer.json()
    assert told["version"].startswith("0.1.")
    assert told["calls"]["/steps"] == 7
    assert told["calls"]["/failing"] == 4
    assert told["calls"]["/party"] == 1
    assert sorted(told["results"], key=str) == [
        ["processed payload", 200],
        [500, "no luck", "payload"],
    ]
    runs = (await server.call("/v2/workflows/logs"))["runs"]
    assert {run["workflowUrl"][len(old_app) :]: run["workflowState"] for run in runs} == {
        "/steps": "RUN_SUCCESS",
        "/failing": "RUN_FAILED",
    }
