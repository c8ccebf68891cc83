import asyncio
import contextlib
import os
import subprocess
import sys
from pathlib import Path

from qstash_dev.engine.auto_replay import ArmedMessages
from qstash_dev.server.auto_replay import ECHOES_S, AutoReplay
from tests.engine.fakes import World, answer
from tests.patience import PATIENCE_S

HANDLER = """
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response({status})
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *args):
        pass
http.server.ThreadingHTTPServer(("127.0.0.1", {port}), Handler).serve_forever()
"""


class App:
    """An app in a process of its own that restarts when its file is edited, as `--reload` does."""

    def __init__(self, directory: Path, port: int) -> None:
        self._file = directory / "api" / "orders.py"
        self._file.parent.mkdir()
        self._port = port
        self.write(500)
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "watchfiles", "--verbosity", "warning"),
                *("--sigint-timeout", "1", f"{sys.executable} {self._file}", str(directory)),
            ],
            env=os.environ | {"PYTHONWARNINGS": "ignore"},
        )

    def write(self, status: int) -> None:
        self._file.write_text(HANDLER.format(status=status, port=self._port))

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()


async def test_saving_a_fix_delivers_the_failed_message_with_a_real_app_that_restarts(
    start, make_app, tmp_path
):
    port = make_app().port  # a free one
    app = App(tmp_path, port)
    try:
        server = await start(hold=True, auto_replay="failed", watch=tmp_path)
        message_id = await server.publish(
            f"http://127.0.0.1:{port}/api/orders", Upstash_Retries=0, Upstash_Delay="0s"
        )
        await server.wait("state:failed")
        assert (await server.row(message_id))["armed"]
        app.write(200)
        wait, patience_ms = "/_dev/wait?filter=source:replay%20state:delivered&timeout_ms=", 1_000
        while not (await server.call("GET", f"{wait}{patience_ms}"))["met"]:
            patience_ms *= 2  # each save restarts the app, which takes longer where others are busy
            assert patience_ms < 60_000
            app.write(200)  # again if neither the reloader nor we watched the file yet
        assert not (await server.row(message_id))["armed"]
    finally:
        app.stop()


async def test_arming_by_hand_starts_the_watch(start, make_app, tmp_path):
    app = make_app(lambda path, count: 500 if count == 1 else 200)
    await app.start()
    server = await start(watch=tmp_path)
    message_id = await server.publish(app.url)
    await server.wait("state:retry")
    assert await server.call("POST", f"/_dev/messages/{message_id}/arm") == {
        "id": message_id,
        "armed": True,
    }
    assert (await server.status())["armed"] == 1
    (tmp_path / "lib.ts").write_text("x")
    async with asyncio.timeout(PATIENCE_S):
        while not await server.found("state:delivered"):
            (tmp_path / "lib.ts").write_text("x")
    await server.call("POST", f"/_dev/messages/{message_id}/arm", status=409)


async def test_readers_of_the_stream_see_that_a_message_was_armed_and_disarmed(
    start, make_app, tmp_path
):
    app = make_app(lambda path, count: 500)
    await app.start()
    server = await start(watch=tmp_path)
    message_id = await server.publish(app.url)
    await server.wait("state:retry")
    async with server.ticks() as ticks:
        await anext(ticks)
        for order in ("arm", "disarm"):
            await server.call("POST", f"/_dev/messages/{message_id}/{order}")
            async for tick in ticks:
                if tick["rows"]:
                    break
            assert [row["armed"] for row in tick["rows"]] == [order == "arm"]


class Edits:
    """Edits that the test makes."""

    def __init__(self):
        self.queue = asyncio.Queue()

    async def __call__(self):
        while True:
            yield await self.queue.get()


async def test_a_save_waits_for_the_app_and_asks_again_while_the_answer_is_the_same():
    world = World()
    world.app.reply = lambda delivery: (0, answer(500))
    auto_replay = ArmedMessages(world.engine, True, on_armed=lambda: on_save.begin())
    world.on_settled = auto_replay.settled
    waits, is_up, edits = [], iter([False, False, True, True, True]), Edits()

    async def connect(origin):
        assert origin == "http://localhost:3000"
        return next(is_up)

    async def wait(seconds):
        await world.settle()
        waits.append((seconds, len(world.app.deliveries)))

    told, reports = [], []
    on_save = AutoReplay(
        auto_replay, edits, connect, told.append, wait, lambda *report: reports.append(report)
    )
    world.publish()
    await world.settle()
    edits.queue.put_nowait(frozenset({"app/api/jobs/route.ts"}))
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE_S):
            while not reports:
                await asyncio.sleep(0)
    await on_save.stop()
    await world.settle()
    assert reports == [("app/api/jobs/route.ts saved: 1 delivered again, 0 ok, 1 not", False)]
    # Two waits for the app, then the delivery, then an echo after each pause.
    assert [count for _, count in waits] == [1, 1, 2, 3, 4]
    assert tuple(seconds for seconds, _ in waits[2:4]) == ECHOES_S
    assert len(world.app.deliveries) == 4
    assert told == ["app/api/jobs/route.ts changed: 1 message is delivered again"]
    await world.close()


async def test_a_save_that_turned_messages_green_says_so(start, make_app, tmp_path):
    app = make_app(lambda path, count: 500 if count <= 2 else 200)
    await app.start()
    server = await start(watch=tmp_path, auto_replay="failed")
    for _ in range(2):
        await server.publish(f"{app.url}/api/orders", Upstash_Retries=0)
    await server.wait("state:failed", 2)
    name = "api/orders.py"
    (tmp_path / "api").mkdir()
    async with asyncio.timeout(PATIENCE_S):
        (tmp_path / name).write_text("fixed")
        while not await server.found("is:replay state:delivered"):
            (tmp_path / name).write_text("fixed")  # again if nobody watched the file yet
        while not (saved := (await server.status())["notice"])["good"]:
            await server.server._notifier.changed_since(server.server._notifier.version)
    assert saved["text"] == f"{name} saved: 2 delivered again, 2 ok"
