"""The tunnel over a fake agent in every mood: the right state in time, and no process left behind.

That no process is left is asserted by the `ngrok` fixture at the end of every test.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import pytest
from aiohttp import web

from qstash_dev.cloud.tunnel.ngrok import Limits
from qstash_dev.cloud.tunnel.state import Phase
from tests.patience import PATIENCE_S

if TYPE_CHECKING:
    from tests.cloud.tunnel.conftest import FakeNgrok

RUN = """
import asyncio, sys
from pathlib import Path
from qstash_dev.cloud.tunnel.ngrok import NgrokTunnel

async def main():
    tunnel = NgrokTunnel("http://127.0.0.1:9", data_dir=Path(sys.argv[1]), ngrok_path=sys.argv[2],
                         on_state=lambda state: print(state.state, flush=True))
    await tunnel.start()
    while tunnel.state.state != "failed":
        await asyncio.sleep(0.01)

asyncio.run(main())
"""


async def test_a_tunnel_comes_online_with_its_public_url(ngrok: FakeNgrok) -> None:
    await ngrok.tunnel().start()
    online = await ngrok.states.until(Phase.ONLINE)
    assert online.url is not None
    assert online.url.startswith("http://127.0.0.1:")
    assert ngrok.states.phases == [Phase.STARTING, Phase.ONLINE]


async def test_a_request_to_the_public_url_reaches_the_upstream(ngrok: FakeNgrok) -> None:
    async def upstream(request: web.Request) -> web.Response:
        return web.Response(text=f"{request.method} {request.raw_path}")

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", upstream)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    await ngrok.tunnel(port=runner.addresses[0][1]).start()
    url = (await ngrok.states.until(Phase.ONLINE)).url
    async with aiohttp.ClientSession() as session, session.post(f"{url}/api/x%2Fy?a=1") as answer:
        assert await answer.text() == "POST /api/x%2Fy?a=1"
    await runner.cleanup()


async def test_stopping_ends_the_agent_and_says_stopped(ngrok: FakeNgrok) -> None:
    tunnel = ngrok.tunnel()
    await tunnel.start()
    await ngrok.states.until(Phase.ONLINE)
    await tunnel.stop()
    assert tunnel.state.state is Phase.STOPPED
    assert not ngrok.is_running(ngrok.pids[0])
    assert [thread.name for thread in threading.enumerate() if thread.name == "ngrok"] == []


async def test_a_stopped_tunnel_can_be_started_again(ngrok: FakeNgrok) -> None:
    tunnel = ngrok.tunnel()
    for _ in range(2):
        await tunnel.start()
        await ngrok.states.until(Phase.ONLINE)
        await tunnel.stop()
    assert len(ngrok.pids) == 2


async def test_starting_a_tunnel_that_is_open_does_nothing(ngrok: FakeNgrok) -> None:
    tunnel = ngrok.tunnel()
    await tunnel.start()
    await ngrok.states.until(Phase.ONLINE)
    await tunnel.start()
    assert tunnel.state.state is Phase.ONLINE
    assert len(ngrok.pids) == 1


async def test_stopping_a_tunnel_that_was_never_started_is_fine(ngrok: FakeNgrok) -> None:
    tunnel = ngrok.tunnel()
    await tunnel.stop()
    assert tunnel.state.state is Phase.STOPPED


class Patience:
    """A `sleep` that ends when the test says so, however slow the machine is."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self.is_over = asyncio.Event()

    async def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)
        await self.is_over.wait()


@pytest.mark.parametrize(
    ("mode", "code", "words"),
    [
        ("autherr", "ERR_NGROK_105", "NGROK_AUTHTOKEN"),
        ("lateautherr", "ERR_NGROK_105", "NGROK_AUTHTOKEN"),
        ("inuse", "ERR_NGROK_334", "--domain"),
    ],
)
async def test_what_ngrok_refuses_becomes_a_failed_state_with_a_next_step(
    ngrok: FakeNgrok, mode: str, code: str, words: str
) -> None:
    await ngrok.tunnel(mode, domain="mine.ngrok-free.app").start()
    state = await ngrok.states.until(Phase.FAILED)
    assert state.code == code
    assert words in (state.hint or "")
    assert not ngrok.is_running(await ngrok.started())
    assert not (ngrok.data_dir / "ngrok.pid").exists()


async def test_an_agent_that_dies_while_it_starts_is_reported_when_it_is_dead(
    ngrok: FakeNgrok,
) -> None:
    """Not when the time for its start is over: that never is here."""
    limits = Limits(start_s=20, restart_after_s=())
    await ngrok.tunnel("mutedeath", limits=limits, sleep=Patience()).start()
    state = await ngrok.states.until(Phase.FAILED)
    assert state.code == "agent-exited"
    assert "exit code 7" in (state.hint or "")


@pytest.mark.parametrize("mode", ["silent", "deaf", "wordless"])
async def test_an_agent_that_does_not_come_up_in_time_is_stopped(
    ngrok: FakeNgrok, mode: str
) -> None:
    """It blocks pyngrok for ever; that we get to the end shows that the loop is not blocked."""
    patience = Patience()
    await ngrok.tunnel(mode, limits=Limits(start_s=20), sleep=patience).start()
    pid = await ngrok.started()
    patience.is_over.set()
    state = await ngrok.states.until(Phase.FAILED)
    assert (state.code, patience.asked) == ("start-timeout", [20])
    assert "20 seconds" in (state.hint or "")
    assert not ngrok.is_running(pid)


async def test_being_offline_is_given_up_in_time_and_said_as_such(ngrok: FakeNgrok) -> None:
    patience = Patience()
    await ngrok.tunnel("offline", sleep=patience).start()
    await ngrok.states.until(Phase.STARTING, code="offline")
    patience.is_over.set()
    state = await ngrok.states.until(Phase.FAILED)
    assert state.code == "offline"
    assert "no such host" in (state.hint or "")
    assert not ngrok.is_running(ngrok.pids[0])


async def test_being_offline_shows_while_the_agent_still_tries(ngrok: FakeNgrok) -> None:
    await ngrok.tunnel("offline").start()
    state = await ngrok.states.until(Phase.STARTING, code="offline")
    assert "no such host" in (state.hint or "")


async def test_an_agent_api_that_answers_late_is_waited_for(ngrok: FakeNgrok) -> None:
    await ngrok.tunnel("late").start()
    await ngrok.states.until(Phase.ONLINE)


async def test_an_old_agent_is_asked_by_its_old_api(ngrok: FakeNgrok) -> None:
    await ngrok.tunnel("old", domain="mine.ngrok-free.app").start()
    await ngrok.states.until(Phase.ONLINE)
    [post] = [line for line in ngrok.recorded if line.get("method") == "POST"]
    assert post["path"] == "/api/tunnels"
    assert post["body"]["domain"] == "mine.ngrok-free.app"
    assert (ngrok.data_dir / "qstash-dev-ngrok.yml").read_text() == 'version: "2"\n'


async def test_the_domain_and_our_own_name_are_asked_for(ngrok: FakeNgrok) -> None:
    await ngrok.tunnel(port=4321, domain="mine.ngrok-free.app").start()
    await ngrok.states.until(Phase.ONLINE)
    [post] = [line for line in ngrok.recorded if line.get("method") == "POST"]
    assert post["body"] == {
        "name": "qstash-dev",
        "url": "https://mine.ngrok-free.app",
        "upstream": {"url": "http://127.0.0.1:4321"},
    }


async def test_an_agent_that_dies_is_restarted_until_it_is_hopeless(ngrok: FakeNgrok) -> None:
    await ngrok.tunnel("die").start()
    for _ in range(3):
        await ngrok.states.until(Phase.ONLINE)
        ngrok.misbehave()
    state = await ngrok.states.until(Phase.FAILED)
    assert state.code == "agent-exited"
    assert "exit code 3" in (state.hint or "")
    again = [Phase.RECONNECTING, Phase.ONLINE]
    assert ngrok.states.phases == [Phase.STARTING, Phase.ONLINE, *again, *again, Phase.FAILED]
    assert len(ngrok.pids) == 3


async def test_a_reconnecting_tunnel_keeps_its_url(ngrok: FakeNgrok) -> None:
    await ngrok.tunnel("lost").start()
    online = await ngrok.states.until(Phase.ONLINE)
    ngrok.misbehave()
    lost = await ngrok.states.until(Phase.RECONNECTING)
    assert (lost.url, lost.code) == (online.url, "offline")
    assert await ngrok.states.until(Phase.ONLINE) == online
    assert len(ngrok.pids) == 1


async def test_an_agent_that_ignores_sigterm_is_killed(ngrok: FakeNgrok) -> None:
    limits = Limits(grace_s=0.2)
    tunnel = ngrok.tunnel("stubborn", limits=limits)
    await tunnel.start()
    await ngrok.states.until(Phase.ONLINE)
    await tunnel.stop()
    assert not ngrok.is_running(ngrok.pids[0])


async def test_stopping_while_a_silent_agent_starts_does_not_wait_for_it(ngrok: FakeNgrok) -> None:
    tunnel = ngrok.tunnel("silent", limits=Limits(start_s=600))
    await tunnel.start()
    pid = await ngrok.started()
    async with asyncio.timeout(PATIENCE_S):
        await tunnel.stop()
    assert not ngrok.is_running(pid)


async def test_stopping_right_after_starting_leaves_nothing(ngrok: FakeNgrok) -> None:
    tunnel = ngrok.tunnel()
    await tunnel.start()
    await tunnel.stop()
    assert tunnel.state.state is Phase.STOPPED


async def test_a_noisy_agent_does_not_write_on_our_terminal(
    ngrok: FakeNgrok, capfd: pytest.CaptureFixture[str]
) -> None:
    tunnel = ngrok.tunnel("noisy")
    await tunnel.start()
    await ngrok.states.until(Phase.ONLINE)
    await tunnel.stop()
    assert capfd.readouterr() == ("", "")


async def test_errors_of_pyngrok_do_not_reach_our_terminal(ngrok: FakeNgrok) -> None:
    """In a process of its own: here pytest would catch what Python prints for want of a handler."""
    words = [sys.executable, "-c", RUN, str(ngrok.data_dir), str(ngrok.path)]
    pipe, environ = asyncio.subprocess.PIPE, ngrok.environ("autherr")
    run = await asyncio.create_subprocess_exec(*words, stdout=pipe, stderr=pipe, env=environ)
    assert await run.communicate() == (b"starting\nfailed\n", b"")


async def test_the_authtoken_reaches_the_agent_but_no_command_line_and_no_file(
    ngrok: FakeNgrok,
) -> None:
    await ngrok.tunnel(environ={"NGROK_AUTHTOKEN": "2abcSECRET"}).start()
    await ngrok.states.until(Phase.ONLINE)
    [start] = ngrok.starts
    config = ngrok.data_dir / "qstash-dev-ngrok.yml"
    assert "NGROK_AUTHTOKEN" in start["environment"]
    assert start["started"] == ["start", "--none", "--log", "stdout", "--config", str(config)]
    assert "SECRET" not in "".join(p.read_text() for p in ngrok.data_dir.iterdir())


async def test_the_agent_is_not_told_the_secrets_of_qstash(ngrok: FakeNgrok) -> None:
    await ngrok.tunnel(environ={"QSTASH_CLOUD_TOKEN": "SECRET"}).start()
    await ngrok.states.until(Phase.ONLINE)
    assert [name for name in ngrok.starts[0]["environment"] if name.startswith("QSTASH")] == []


async def test_a_token_in_our_own_environment_stays_off_the_command_line(
    ngrok: FakeNgrok, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NGROK_AUTHTOKEN", "2abcSECRET")
    await ngrok.tunnel().start()
    await ngrok.states.until(Phase.ONLINE)
    assert "--authtoken" not in ngrok.starts[0]["started"]


async def test_a_proxy_in_the_environment_does_not_come_between_us_and_the_agent(
    ngrok: FakeNgrok, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "intranet.example")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    await ngrok.tunnel().start()
    await ngrok.states.until(Phase.ONLINE)
    assert os.environ["no_proxy"] == "intranet.example,127.0.0.1,localhost"


async def test_the_agent_is_in_a_session_of_its_own(ngrok: FakeNgrok) -> None:
    """Else ctrl-C would end it before we do."""
    await ngrok.tunnel().start()
    await ngrok.states.until(Phase.ONLINE)
    assert os.getsid(ngrok.pids[0]) == ngrok.pids[0] != os.getsid(0)


async def test_a_wrapper_script_and_its_agent_end_together(
    ngrok: FakeNgrok, tmp_path: Path
) -> None:
    wrapper = tmp_path / "ngrok"
    wrapper.write_text(f'#!/bin/sh\n"{sys.executable}" "{ngrok.path}" "$@"\nexit $?\n')
    wrapper.chmod(0o755)
    tunnel = ngrok.tunnel(ngrok_path=str(wrapper))
    await tunnel.start()
    await ngrok.states.until(Phase.ONLINE)
    pid = ngrok.pids[0]
    await tunnel.stop()
    async with asyncio.timeout(PATIENCE_S):
        while ngrok.is_running(pid):
            await asyncio.sleep(0.01)


async def test_the_agent_of_a_killed_run_is_ended_by_the_next(ngrok: FakeNgrok) -> None:
    words = [sys.executable, "-c", RUN, str(ngrok.data_dir), str(ngrok.path)]
    environ = ngrok.environ("fine")
    pipe = asyncio.subprocess.PIPE
    victim = await asyncio.create_subprocess_exec(*words, stdout=pipe, env=environ)
    assert victim.stdout is not None
    assert [await victim.stdout.readline() for _ in range(2)] == [b"starting\n", b"online\n"]
    victim.kill()
    await victim.wait()
    orphan = ngrok.pids[0]
    assert ngrok.is_running(orphan)
    await ngrok.tunnel().start()
    await ngrok.states.until(Phase.ONLINE)
    async with asyncio.timeout(PATIENCE_S):
        while ngrok.is_running(orphan):
            await asyncio.sleep(0.01)
    assert len(ngrok.pids) == 2


async def test_a_process_that_got_the_pid_of_a_dead_agent_is_left_alone(ngrok: FakeNgrok) -> None:
    ngrok.data_dir.mkdir()
    stranger = await asyncio.create_subprocess_exec("sleep", "60")
    (ngrok.data_dir / "ngrok.pid").write_text(f"{stranger.pid}\n")
    await ngrok.tunnel().start()
    await ngrok.states.until(Phase.ONLINE)
    assert stranger.returncode is None
    stranger.kill()
    await stranger.wait()


async def test_an_unreadable_pidfile_is_no_obstacle(ngrok: FakeNgrok) -> None:
    ngrok.data_dir.mkdir()
    (ngrok.data_dir / "ngrok.pid").write_text("not a pid")
    await ngrok.tunnel().start()
    await ngrok.states.until(Phase.ONLINE)


async def test_nothing_is_downloaded_unasked(ngrok: FakeNgrok, tmp_path: Path) -> None:
    """Neither is the script `ngrok` that comes with pyngrok taken for an agent."""
    wrapper = tmp_path / "bin" / "ngrok"
    wrapper.parent.mkdir()
    wrapper.write_text("#!/usr/bin/python3\nfrom pyngrok.ngrok import main\nmain()\n")
    wrapper.chmod(0o755)
    await ngrok.tunnel(ngrok_path=None, environ={"PATH": str(wrapper.parent)}).start()
    state = await ngrok.states.until(Phase.FAILED)
    assert state.code == "not-installed"
    for words in (
        "--tunnel-install",
        "ngrok's download site",
        ".tgz" if os.name == "posix" else "",
    ):
        assert words in (state.hint or "")


async def test_an_agent_on_path_is_found(ngrok: FakeNgrok, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "ngrok").symlink_to(ngrok.path)
    path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    await ngrok.tunnel(ngrok_path=None, environ={"PATH": path}).start()
    await ngrok.states.until(Phase.ONLINE)


async def test_a_file_that_is_no_program_is_a_failed_state(
    ngrok: FakeNgrok, tmp_path: Path
) -> None:
    (tmp_path / "ngrok").write_text("not a program")
    await ngrok.tunnel(ngrok_path=str(tmp_path / "ngrok")).start()
    state = await ngrok.states.until(Phase.FAILED)
    assert state.code == "not-runnable"
    assert str(tmp_path / "ngrok") in (state.hint or "")
