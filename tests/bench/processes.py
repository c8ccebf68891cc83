"""Starts the processes that a benchmark needs, each apart so that nobody pays for another."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.bench.installed import python

Process = subprocess.Popen[str]

_STATE = tempfile.TemporaryDirectory(prefix="qstash-bench-")
# As installed programs run: with compiled modules, which the first start writes. What the user's own
# terminal UI remembers, such as an order of the rows, is not measured.
ENVIRONMENT = {
    **{name: v for name, v in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
    "XDG_STATE_HOME": _STATE.name,
}


@contextmanager
def running(*arguments: str, directory: Path | None = None) -> Iterator[tuple[Process, str]]:
    """A Python process, in a directory or in ours, and the first line it printed; it is killed at the
    end.
    """
    with started(python(), *arguments, directory=directory) as both:
        yield both


@contextmanager
def started(*command: str, directory: Path | None = None) -> Iterator[tuple[Process, str]]:
    """The same of any program."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
        cwd=directory,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            sys.exit(f"{' '.join(command)} did not start")
        yield process, line
    finally:
        kill(process)


def kill(process: Process) -> None:
    """With SIGKILL, and with it what it started."""
    for one in _family(process):
        one.kill()
    process.wait()


def serve_arguments(directory: Path | None, *options: str) -> tuple[str, ...]:
    """The command that runs the server under test on a free port; `None` keeps nothing."""
    data = ("--memory",) if directory is None else ("--data-dir", str(directory))
    return ("-m", "qstash_dev", "serve", *data, "--port", "0", "--output", "quiet", *options)


def port_of(ready_line: str) -> int:
    """The port at the end of the first line of a process."""
    return int(ready_line.rpartition(":")[2])


def cpu_s(process: Process) -> float:
    """Seconds of CPU that a process has used, and what it started and still runs."""
    times = [one.cpu_times() for one in _family(process)]
    return float(sum(of.user + of.system for of in times))


def memory_mb(process: Process) -> float:
    """Resident memory."""
    return float(psutil.Process(process.pid).memory_info().rss / 1e6)


def _family(process: Process) -> list[psutil.Process]:
    try:
        parent = psutil.Process(process.pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []
