"""Starts a program in a process group of its own, and ends that group. Knows no program by name."""

import asyncio
import os
import shutil
import signal
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    import psutil

PATIENCE_S = ((signal.SIGINT, 3.0), (signal.SIGTERM, 2.0))
"""What Ctrl+C in a shell would send comes first; how long a program may take to end after each."""
_steps = " && ".join(f'kill -s {n.name[3:]} -- "-$0" && sleep {s:g}' for n, s in PATIENCE_S)
GUARD = f'read _ || {{ {_steps} && kill -s KILL -- "-$0"; }}'
"""Reads a line from us, or the end of all that we say; a group that has ended takes no signal."""
GROUP_PATIENCE_S = 0.5
"""How long those may take whom the program started."""
LOOK_S = 0.02
LAST_WORDS_S = 0.5
"""How long a process that ended is heard that prints nothing: its children may hold its output open."""
MOST_UNHEARD = 1_048_576
"""More than this no pipe holds: what comes after it was printed by others."""
PIECE, PIECE_LINES = 4_096, 64
"""So many bytes of the output are heard in one turn of the loop, and no more lines: a millisecond."""


def _piece(data: bytes) -> int:
    """How much of it is heard in one turn."""
    end = 0
    for _ in range(PIECE_LINES):
        end = data.find(b"\n", end, PIECE) + 1
        if not end:
            return min(len(data), PIECE)
    return end


def words_of(command: Sequence[str]) -> list[str]:
    """A command as words; a single text with spaces is a line for the shell.

    Raises FileNotFoundError when there is no such program.
    """
    if len(command) == 1 and " " in command[0].strip() and not shutil.which(command[0]):
        return [command[0]] if os.name == "nt" else ["/bin/sh", "-c", command[0]]
    if shutil.which(command[0]) is None:
        raise FileNotFoundError(command[0])
    return list(command)


class Process(asyncio.SubprocessProtocol):
    """A program that runs, or did. `silent` is set once nobody holds its output open any more.

    Not asyncio's own, whose `wait` is for those who hold it, too: a launcher ends and leaves its app.
    """

    pid: int

    def __init__(self, take: Callable[[bytes], None]) -> None:
        self.silent = asyncio.Event()
        self.returncode: int | None = None
        self._take = take
        self._is_closed = self._is_behind = False
        self._heard = 0
        self._ended = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's is none by name.
        self._transport = cast(asyncio.SubprocessTransport, transport)
        self.pid = self._transport.get_pid()

    def pipe_data_received(self, fd: int, data: bytes | str) -> None:
        assert isinstance(data, bytes)
        self._is_behind = len(data) > PIECE  # a short one was all that there was
        self._pipe(fd).pause_reading()
        self._hear(fd, data)

    def _hear(self, fd: int, data: bytes) -> None:
        """In pieces, between which the loop turns: an app may print without end."""
        if self._is_closed:
            return
        size = _piece(data)
        self._take(data[:size])
        self._heard += size
        if len(data) > size:
            asyncio.get_running_loop().call_soon(self._hear, fd, data[size:])
        else:
            self._pipe(fd).resume_reading()

    def _pipe(self, fd: int) -> asyncio.ReadTransport:
        return cast(asyncio.ReadTransport, self._transport.get_pipe_transport(fd))

    def process_exited(self) -> None:
        self.returncode = self._transport.get_returncode()
        self._ended.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.silent.set()

    async def wait(self) -> int:
        """Its exit code, as soon as it has ended itself."""
        await self._ended.wait()
        assert self.returncode is not None
        return self.returncode

    async def last_words(self) -> None:
        """Wait until all is heard that it had printed when it ended."""
        most = self._heard + MOST_UNHEARD
        while True:
            before = self._heard
            if await _within(LAST_WORDS_S, self.silent.wait()):
                return
            if not self._is_behind or self._heard == before or self._heard > most:
                return

    def close(self) -> None:
        """Hear no more of it."""
        self._is_closed = True
        self._transport.close()

    def terminate(self) -> None:
        self._transport.terminate()


async def start(
    words: Sequence[str], environment: Mapping[str, str], take: Callable[[bytes], None]
) -> Process:
    """Start a program; `take` gets the bytes that it prints. Raises OSError.

    Its stdin is open and says nothing: dev servers end with it, and so with us.
    """
    _, process = await asyncio.get_running_loop().subprocess_exec(
        lambda: Process(take),
        *words,
        stdin=PIPE if os.name != "nt" else DEVNULL,
        stdout=PIPE,
        stderr=STDOUT,
        env=dict(environment),
        start_new_session=True,
    )
    return process


async def guard(process: Process, following: "asyncio.Task[None]") -> None:
    """While it is followed: should we be killed, a shell notices it and ends the whole group as `end`
    does.
    """
    if os.name == "nt":
        return
    shell = await asyncio.create_subprocess_exec(
        *("/bin/sh", "-c", GUARD, str(process.pid)),
        stdin=PIPE,
        stdout=DEVNULL,
        stderr=DEVNULL,
        start_new_session=True,
    )
    assert shell.stdin is not None
    try:
        await asyncio.wait([following])
    finally:
        shell.stdin.write(b"\n")
        await shell.wait()


async def end(process: Process) -> None:
    """Ask the whole group to end, then end it; returns when none of it is left."""
    is_launcher = process.returncode is not None  # what it left is the program
    for number, patience_s in PATIENCE_S:
        tell(process, number)
        if await _within(patience_s, gone(process) if is_launcher else process.wait()):
            break
    await _within(GROUP_PATIENCE_S, gone(process))
    kill(process)
    await process.wait()


async def _within(limit_s: float, job: Awaitable[object]) -> bool:
    with suppress(TimeoutError):
        await asyncio.wait_for(job, limit_s)
        return True
    return False


async def gone(process: Process, look_s: float = LOOK_S) -> None:
    """Wait until nobody of its group runs."""
    left = await left_by(process)
    while left:
        await asyncio.sleep(look_s)
        left = await left_by(process, left)


async def left_by(
    process: Process, known: Sequence["psutil.Process"] = ()
) -> Sequence["psutil.Process"]:
    """Who runs of its group: who left some may have started the app. To find them all programs are
    looked through, so it is done again when those `known` have ended.
    """
    from qstash_dev.child.holder import members, runs  # only who starts an app needs it

    return [one for one in known if runs(one)] or await asyncio.to_thread(members, process.pid)


def tell(process: Process, number: int) -> None:
    """Send a signal to all of the group."""
    with suppress(ProcessLookupError, PermissionError):
        if os.name == "nt":
            process.terminate()
        else:
            os.killpg(process.pid, number)


def kill(process: Process) -> None:
    """End all of the group at once."""
    tell(process, getattr(signal, "SIGKILL", signal.SIGTERM))


def ending(code: int) -> str:
    """What an exit code says: `exited with code 1`, `was ended by SIGKILL`."""
    if code >= 0:
        return f"exited with code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
