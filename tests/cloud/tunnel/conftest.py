"""A fake ngrok as a real process, and a way to wait for what the tunnel says of itself."""

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from qstash_dev.cloud.tunnel.ngrok import Limits, NgrokTunnel
from qstash_dev.cloud.tunnel.state import Phase, TunnelState
from tests.patience import PATIENCE_S

FAKE_NGROK = Path(__file__).parents[3] / "fixtures" / "fake_ngrok.py"

QUICK = Limits(start_s=60, grace_s=5, restart_after_s=(0.05, 0.05))


class States:
    """Collects states; `until` returns the next one that fits and forgets those before it."""

    def __init__(self) -> None:
        self.seen: list[TunnelState] = []
        self._read = 0
        self._more = asyncio.Event()

    def __call__(self, state: TunnelState) -> None:
        self.seen.append(state)
        self._more.set()

    @property
    def phases(self) -> list[Phase]:
        return [state.state for state in self.seen]

    async def until(self, *phases: Phase, code: str | None = None) -> TunnelState:
        while True:
            while self._read < len(self.seen):
                state = self.seen[self._read]
                self._read += 1
                if state.state in phases and code in (None, state.code):
                    return state
            self._more.clear()
            try:
                await asyncio.wait_for(self._more.wait(), PATIENCE_S)
            except TimeoutError:
                pytest.fail(f"{phases} {code or ''} never came; there were {self.seen}")


class FakeNgrok:
    """Makes tunnels over the fake agent in a data directory of their own, and says what it saw."""

    path = FAKE_NGROK
    limits = QUICK

    def __init__(self, folder: Path) -> None:
        self.data_dir = folder / ".qstash-dev"
        self.record = folder / "record.jsonl"
        self.states = States()
        self.made: list[NgrokTunnel] = []

    def environ(self, mode: str, **more: str) -> dict[str, str]:
        fake = {"FAKE_NGROK_MODE": mode, "FAKE_NGROK_RECORD": str(self.record)}
        return {**os.environ, **fake, **more}

    def tunnel(self, mode: str = "fine", *, port: int = 9, **options: Any) -> NgrokTunnel:
        environ = self.environ(mode, **options.pop("environ", {}))
        settings = {"ngrok_path": str(FAKE_NGROK), "limits": QUICK, **options}
        tunnel = NgrokTunnel(
            f"http://127.0.0.1:{port}",
            data_dir=self.data_dir,
            environ=environ,
            on_state=self.states,
            **settings,
        )
        self.made.append(tunnel)
        return tunnel

    @property
    def recorded(self) -> list[dict[str, Any]]:
        if not self.record.exists():
            return []
        return [json.loads(line) for line in self.record.read_text().splitlines()]

    @property
    def starts(self) -> list[dict[str, Any]]:
        return [line for line in self.recorded if "started" in line]

    @property
    def pids(self) -> list[int]:
        return [line["pid"] for line in self.starts]

    def misbehave(self) -> None:
        """Let the newest agent do what its mode says."""
        os.kill(self.pids[-1], signal.SIGUSR1)

    async def started(self) -> int:
        """The pid of the first agent, once it runs."""
        async with asyncio.timeout(PATIENCE_S):
            while not self.pids:
                await asyncio.sleep(0.01)
        return self.pids[0]

    @staticmethod
    def is_running(pid: int) -> bool:
        """Whether a process exists; one that ended but was never waited for still does."""
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        return True


@pytest.fixture
async def ngrok(tmp_path: Path) -> Any:
    """The fake; when the test is over no tunnel and no process may be left."""
    fake = FakeNgrok(tmp_path)
    yield fake
    for tunnel in fake.made:
        await tunnel.stop()
    assert [pid for pid in fake.pids if fake.is_running(pid)] == []
    assert not (fake.data_dir / "ngrok.pid").exists()
