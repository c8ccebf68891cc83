"""How fast the terminal UI answers keys and how its memory grows: 50,000 rows, 1,000 events a second.

Run as `python -m tests.bench.tui [SECONDS]`. The TUI runs as its own process on a pseudo-terminal of
160x45 cells; the remote server is played by this process. A key is answered when the id of the
message that it selects stands on the terminal's screen.
"""

import asyncio
import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import threading
import time
from typing import Any

import msgspec
import psutil
import pyte
from aiohttp import web

from tests.bench.installed import python
from tests.bench.processes import ENVIRONMENT
from tests.tui.world import NOW, World, detail_of, row

ROWS = 50_000
EVENTS_PER_S = 1_000
TICKS_PER_S = 10
RUN = "import sys; from qstash_dev.tui.run import run; sys.exit(run(sys.argv[1]))"
SIZE = (160, 45)
ID = re.compile(r"msg_\d{8}")


class BusyWorld(World):
    """As many rows as are kept; half of the events are new messages, each pushes one out."""

    def __init__(self) -> None:
        super().__init__([row(seq) for seq in range(1, ROWS + 1)])
        self._fixed = super().counts()
        self._newest = ROWS
        self._oldest = 1

    def counts(self) -> dict[str, int]:
        return self._fixed

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await answer.prepare(request)
        try:
            while True:
                await asyncio.sleep(1 / TICKS_PER_S)
                await answer.write(b"data: %b\n\n" % msgspec.json.encode(self._tick()))
        except ConnectionError:
            return answer

    def _detail(self, id: str) -> web.Response:
        return web.json_response(detail_of(self.rows[id], []))

    def _tick(self) -> dict[str, Any]:
        half = EVENTS_PER_S // TICKS_PER_S // 2
        new = [row(self._newest + place + 1) for place in range(half)]
        changed = [row(self._newest - place, state="failed") for place in range(half)]
        removed = [f"msg_{self._oldest + place:08d}" for place in range(half)]
        self._newest, self._oldest = self._newest + half, self._oldest + half
        self.rows.update((each["id"], each) for each in new)
        self.seq += 2 * half
        return {"seq": self.seq, "now": NOW, "rows": new + changed, "removed": removed,
                "counts": self._fixed, "server": self.server(), "events": [
                    {"seq": self.seq - place, "time": NOW, "id": each["id"], "state": "DELIVERED"}
                    for place, each in enumerate(new + changed)]}  # fmt: skip


class Terminal:
    """A TUI on a pseudo-terminal whose output costs nobody anything: it is thrown away."""

    def __init__(self, url: str) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", SIZE[1], SIZE[0], 0, 0))
        env = {**ENVIRONMENT, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        self.process = subprocess.Popen(
            [python(), "-c", RUN, url], stdin=slave, stdout=slave, stderr=slave, env=env
        )
        self.is_drawn = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()

    def end(self) -> int:
        """Ask it to end; its exit code."""
        self.process.terminate()
        return self.process.wait(10)

    def _read(self) -> None:
        while True:
            try:
                chunk = os.read(self._master, 65536)
            except OSError:
                return
            self._take(chunk)

    def _take(self, chunk: bytes) -> None:
        if b"Messages" in chunk:
            self.is_drawn.set()


class Screen(Terminal):
    """And what stands there."""

    def __init__(self, url: str) -> None:
        self._screen = pyte.Screen(*SIZE)
        self._terminal = pyte.ByteStream(self._screen)
        self._news = threading.Condition()
        super().__init__(url)
        self.memory = psutil.Process(self.process.pid)

    def press(self, key: bytes) -> None:
        os.write(self._master, key)

    def wait_for(self, text: str, timeout_s: float) -> bool:
        """Until the text is on the screen."""
        with self._news:
            return self._news.wait_for(lambda: text in self._text(), timeout_s)

    def last_id(self) -> str | None:
        """The id of the message whose detail is shown."""
        with self._news:
            found = ID.search(self._text())
        return found[0] if found else None

    def _text(self) -> str:
        return "\n".join(self._screen.display)

    def _take(self, chunk: bytes) -> None:
        with self._news:
            self._terminal.feed(chunk)
            self._news.notify_all()


def measure(url: str, world: BusyWorld, seconds: float) -> list[tuple[str, str]]:
    """Drive the TUI; rows of the table."""
    screen = Screen(url)
    began = time.monotonic()
    assert screen.wait_for("Messages", 30)
    started = time.monotonic() - began
    loaded = load_all(screen, world)
    memory = [screen.memory.memory_info().rss]
    screen.press(b"\x1b[6~")
    time.sleep(1)
    waits: list[float] = []
    cpu = screen.memory.cpu_times()
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        waits += key_waits(screen)
        memory.append(screen.memory.memory_info().rss)
    spent = screen.memory.cpu_times()
    busy = (spent.user + spent.system - cpu.user - cpu.system) / (time.monotonic() - began)
    code = screen.end()
    waits.sort()
    at = lambda share: f"{waits[int(len(waits) * share)] * 1000:.0f} ms"  # noqa: E731
    return [
        ("first screen", f"{started * 1000:.0f} ms"),
        (f"all {ROWS} rows loaded", f"{loaded:.1f} s"),
        ("keys pressed", str(len(waits))),
        ("key to screen, median", at(0.5)),
        ("key to screen, p95", at(0.95)),
        ("key to screen, worst", f"{waits[-1] * 1000:.0f} ms"),
        ("memory with all rows", f"{memory[0] / 2**20:.0f} MB"),
        (f"memory {seconds:.0f} s later", f"{memory[-1] / 2**20:.0f} MB"),
        ("CPU of one core", f"{busy * 100:.0f} %"),
        ("exit code after SIGTERM", str(code)),
    ]


def load_all(screen: Screen, world: BusyWorld) -> float:
    """Go to the first row until there is none above: the list is loaded page by page."""
    began = time.monotonic()
    asked = -1
    while asked != world.pages:
        asked = world.pages
        screen.press(b"g")
        time.sleep(0.5)
    return time.monotonic() - began


def key_waits(screen: Screen, count: int = 20) -> list[float]:
    """Seconds from a key to the id of the message that it selects."""
    waits = []
    for key, step in [(b"j", 1)] * count + [(b"k", -1)] * count:
        here = screen.last_id()
        screen.press(key)
        began = time.perf_counter()
        if here is not None:
            wanted = f"msg_{int(here[4:]) + step:08d}"
            if screen.wait_for(wanted, 2.0):
                waits.append(time.perf_counter() - began)
        time.sleep(0.05)
    return waits


def main() -> None:
    """Play the server, measure, print."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 30.0
    world = BusyWorld()
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    asyncio.run_coroutine_threadsafe(world.start(), loop).result()
    for name, value in measure(world.url, world, seconds):
        print(f"{name:<28}{value:>12}")


if __name__ == "__main__":
    main()
