"""Whose a port is, as far as this user may look into other programs. Connects to nothing."""

from contextlib import suppress

import psutil


def may_be_of(pid: int, port: int) -> bool:
    """Whether the process `pid` runs, and no program listens there that began before it, and so is no
    part of it.

    Slow (a millisecond for each program that runs). What may not be looked into is taken for none.
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
        return other.create_time() < began and any(
            link.status == psutil.CONN_LISTEN and link.laddr.port == port
            for link in other.net_connections("tcp")
        )
    return False
