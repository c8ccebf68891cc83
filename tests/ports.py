"""Ports of this machine for what a test starts or leaves out."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager


@contextmanager
def reserved_port(*hosts: str) -> Iterator[int]:
    """A port that nobody gets by chance while this lasts, on loopback or on all of these addresses.

    Nobody listens there. Whoever asks for this very port may: a server, which sets SO_REUSEADDR as
    we do.
    """
    with ExitStack() as stack:
        port = 0
        for host in hosts or ("127.0.0.1",):
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            sock = stack.enter_context(socket.socket(family))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((host, port))
            port = sock.getsockname()[1]
        yield port
