"""Ports of loopback for what a test starts or leaves out."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def reserved_port() -> Iterator[int]:
    """A port that nobody gets by chance while this lasts. Nobody listens there.

    Whoever asks for this very port may: a server, which sets SO_REUSEADDR as we do.
    """
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]
