"""Every way to frame an answer, as one table: whole, byte by byte, and what is no answer at all."""

import asyncio
import gzip

import pytest

from qstash_dev.protocol.model import Reason
from qstash_dev.transport.delivery import Sender
from tests.raw_server import OK, RawServer
from tests.transport.sending import MAX_BODY, NOW, answered, failure, request, response

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

# The answer; status and body; whether the connection may be used again.
FRAMINGS = {
    "with a length": (OK, 200, b"ok", True),
    "with a length of nothing": (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, b"", True),
    "without a reason": (b"HTTP/1.1 500\r\nContent-Length: 1\r\n\r\nx", 500, b"x", True),
    "an unknown status": (b"HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n", 999, b"", True),
    "in chunks": (
        CHUNKED + b"3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n",
        200,
        b"abc0123456789",
        True,
    ),
    "in chunks with extensions": (CHUNKED + b'3;a=1;b="2"\r\nabc\r\n0\r\n\r\n', 200, b"abc", True),
    "in chunks with spaces": (CHUNKED + b"3 \r\nabc\r\n0\r\n\r\n", 200, b"abc", True),
    "in chunks with trailers": (
        CHUNKED + b"3\r\nabc\r\n0\r\nX-T: 1\r\nContent-Length: 9\r\n\r\n",
        200,
        b"abc",
        True,
    ),
    "in no chunks": (CHUNKED + b"0\r\n\r\n", 200, b"", True),
    "with length and chunks": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3\r\nabc\r\n0\r\n\r\n",
        200,
        b"abc",
        True,
    ),
    "until the end": (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", 200, b"until the end", False),
    "until the end of HTTP/1.0": (b"HTTP/1.0 200 OK\r\n\r\nthe end", 200, b"the end", False),
    "HTTP/1.0 with a length": (b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", 200, b"x", False),
    "HTTP/1.0 that stays": (
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx",
        200,
        b"x",
        True,
    ),
    "that closes": (
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx",
        200,
        b"x",
        False,
    ),
    "no content": (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b"", True),
    "no content with a length": (
        b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n",
        204,
        b"",
        True,
    ),
    "not modified with a length": (
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
        304,
        b"",
        True,
    ),
    "after 100 Continue": (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, 200, b"ok", True),
    "after early hints": (
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 3 + OK,
        200,
        b"ok",
        True,
    ),
    "switching protocols": (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nraw",
        101,
        b"",
        False,
    ),
    "with an offer to switch": (
        b"HTTP/1.1 200 OK\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 1\r\n\r\nx",
        200,
        b"x",
        True,
    ),
    "with bare line feeds": (b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", 200, b"ok", True),
    "behind empty lines": (b"\r\n\r\n" + OK, 200, b"ok", True),
    "with more behind it": (OK + b"garbage", 200, b"ok", False),
    "twice": (OK + OK, 200, b"ok", False),
}


def cases() -> list[object]:
    return [pytest.param(*case, id=name) for name, case in FRAMINGS.items()]


@pytest.mark.parametrize(("answer", "status", "body", "stays"), cases())
async def test_an_answer_is_understood(
    server: RawServer, sender: Sender, answer: bytes, status: int, body: bytes, stays: bool
) -> None:
    # The server would be there for another request over the same connection.
    port = await server.answering(*((answer,) if b"the end" in answer else (answer, OK)))
    found = response(await sender(request(f"http://127.0.0.1:{port}/")))
    assert (found.status, found.body, found.truncated) == (status, body, False)
    assert response(await sender(request(f"http://127.0.0.1:{port}/"))).status == (
        200 if stays else status
    )
    assert server.connections == (1 if stays else 2)


@pytest.mark.parametrize(("answer", "status", "body", "stays"), cases())
async def test_an_answer_that_drips_in_byte_by_byte_is_the_same(
    server: RawServer, sender: Sender, answer: bytes, status: int, body: bytes, stays: bool
) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.read(reader)
        for byte in answer:
            writer.write(bytes([byte]))
            await asyncio.sleep(0)  # a segment of its own

    port = await server.start(handle)
    found = response(await sender(request(f"http://127.0.0.1:{port}/")))
    assert (found.status, found.body, found.truncated) == (status, body, False)


async def test_a_head_request_has_an_answer_without_the_body_it_announces(
    server: RawServer, sender: Sender
) -> None:
    port = await server.answering(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n")
    found = response(await sender(request(f"http://127.0.0.1:{port}/", "HEAD", body=b"")))
    assert (found.body, found.headers) == (b"", (("Content-Length", "50"),))


async def test_an_answer_is_told_with_canonical_names_and_its_times(
    server: RawServer, sender: Sender
) -> None:
    port = await server.answering(
        b"HTTP/1.1 418 short and stout\r\nx-a: 1\r\nX-A: 2\r\nx-b:  \xc3\xa9 \r\nx-c: \xff\r\n"
        b"x-d: a\x1b\x00b\r\nx-e:\r\nx-f: 1\r\n 2\r\nContent-Length: 3\r\n\r\n\x00\xff!"
    )
    found = response(await sender(request(f"http://127.0.0.1:{port}/")))
    assert (found.status, found.body, found.http_version) == (418, b"\x00\xff!", "1.1")
    assert found.headers == (
        ("X-A", "1"),
        ("X-A", "2"),
        ("X-B", "é"),
        ("X-C", "\ufffd"),
        ("X-D", "a\x1b\x00b"),
        ("X-E", ""),
        ("X-F", "1 2"),
        ("Content-Length", "3"),
    )
    timing = found.timing
    assert timing.started_at == NOW
    assert timing.connected_ms is not None
    assert timing.written_ms is not None
    assert timing.first_byte_ms is not None
    stages = (0, timing.connected_ms, timing.written_ms, timing.first_byte_ms, timing.total_ms)
    assert list(stages) == sorted(stages)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_not_followed(server: RawServer, sender: Sender, status: int) -> None:
    moved = f"HTTP/1.1 {status} Moved\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n"
    assert (await answered(sender, server, moved.encode())).status == status
    assert len(server.heads) == 1


async def test_an_answer_that_comes_before_the_body_is_sent_is_the_answer(
    server: RawServer, sender: Sender
) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")

    port = await server.start(handle)
    outcome = await sender(request(f"http://127.0.0.1:{port}/", body=b"x" * 50_000_000))
    assert (response(outcome).status, response(outcome).timing.written_ms) == (413, None)


# What is no answer

MALFORMED = {
    "another protocol": b"hello, I do not speak HTTP\r\n\r\n",
    "a TLS alert": b"\x15\x03\x01\x00\x02\x02\x46",
    "bytes": b"\x00\xff\x16\x03\x01\r\n\r\n",
    "no number": b"HTTP/1.1 abc OK\r\n\r\n",
    "a long number": b"HTTP/1.1 2000 OK\r\n\r\n",
    "a short number": b"HTTP/1.1 20 OK\r\n\r\n",
    "a status of 0": b"HTTP/1.1 000 OK\r\nContent-Length: 0\r\n\r\n",
    "an odd version": b"HTTP/9.9.9 200 OK\r\n\r\n",
    "a line without colon": b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n",
    "a name with a space": b"HTTP/1.1 200 OK\r\nX A: 1\r\n\r\n",
    "a length of many": b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
    "a negative length": b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    "an endless length": b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "a chunk of no size": CHUNKED + b"zz\r\n",
    "a chunk of endless size": CHUNKED + b"fffffffffffffffff\r\n",
    "a chunk that does not end": CHUNKED + b"3\r\nabcdef\r\n",
    "10,000 header lines": b"HTTP/1.1 200 OK\r\n" + b"X-A: 1\r\n" * 10_000 + b"\r\n",
    "10,000 trailers": CHUNKED + b"0\r\n" + b"X-A: 1\r\n" * 10_000 + b"\r\n",
    "a trailer of 1 MB": CHUNKED + b"0\r\n" + b"x" * 1_000_000 + b": 1\r\n\r\n",
    "a chunk extension of 1 MB": CHUNKED + b"1;" + b"x" * 1_000_000 + b"\r\na\r\n0\r\n\r\n",
    "a header of 1 MB": b"HTTP/1.1 200 OK\r\nX-A: " + b"x" * 1_000_000 + b"\r\n\r\n",
    "a name of 1 MB": b"HTTP/1.1 200 OK\r\n" + b"x" * 1_000_000 + b": 1\r\n\r\n",
    "a reason of 1 MB": b"HTTP/1.1 200 " + b"x" * 1_000_000 + b"\r\n\r\n",
    "endless hints": b"HTTP/1.1 103 Early Hints\r\nX-A: 1\r\n\r\n" * 50_000,
    "no gzip": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
    "half a gzip": b"HTTP/1.0 200 OK\r\nContent-Encoding: gzip\r\n\r\n"
    + gzip.compress(bytes(range(200)))[:100],
}


@pytest.mark.parametrize("answer", MALFORMED.values(), ids=MALFORMED.keys())
async def test_an_answer_that_is_not_http_is_a_bad_response(
    server: RawServer, sender: Sender, answer: bytes
) -> None:
    port = await server.answering(answer)
    failed = failure(await sender(request(f"http://127.0.0.1:{port}/")))
    assert failed.reason == Reason.BAD_RESPONSE
    assert failed.detail.startswith('Post "http://published/x": ')
    assert len(failed.detail) < 300
    assert failed.detail.isprintable()


async def test_what_is_not_http_is_quoted(server: RawServer, sender: Sender) -> None:
    port = await server.answering(b"SSH-2.0-OpenSSH_9.6\r\n")
    failed = failure(await sender(request(f"http://127.0.0.1:{port}/")))
    assert failed.detail == (
        'Post "http://published/x": malformed HTTP response '
        r'"SSH-2.0-OpenSSH_9.6\r\n": Expected HTTP/, RTSP/ or ICE/'
    )


# Limits


@pytest.mark.parametrize("size", [MAX_BODY, MAX_BODY + 1])
async def test_a_body_is_cut_at_the_limit_and_that_is_said(
    server: RawServer, sender: Sender, size: int
) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode()
    found = await answered(sender, server, head + b"x" * size)
    assert (len(found.body), found.truncated) == (MAX_BODY, size > MAX_BODY)


@pytest.mark.parametrize("chunked", [True, False])
async def test_of_a_body_of_200_mb_only_the_beginning_is_read(
    server: RawServer, sender: Sender, chunked: bool
) -> None:
    written = 0

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        await server.read(reader)
        length = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: 200000000"
        writer.write(b"HTTP/1.1 200 OK\r\n" + length + b"\r\n\r\n")
        piece = b"x" * 100_000
        while written < 200_000_000:
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
            await writer.drain()
            written += len(piece)

    port = await server.start(handle)
    found = response(await sender(request(f"http://127.0.0.1:{port}/")))
    assert (len(found.body), found.truncated) == (MAX_BODY, True)
    assert written < 50_000_000


async def test_a_head_of_a_thousand_lines_is_read(server: RawServer, sender: Sender) -> None:
    head = b"HTTP/1.1 200 OK\r\n" + b"X-A: 1\r\n" * 999 + b"Content-Length: 0\r\n\r\n"
    assert len((await answered(sender, server, head)).headers) == 1_000


async def test_a_header_of_200_kb_is_read(server: RawServer, sender: Sender) -> None:
    value = b"x" * 200_000
    head = b"HTTP/1.1 200 OK\r\nX-A: " + value + b"\r\nContent-Length: 0\r\n\r\n"
    assert (await answered(sender, server, head)).headers[0] == ("X-A", value.decode())
