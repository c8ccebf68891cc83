"""Gives the terminal to a child that shows the TUI, and takes it back whatever becomes of it.

Knows how terminals and processes end; nothing of servers and messages.
"""

import asyncio
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TextIO

PATIENCE_S = 3.0
"""How long a child may take to end after SIGTERM."""

LEAVE = (
    "\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1015l"  # no mouse reports
    "\x1b[?2004l\x1b[?1004l\x1b[<u"  # no bracketed paste, focus reports, kitty keys
    "\x1b[?1049l\x1b[?7h\x1b[?25h\x1b[0m"  # the normal screen, line wrap, a cursor, no colours
)
"""Undoes what a full-screen program may have switched on (xterm control sequences)."""


@contextmanager
def kept(stdin: TextIO, stdout: TextIO) -> Iterator[None]:
    """Whatever happens inside, the terminal is afterwards as it was."""
    modes = read_modes(stdin)
    try:
        yield
    finally:
        if modes is not None:
            import termios

            with suppress(OSError, termios.error):
                termios.tcsetattr(stdin.fileno(), termios.TCSADRAIN, modes)
        if stdout.isatty():
            with suppress(OSError):
                stdout.write(LEAVE)
                stdout.flush()


def read_modes(stdin: TextIO) -> "list[int | list[bytes | int]] | None":
    """The modes of the terminal; `None` where there is none."""
    if os.name == "nt" or not stdin.isatty():
        return None
    import termios

    return termios.tcgetattr(stdin.fileno())


async def run_child(command: Sequence[str], environment: Mapping[str, str] | None = None) -> int:
    """Runs a program on this terminal; its exit code, negative for a signal.

    When cancelled, it asks the program to end, and ends it after `PATIENCE_S`.
    """
    with kept(sys.stdin, sys.stdout):
        child = await asyncio.create_subprocess_exec(*command, env=environment)
        try:
            return await child.wait()
        finally:
            if child.returncode is None:
                await end(child)


async def end(child: asyncio.subprocess.Process, patience_s: float = PATIENCE_S) -> None:
    """SIGTERM, and SIGKILL for one that does not listen."""
    with suppress(ProcessLookupError):
        child.terminate()
    try:
        await asyncio.wait_for(child.wait(), patience_s)
    except TimeoutError:
        with suppress(ProcessLookupError):
            child.kill()
        await child.wait()


def attach_command(url: str) -> list[str]:
    """The command that shows the TUI of a server, for as long as this process lives."""
    return [sys.executable, "-m", "qstash_dev", "attach", url, "--owner", str(os.getpid())]
