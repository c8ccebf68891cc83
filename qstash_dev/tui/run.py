"""Shows the terminal UI on this terminal, from its first frame to its exit code."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import partial

from qstash_dev.client import Client
from qstash_dev.tui import lifeline
from qstash_dev.tui.app import QstashApp

POLITENESS = 5
"""Once a stream has gone by unread, those who publish it answer first where all want the processor at
once: a frame takes as long as dozens of publishes. At 333 messages a second on two cores the p99 of a
publish was 1.7 times that without a UI, and is 1.3 to 1.5 times that once the UI makes way. Keys wait
longer then on a busy machine, for good, as a process may not take it back; until then the UI is like
all others.
"""
OWNER_GONE = "The server has gone, and this terminal UI with it."


def run(
    url: str,
    token: str | None = None,
    *,
    keys: Mapping[str, str] | None = None,
    theme: str | None = None,
    desktop: str = "off",
    owner: int | None = None,
) -> int:
    """Show the TUI on this terminal until the person quits or SIGTERM comes; the exit code.

    It ends without a terminal, and with the process `owner`, if that started it.

    `keys` maps ids of `commands.COMMANDS` to keys; `theme` is a name, `light` or `dark`;
    `desktop` is how failures are told, as `--desktop` says.
    """
    client = Client(url, token)
    app = QstashApp(client, keys=keys, theme=theme, desktop=desktop, make_way=make_way)

    async def show() -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, app.exit, 0)
        gone = partial(app.exit, return_code=1, message=OWNER_GONE)
        stream = sys.__stdin__
        if stream is not None and stream.isatty():
            lifeline.watch(stream.fileno(), owner, lambda: loop.call_soon_threadsafe(gone))
        await app.run_async()

    asyncio.run(show())
    return app.return_code or 0


def make_way() -> None:
    """Let others have the processor first from now on."""
    with suppress(AttributeError, OSError):  # Windows; a process that may not
        os.nice(POLITENESS)
    with suppress(AttributeError, OSError):  # not Linux: there who wrote a tick would stop for it
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
