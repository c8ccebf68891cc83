"""What a port says of itself: who listens, and which of TLS and HTTP is spoken there.

The one place that tries ports, for deliveries that were refused, for held messages and for `doctor`.
It asks no app for anything: the one request it makes is `OPTIONS *`, which is for the server itself.
"""

import asyncio
import socket
import ssl
from contextlib import suppress
from typing import Literal

from qstash_dev.protocol.hosts import LOOPBACK
from qstash_dev.protocol.urls import is_local_name, is_loopback, site_of

CONNECT_S = 1.0
SILENT_S = 0.3

Speech = Literal["https", "http", "http2", "other", "nothing"]
"""What is spoken on a port; "http2" without TLS and without HTTP/1.1, "other" ends each connection at
the first words of HTTP, "nothing" before anything was said.
"""
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
"""The first words of HTTP/2 (RFC 9113, 3.4) and empty settings, which are answered with settings."""


async def accepts(origin: str) -> bool:
    """Whether a connection to the origin's port is accepted, on whichever loopback address."""
    return bool(await listening(origin))


async def listening(origin: str) -> tuple[str, ...]:
    """The addresses on which the origin's port accepts connections.

    Of this machine both loopback addresses are tried, whichever the origin names: an app that
    listens on the other one is up, but not there.
    """
    _, port = _place(origin)
    addresses = leads_to(origin)
    if is_loopback(origin):
        addresses = tuple(dict.fromkeys((*addresses, *LOOPBACK)))
    answers = await asyncio.gather(*(_connects(address, port) for address in addresses))
    return tuple(address for address, ok in zip(addresses, answers, strict=True) if ok)


async def listens_elsewhere(origin: str) -> bool:
    """Whether the app listens on another address of this machine than where the origin leads.

    Nothing is to be waited for then: it is up already.
    """
    found = set(await listening(origin))
    return bool(found) and not found & set(leads_to(origin))


def leads_to(origin: str) -> tuple[str, ...]:
    """The addresses that a delivery to the origin tries."""
    host, _ = _place(origin)
    return LOOPBACK if is_local_name(host) else (host,)


async def speech(origin: str) -> Speech | None:
    """What is spoken where the origin leads; `None` when that cannot be told.

    What the origin says is tried first: Go and nginx answer http on an https port, with a refusal.
    """
    _, port = _place(origin)
    for address in leads_to(origin):
        if await _connects(address, port):
            return await _speech(address, port, origin.startswith("https"))
    return None


async def _speech(host: str, port: int, is_tls: bool) -> Speech | None:
    if is_tls and await _speaks_tls(host, port):
        return "https"
    said = await _first_bytes(host, port, b"OPTIONS * HTTP/1.0\r\n\r\n", CONNECT_S)
    if said == b"HTTP/":
        return "http"
    if not is_tls and await _speaks_tls(host, port):
        return "https"
    if (await _first_bytes(host, port, PREFACE, CONNECT_S) or b"")[3:4] == b"\x04":
        return "http2"
    if await _first_bytes(host, port, b"", SILENT_S) == b"":
        return "nothing"
    return "other" if said == b"" else None


def has_network() -> bool:
    """Whether there is a way from this machine to others; nothing is sent to find that out."""
    for family, address in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((address, 9))
            return True
    return False


async def _connects(host: str, port: int) -> bool:
    try:
        async with asyncio.timeout(CONNECT_S):
            _, writer = await asyncio.open_connection(host, port)
    except OSError:  # also TimeoutError
        return False
    writer.close()
    return True


async def _speaks_tls(host: str, port: int) -> bool:
    """Whether a TLS hello is answered, were it with an alert: it may want a certificate of ours."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        async with asyncio.timeout(CONNECT_S):
            _, writer = await asyncio.open_connection(
                host, port, ssl=context, server_hostname="localhost"
            )
    except ssl.SSLError as error:
        return "ALERT" in (error.reason or "")
    except OSError:
        return False
    writer.transport.abort()
    return True


async def _first_bytes(host: str, port: int, said: bytes, patience_s: float) -> bytes | None:
    """The first five bytes of what is answered, empty at the end; `None` for silence."""
    writer = None
    try:
        async with asyncio.timeout(patience_s):
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(said)
            return await reader.readexactly(5)
    except asyncio.IncompleteReadError as error:
        return error.partial
    except TimeoutError:
        return None
    except OSError:
        return b""
    finally:
        if writer is not None:
            with suppress(OSError):
                writer.transport.abort()


def _place(origin: str) -> tuple[str, int]:
    site = site_of(origin)
    return (site.host, site.port) if site is not None else ("", 80)
