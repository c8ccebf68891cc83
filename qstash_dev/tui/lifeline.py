"""Ends the UI when what it lives by has gone: its terminal, or the server that started it.

In a thread of its own: the event loop may be waiting for just that terminal.
"""

import os
import threading
import time
from collections.abc import Callable

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
