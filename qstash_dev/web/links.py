"""The address of the page and of what is on it, and a browser to open it with.

Knows how ids begin, and asks no server.
"""

import subprocess
import sys
from urllib.parse import quote

_ROOMS = {"msg_": "messages", "wfr_": "runs", "scd_": "schedules"}
_OPEN = "import sys, webbrowser; sys.exit(not webbrowser.open(sys.argv[1]))"
_PATIENCE_S = 5
"""Some browsers end when their window does: by then it is open."""


def page_url(server: str, id: str | None = None) -> str:
    """Where the page shows what an id names, or what contains a text that is no id."""
    if id is None:
        return f"{server}/_dev/"
    room = _ROOMS.get(id[:4])
    place = f"{room}/{quote(id, safe='')}" if room else f"?filter={quote(id, safe='')}"
    return f"{server}/_dev/#/{place}"


def open_in_browser(url: str) -> bool:
    """Whether a browser took it. One for terminals gets none: somebody else may have the screen."""
    nothing = subprocess.DEVNULL
    command = [sys.executable, "-c", _OPEN, url]
    try:
        done = subprocess.run(
            command, stdin=nothing, stdout=nothing, stderr=nothing, timeout=_PATIENCE_S
        )
    except subprocess.TimeoutExpired:
        return True
    return done.returncode == 0
