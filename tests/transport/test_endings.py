"""Every way for a connection to end before the answer does, and time that runs out, as tables.

Whatever happens: one attempt is at most one request on the wire.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack
from urllib.parse import unquote

import pytest

from qstash_dev.protocol.model import Reason
from qstash_dev.transport.delivery import Sender
from tests.ports import reserved_port
from tests.raw_server import OK, RawServer, reset
from tests.transport.sending import LARGE, failure, request, response

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"
CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

UNANSWERED = "the connection was {} before an answer came: EOF"
UNWRITTEN = "the connection was {} before all of the request was written: EOF"
IN_HEAD = "unexpected EOF: the connection was {} in the middle of the head"
IN_BODY = "unexpected EOF: the connection was {} in the middle of the body"

# What the app sends before it goes, what we say, and the stage that was reached.
DEATHS = {
    "in the handler": (b"", UNANSWERED, "written"),
    "after a hint": (b"HTTP/1.1 100 Continue\r\n\r\n", IN_HEAD, "first byte"),
    "in the status line": (b"HTTP/1.1 2", IN_HEAD, "first byte"),
    "in a header": (b"HTTP/1.1 200 OK\r\nContent-Le", IN_HEAD, "first byte"),
    "before the body": (HEAD, IN_BODY, "first byte"),
    "in the body": (HEAD + b"short", IN_BODY, "first byte"),
    "before a chunk": (CHUNKS, IN_BODY, "first byte"),
    "in a chunk": (CHUNKS + b"5\r\nsho", IN_BODY, "first byte"),
    "in a chunk's size": (CHUNKS + b"5", IN_BODY, "first byte"),
    "before the last chunk": (CHUNKS + b"5\r\nshort\r\n", IN_BODY, "first byte"),
    "in a trailer": (CHUNKS + b"0\r\nX-A: ", IN_BODY, "first byte"),
}


def close(writer: asyncio.StreamWriter) -> None:
    writer.close()


@pytest.mark.parametrize("answered_before", [0, 1], ids=["new connection", "reused connection"])
@pytest.mark.parametrize(("end", "word"), [(close, "closed"), (reset, "reset")], ids=["FIN", "RST"])
@pytest.mark.parametrize(("sent", "text", "stage"), DEATHS.values(), ids=DEATHS.keys())
async def test_an_app_that_dies_has_had_the_request_once(
    server: RawServer,
    sender: Sender,
    sent: bytes,
    text: str,
    stage: str,
    end: Callable[[asyncio.StreamWriter], None],
    word: str,
    answered_before: int,
) -> None:
    is_read = asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(answered_before):
            await server.read(reader)
            writer.write(OK)
        await server.read(reader)
        writer.write(sent)
        if sent:
            await is_read.wait()  # a reset would throw away what is on the way
        end(writer)

    port = await server.start(handle)
    for _ in range(answered_before):
        response(await sender(request(f"http://127.0.0.1:{port}/")))
    attempt = asyncio.ensure_future(sender(request(f"http://127.0.0.1:{port}/")))
    while len(server.heads) <= answered_before:
        await asyncio.sleep(0)
    for _ in range(5):  # turns of the loop in which the client reads what was sent
        await asyncio.sleep(0)
    is_read.set()
    failed = failure(await attempt)
    assert failed.reason == Reason.RESET
    assert failed.detail == f'Post "http://published/x": {text.format(word)}'
    assert (server.connections, len(server.heads)) == (1, answered_before + 1)
    assert failed.timing.written_ms is not None
    assert (failed.timing.first_byte_ms is not None) == (stage == "first byte")


@pytest.mark.parametrize("read", [0, 1, 100_000])
async def test_an_app_that_dies_while_the_request_is_written(
    server: RawServer, sender: Sender, read: int
) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if read:
            await reader.readexactly(read)
        reset(writer)

    port = await server.start(handle)
    failed = failure(await sender(request(f"http://127.0.0.1:{port}/", body=LARGE)))
    assert failed.reason == Reason.RESET
    assert UNWRITTEN.format("reset") in failed.detail
    assert (server.connections, failed.timing.written_ms) == (1, None)


async def test_an_app_that_closes_at_once(server: RawServer, sender: Sender) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pass

    port = await server.start(handle)
    failed = failure(await sender(request(f"http://127.0.0.1:{port}/")))
    assert failed.reason == Reason.RESET
    assert server.connections == 1


async def test_after_a_failure_the_next_attempt_has_a_connection_of_its_own(
    server: RawServer, sender: Sender
) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.read(reader)
        if len(server.heads) == 2:
            writer.write(OK)

    port = await server.start(handle)
    failure(await sender(request(f"http://127.0.0.1:{port}/")))
    assert response(await sender(request(f"http://127.0.0.1:{port}/"))).status == 200


# Time that runs out

HANGING = {
    "no answer": b"",
    "only hints": b"HTTP/1.1 100 Continue\r\n\r\n",
    "half a head": b"HTTP/1.1 200 OK\r\n",
    "half a body": b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
    "a chunk without end": CHUNKS + b"3\r\nabc\r\n",
    "a body without end": b"HTTP/1.1 200 OK\r\n\r\nabc",
}


@pytest.mark.parametrize("beginning", HANGING.values(), ids=HANGING.keys())
async def test_an_answer_that_does_not_come_or_does_not_end_times_out(
    server: RawServer, sender: Sender, beginning: bytes
) -> None:
    ended = asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.read(reader)
        writer.write(OK)
        try:
            await server.read(reader)
            writer.write(beginning)
            await reader.read()  # until the client gives up
        finally:
            ended.set()

    url = f"http://127.0.0.1:{await server.start(handle)}/"
    response(await sender(request(url)))  # so that no time goes by until there is a connection
    failed = failure(await sender(request(url, timeout_ms=100)))
    assert failed.reason == Reason.TIMEOUT
    assert failed.detail == (
        'Post "http://published/x": context deadline exceeded: '
        "no complete answer within 0.1 seconds"
    )
    assert failed.timing.total_ms >= 100
    await ended.wait()


async def test_an_answer_that_drips_for_ever_times_out(server: RawServer, sender: Sender) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.read(reader)
        writer.write(CHUNKS)
        while not writer.is_closing():
            writer.write(b"1\r\nx\r\n")
            await asyncio.sleep(0)

    port = await server.start(handle)
    failed = failure(await sender(request(f"http://127.0.0.1:{port}/", timeout_ms=100)))
    assert failed.reason == Reason.TIMEOUT


async def test_an_app_that_does_not_read_its_request_times_out(
    server: RawServer, sender: Sender
) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        await given_up.wait()

    given_up = asyncio.Event()
    port = await server.start(handle)
    outcome = await sender(request(f"http://127.0.0.1:{port}/", body=LARGE * 3, timeout_ms=100))
    assert failure(outcome).reason == Reason.TIMEOUT
    assert failure(outcome).timing.written_ms is None
    given_up.set()


@pytest.fixture
async def full_port() -> AsyncIterator[int]:
    """A port whose queue of connections is full: the kernel does not answer further ones."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port: int = listener.getsockname()[1]
        for _ in range(2):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", port))
        yield port


async def test_a_host_that_does_not_take_connections_times_out(
    sender: Sender, full_port: int
) -> None:
    target = f"http://127.0.0.1:{full_port}/"
    failed = failure(await sender(request(target, timeout_ms=100)))
    assert failed.reason == Reason.TIMEOUT
    assert failed.detail == (
        'Post "http://published/x": context deadline exceeded: no connection within 0.1 seconds'
    )
    assert failed.timing.connected_ms is None


async def test_tls_that_does_not_come_about_times_out(server: RawServer, sender: Sender) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    port = await server.start(handle)
    failed = failure(await sender(request(f"https://127.0.0.1:{port}/", timeout_ms=100)))
    assert (failed.reason, failed.timing.connected_ms) == (Reason.TIMEOUT, None)


async def test_an_attempt_that_is_given_up_closes_its_connection(
    server: RawServer, sender: Sender
) -> None:
    closed = asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.read(reader)
        attempt.cancel()
        await reader.read()
        closed.set()

    port = await server.start(handle)
    attempt = asyncio.ensure_future(sender(request(f"http://127.0.0.1:{port}/")))
    with pytest.raises(asyncio.CancelledError):
        await attempt
    await closed.wait()


# No connection at all


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
async def test_nobody_listens(sender: Sender, host: str) -> None:
    with reserved_port() as port:
        failed = failure(await sender(request(f"http://{host}:{port}/")))
    assert failed.reason == Reason.REFUSED
    place = host.strip("[]")
    assert failed.detail == (
        f'Post "http://published/x": dial tcp {place}:{port}: connect: connection refused'
    )
    assert failed.timing.connected_ms is None


@pytest.mark.parametrize("host", ["nowhere.invalid", "a" * 64 + ".example", "b%C3%BCcher.invalid"])
async def test_a_name_that_does_not_resolve(sender: Sender, host: str) -> None:
    failed = failure(await sender(request(f"http://{host}/")))
    assert failed.reason == Reason.DNS
    looked_up = unquote(host)
    assert failed.detail.startswith(f'Post "http://published/x": dial tcp: lookup {looked_up}: ')


async def test_an_impossible_port_is_an_outcome_too(sender: Sender) -> None:
    assert failure(await sender(request("http://127.0.0.1:0/")))


# TLS


async def http(
    server: RawServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    await reader.read(10)
    writer.write(OK)


async def silence(
    server: RawServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    await reader.read(10)


@pytest.mark.parametrize("speak", [http, silence])
async def test_https_to_a_server_that_speaks_http(
    server: RawServer, sender: Sender, speak: Callable[..., Awaitable[None]]
) -> None:
    port = await server.start(lambda reader, writer: speak(server, reader, writer))
    failed = failure(await sender(request(f"https://127.0.0.1:{port}/")))
    assert failed.reason == Reason.TLS
    assert failed.detail.startswith('Post "http://published/x": tls: ')


async def test_http_to_a_server_that_speaks_tls(
    server: RawServer, sender: Sender, tls: ssl.SSLContext
) -> None:
    port = await server.answering(OK, tls=tls)
    assert failure(await sender(request(f"http://127.0.0.1:{port}/")))
