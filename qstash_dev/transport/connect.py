"""Whether somebody listens: a TCP connection that is closed at once. It refuses to speak HTTP."""

import asyncio
from urllib.parse import urlsplit

from qstash_dev.protocol.urls import is_local_name
from qstash_dev.transport.dialing import LOOPBACK

CONNECT_S = 1.0


async def accepts(origin: str) -> bool:
    """Whether a connection to the origin's port is accepted; `localhost` is both its addresses."""
    return bool(await listening(origin))


async def listening(origin: str) -> tuple[str, ...]:
    """The addresses on which the origin's port accepts connections."""
    parts = urlsplit(origin)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    addresses = LOOPBACK if is_local_name(host) else (host,)
    answers = await asyncio.gather(*(_connects(address, port) for address in addresses))
    return tuple(address for address, ok in zip(addresses, answers, strict=True) if ok)


async def _connects(host: str, port: int) -> bool:
    try:
        async with asyncio.timeout(CONNECT_S):
            _, writer = await asyncio.open_connection(host, port)
    except OSError:  # also TimeoutError
        return False
    writer.close()
    return True
