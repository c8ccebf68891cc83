"""The tutorial app in a real `next dev`: a server action publishes, a wrapped route verifies."""

import os
import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
from filelock import FileLock

from qstash_dev.protocol.model import Reason
from qstash_dev.transport.delivery import Sender
from tests.transport.sending import failure, request, response

APP = Path(__file__).parent / "nextjs"
FOREIGN = ("QSTASH", "NEXT_", "NODE_ENV")


@pytest.fixture(scope="module")
def next_url(next_app, _server, tmp_path_factory) -> Iterator[str]:
    """The URL of the app; its environment names the server and nothing else.

    Next.js takes one development server in a directory, so workers of xdist wait for each other.
    """
    with FileLock(tmp_path_factory.getbasetemp().parent / "nextjs-dev.lock"):
        yield from next_dev(next_app, _server.port)


def next_dev(next_app: str, port: int) -> Iterator[str]:
    """Runs it until the generator ends."""
    own = {k: v for k, v in os.environ.items() if not k.startswith(FOREIGN)}
    adoption = {"QSTASH_DEV": "true", "QSTASH_DEV_PORT": str(port)}
    words = ("node_modules/next/dist/bin/next", "dev", "--hostname", "127.0.0.1", "--port", "0")
    with subprocess.Popen(
        [next_app, *words],
        cwd=APP,
        env={**own, **adoption, "NEXT_TELEMETRY_DISABLED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        printed = ""
        while "Ready" not in printed:
            line = process.stdout.readline()
            assert line, f"next dev ended:\n{printed}"
            printed += line.decode()
        rest: list[bytes] = []
        reader = threading.Thread(target=lambda out: rest.extend(out), args=(process.stdout,))
        reader.start()
        found = re.search(r"Local: +(http://\S+)", printed)
        assert found is not None, printed
        yield found[1]
        # It runs the app in a child process.
        os.killpg(process.pid, signal.SIGKILL)
        reader.join()
        print(printed, b"".join(rest).decode())


ANSWERS = {
    b"text": (200, b"ok"),
    b"json": (200, b'{"a":1}'),
    b"stream": (200, b"abc"),
    b"nothing": (204, b""),
    b"moved": (307, b""),
    b"failed": (500, b"failed"),
}


@pytest.mark.timeout(300)
async def test_every_kind_of_answer_is_understood_and_each_request_arrives_once(next_url):
    sender, url = Sender(lambda: 0, 1_000_000), f"{next_url}/api/answers"
    answers = (*ANSWERS, *reversed(ANSWERS))
    for case in answers:
        found = response(await sender(request(url, body=case, timeout_ms=60_000)))
        assert (case, found.status, found.body) == (case, *ANSWERS[case])
    assert failure(await sender(request(url, body=b"dies-in-body"))).reason == Reason.RESET
    found = response(await sender(request(url, body=b"count")))
    assert found.body == b"%d" % (len(answers) + 1)
    await sender.close()


@pytest.mark.timeout(300)
async def test_the_tutorial_app_publishes_and_verifies(next_url, server):
    async with aiohttp.ClientSession() as browser:
        async with browser.get(next_url) as page:
            found = re.search(r'name="(\$ACTION_ID_\w+)"', await page.text())
        assert found is not None
        form = aiohttp.FormData(default_to_multipart=True)
        form.add_field(found[1], "")
        async with browser.post(next_url, data=form, headers={"Origin": next_url}) as pressed:
            assert pressed.status == 200, await pressed.text()
        (row,) = await server.wait("state:delivered")
        assert (row["url"], row["status"]) == (f"{next_url}/api/long-task", 200)
        async with browser.post(f"{next_url}/api/long-task", json={}) as unsigned:
            assert unsigned.status == 403
    detail = await server.call(f"/_dev/messages/{row['id']}")
    assert detail["attempts"][0]["response"]["body"]["text"] == '{"done":"world"}'


JSON = {"Content-Type": "application/json"}
TEXT = {"Content-Type": "text/plain"}
PUT = {**JSON, "Upstash-Method": "PUT"}
THREW = "The route handler threw (or returned no Response), and Next.js sends no text"
CAUSES = [
    # App router
    (
        "/api/causes/stranger",
        "{}",
        JSON,
        f"{THREW}: see the terminal of `next dev`. If it is the sig",
    ),
    ("/api/causes/read", "{}", JSON, THREW),
    ("/api/causes/reverify", '{"a": 1}', JSON, "Parsed and written again this body is another one"),
    ("/api/causes/thrown", "{}", JSON, THREW),
    ("/api/causes/login", "{}", JSON, "A redirect to /login: a login guard takes the delivery for"),
    ("/api/causes/get-only", "{}", JSON, "get-only/route.js exports no POST: add `export async"),
    ("/api/long-task", "{}", PUT, "app/api/long-task/route.js exports no PUT"),
    ("/api/long-tsk", "{}", JSON, "did you mean /api/long-task (app/api/long-task/route.js)?"),
    ("/api/long-task/", "{}", JSON, "publish without the slash at the end"),
    ("/", "{}", JSON, "200 OK, but the answer is a web page (Start): / looks like a page"),
    # Pages router
    ("/api/causes/right", '{"a": 1}', TEXT, "None"),
    ("/api/causes/parsed", '{"a": 1}', JSON, "to pages/api/causes/parsed.js."),
    ("/api/causes/boom", "{}", JSON, "The app answered 500 Internal Server Error: Error: no such"),
    (
        "/api/causes/order",
        '{"order":1}',
        TEXT,
        "The body is JSON, but its Content-Type is text/pla",
    ),
    (
        "/api/causes/order",
        '{"order":',
        JSON,
        "The Content-Type is application/json, but the body is",
    ),
]


@pytest.mark.timeout(300)
async def test_what_goes_wrong_in_both_routers_is_explained(next_url, start_server):
    server = start_server("--watch", str(APP))
    ids = []
    for path, body, headers, _ in CAUSES:
        named = {"Upstash-Retries": "0", **headers}
        url = f"/v2/publish/{next_url}{path}"
        ids.append((await server.call(url, "POST", data=body, headers=named))["messageId"])
    await server.wait("state:ok|failed", len(CAUSES))
    for id, (path, _, _, sentence) in zip(ids, CAUSES, strict=True):
        hint = (await server.call(f"/_dev/messages/{id}"))["hint"]
        assert (path, sentence in str(hint)) == (path, True), hint


RUNS = {
    # Calls of the app, the state at the end, and what the route returned.
    "steps": (8, "RUN_SUCCESS", '["payload!","l","r"]'),
    "call": (3, "RUN_SUCCESS", '[200,{"got":"hello","own":"v"}]'),
    "waits": (3, "RUN_SUCCESS", '["data",true]'),
    "invokes": (2, "RUN_SUCCESS", '["child of parent",false]'),
    "fails": (2, "RUN_FAILED", None),
    "cancels": (2, "RUN_CANCELED", None),
}


@pytest.mark.timeout(300)
async def test_workflows_in_next_js_are_called_as_often_as_they_have_steps(next_url, server):
    ids = {}
    for name in RUNS:
        # An event is waited for in real time, the rest passes quickly.
        speed = {"mode": "real"} if name == "waits" else {"mode": "scaled", "scale": 86_400}
        await server.call("/_dev/clock", "POST", json=speed)
        url = f"{next_url}/api/workflows/{name}"
        headers = {"Upstash-Failure-Callback": url, "Content-Type": "text/plain"}
        started = await server.call(f"/v2/trigger/{url}", "POST", data="payload", headers=headers)
        ids[name] = started["workflowRunId"]
        if name == "waits":
            await waiting(server, ids[name])
            await server.call("/v2/notify/nextjs", "POST", data="data")
    ended = {name: await end_of(server, ids[name]) for name in RUNS}
    async with aiohttp.ClientSession() as browser, browser.get(f"{next_url}/api/calls") as answer:
        calls = await answer.json()
    for name, (count, state, returned) in RUNS.items():
        run = ended[name]
        assert (name, run["workflowState"]) == (name, state)
        assert run.get("workflowRunResponse") == returned
        assert (name, calls[f"/api/workflows/{name}"]) == (name, count)
    assert calls["/api/workflows/child"] == 2
    assert ended["fails"]["failureFunction"]["responseBody"] == '{"result":"told: no luck"}'


async def waiting(server, run_id):
    """Once the run waits for an event."""
    while True:
        found = await server.call(f"/_dev/workflows/{run_id}")
        if [one["kind"] for one in found["row"]["waits"]] == ["event"]:
            return
        await server.call("/_dev/wait?filter=id:none&timeout_ms=200")


async def end_of(server, run_id):
    """The log of a run that is over, its failure function included."""
    while True:
        (run,) = (await server.call(f"/v2/workflows/logs?workflowRunId={run_id}"))["runs"]
        state = run.get("failureFunction", {}).get("state")
        if run["workflowState"] != "RUN_STARTED" and state != "CALLBACK_INPROGRESS":
            return run
        await server.call("/_dev/wait?filter=id:none&timeout_ms=200")
