"""An answer as bytes, from a connection that may go on."""

import asyncio


async def read_one(reader: asyncio.StreamReader) -> bytes:
    """The next answer on a connection that stays open."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = 0
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    return head + await reader.readexactly(length)
