"""Server-sent events: a stream of bytes to the data of each event. Knows no addresses."""

from collections.abc import AsyncIterator


async def server_sent(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The `data` of each server-sent event (HTML standard, section 9.2); comments are skipped.

    Our own reader because `StreamReader.readline` refuses lines longer than its buffer.
    """
    data: list[bytes] = []
    async for line in _lines(chunks):
        if not line and data:
            yield b"\n".join(data)
            data = []
        elif line.startswith(b"data:"):
            data.append(line[5:].removeprefix(b" "))


async def _lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    parts: list[bytes] = []
    async for chunk in chunks:
        *lines, rest = chunk.split(b"\n")
        for line in lines:
            parts.append(line)
            yield b"".join(parts).rstrip(b"\r")
            parts = []
        if rest:
            parts.append(rest)
