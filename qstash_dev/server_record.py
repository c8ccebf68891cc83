"""What a running server writes about itself in its directory: where it is, how to get in, and which
process it is.

Commands send it a token: they follow no other user's word, and none of a process that has ended,
whose number and port may be others' by now. Knows no server and no command.
"""

import os
import sys
from contextlib import suppress
from pathlib import Path

import msgspec

from qstash_dev import given_files, private_files
from qstash_dev.protocol.json_body import loads


class Record(msgspec.Struct, frozen=True):
    """`began` tells the process from others that had or will have its `pid`; `among` says to which
    processes it is one: a container has numbers of its own.
    """

    url: str
    port: int
    pid: int
    token: str
    began: str
    among: str


def write(path: Path, url: str, port: int, token: str) -> None:
    """Says that this process serves there; only its owner may read it. Raises OSError."""
    pid = os.getpid()
    record = Record(url, port, pid, token, began(pid) or "", _among())
    private_files.replace(path, msgspec.json.encode(record))


def read(path: Path) -> Record | None:
    """What a server wrote that still runs; `None` when it is gone or the file is not ours."""
    record = _of(path)
    return record if record is not None and _runs(record) else None


def is_left(path: Path) -> bool:
    """Whether a server of ours wrote it that was killed; of one in another container nobody knows."""
    record = _of(path)
    return record is not None and record.among == _among() and not _runs(record)


def is_anothers(path: Path) -> bool:
    """Whether it is not believed because another user laid it, or keeps it from us."""
    try:
        return given_files.is_anothers(path.stat())
    except PermissionError:
        return True
    except OSError:
        return False


def _of(path: Path) -> Record | None:
    try:
        text = given_files.read_text_now(path, given_files.only_ours)
        return msgspec.convert(loads(text), Record)
    except (OSError, ValueError):
        return None


def _runs(record: Record) -> bool:
    return record.began == began(record.pid)


def began(pid: int) -> str | None:
    """When a process began, in the words of this system; `None` of one that has ended.

    Where Linux tells it by the wall clock, it changes with that: so it is the ticks since the boot
    here (proc_pid_stat(5)), and which boot that was.
    """
    if sys.platform == "linux":
        try:
            state, *rest = Path(f"/proc/{pid}/stat").read_text("latin-1").rpartition(")")[2].split()
        except (OSError, ValueError):
            return None
        return None if state in "ZX" else f"{rest[18]} {_boot()}"
    import psutil  # late: not needed on Linux

    try:
        process = psutil.Process(pid)
        has_ended = process.status() == psutil.STATUS_ZOMBIE
        return None if has_ended else str(process.create_time())
    except (psutil.Error, ValueError, OverflowError):
        return None


def _boot() -> str:
    """Which boot of Linux this is; empty in sandboxes and on kernels that do not tell."""
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    return ""


def _among() -> str:
    """Which processes see each other's numbers (pid_namespaces(7)); empty where all do."""
    with suppress(OSError):
        return os.readlink("/proc/self/ns/pid")
    return ""
