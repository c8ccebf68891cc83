"""The TUI as a process on a terminal of its own, and what its screen shows."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

ENTERED, LEFT = b"\x1b[?1049h", b"\x1b[?1049l"
ESCAPE = "\x1b[27u"
"""Escape as terminals send it that tell it from the beginning of a sequence."""


class Terminal:
    """A process on a terminal; `type` sends all at once, as a fast hand or a paste does."""

    def __init__(
        self,
        directory: Path,
        *args: str,
        is_job: bool = False,
        module: str = "qstash_dev",
        errors: IO[bytes] | None = None,
        **environment: str,
    ) -> None:
        """`is_job`: as a shell starts it, which can be stopped; else it has a session of its own.

        `errors` is where its stderr goes instead of the terminal.
        """
        self.master, self.slave = pty.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        self.modes = termios.tcgetattr(self.slave)
        self.output = b""
        own = {k: v for k, v in os.environ.items() if not k.startswith(("QSTASH", "CI"))}
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, *args],
            cwd=directory,
            env={
                **own,
                "PYTHONPATH": str(Path(__file__).parents[2]),
                "TERM": "xterm-256color",
                "XDG_STATE_HOME": str(directory),
                **environment,
            },
            stdin=self.slave,
            stdout=self.slave,
            stderr=errors or self.slave,
            start_new_session=not is_job,
            process_group=0 if is_job else None,
        )

    def read_until(self, text: str) -> None:
        """Until the output contains it; the test's time limit ends what never comes."""
        self.until(lambda: text.encode() in self.output)

    def until(self, true: Callable[[], object]) -> None:
        """Take the output in, or the process could not write, until something holds."""
        while not true():
            if select.select([self.master], [], [], 0.05)[0]:
                self.output += os.read(self.master, 65536)
            elif self.process.poll() is not None and not true():
                raise AssertionError(f"it has ended: {self.output[-2_000:].decode()}")

    def type(self, text: str) -> None:
        """Type all of it in one burst."""
        os.write(self.master, text.encode())

    @property
    def is_restored(self) -> bool:
        """Whether the terminal is as it was, and shows no full screen any more."""
        same = termios.tcgetattr(self.slave) == self.modes
        return same and self.output.rfind(LEFT) > self.output.rfind(ENTERED)

    def hang_up(self) -> None:
        """The window is closed."""
        os.close(self.master)
        self.master = -1

    def close(self) -> None:
        """End the process and give the terminal back."""
        self.process.kill()
        self.process.wait()
        for descriptor in (self.master, self.slave):
            if descriptor >= 0:
                os.close(descriptor)


@contextmanager
def attached(
    directory: Path,
    url: str,
    *args: str,
    is_job: bool = False,
    errors: IO[bytes] | None = None,
    **environment: str,
) -> Iterator[Terminal]:
    """The TUI of a server, when its list is drawn."""
    terminal = Terminal(
        directory, "attach", url, *args, is_job=is_job, errors=errors, **environment
    )
    try:
        terminal.read_until("/api/orders")
        yield terminal
    finally:
        terminal.close()
