"""The composition root: builds the real parts, starts and stops them in order.

The only room, with `engine/clock.py`, that touches the real world's time and randomness.
"""

from qstash_dev.server.data_dir import DataDirInUse
from qstash_dev.server.server import Server, run, serve
from qstash_dev.transport.sockets import PortInUse

__all__ = ["DataDirInUse", "PortInUse", "Server", "run", "serve"]
