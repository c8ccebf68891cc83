"""Ends the UI when what it lives by has gone: its terminal, or the server that started it.

In a thread of its own: the event loop may be waiting for just that terminal. With a server that was
killed goes the app that it ran, which nobody else would end: it would keep its port.
"""

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from qstash_dev.child import group
from qstash_dev.devtools.documents import Process

LOOK_S = 0.5
NO_TERMINAL = 129
"""The exit code of a shell whose terminal hung up (128 + SIGHUP)."""


def watch(descriptor: int, owner: int | None, gone: Callable[[], object]) -> None:
    """From now on: without a terminal this process ends at once, for nobody is left to see it;
    when `owner` is not its parent any more, `gone` is called once, in another thread.
    """
    threading.Thread(target=_look, args=(descriptor, owner, gone), daemon=True).start()


def _look(descriptor: int, owner: int | None, gone: Callable[[], object]) -> None:
    while owner is None or os.getppid() == owner:
        time.sleep(LOOK_S)
        if not is_there(descriptor):
            os._exit(NO_TERMINAL)
    gone()


def is_there(descriptor: int) -> bool:
    """Whether somebody is at the other end of a terminal (Linux and macOS say EIO, else)."""
    try:
        import termios

        termios.tcgetattr(descriptor)
    except ImportError:  # Windows ends the programs of a console itself
        return True
    except (OSError, termios.error):
        return False
    return True


def end_app(process: Process | None) -> bool:
    """End the app of a server that is gone, with all that it started; whether there was one."""
    if process is None or process.pid is None or process.state != "running" or os.name == "nt":
        return False
    with suppress(ProcessLookupError, PermissionError):
        for number, patience_s in group.PATIENCE_S:
            os.killpg(process.pid, number)
            until = time.monotonic() + patience_s
            while time.monotonic() < until:
                os.killpg(process.pid, 0)
                time.sleep(group.LOOK_S)
        os.killpg(process.pid, signal.SIGKILL)
    return True
