"""Starts a program in a process group of its own, and ends that group. Knows no program by name."""

import asyncio
import os
import shutil
import signal
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import Mapping, Sequence
from contextlib import suppress

PATIENCE_S = ((signal.SIGINT, 3.0), (signal.SIGTERM, 2.0))
"""What Ctrl+C in a shell would send comes first; how long a program may take to end after each."""
_steps = " && ".join(f'kill -s {n.name[3:]} -- "-$0" && sleep {s:g}' for n, s in PATIENCE_S)
GUARD = f'read _ || {{ {_steps} && kill -s KILL -- "-$0"; }}'
"""Reads a line from us, or the end of all that we say; a group that has ended takes no signal."""
GROUP_PATIENCE_S = 0.5
"""How long those may take whom the program started."""
LOOK_S = 0.02


def words_of(command: Sequence[str]) -> list[str]:
    """A command as words; a single text with spaces is a line for the shell.

    Raises FileNotFoundError when there is no such program.
    """
    if len(command) == 1 and " " in command[0].strip() and not shutil.which(command[0]):
        return [command[0]] if os.name == "nt" else ["/bin/sh", "-c", command[0]]
    if shutil.which(command[0]) is None:
        raise FileNotFoundError(command[0])
    return list(command)


async def start(words: Sequence[str], environment: Mapping[str, str]) -> Process:
    """Start a program whose output is one pipe. Raises OSError.

    Its stdin is open and says nothing: dev servers end with it, and so with us.
    """
    return await asyncio.create_subprocess_exec(
        *words,
        stdin=PIPE if os.name != "nt" else DEVNULL,
        stdout=PIPE,
        stderr=STDOUT,
        env=dict(environment),
        start_new_session=True,
    )


async def guard(process: Process) -> None:
    """While it runs: should we be killed, a shell notices it and ends the whole group as `end` does."""
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
        await process.wait()
    finally:
        shell.stdin.write(b"\n")
        await shell.wait()


async def end(process: Process) -> None:
    """Ask the whole group to end, then end it; returns when none of it is left."""
    for number, patience_s in PATIENCE_S:
        tell(process, number)
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                await process.wait()
                break
    with suppress(TimeoutError):
        async with asyncio.timeout(GROUP_PATIENCE_S):
            while is_alive(process):
                await asyncio.sleep(LOOK_S)
    kill(process)
    await process.wait()


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


def is_alive(process: Process) -> bool:
    """Whether anything of the group is left."""
    if os.name == "nt":
        return process.returncode is None
    try:
        os.killpg(process.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # macOS, for those that have ended and were not asked for their code
        return process.returncode is None
    return True


def ending(code: int) -> str:
    """What an exit code says: `exited with code 1`, `was ended by SIGKILL`."""
    if code >= 0:
        return f"exited with code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
