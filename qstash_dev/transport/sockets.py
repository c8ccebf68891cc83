"""Listening sockets on all addresses of a server. Knows nothing of HTTP."""

import errno
import os
import socket


class PortInUse(Exception):
    """Somebody listens there already."""

    def __init__(self, address: str, port: int) -> None:
        super().__init__(f"address already in use: {address}:{port}")
        self.address = address
        self.port = port


def listen(hosts: tuple[str, ...], port: int) -> list[socket.socket]:
    """Sockets on all hosts with the same port; a machine without IPv6 has one less."""
    sockets: list[socket.socket] = []
    try:
        for host in hosts:
            try:
                sockets.append(_bind(host, port))
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    raise PortInUse(host, port) from error
                if not sockets or error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                    raise
            port = sockets[0].getsockname()[1]
    except BaseException:
        close_all(sockets)
        raise
    return sockets


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((host, port))
        sock.listen(1024)
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock


def close_all(sockets: list[socket.socket]) -> None:
    """Close sockets."""
    for sock in sockets:
        sock.close()


def url_host(host: str) -> str:
    """The address of a listener as it stands in a URL."""
    if host in ("0.0.0.0", "::"):
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
