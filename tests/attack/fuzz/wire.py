"""Sends bytes and reads answers, whatever they are. Judges nothing."""

import asyncio
from contextlib import suppress

from msgspec import Struct


class Answer(Struct, frozen=True):
    """One answer. `body` of an endless one is what had come so far."""

    status: int
    headers: dict[str, str]
    body: bytes


async def exchange(port: int, data: bytes, patience_s: float, is_head: bool) -> list[Answer] | None:
    """All answers to what is said on one connection; `None` when it was not closed in time."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 26)
    heard = bytearray()
    in_time = True
    try:
        with suppress(ConnectionError):
            async with asyncio.timeout(patience_s):
                writer.write(data)
                writer.write_eof()
                while piece := await reader.read(1 << 16):
                    heard += piece
    except TimeoutError:
        in_time = False
    finally:
        writer.transport.abort()
    answers = split(bytes(heard), is_head)
    return answers if in_time or answers else None


def split(heard: bytes, is_head: bool) -> list[Answer]:
    """Answers, one after the other; to a HEAD only the first. Raises ValueError for what is none."""
    answers = []
    while heard:
        head, found, rest = heard.partition(b"\r\n\r\n")
        if not found:
            raise ValueError(f"an answer without an end of its head: {head[:200]!r}")
        version, status, *_ = head.split(b" ", 2)
        if version not in (b"HTTP/1.1", b"HTTP/1.0") or len(status) != 3:
            raise ValueError(f"no answer of HTTP: {head[:200]!r}")
        lines = head.decode("latin-1").split("\r\n")[1:]
        headers = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in lines)
        }
        body, heard = _body(headers, rest, status in (b"100", b"204", b"304"))
        if status != b"100":
            answers.append(Answer(int(status), headers, body))
        if is_head and answers:
            break
    return answers


def _body(headers: dict[str, str], rest: bytes, is_empty: bool) -> tuple[bytes, bytes]:
    if is_empty:
        return b"", rest
    if "content-length" in headers:
        length = int(headers["content-length"])
        return rest[:length], rest[length:]
    return rest, b""
