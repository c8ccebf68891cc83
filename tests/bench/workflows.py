"""`python -m tests.bench.workflows`: lists of 10,000 runs, pruning, and steps beside plain messages.

Runs are written directly into the store. Each list is asked for over HTTP. The rate of steps is that of
an app which submits the next step in every delivery, beside plain deliveries of as many bytes.
"""

import argparse
import asyncio
import http.client
import json
import tempfile
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter
from typing import Any

import aiohttp
from aiohttp import web
from msgspec.structs import replace

from qstash_dev.protocol.creation import new_message
from qstash_dev.protocol.model import Attempt, Message, Place, Response, Spec, State, Step, Timing
from qstash_dev.protocol.settle import created_event, fail
from qstash_dev.protocol.users import DEV_USERS
from qstash_dev.protocol.workflow.model import (
    Failure,
    FailureState,
    Run,
    RunChange,
    RunEvent,
    RunState,
    key_of,
)
from qstash_dev.store.store import Store
from tests.bench.contest import percentile
from tests.bench.processes import memory_mb, port_of, running, serve_arguments

USER = "defaultUser"
START = 1_780_000_000_000
URL = "http://localhost:3000/api/"
STEPS = 10
AIM_MS = 20
TOKEN = {"Authorization": f"Bearer {DEV_USERS[0].token}"}
LISTS = (
    "/v2/workflows/logs",
    "/v2/workflows/events?groupBy=workflowRunId&state=RUN_FAILED",
    "/v2/workflows/events?groupBy=workflowRunId&state=RUN_STARTED",
    "/v2/workflows/events?groupBy=workflowRunId&label=label7",
    "/v2/workflows/events?groupBy=workflowRunId&workflowUrl=http://localhost:3000/api/3",
    "/v2/workflows/events?groupBy=workflowRunId&workflowRunId=wfr_{}",
    "/v2/workflows/messageLogs?count=100",
    "/v2/workflows/messageLogs?count=100&workflowRunId=wfr_{}",
    "/v2/workflows/dlq",
    "/v2/workflows/dlq?label=label7",
    "/_dev/workflows?limit=50",
    "/_dev/workflows?limit=50&state=live",
    "/_dev/workflows?limit=50&state=failed",
    "/_dev/workflows?limit=50&run=wfr_99",
    "/_dev/workflows/wfr_{}",
    "/_dev/messages?filter=run:wfr_{}",
    "/_dev/messages?filter=step:step+3",
    "/_dev/snapshot",
)


def fill(directory: Path, ended: int, live: int) -> None:
    """Ended runs of ten steps, every twentieth failed; live ones, each with half of its steps."""
    directory.mkdir(parents=True)
    pending: list[object] = []
    store = Store.open(directory / "messages.db", pending.append)
    for number in range(ended + live):
        put(store, number, is_live=number >= ended)
        if number % 50 == 0:
            store.database.commit()
    store.close()


def put(store: Store, number: int, *, is_live: bool) -> None:
    """One run with its entries, as they are when it has gone so far."""
    at = START + number * 100
    url = f"{URL}{number % 20}"
    steps = STEPS // 2 if is_live else STEPS
    failed = not is_live and number % 20 == 0
    run = Run(
        USER, f"wfr_{number}", at, url, Spec(url, labels=(f"label{number % 10}",)), f"msg_{number}_0",
        size=steps, steps=steps - 1,
    )  # fmt: skip
    store.messages.apply(
        RunChange(
            at, tuple(entry(run, n, at) for n in range(steps)), runs=(run,),
            events=tuple(created_event(entry(run, n, at), at) for n in range(steps)),
            run_events=(RunEvent(key_of(run), at, RunState.STARTED),),
        )
    )  # fmt: skip
    entries = store.messages.entries_of_run(store.workflows.seq(key_of(run)), 0)
    for message in entries[: steps - 1 if is_live or failed else steps]:
        done = replace(message, state=State.DELIVERED, finished_at=at, attempts=1)
        store.messages.apply(RunChange(at, changed=(done,), attempts=(attempt(message, 200, at),)))
    last = entries[-1]
    if is_live:
        return
    if failed:
        change = fail(replace(last, attempts=1), attempt(last, 500, at), at, "500")
        store.messages.apply(change)
        failure = Failure(last.id, change.dead[0].id, FailureState.SUCCESS)
        run = replace(run, state=RunState.FAILED, completed_at=at, failure=failure)
    else:
        run = replace(run, state=RunState.SUCCESS, completed_at=at, result=b'"done"')
    store.messages.apply(
        RunChange(at, runs=(run,), run_events=(RunEvent(key_of(run), at, run.state),))
    )


def entry(run: Run, index: int, at: int) -> Message:
    step = Step(index, f"step {index}", "Run") if index else Step(0, "init", "Initial")
    place = Place(run.id, run.created_at, index=index, step=step)
    spec = replace(run.config, place=place)
    body = {"stepId": index, "stepName": step.name, "stepType": "Run", "out": '"' + "x" * 150 + '"'}
    id_ = f"msg_{run.id.removeprefix('wfr_')}_{index}"
    return new_message(spec, run.user, json.dumps(body).encode(), at, at + 10**12, id_)


def attempt(message: Message, status: int, at: int) -> Attempt:
    response = Response(status, (("Content-Type", "text/plain"),), b"answer", Timing(at))
    return Attempt(message.id, 1, message.spec.url, (), response)


def lists(port: int, repeat: int, middle: int) -> None:
    """Every list, so many times; `middle` is the number of a run."""
    client = http.client.HTTPConnection("127.0.0.1", port)
    worst = 0.0
    print(f"{'ms: the first answer, p50, p99 of those that follow':72}")
    for path in (path.format(middle) for path in LISTS):
        first, *times = [_ask_ms(client, path) for _ in range(1 + repeat)]
        p99 = percentile(times, 99)
        worst = max(worst, p99)
        print(f"{path:72} {first:7.1f} {percentile(times, 50):7.1f} {p99:7.1f}")
    print(f"the slowest p99 is {worst:.1f} ms (aim {AIM_MS})")


def _ask_ms(client: http.client.HTTPConnection, path: str) -> float:
    began = perf_counter()
    client.request("GET", path, headers=TOKEN)
    answer = client.getresponse()
    text = answer.read()
    assert answer.status == 200, (path, text[:300])
    return (perf_counter() - began) * 1000


def pruned(directory: Path, keep: int, live: int) -> None:
    """After housekeeping with room for few entries: live runs are whole, ended ones whole or gone."""
    store = Store.open(directory / "messages.db")
    began = perf_counter()
    count = 0
    while surplus := store.workflows.surplus(START + 10**9, keep, 10**12):
        count += sum(len(store.workflows.delete(seq)) for seq in surplus)
    took = perf_counter() - began
    rows = store.database.read(
        "SELECT r.state, r.size, (SELECT count(*) FROM run_entries e WHERE e.run = r.seq), "
        "(SELECT count(*) FROM messages m WHERE m.run = r.seq) FROM runs r"
    )
    whole = all(size == entries == messages for _, size, entries, messages in rows)
    alive = sum(state == RunState.STARTED for state, *_ in rows)
    print(
        f"pruned {count:,} messages in {took:.1f} s; {alive:,} of {live:,} live runs, whole: {whole}"
    )
    assert whole
    assert alive == live
    store.close()


class App:
    """Answers at once; in a delivery of a workflow it submits the next step before that."""

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self.server = ""
        self.session: aiohttp.ClientSession
        self.arrived = 0
        self.wanted = asyncio.Event()
        self.count = 0

    async def plain(self, request: web.Request) -> web.Response:
        await request.read()
        self._arrive()
        return web.Response(text="ok")

    async def workflow(self, request: web.Request) -> web.Response:
        done = len(json.loads(await request.read()))
        run_id = request.headers["Upstash-Workflow-RunId"]
        if done <= self.steps:
            step = {
                "stepId": done,
                "stepName": f"s{done}",
                "stepType": "Run",
                "out": "1",
                "concurrent": 1,
            }
            item = {
                "destination": str(request.url),
                "headers": part(run_id, str(request.url)),
                "body": json.dumps(step),
            }
            await self._ask("POST", "/v2/batch", json=[item])
        else:
            await self._ask("DELETE", f"/v2/workflows/runs/{run_id}?cancel=false")
        self._arrive()
        return web.Response(text="{}", headers={"Upstash-Workflow-Sdk-Version": "1"})

    async def _ask(self, method: str, path: str, **options: Any) -> None:
        async with self.session.request(
            method, self.server + path, headers=TOKEN, **options
        ) as answer:
            assert answer.status < 300, await answer.text()
            await answer.read()

    def _arrive(self) -> None:
        self.arrived += 1
        if self.arrived >= self.count:
            self.wanted.set()


def part(run_id: str, url: str, *, init: bool = False) -> dict[str, str]:
    return {
        "upstash-workflow-init": "true" if init else "false",
        "upstash-workflow-runid": run_id,
        "upstash-workflow-url": url,
        "upstash-feature-set": "LazyFetch,InitialBody,WF_TriggerOnConfig",
        "upstash-workflow-sdk-version": "1",
        "upstash-forward-upstash-workflow-sdk-version": "1",
    }


async def rates(port: int, runs: int, rounds: int) -> None:
    """Deliveries a second of plain messages and of steps, in turns; the app's own calls are in both."""
    app = App(STEPS)
    app.server = f"http://127.0.0.1:{port}"
    application = web.Application()
    application.router.add_post("/plain", app.plain)
    application.router.add_post("/wf", app.workflow)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    ratios = []
    async with aiohttp.ClientSession() as app.session:
        for number in range(rounds):
            plain = await _rate(
                app, runs * (STEPS + 1), _publishes(app, f"{url}/plain", runs * (STEPS + 1))
            )
            steps = await _rate(app, runs * (STEPS + 1), _triggers(app, f"{url}/wf", runs, number))
            ratios.append(steps / plain)
            print(f"plain {plain:6.0f}/s   steps {steps:6.0f}/s   ratio {steps / plain:.2f}")
    await runner.cleanup()
    print(f"steps / plain deliveries: median {percentile(ratios, 50):.2f}")


async def _rate(app: App, count: int, work: object) -> float:
    app.arrived, app.count = 0, count
    app.wanted.clear()
    began = perf_counter()
    await work  # type: ignore[misc]
    await app.wanted.wait()
    return count / (perf_counter() - began)


async def _publishes(app: App, url: str, count: int) -> None:
    """As the app of a workflow does: one request for each message, ten at a time."""
    numbers = iter(range(count))

    async def one_after_the_other() -> None:
        for _ in numbers:
            await app._ask("POST", "/v2/batch", json=[{"destination": url, "body": "x" * 100}])

    await asyncio.gather(*(one_after_the_other() for _ in range(10)))


async def _triggers(app: App, url: str, runs: int, number: int) -> None:
    for run in range(runs):
        item = {
            "destination": url,
            "headers": part(f"wfr_bench_{number}_{run}", url, init=True),
            "body": "x",
        }
        await app._ask("POST", "/v2/batch", json=[item])


def main() -> None:
    """Fill, ask, prune, run."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.workflows", description=__doc__)
    parser.add_argument("--ended", type=int, default=10_000)
    parser.add_argument("--live", type=int, default=1_000)
    parser.add_argument("--repeat", type=int, default=300)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="qstash-bench-")))
        began = perf_counter()
        fill(directory / "data", options.ended, options.live)
        print(f"filled in {perf_counter() - began:.0f} s")
        more = ("--max-messages", "10000000", "--max-age", "3650d")
        with running(*serve_arguments(directory / "data", *more)) as (process, line):
            before = memory_mb(process)
            lists(port_of(line), options.repeat, options.ended // 2)
            print(f"memory {before:.0f} MB before, {memory_mb(process):.0f} MB after the lists")
        pruned(directory / "data", 5_000, options.live)
        _, line = stack.enter_context(running(*serve_arguments(directory / "rates")))
        asyncio.run(rates(port_of(line), options.runs, options.rounds))


if __name__ == "__main__":
    main()
