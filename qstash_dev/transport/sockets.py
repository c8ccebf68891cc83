"""Listening sockets on all addresses of a server. Knows nothing of HTTP."""

import contextlib
import errno
import os
import socket

from qstash_dev.protocol.hosts import LOOPBACK

ALL = ("0.0.0.0", "::")
TRIES = 10
"""What is free on the first address may be taken on another one: so many ports are tried."""
NOT_HERE = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


class PortInUse(Exception):
    """Somebody listens there already."""

    def __init__(self, address: str, port: int) -> None:
        super().__init__(f"address already in use: {address}:{port}")
        self.address = address
        self.port = port


class CannotListen(OSError):
    """An address that may not be used, or is not here; the sentence says what to do."""


class AddressMissing(CannotListen):
    """An address that this machine does not have."""


def listen(hosts: tuple[str, ...], port: int) -> list[socket.socket]:
    """Sockets on all hosts with the same port, with 0 one that is free on all. Loopback, or all
    addresses, of a kind that the machine lacks (no IPv6, or no IPv4) is left out if another host is
    there. Raises PortInUse or CannotListen.
    """
    for _ in range(TRIES if port == 0 else 0):
        with contextlib.suppress(PortInUse):
            return _listen(hosts, port)
    return _listen(hosts, port)


def _listen(hosts: tuple[str, ...], port: int) -> list[socket.socket]:
    sockets: list[socket.socket] = []
    missing: CannotListen | None = None
    try:
        for host in hosts:
            try:
                sockets.append(_bind(host, port))
            except OSError as error:
                missing = _refusal(host, port, error)
                if host not in (*LOOPBACK, *ALL) or error.errno not in NOT_HERE:
                    raise missing from error
                continue
            port = sockets[0].getsockname()[1]
        if missing is not None and not sockets:
            raise missing
    except BaseException:
        close_all(sockets)
        raise
    return sockets


def listen_on_loopback(port: int) -> socket.socket:
    """A socket on the first loopback address that this machine has. Raises as `listen` does."""
    for host in LOOPBACK[:-1]:
        with contextlib.suppress(AddressMissing):
            return listen((host,), port)[0]
    return listen(LOOPBACK[-1:], port)[0]


def own_url(sock: socket.socket) -> str:
    """`http://...` of a listener, without a path."""
    host, port = sock.getsockname()[:2]
    return f"http://{url_host(host)}:{port}"


def _refusal(host: str, port: int, error: OSError) -> CannotListen:
    if error.errno == errno.EADDRINUSE:
        raise PortInUse(host, port) from error
    name = f"{url_host(host) if ':' in host else host}:{port}"
    if error.errno in NOT_HERE:
        return AddressMissing(
            f"this machine has no address {host} to listen on: bring its network up "
            "(`ip link set lo up` for loopback), or name another with --host"
        )
    return CannotListen(f"cannot listen on {name}: {error.strerror}; take another --port or --host")


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
    for sock in sockets:
        sock.close()


def url_host(host: str) -> str:
    """The address of a listener as it stands in a URL."""
    if host in ALL:
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
