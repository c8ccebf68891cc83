"""Whose a port is, as far as this user may look into other programs. Connects to nothing."""

import os
from contextlib import suppress

import psutil

_FORWARDERS = (
    *("com.docker.", "vpnkit", "docker-proxy", "rootlesskit", "rootlessport", "slirp4netns"),
    *("OrbStack", "limactl", "ssh", "gvproxy", "wslrelay", "wslhost"),
)
"""How the names of those begin that listen for a container or a virtual machine, and run for long:
`docker compose up` is an app, too. Colima has `ssh` (https://github.com/abiosoft/colima/issues/644),
WSL `wslrelay.exe` (https://github.com/CzBiX/WSLHostPatcher/issues/18).
"""


def members(pid: int) -> list[psutil.Process]:
    """Who runs of the group that `pid` leads, or has led."""
    return [one for one in psutil.process_iter() if _is_member(one, pid) and runs(one)]


def runs(one: psutil.Process) -> bool:
    """Whether it has not ended. Who has may stay in the list: a container may have nobody who takes
    note of it.
    """
    with suppress(psutil.Error):
        return one.is_running() and one.status() != psutil.STATUS_ZOMBIE
    return False


def may_be_of(pid: int, port: int) -> bool:
    """Whether any of the group of `pid` runs, and no program listens there that began before them, and
    so is none of them.

    Slow (a millisecond for each program that runs). What may not be looked into is taken for none, and
    so is what forwards to containers.
    """
    began = [one.create_time() for one in members(pid)]
    return bool(began) and not any(
        _listens(other, port, min(began)) for other in psutil.process_iter()
    )


def _is_member(one: psutil.Process, pid: int) -> bool:
    with suppress(OSError):
        return one.pid == pid or (os.name != "nt" and os.getpgid(one.pid) == pid)
    return False


def _listens(other: psutil.Process, port: int, began: float) -> bool:
    with suppress(psutil.Error):
        if other.create_time() < began and not other.name().startswith(_FORWARDERS):
            links = other.net_connections("tcp")
            return any(
                link.status == psutil.CONN_LISTEN and link.laddr.port == port for link in links
            )
    return False
