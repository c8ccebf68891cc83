"""The tunnel by ngrok: what its agent does, told as states, within time limits.

Decides when to start, wait, restart and give up. The process itself is `agent.py`'s.
"""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyngrok.log import NgrokLog

from qstash_dev.cloud.tunnel import binary
from qstash_dev.cloud.tunnel.agent import Agent, AgentFailure, AgentPlan
from qstash_dev.cloud.tunnel.state import OFF, OnState, Phase, TunnelState, explain, failed
from qstash_dev.engine.tasks import Tasks

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limits:
    """How long things may take, in seconds.

    An agent that ends while it is online is restarted after each of `restart_after_s` in turn; one
    that stayed for `steady_s` has all of them again.
    """

    start_s: float = 20.0
    fetch_s: float = 300.0
    grace_s: float = 2.0
    restart_after_s: tuple[float, ...] = (1.0, 3.0, 10.0)
    steady_s: float = 60.0


class NgrokTunnel:
    """Opens `https://...` to `upstream` (`http://127.0.0.1:4321`) through an ngrok agent.

    `start` returns at once, `stop` when no process is left; neither raises for tunnel trouble: that
    becomes a state, kept in `state` and told to `on_state` on the event loop. The authtoken comes
    from `NGROK_AUTHTOKEN` in `environ`, nowhere else, and goes to the agent only. `sleep` passes the
    time that a start may take, and the pauses before a restart.
    """

    def __init__(
        self,
        upstream: str,
        *,
        data_dir: Path,
        domain: str | None = None,
        ngrok_path: str | None = None,
        environ: Mapping[str, str] = os.environ,
        allow_download: bool = False,
        on_state: OnState = lambda state: None,
        limits: Limits = Limits(),
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.state = OFF
        self._upstream = upstream
        self._data_dir = data_dir
        self._domain = domain
        self._named = ngrok_path
        # The agent needs nothing of what the server or the app knows of QStash.
        self._environ = {k: v for k, v in environ.items() if not k.startswith("QSTASH_")}
        self._allow_download = allow_download
        self._on_state = on_state
        self._limits = limits
        self._sleep = sleep
        self._url: str | None = None
        self._is_open = False
        self._tasks = Tasks()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to open the tunnel. While one is open or opening this does nothing."""
        if self._task is not None and not self._task.done():
            return
        self._set(TunnelState(Phase.STARTING))
        self._task = self._tasks.once("the tunnel", self._run())

    async def stop(self) -> None:
        """Close the tunnel; afterwards there is no agent of ours."""
        await self._tasks.stop()
        self._task = None
        self._set(TunnelState(Phase.STOPPED))

    async def _run(self) -> None:
        try:
            self._set(await self._serve())
        except Exception:
            log.exception("the tunnel ended by a defect of qstash-dev")
            self._set(failed("agent-refused", "an unexpected error, see the log"))

    async def _serve(self) -> TunnelState:
        """Run agents until one cannot be replaced; the failure that this ends with."""
        path = binary.find(self._named, self._environ)
        if path is None and not self._allow_download:
            return failed("not-installed", binary.source())
        plan = AgentPlan(
            path, self._upstream, self._domain, self._data_dir, self._environ, self._limits.grace_s
        )
        loop = asyncio.get_running_loop()
        pauses = iter(self._limits.restart_after_s)
        while True:
            began = loop.time()
            ended = await self._live(plan)
            if loop.time() - began >= self._limits.steady_s:
                pauses = iter(self._limits.restart_after_s)
            pause = next(pauses, None) if ended.code == "agent-exited" else None
            if pause is None:
                return ended
            hint = f"{ended.hint} It is started again in {pause:g} s."
            self._set(TunnelState(Phase.RECONNECTING, self._url, ended.code, hint))
            await self._sleep(pause)

    async def _live(self, plan: AgentPlan) -> TunnelState:
        """One agent from start to end; the failure that it ended with."""
        agent = Agent(plan, self._heard)
        agent.start()
        try:
            opened = await self._opened(agent, plan)
            if isinstance(opened, AgentFailure):
                return failed(opened.code, opened.detail)
            self._url, self._is_open = opened, True
            self._set(TunnelState(Phase.ONLINE, opened))
            await asyncio.wait([agent.ended])  # not awaited itself: stopping would cancel it
            return failed("agent-exited", f"exit code {agent.ended.result()}")
        finally:
            self._is_open = False
            await agent.close()

    async def _opened(self, agent: Agent, plan: AgentPlan) -> str | AgentFailure:
        limit = self._limits.start_s if plan.path else self._limits.fetch_s
        timer = asyncio.ensure_future(self._sleep(limit))
        either: tuple[asyncio.Future[Any], ...] = (agent.opened, timer)
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
        if agent.opened.done():
            return agent.opened.result()
        if self.state.code == "offline":
            return AgentFailure("offline", agent.last_error)
        return AgentFailure("start-timeout", f"{limit:g}")

    def _heard(self, line: NgrokLog) -> None:
        """Follow the session of a living agent, which reconnects by itself."""
        said = line.msg or ""
        if any(words in said for words in _LOST):
            phase = Phase.RECONNECTING if self._is_open else self.state.state
            hint = explain("offline", line.err or said)
            self._set(TunnelState(phase, self._url, "offline", hint))
        elif _FOUND in said and self.state.code == "offline":
            phase = Phase.ONLINE if self._is_open else self.state.state
            self._set(TunnelState(phase, self._url))

    def _set(self, state: TunnelState) -> None:
        if state != self.state:
            self.state = state
            self._on_state(state)


_LOST = ("failed to reconnect session", "session closed, starting reconnect loop")
_FOUND = "client session established"
