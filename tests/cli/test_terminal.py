import asyncio
import os
import pty
import signal
import subprocess
import sys
import termios

import pytest

from qstash_dev.cli.terminal import LEAVE, end

RUN = (
    "import asyncio, sys; from qstash_dev.cli.terminal import run_child;"
    "code = asyncio.run(run_child([sys.executable, '-c', sys.argv[1]])); print('code', code)"
)

SPOIL = "import os, sys, tty; tty.setraw(0); sys.stdout.write('\\x1b[?1049h'); sys.stdout.flush();"


@pytest.fixture
def terminal():
    master, slave = pty.openpty()
    yield master, slave
    os.close(master)
    os.close(slave)


def run_on(terminal, child):
    """Runs `child` (Python) under `run_child` on the terminal; what was written there."""
    master, slave = terminal
    command = [sys.executable, "-c", RUN, child]
    subprocess.run(command, stdin=slave, stdout=slave, stderr=slave, check=True, timeout=60)
    return os.read(master, 65536).decode()


@pytest.mark.parametrize(
    ("death", "code"),
    [
        ("sys.exit(0)", 0),
        ("sys.exit(3)", 3),
        ("os.kill(os.getpid(), 9)", -9),
    ],
)
def test_the_terminal_is_as_it_was_however_the_child_ends(terminal, death, code):
    before = termios.tcgetattr(terminal[1])
    written = run_on(terminal, SPOIL + death)
    assert termios.tcgetattr(terminal[1]) == before
    assert LEAVE in written
    assert f"code {code}\r\n" in written.partition(LEAVE)[2]


def test_no_control_sequence_reaches_a_file():
    command = [sys.executable, "-c", RUN, "pass"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.stdout == "code 0\n"


async def ready_child(code):
    """A running child that has got as far as printing a line."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-uc", code, stdout=asyncio.subprocess.PIPE
    )
    assert child.stdout is not None
    await child.stdout.readline()
    return child


async def test_a_child_may_end_cleanly_when_asked():
    child = await ready_child(
        "import signal, sys; signal.signal(15, lambda *_: sys.exit(0)); print(1); signal.pause()"
    )
    await end(child)
    assert child.returncode == 0


async def test_a_child_that_does_not_listen_is_ended():
    child = await ready_child(
        "import signal; signal.signal(15, signal.SIG_IGN); print(1)\nwhile True: signal.pause()"
    )
    await end(child, patience_s=0.05)
    assert child.returncode == -signal.SIGKILL


async def test_a_child_that_has_ended_already_is_no_trouble():
    child = await ready_child("print(1)")
    await child.wait()
    await end(child)
