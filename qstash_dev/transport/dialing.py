"""New connections: names to addresses, addresses tried in turn, TLS. Knows nothing of HTTP."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable, Set
from ipaddress import ip_address
from time import perf_counter
from typing import Any

from aiohappyeyeballs import AddrInfoType, start_connection

from qstash_dev.protocol.hosts import LOOPBACK
from qstash_dev.transport import trouble
from qstash_dev.transport.stages import Stages
from qstash_dev.transport.target import Target

LOOKUP_KEPT_S = 10.0
SECOND_ADDRESS_AFTER_S = 0.25  # RFC 8305, 8


OwnPorts = Callable[[], Set[int]]


class Dialer:
    """Opens connections. What a name leads to is remembered for ten seconds.

    `own_ports` are those that this server itself listens on now: no name may lead there. Addresses
    that are known by their spelling have been judged before, with the path that is called.
    """

    def __init__(self, own_ports: OwnPorts = frozenset) -> None:
        self._own_ports = own_ports
        self._contexts: dict[bool, ssl.SSLContext] = {}
        self._lookups: dict[tuple[str, int], tuple[asyncio.Future[Any], float]] = {}

    async def dial(self, target: Target, protocol: asyncio.Protocol, stages: Stages) -> None:
        """Give `protocol` a connection, with TLS if the target wants it. Raises Trouble."""
        limit = min(stages.start + trouble.CONNECT_TIMEOUT_S, stages.deadline)
        try:
            async with asyncio.timeout(limit - perf_counter()):
                if not await _dial_here(target, protocol):
                    sock = await self._connect(target)
                    await self._begin(target, protocol, sock)
        except TimeoutError as error:
            raise trouble.of_time(stages) from error

    async def _connect(self, target: Target) -> socket.socket:
        try:
            addresses = await self._addresses(target)
        except (OSError, UnicodeError) as error:
            raise trouble.of_lookup(target, error) from error
        try:
            sock = await start_connection(addresses, happy_eyeballs_delay=SECOND_ADDRESS_AFTER_S)
        except OSError as error:
            raise trouble.of_connect(target, error) from error
        if target.port in self._own_ports() and not target.is_loopback and _ends_here(sock):
            sock.close()
            raise trouble.of_own_server(target)
        return sock

    async def _addresses(self, target: Target) -> list[AddrInfoType]:
        """Both of loopback for a local name, whatever the system says; itself for an address."""
        if target.is_local:
            return [_address(host, target.port) for host in LOOPBACK]
        try:
            return [_address(target.host, target.port)]
        except ValueError:
            return await self._lookup(target.host, target.port)

    async def _lookup(self, host: str, port: int) -> list[AddrInfoType]:
        now = perf_counter()
        found, expires_at = self._lookups.get((host, port), (None, 0.0))
        if found is None or expires_at < now:
            self._lookups = {k: v for k, v in self._lookups.items() if v[1] >= now}
            loop = asyncio.get_running_loop()
            found = loop.run_in_executor(None, _look_up, host, port)
            self._lookups[host, port] = found, now + LOOKUP_KEPT_S
        try:
            # One who gives up must not take the answer from the others.
            return list(await asyncio.shield(found))
        except Exception:
            self._lookups.pop((host, port), None)
            raise

    async def _begin(self, target: Target, protocol: asyncio.Protocol, sock: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        if not target.is_tls:
            await loop.create_connection(lambda: protocol, sock=sock)
            return
        tls, name = self._tls(target), target.host.rstrip(".")
        try:
            await loop.create_connection(lambda: protocol, sock=sock, ssl=tls, server_hostname=name)
        except OSError as error:
            raise trouble.of_handshake(error) from error

    def _tls(self, target: Target) -> ssl.SSLContext:
        """Certificates are checked, but for those that apps on this machine made themselves."""
        is_verified = not target.is_loopback
        if is_verified not in self._contexts:
            context = self._contexts[is_verified] = ssl.create_default_context()
            context.set_alpn_protocols(["http/1.1"])
            if not is_verified:
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
        return self._contexts[is_verified]


async def _dial_here(target: Target, protocol: asyncio.Protocol) -> bool:
    """Whether an app on this machine took the connection. It does so at once or never: no address has
    to race against another, which costs as much as a delivery.
    """
    hosts = [host for host in LOOPBACK if target.is_local or host == target.host]
    if not target.is_tls:
        loop = asyncio.get_running_loop()
        for host in hosts:
            with contextlib.suppress(OSError):
                await loop.create_connection(lambda: protocol, host, target.port)
                return True
    return False


def _address(host: str, port: int) -> AddrInfoType:
    """Raises ValueError for a name."""
    if ip_address(host).version == 4:
        return socket.AF_INET, socket.SOCK_STREAM, 0, "", (host, port)
    return socket.AF_INET6, socket.SOCK_STREAM, 0, "", (host, port, 0, 0)


def _ends_here(sock: socket.socket) -> bool:
    """Whether the other end is on this machine: then it has our own address, or one of loopback."""
    peer = sock.getpeername()[0]
    return peer == sock.getsockname()[0] or ip_address(peer).is_loopback


def _look_up(host: str, port: int) -> list[AddrInfoType]:
    return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
