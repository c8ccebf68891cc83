"""The app as the server's child: its output beside each attempt, its end as the cause, its address."""

import asyncio
import contextlib
import os
import signal
import socket
import sys

import aiohttp
import psutil
import pytest

from qstash_dev.cli.commands.doctor import examine
from qstash_dev.client import Client
from qstash_dev.config import Config
from qstash_dev.devtools.documents import Snapshot, Tick
from qstash_dev.server import Server
from tests.patience import PATIENCE_S
from tests.ports import reserved_port
from tests.raw_server import RawServer
from tests.server.conftest import Running

APP = """
import os, subprocess, sys, socket, threading
if os.environ.get("HELPER"):
    helper = subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE)
    print("helper", helper.pid)
if os.environ.get("TRACES"):
    print("Sending traces to", os.environ["TRACES"], flush=True)
if "UNNAMED" in os.environ:
    unnamed = socket.create_server(("127.0.0.1", int(os.environ["UNNAMED"])))
try:
    s = socket.create_server(("127.0.0.1", int(sys.argv[1])))
except OSError:
    s = socket.create_server(("127.0.0.1", 0))
def serve(s):
    port = s.getsockname()[1]
    print(f"Listening on http://localhost:{port}", os.environ["QSTASH_DEV_PORT"],
          os.environ["QSTASH_TOKEN"][:3], os.environ["QSTASH_DEV"], flush=True)
    if os.environ.pop("AT_ONCE", ""):
        second()
    while s.fileno() >= 0:
        c, _ = s.accept()
        head = c.recv(65536).decode()
        if head:
            answer(c, s, head.split(" ")[1])
        c.close()
def second():
    at = socket.create_server(("127.0.0.1", int(os.environ["SECOND"])))
    threading.Thread(target=serve, args=(at,)).start()
def answer(c, s, path):
    print("\\x1b[32mgot\\x1b[0m", path, flush=True)
    if path == "/die":
        print("RuntimeError: goodbye", flush=True)
        os._exit(3)
    if path == "/throws":
        print("Traceback (most recent call last):\\n"
              '  File "/shop/orders.py", line 9, in create\\nKeyError: \\'total\\'', flush=True)
    if path == "/refuses":
        print("SignatureError: signature verification failed", flush=True)
        print("    at POST (/shop/a.js:4:9)", flush=True)
    if path == "/api/mail":
        print("Error: no stock\\n    at POST (src/app/api/mail/route.ts:3:9)", flush=True)
    if path == "/second":
        second()
    if path == "/moves":
        s.close()
        moved = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=serve, args=(moved,)).start()
    status = {"/throws": 500, "/api/mail": 500, "/refuses": 500, "/missing": 404}.get(path, 200)
    c.sendall(b"HTTP/1.1 %d X\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n" % status)
serve(s)
"""


class WithApp(Running):
    """A started server, and where its app listens."""

    app: str

    async def until(self, true):
        """The first thing that something returns which is true, looked for after each change."""
        notifier = self.server._notifier
        async with asyncio.timeout(PATIENCE_S):
            while not (found := await true()):
                await notifier.changed_since(notifier.version)
            return found

    async def lines(self):
        return (await self.call("GET", "/_dev/app"))["lines"]

    async def listens(self):
        return any("Listening" in line["text"] for line in await self.lines())

    async def is_found(self):
        return (await self.status())["app"]["url"] == self.app

    async def notice(self):
        return (await self.status())["notice"]["text"]


async def answer_404(reader, writer):
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 404 X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


@pytest.fixture
async def running(tmp_path):
    """A server that has started the app above: `await running(HELPER="1")`."""
    (tmp_path / "app.py").write_text(APP)
    async with contextlib.AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())

        async def start(config=None, launch=list, **environment):
            port = stack.enter_context(reserved_port())
            server = Server(
                Config(port=0, data_dir=None, host=("127.0.0.1",), hold=True, **(config or {})),
                environ={**os.environ, **environment},
                command=launch([sys.executable, "-S", str(tmp_path / "app.py"), str(port)]),
            )
            await server.start()
            stack.push_async_callback(server.stop)
            running = WithApp(server, session)
            running.app = f"http://localhost:{port}"
            await running.until(running.listens)
            return running

        yield start


async def test_it_has_the_variables_in_its_environment_and_its_port_becomes_the_app(running):
    server = await running()
    port = server.server.started.port
    first = (await server.lines())[0]["text"]
    assert first == f"Listening on {server.app} {port} eyJ true"
    await server.until(server.is_found)


@pytest.mark.parametrize("base", ["", "/base"])
async def test_an_address_that_a_person_gave_stays(running, base):
    given = {"app_url": f"http://localhost:1{base}", "is_app_given": True}
    server = await running(config=given)
    notice = await server.until(server.notice)
    assert notice == (
        f"Your app listens at {server.app}, and nothing yet at --app http://localhost:1{base}. "
        "Unless what belongs there is still starting, start qstash-dev with "
        f"--app {server.app}{base} --route http://localhost:1={server.app}."
    )
    assert (await server.status())["app"]["process"]["url"] == server.app


async def test_a_404_of_the_program_that_has_its_port_is_not_taken_for_its_own(running, tmp_path):
    async with contextlib.AsyncExitStack() as stack:
        port = await RawServer(stack).start(answer_404)
        other = f"http://localhost:{port}"
        server = await running(config={"app_url": other, "is_app_given": True})
        assert "Another program has that port: end it" in await server.until(server.notice)
        lost = await server.publish(f"{other}/x", Upstash_Retries=0)
        await server.wait("state:failed")
        findings = await examine(Config(), tmp_path, server.server.started.url)
    hint = (await server.row(lost))["hint"]
    assert f"your app listens at {server.app}" in hint
    assert hint.endswith(f"--route {other}={server.app}.")
    told = f"Your app listens at {server.app}, but --app is {other}."
    assert [finding.level for finding in findings if finding.text == told] == ["problem"]


async def test_doctor_judges_it_by_the_variables_that_it_was_given_while_it_runs(
    running, tmp_path, monkeypatch
):
    shop, other = tmp_path / "shop", tmp_path / "other"
    for folder in (shop, other):
        folder.mkdir()
        (folder / ".env.local").write_text("QSTASH_TOKEN=cloud\nQSTASH_DEV=false\n")
    monkeypatch.chdir(shop)
    server = await running()
    await server.until(server.is_found)

    async def levels(folder=shop):
        findings = await examine(Config(), folder, server.server.started.url)
        return {finding.text: finding.level for finding in findings}

    told = "Its environment, given by qstash-dev, has the address and credentials of defaultUser."
    assert (await levels())[told] == "ok"
    assert told not in await levels(other)
    await server.publish(f"{server.app}/die", Upstash_Retries=0)

    async def has_ended():
        return (await server.status())["app"]["process"]["state"] == "exited"

    await server.until(has_ended)
    assert told not in await levels()


@pytest.mark.parametrize("is_given", [True, False])
async def test_an_app_that_names_another_of_its_ports_is_where_it_is_expected(running, is_given):
    with reserved_port() as port:
        expected = {"app_url": f"http://localhost:{port}", "is_app_given": is_given}
        server = await running(config=expected, UNNAMED=str(port))

        async def counts():
            return (await server.status())["app"]["process"]["url"] == expected["app_url"]

        await server.until(counts)
        assert (await server.status())["app"]["url"] == expected["app_url"]
        assert await server.notice() == ""


async def test_of_two_apps_of_one_command_the_first_is_not_taken_for_a_lost_one(running):
    with reserved_port() as port:
        given = {"app_url": f"http://localhost:{port}", "is_app_given": True}
        server = await running(config=given, SECOND=str(port), AT_ONCE="1")

        async def counts():
            return (await server.status())["app"]["process"]["url"] == given["app_url"]

        await server.until(counts)
        assert await server.notice() == ""


async def test_of_two_apps_of_one_command_that_at_the_given_address_counts(running):
    with reserved_port() as port:
        api = f"http://localhost:{port}"
        given = {"app_url": api, "is_app_given": True}
        server = await running(config=given, SECOND=str(port))
        assert f"Your app listens at {server.app}" in await server.until(server.notice)
        await server.publish(f"{server.app}/second")

        async def counts():
            return (await server.status())["app"]["process"]["url"] == api

        await server.until(counts)
        assert await server.notice() == f"Your app listens at {api} now: --app is right."
        for count, app in enumerate((api, server.app), 1):
            lost = await server.publish(f"{app}/missing", Upstash_Retries=0)
            await server.wait("state:failed", count)
            assert "your app listens at" not in (await server.row(lost))["hint"]


async def test_an_app_that_is_started_again_at_another_port_is_followed(running):
    server = await running()
    await server.until(server.is_found)
    await server.publish(f"{server.app}/die", Upstash_Retries=0)
    await server.wait("state:failed")
    with socket.create_server(("127.0.0.1", int(server.app.rpartition(":")[2]))):
        await server.call("POST", "/_dev/app/restart")

        async def is_elsewhere():
            return (await server.status())["app"]["url"] != server.app

        await server.until(is_elsewhere)


async def test_an_address_that_the_app_names_but_another_program_has_is_not_its_own(running):
    async with contextlib.AsyncExitStack() as stack:
        collector = f"http://localhost:{await RawServer(stack).start(answer_404)}"
        server = await running(TRACES=collector)
        await server.until(server.is_found)


async def test_an_app_that_goes_on_at_another_port_inside_its_process_is_followed(running):
    server = await running()
    await server.until(server.is_found)
    await server.publish(f"{server.app}/moves", Upstash_Retries=0)

    async def is_elsewhere():
        return (await server.status())["app"]["url"] != server.app

    await server.until(is_elsewhere)


async def test_an_attempt_shows_what_the_app_printed_and_the_explainer_reads_it(running):
    server = await running()
    message_id = await server.publish(
        f"{server.app}/throws", Upstash_Retries=0, Content_Type="application/json"
    )
    await server.wait("state:failed")
    detail = await server.call("GET", f"/_dev/messages/{message_id}")
    heard = detail["attempts"][0]["heard"]
    assert heard["lines"][0] == "\x1b[32mgot\x1b[0m /throws"
    assert heard["lines"][-1] == "KeyError: 'total'"
    assert heard["others"] == 0
    assert detail["hint"] == "The handler threw: KeyError: 'total' (at /shop/orders.py:9)"


async def test_of_errors_of_several_at_once_the_likely_one_is_told_as_such(running, tmp_path):
    route = tmp_path / "shop" / "src" / "app" / "api" / "mail" / "route.ts"
    route.parent.mkdir(parents=True)
    route.touch()
    server = await running(config={"watch": tmp_path / "shop"})
    headers = {"Upstash-Retries": "0", "Content-Type": "application/json"}
    paths = ("/api/mail", "/throws")
    items = [
        {"destination": f"{server.app}{path}", "headers": headers, "body": "1"} for path in paths
    ]
    mail, throws = await server.call("POST", "/v2/batch", items)
    await server.wait("state:failed", 2)
    assert (await server.row(mail["messageId"]))["hint"] == (
        "The handler threw, it seems: Error: no stock (at src/app/api/mail/route.ts:3). Other "
        "deliveries were under way: what the app printed may be theirs."
    )
    assert "see what the app printed" in (await server.row(throws["messageId"]))["hint"]


async def test_who_was_started_with_our_keys_and_has_others_is_not_told_to_write_them(running):
    server = await running()
    await server.until(server.is_found)
    id = await server.publish(
        f"{server.app}/refuses", Upstash_Retries=0, Content_Type="application/json"
    )
    await server.wait("state:failed")
    hint = (await server.row(id))["hint"]
    assert hint.startswith("The app checks with other keys than this server signs with")
    assert hint.endswith("look where its code takes others from.")


def beside_a_watcher(words):
    watch = '"$0" -S -c "import signal; signal.pause()" &'
    return ["/bin/sh", "-c", f'{watch} exec "$0" "$@"', *words]


@pytest.mark.parametrize("launch", [list] if os.name == "nt" else [list, beside_a_watcher])
async def test_the_end_of_the_app_is_the_cause_messages_are_held_and_a_restart_delivers(
    running, launch
):
    server = await running(launch=launch)
    await server.until(server.is_found)
    dying = await server.publish(f"{server.app}/die", Upstash_Retries=0)
    await server.wait("state:failed")
    awaited = (await server.call("GET", "/_dev/snapshot"))["status"]["awaited"]["text"]
    assert awaited.startswith("✗ Your app exited with code 3. R starts it again")
    ended = "Your app exited with code 3: RuntimeError: goodbye. R starts it again"
    assert (await server.row(dying))["hint"] == f"{ended}."
    held = await server.publish(f"{server.app}/later")
    await server.wait("state:held")
    detail = await server.call("GET", f"/_dev/messages/{held}")
    assert detail["row"]["hint"] == f"{ended}, and this is delivered at once."
    assert "start your app" not in (await server.row(held))["hint"]
    assert "your app exited with code 3" in detail["events"][-1]["error"]
    process = (await server.call("POST", "/_dev/app/restart"))["process"]
    assert process["state"] == "running"
    await server.wait("state:delivered")


def under_a_watcher(words):
    return ["/bin/sh", "-c", '"$0" "$@"; echo; echo waiting for a change; read _', *words]


@pytest.mark.skipif(os.name == "nt", reason="there is no such shell")
async def test_an_app_that_has_ended_under_its_watcher_is_the_cause_while_that_goes_on(running):
    server = await running(launch=under_a_watcher)
    await server.until(server.is_found)
    dying = await server.publish(f"{server.app}/die", Upstash_Retries=0)
    await server.wait("state:failed")
    ended = (await server.row(dying))["hint"]
    assert ended.startswith("Your app does not listen, though /bin/sh -c ")
    assert ended.endswith(" goes on: RuntimeError: goodbye. R starts it again.")
    held = await server.publish(f"{server.app}/later")
    await server.wait("state:held")
    detail = await server.call("GET", f"/_dev/messages/{held}")
    assert detail["row"]["hint"] == f"{ended[:-1]}, and this is delivered at once."
    await server.call("POST", "/_dev/app/restart")
    await server.wait("state:delivered")


def with_a_mistake(words):
    return ["/bin/sh", "-c", 'echo Listening; echo "SyntaxError: no comma"; read _', *words]


@pytest.mark.skipif(os.name == "nt", reason="there is no such shell")
async def test_an_app_that_never_came_up_under_its_watcher_is_the_cause(running):
    with reserved_port() as port:
        app_url = f"http://localhost:{port}"
        server = await running({"app_url": app_url}, launch=with_a_mistake)
        held = await server.publish(f"{app_url}/x")
        await server.wait("state:held")
        detail = await server.call("GET", f"/_dev/messages/{held}")
        assert " goes on: SyntaxError: no comma. R starts it again" in detail["row"]["hint"]


async def test_the_end_of_the_app_is_the_cause_at_each_port_that_it_named(running):
    with reserved_port() as port, reserved_port() as other:
        second = f"http://localhost:{port}"
        server = await running(SECOND=str(port))
        await server.until(server.is_found)
        await server.publish(f"{server.app}/second")

        async def is_named():
            return any(second in line["text"] for line in await server.lines())

        await server.until(is_named)
        dying = await server.publish(f"{second}/die", Upstash_Retries=0)
        await server.wait("state:failed")
        ended = f"Your app, which named {second}, exited with code 3: RuntimeError: goodbye."
        assert (await server.row(dying))["hint"] == f"{ended} R starts it again."
        elsewhere = f"http://localhost:{other}"
        nothing = (
            f"Nothing listens at {elsewhere}, but the app is expected at {server.app}: start what "
            "belongs there, or send this to the app (e, or qstash-dev replay --to)."
        )
        for url, hint in ((second, ended), (elsewhere, nothing)):
            held = await server.publish(url)
            await server.wait(f"state:held id:{held}")
            detail = await server.call("GET", f"/_dev/messages/{held}")
            assert detail["row"]["hint"].startswith(hint)


async def test_the_end_of_the_server_ends_the_app_and_all_its_children(running):
    server = await running(HELPER="1")
    helper = next(line["text"] for line in await server.lines() if "helper" in line["text"])
    pid = (await server.status())["app"]["process"]["pid"]
    await server.server.stop()
    for ended in (pid, int(helper.split()[1])):
        # A container may have nobody who takes note of an end.
        assert not psutil.pid_exists(ended) or psutil.Process(ended).status() == "zombie"


def in_the_back(words):
    return ["/bin/sh", "-c", '"$0" "$@" &', *words]


def killed_later(words):
    return ["/bin/sh", "-c", '"$0" "$@" & wait', *words]


@pytest.mark.skipif(os.name == "nt", reason="there are no process groups")
@pytest.mark.parametrize("launch", [in_the_back, killed_later])
async def test_what_starts_the_app_and_ends_is_not_taken_for_it(running, launch):
    server = await running(launch=launch)
    await server.until(server.is_found)

    async def process():
        return (await server.status())["app"]["process"]

    async def is_alone():
        return (await process())["pid"] is None

    if launch is killed_later:
        os.kill((await process())["pid"], signal.SIGKILL)
    await server.until(is_alone)
    assert (await process())["state"] == "running"
    await server.publish(f"{server.app}/die", Upstash_Retries=0)
    told = "Your app ended, after what had started it: RuntimeError: goodbye"
    assert await server.until(server.notice) == told
    assert (await process())["state"] == "exited"
    await server.call("POST", "/_dev/app/restart")
    await server.until(server.is_found)
    await server.server.stop()
    with socket.create_server(("127.0.0.1", int(server.app.rpartition(":")[2]))):
        pass  # nobody has it any more


async def test_lines_that_are_printed_while_a_stream_is_not_open_are_told_by_the_next_one(running):
    server = await running()

    async def is_printed():
        return (await server.lines())[-1]["text"].endswith("/ok")

    async with Client(server.url) as client:
        watching = client.watch()
        before = await anext(watching)
        assert isinstance(before, Snapshot)
        await server.publish(f"{server.app}/ok")
        await server.until(is_printed)
        while not isinstance(tick := await anext(watching), Tick):
            pass
        assert [line.number for line in tick.printed] == [before.line + 1] == [tick.line]
        after_a_restart = client.events(tick.seq, tick.line + 1)
        while not isinstance(first := await anext(after_a_restart), Tick):
            pass
        assert first.reset


async def test_lines_come_with_the_stream_and_a_server_without_an_app_says_so(running, start):
    server = await running()
    async with server.ticks() as ticks:
        await anext(ticks)
        await server.publish(f"{server.app}/ok")
        async for tick in ticks:
            if tick["printed"]:
                break
    assert tick["printed"][0]["text"].endswith("/ok")
    other = await start()
    assert (await other.call("GET", "/_dev/app"))["process"] is None
    error = (await other.call("POST", "/_dev/app/restart", status=404))["error"]
    assert error == "this server started no app: qstash-dev -- COMMAND does"
