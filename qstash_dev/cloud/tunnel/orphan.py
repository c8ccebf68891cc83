"""The agent that an earlier run left when it was killed: found by pid and command line, ended.

A pid alone proves nothing, because pids are used again: only a process whose command line names our
own configuration file is touched.
"""

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

from qstash_dev import private_files


def remember(pidfile: Path, pid: int) -> None:
    """Note the agent's pid as soon as there is one."""
    private_files.replace(pidfile, f"{pid}\n".encode())


def end(pidfile: Path, config: Path, grace_s: float) -> int | None:
    """End the agent that `pidfile` names if it runs with `config`. Blocks up to `grace_s`.

    Returns its pid, or `None` when there was nothing of ours to end.
    """
    pid = _noted(pidfile)
    if pid is None or not _is_ours(pid, config):
        pidfile.unlink(missing_ok=True)
        return None
    signal_group(pid, signal.SIGTERM)
    deadline = time.monotonic() + grace_s
    while _is_ours(pid, config) and time.monotonic() < deadline:
        time.sleep(0.02)
    if _is_ours(pid, config):
        signal_group(pid, getattr(signal, "SIGKILL", signal.SIGTERM))
    pidfile.unlink(missing_ok=True)
    return pid


def signal_group(pid: int, number: signal.Signals) -> None:
    """Signal the process and, where it leads a group of its own, all that it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if os.name == "posix" and os.getpgid(pid) == pid:
            os.killpg(pid, number)
        else:
            os.kill(pid, number)


def _noted(pidfile: Path) -> int | None:
    try:
        return int(pidfile.read_text())
    except (FileNotFoundError, ValueError):
        return None


def _is_ours(pid: int, config: Path) -> bool:
    return str(config) in _command_line(pid)


def _command_line(pid: int) -> str:
    """The words of a running process; empty when it is gone, a zombie, or not ours to see."""
    proc = Path("/proc")
    if (proc / "self").exists():
        try:
            return (proc / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            return ""
    if os.name != "posix":  # No cheap way on Windows; there the agent has no group of its own.
        return ""
    words = ["ps", "-o", "command=", "-p", str(pid)]
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout
