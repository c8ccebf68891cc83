"""SIGKILL at random moments while a hundred runs of the JavaScript SDK go on: each ends as it would
have, and a message is delivered again only if it was under way.

`--crash-rounds N` kills more often, `--crash-seed N` at other moments.
"""

import asyncio
import random  # noqa: TID251 - seeded
import shutil
import signal
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from qstash_dev.protocol.hosts import LOOPBACK
from qstash_dev.protocol.users import DEV_USERS
from tests.ports import reserved_port
from tests.process.conftest import clean_environment

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL"),
    pytest.mark.xdist_group("crash"),
    pytest.mark.timeout(600),
]
RUNS_A_KILL = 5
PATIENCE_S = 120
STEPS = ("first", "left", "last")
TOKEN = DEV_USERS[0].token


class Lives:
    """A server that dies and comes back on the same port with the same data."""

    def __init__(self, directory: Path, port: int) -> None:
        self.port = port
        self.kills = 0
        self.in_flight: Counter[str] = Counter()
        self.up = asyncio.Event()
        self._directory = directory
        self._process: asyncio.subprocess.Process

    async def begin(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "qstash_dev", "serve", "--output", "quiet"),
            *("--port", str(self.port), "--data-dir", str(self._directory / "data")),
            env=clean_environment(),
            cwd=self._directory,
            stdout=asyncio.subprocess.PIPE,
        )
        assert self._process.stdout is not None
        assert await self._process.stdout.readline()
        self.up.set()

    async def die(self) -> None:
        self.up.clear()
        self._process.send_signal(signal.SIGKILL)
        await self._process.wait()
        self.kills += 1
        self._autopsy()

    def _autopsy(self) -> None:
        """Read a copy of the files: what was being delivered."""
        copy = self._directory / f"copy{self.kills}"
        shutil.copytree(self._directory / "data", copy)
        with closing(sqlite3.connect(copy / "messages.db")) as connection:
            rows = connection.execute("SELECT id FROM messages WHERE state = 'ACTIVE'")
            self.in_flight.update(id_ for (id_,) in rows)
        shutil.rmtree(copy)

    async def call(
        self, session: aiohttp.ClientSession, method: str, path: str, **more: Any
    ) -> Any:
        """The answer, asked for again in the next life if this one ends meanwhile."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        while True:
            await self.up.wait()
            url = f"http://127.0.0.1:{self.port}{path}"
            with suppress(aiohttp.ClientError, ConnectionError):
                async with session.request(method, url, headers=headers, **more) as answer:
                    assert answer.status < 300, await answer.text()
                    return await answer.json()


def start(url: str, number: int) -> dict[str, Any]:
    """What `client.trigger` of workflow-js 1.3.3 puts into a batch."""
    run_id = f"wfr_{number}"
    return {
        "destination": url,
        "headers": {
            "upstash-method": "POST",
            "upstash-workflow-init": "true",
            "upstash-workflow-runid": run_id,
            "upstash-workflow-url": url,
            "upstash-feature-set": "LazyFetch,InitialBody,WF_DetectTrigger,WF_TriggerOnConfig",
            "upstash-workflow-sdk-version": "1",
            "upstash-forward-upstash-workflow-sdk-version": "1",
            "upstash-retries": "5",
            "upstash-retry-delay": "300",
        },
    }


async def start_all(lives: Lives, session: aiohttp.ClientSession, url: str, runs: int) -> None:
    for number in range(runs):
        await lives.call(session, "POST", "/v2/batch", json=[start(url, number)])


async def states(lives: Lives, session: aiohttp.ClientSession) -> dict[str, str]:
    found = await lives.call(session, "GET", "/_dev/workflows?limit=1000")
    return {run["id"]: run["state"] for run in found["runs"]}


async def end_of_all(lives: Lives, session: aiohttp.ClientSession, runs: int) -> dict[str, str]:
    """The states of all runs, once none is live or the time is over."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        found = await states(lives, session)
        ended = len(found) == runs and "RUN_STARTED" not in found.values()
        if ended or time.monotonic() > deadline:
            return found
        await lives.call(session, "GET", "/_dev/wait?filter=state:failed&timeout_ms=300")


def too_often(deliveries: list[dict[str, Any]], in_flight: Counter[str]) -> dict[Any, int]:
    """Attempts that were made more often than once, and once for each kill in their middle."""
    attempts = Counter((delivery["id"], delivery["retried"]) for delivery in deliveries)
    return {
        attempt: count for attempt, count in attempts.items() if count > 1 + in_flight[attempt[0]]
    }


@pytest.fixture
def port() -> Iterator[int]:
    """For a server of many lives: nobody takes it between two of them."""
    with reserved_port(*LOOPBACK) as port:
        yield port


async def test_every_run_ends_as_it_would_have(node, port, tmp_path, request) -> None:
    # A kill here takes four times as long as one amid plain messages.
    rounds = max(4, request.config.getoption("--crash-rounds") // 4)
    runs = RUNS_A_KILL * rounds
    moments = random.Random(request.config.getoption("--crash-seed"))
    lives = Lives(tmp_path, port)
    await lives.begin()
    app = await asyncio.create_subprocess_exec(
        *(node, "crash-app.mjs"),
        cwd=Path(__file__).parent / "js",
        env=clean_environment(QSTASH_URL=f"http://127.0.0.1:{lives.port}", QSTASH_TOKEN=TOKEN),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert app.stdout is not None
    url = f"http://127.0.0.1:{(await app.stdout.readline()).decode().strip()}"
    async with aiohttp.ClientSession() as session:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(start_all(lives, session, f"{url}/wf", runs))
                for _ in range(rounds):
                    await asyncio.sleep(moments.uniform(0.02, 1.0))
                    await lives.die()
                    await lives.begin()
            ended = await end_of_all(lives, session, runs)
            async with session.get(f"{url}/notes") as answer:
                notes = await answer.json()
        finally:
            app.kill()
            await app.wait()
            await lives.die()
    assert ended == {f"wfr_{number}": "RUN_SUCCESS" for number in range(runs)}
    for run_id in ended:
        executed = {step: notes["executions"][f"{run_id} {step}"] for step in STEPS}
        first, left, call, slept, timed_out, last = notes["results"][run_id]
        assert (call, slept, timed_out) == (200, "slept", True)
        # What a step gave once it was done is what the run goes on with.
        assert first in executed["first"]
        assert left in executed["left"]
        assert last in executed["last"]
    assert too_often(notes["deliveries"], lives.in_flight) == {}
    assert lives.kills == rounds + 1
