"""Shows the terminal UI on this terminal, from its first frame to its exit code."""

import asyncio
import signal
from collections.abc import Mapping

from qstash_dev.client import Client
from qstash_dev.tui.app import QstashApp


def run(
    url: str,
    token: str | None = None,
    *,
    keys: Mapping[str, str] | None = None,
    theme: str | None = None,
    desktop: str = "off",
) -> int:
    """Show the TUI on this terminal until the person quits or SIGTERM comes; the exit code.

    `keys` maps ids of `commands.COMMANDS` to keys; `theme` is a name, `light` or `dark`;
    `desktop` is how failures are told, as `--desktop` says.
    """
    client = Client(url, token)
    app = QstashApp(client, keys=keys, theme=theme, desktop=desktop)

    async def show() -> int:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, app.exit, 0)
        return await app.run_async() or 0

    asyncio.run(show())
    return app.return_code or 0
