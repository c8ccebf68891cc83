"""Whose a port is, as far as this user may look into other programs. Connects to nothing."""

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


def may_be_of(pid: int, port: int) -> bool:
    """Whether the process `pid` runs, and no program listens there that began before it, and so is no
    part of it.

    Slow (a millisecond for each program that runs). What may not be looked into is taken for none, and
    so is what forwards to containers.
    """
    try:
        began = psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:
        return True
    return not any(_listens(other, port, began) for other in psutil.process_iter())


def _listens(other: psutil.Process, port: int, began: float) -> bool:
    with suppress(psutil.Error):
        if other.create_time() < began and not other.name().startswith(_FORWARDERS):
            links = other.net_connections("tcp")
            return any(
                link.status == psutil.CONN_LISTEN and link.laddr.port == port for link in links
            )
    return False
