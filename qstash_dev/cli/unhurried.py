"""Writing to a pipe or terminal that nobody reads at the moment, without waiting for its reader.

Knows nothing of what is written.
"""

import asyncio
import atexit
import os
import select
import stat
from contextlib import suppress
from typing import TextIO

MOST = 1_000_000
"""So many bytes wait for a reader; what comes then is left out, by whole writes."""
LOOK_S = 0.2
PARTING_S = 1.0
"""So long a reader has for the rest when the program ends."""


class Unhurried:
    """Takes the place of a text stream for who must not be held up: a full pipe is not his concern.

    A program that starts a server and does not read its output, and a terminal that was stopped
    (Ctrl+S), would else stop the server with it. Raises OSError when nobody can read any more.
    """

    def __init__(self, stream: TextIO, most: int = MOST) -> None:
        self._stream = stream
        self._most = most
        self._left_out = 0
        self._waiting = bytearray()
        self._timer: asyncio.TimerHandle | None = None
        self._poll = _poll_of(stream)
        if self._poll is not None:
            atexit.register(self._finish)

    def write(self, text: str) -> None:
        """Keep a text for `flush`."""
        if self._poll is None:
            self._stream.write(text)
            return
        data = text.encode(self._stream.encoding, self._stream.errors or "strict")
        if self._waiting and len(self._waiting) + len(data) > self._most:
            self._left_out += text.count("\n")
        else:
            self._waiting += data

    def flush(self) -> None:
        """Hand on as much as is taken now; the rest when it is."""
        if self._poll is None:
            self._stream.flush()
            return
        self._drain(0)
        if self._waiting and self._timer is None:
            with suppress(RuntimeError):  # no loop runs, so nobody else is held up
                self._timer = asyncio.get_running_loop().call_later(LOOK_S, self._again)

    def left_out(self) -> int:
        """How many lines nobody was there for, if that is over; they are told once."""
        count = 0 if self._waiting else self._left_out
        self._left_out -= count
        return count

    def _again(self) -> None:
        self._timer = None
        with suppress(OSError):  # the next who writes hears of it
            self.flush()

    def _drain(self, patience_s: float) -> None:
        assert self._poll is not None
        while self._waiting and self._poll.poll(patience_s * 1_000):
            # As much as a pipe takes that says that it takes anything.
            taken = os.write(self._stream.fileno(), self._waiting[: select.PIPE_BUF])
            del self._waiting[:taken]

    def _finish(self) -> None:
        with suppress(OSError, ValueError):
            self._drain(PARTING_S)


def _poll_of(stream: TextIO) -> "select.poll | None":
    """`None` for what never waits for a reader, and where a pipe cannot be asked (Windows)."""
    try:
        descriptor = stream.fileno()
        if not hasattr(select, "poll") or stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
    except (OSError, ValueError, AttributeError):  # no stream of the system
        return None
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    return poll
