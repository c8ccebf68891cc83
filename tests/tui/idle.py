"""The TUI on this terminal while only time passes: `python -m tests.tui.idle URL SECONDS`.

It shows so many seconds of its frames as fast as it can, between two marks, and ends.
"""

import asyncio
import sys
from datetime import UTC

from qstash_dev.client import Client
from qstash_dev.tui.app import FRAME_S, QstashApp

BEGIN, END = "\x1b]0;begin\a", "\x1b]0;end\a"
"""Titles of the window, which nothing else writes."""


async def show(url: str, seconds: int) -> None:
    """All of it."""
    now = 0.0
    app = QstashApp(Client(url), monotonic=lambda: now, zone=UTC, environment={})
    running = asyncio.ensure_future(app.run_async())
    while not app.settled:
        await asyncio.sleep(0.01)
    app.frames.pause()
    for second in range(seconds + 1):  # with the first one all is laid out for good
        for _ in range(round(1 / FRAME_S)):
            now += FRAME_S
            app.frame()
            await drawn(app)
        if second == 0:
            write(app, BEGIN)
    write(app, END)
    app.exit(0)
    await running


async def drawn(app: QstashApp) -> None:
    """Until what was changed is on the screen."""
    for _ in range(2):
        done = asyncio.Event()
        app.screen.call_after_refresh(done.set)
        await done.wait()


def write(app: QstashApp, text: str) -> None:
    """To the terminal."""
    assert app._driver is not None
    app._driver.write(text)


if __name__ == "__main__":
    asyncio.run(show(sys.argv[1], int(sys.argv[2])))
