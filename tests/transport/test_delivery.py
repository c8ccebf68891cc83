"""The HTTP client against a server that misbehaves in every way: an outcome, never an exception."""

import asyncio
import gzip
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from qstash_dev.protocol.model import Headers, Outcome, Reason, Request, Response, SendFailure
from qstash_dev.transport.delivery import Sender
from tests.ports import reserved_port
from tests.raw_server import OK, RawServer

MAX_BODY = 1_000_000
NOW = 1_787_313_600_000


@pytest.fixture
async def server() -> AsyncIterator[RawServer]:
    async with AsyncExitStack() as stack:
        yield RawServer(stack)


@pytest.fixture
async def sender() -> AsyncIterator[Sender]:
    sender = Sender(lambda: NOW, MAX_BODY)
    yield sender
    await sender.close()


def request(
    target: str,
    method: str = "POST",
    headers: Headers = (("User-Agent", "Upstash-QStash"), ("Upstash-Message-Id", "msg_1")),
    body: bytes = b"{}",
    timeout_ms: int = 10_000,
) -> Request:
    return Request(method, "http://published/x", target, headers, body, timeout_ms)


def failure(outcome: Outcome) -> SendFailure:
    assert isinstance(outcome, SendFailure), outcome
    return outcome


def response(outcome: Outcome) -> Response:
    assert isinstance(outcome, Response), outcome
    return outcome


# What is sent


async def test_the_request_is_sent_byte_for_byte_and_nothing_is_added(
    server: RawServer, sender: Sender
) -> None:
    port = await server.answering(OK)
    target = f"http://127.0.0.1:{port}//a/../%41%2f?b=%20+&c=é%FF&&".replace("é", "%C3%A9")
    headers = (
        ("Content-Type", "text/x"),
        ("X-A", "1"),
        ("X-E", "é"),
        ("X-A", "2"),
        ("User-Agent", "U"),
    )
    await sender(request(target, "PUT", headers, b"\x00\xff"))
    path = target.removeprefix(f"http://127.0.0.1:{port}")
    assert server.heads[0].decode().split("\r\n") == [
        f"PUT {path} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "Content-Type: text/x",
        "X-A: 1",
        "X-E: é",
        "X-A: 2",
        "User-Agent: U",
        "Content-Length: 2",
        "",
        "",
    ]
    assert server.bodies == [b"\x00\xff"]


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("http://127.0.0.1:{}", b"POST / HTTP/1.1"),
        ("http://127.0.0.1:{}?x=1", b"POST /?x=1 HTTP/1.1"),
        ("http://127.0.0.1:{}/p#fragment", b"POST /p HTTP/1.1"),
    ],
)
async def test_a_url_without_path_asks_for_the_root(
    server: RawServer, sender: Sender, url: str, line: bytes
) -> None:
    port = await server.answering(OK)
    assert response(await sender(request(url.format(port)))).status == 200
    assert server.heads[0].split(b"\r\n")[0] == line


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("body", [b"", b"body"])
async def test_any_method_with_and_without_a_body(
    server: RawServer, sender: Sender, method: str, body: bytes
) -> None:
    port = await server.answering(OK)
    outcome = await sender(request(f"http://127.0.0.1:{port}/", method, body=body))
    assert response(outcome).body == b"ok"
    assert server.bodies == [body]
    assert b"content-type" not in server.heads[0].lower()
    assert b"transfer-encoding" not in server.heads[0].lower()


async def test_a_body_of_ten_megabytes_arrives_whole(server: RawServer, sender: Sender) -> None:
    port = await server.answering(OK)
    body = bytes(range(256)) * 40_000
    await sender(request(f"http://127.0.0.1:{port}/", body=body))
    assert server.bodies == [body]


@pytest.mark.parametrize(
    ("headers", "authorization"),
    [
        ((), b"Basic dXMgZXI6cHc="),  # us er:pw
        ((("authorization", "Bearer x"),), b"Bearer x"),
    ],
)
async def test_credentials_in_the_url_are_sent_unless_a_header_has_others(
    server: RawServer, sender: Sender, headers: Headers, authorization: bytes
) -> None:
    port = await server.answering(OK)
    target = f"http://us%20er:pw@127.0.0.1:{port}//a%2fb?c=%41"
    assert response(await sender(request(target, headers=headers))).status == 200
    head = server.heads[0]
    assert head.startswith(b"POST //a%2fb?c=%41 HTTP/1.1\r\n")
    assert head.lower().count(b"authorization: ") == 1
    assert authorization in head


async def test_cookies_of_one_answer_are_not_sent_with_the_next_request(
    server: RawServer, sender: Sender
) -> None:
    setting = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n"
    port = await server.answering(setting, OK)
    await sender(request(f"http://127.0.0.1:{port}/"))
    await sender(request(f"http://127.0.0.1:{port}/"))
    assert b"cookie" not in server.heads[1].lower()


# What comes back


async def test_an_answer_is_told_with_canonical_names_and_its_times(
    server: RawServer, sender: Sender
) -> None:
    port = await server.answering(
        b"HTTP/1.1 418 short and stout\r\nx-a: 1\r\nX-A: 2\r\nx-b:  \xc3\xa9 \r\nx-c: \xff\r\n"
        b"Content-Length: 3\r\n\r\n\x00\xff!"
    )
    found = response(await sender(request(f"http://127.0.0.1:{port}/")))
    assert (found.status, found.body, found.http_version) == (418, b"\x00\xff!", "1.1")
    assert found.headers == (
        ("X-A", "1"),
        ("X-A", "2"),
        ("X-B", "é"),
        ("X-C", "\ufffd"),
        ("Content-Length", "3"),
    )
    timing = found.timing
    assert timing.started_at == NOW
    assert timing.connected_ms is not None
    assert timing.first_byte_ms is not None
    assert 0 <= timing.connected_ms <= timing.first_byte_ms <= timing.total_ms


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", 200, b"until the end"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, 200, b"ok"),
        (b"HTTP/1.1 500 \r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 500, b"abc"),
        (b"HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n", 999, b""),
    ],
)
async def test_unusual_answers_are_understood(
    server: RawServer, sender: Sender, answer: bytes, status: int, body: bytes
) -> None:
    port = await server.answering(answer)
    found = response(await sender(request(f"http://127.0.0.1:{port}/")))
    assert (found.status, found.body, found.truncated) == (status, body, False)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_redirects_are_not_followed(server: RawServer, sender: Sender, status: int) -> None:
    port = await server.answering(
        f"HTTP/1.1 {status} Moved\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n".encode(), OK
    )
    assert response(await sender(request(f"http://127.0.0.1:{port}/"))).status == status
    assert len(server.heads) == 1


def compressed(body: bytes, coding: str = "gzip") -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def test_a_compressed_body_is_decoded(server: RawServer, sender: Sender) -> None:
    port = await server.answering(compressed(gzip.compress(b"plain text")))
    assert response(await sender(request(f"http://127.0.0.1:{port}/"))).body == b"plain text"


async def test_of_a_decompression_bomb_only_the_beginning_is_kept(
    server: RawServer, sender: Sender
) -> None:
    port = await server.answering(compressed(gzip.compress(b"\0" * 100_000_000)))
    found = response(await sender(request(f"http://127.0.0.1:{port}/")))
    assert (len(found.body), found.truncated) == (MAX_BODY, True)


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


# What goes wrong


@pytest.mark.parametrize(
    "answer",
    [
        b"hello, I do not speak HTTP\r\n\r\n",
        b"\x00\xff\x16\x03\x01\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/9.9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X-A: 1\r\n" * 10_000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX-A: " + b"x" * 1_000_000 + b"\r\n\r\n",
        compressed(b"this is not gzip"),
        compressed(gzip.compress(b"plain text" * 100, mtime=0)[:40]) + b"\0" * 8,
    ],
)
async def test_an_answer_that_is_not_http_is_a_bad_response(
    server: RawServer, sender: Sender, answer: bytes
) -> None:
    port = await server.answering(answer)
    failed = failure(await sender(request(f"http://127.0.0.1:{port}/")))
    assert failed.reason == Reason.BAD_RESPONSE
    assert failed.detail.startswith('Post "http://published/x": ')
    assert len(failed.detail) < 2_000
    assert "\n" not in failed.detail


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (b"", "the connection was closed before an answer came: EOF"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "EOF"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
            "unexpected EOF: the connection was closed in the middle of the body",
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort",
            "unexpected EOF: the connection was closed in the middle of the body",
        ),
    ],
)
async def test_a_connection_that_ends_too_early_is_a_reset(
    server: RawServer, sender: Sender, answer: bytes, text: str
) -> None:
    port = await server.answering(answer)
    failed = failure(await sender(request(f"http://127.0.0.1:{port}/")))
    assert failed.reason == Reason.RESET
    assert text in failed.detail
    assert server.connections == 1


async def test_an_aborted_connection_is_a_reset(server: RawServer, sender: Sender) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.read(reader)
        writer.transport.abort()

    port = await server.start(handle)
    failed = failure(await sender(request(f"http://127.0.0.1:{port}/")))
    assert failed.reason == Reason.RESET


@pytest.mark.parametrize(
    "beginning", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"]
)
async def test_an_answer_that_does_not_come_or_does_not_end_times_out(
    server: RawServer, sender: Sender, beginning: bytes
) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.read(reader)
        writer.write(beginning)
        await reader.read()  # until the client gives up

    port = await server.start(handle)
    failed = failure(await sender(request(f"http://127.0.0.1:{port}/", timeout_ms=100)))
    assert failed.reason == Reason.TIMEOUT
    assert failed.detail == (
        'Post "http://published/x": context deadline exceeded: '
        "no complete answer within 0.1 seconds"
    )
    assert failed.timing.total_ms >= 100


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_nobody_listens(sender: Sender, host: str) -> None:
    with reserved_port() as port:
        failed = failure(await sender(request(f"http://{host}:{port}/")))
    assert failed.reason == Reason.REFUSED
    assert failed.detail == (
        f'Post "http://published/x": dial tcp {host}:{port}: connect: connection refused'
    )
    assert failed.timing.connected_ms is None


@pytest.mark.parametrize("host", ["nowhere.invalid", "a" * 64 + ".example", "b%C3%BCcher.invalid"])
async def test_a_name_that_does_not_resolve(sender: Sender, host: str) -> None:
    failed = failure(await sender(request(f"http://{host}/")))
    assert failed.reason == Reason.DNS
    assert failed.detail.startswith(f'Post "http://published/x": dial tcp: lookup {host}: ')


async def test_an_impossible_port_is_an_outcome_too(sender: Sender) -> None:
    assert failure(await sender(request("http://127.0.0.1:0/")))


# Connections


async def test_a_connection_is_used_again(server: RawServer, sender: Sender) -> None:
    port = await server.answering(OK, OK)
    for _ in range(2):
        assert response(await sender(request(f"http://127.0.0.1:{port}/"))).status == 200
    assert server.connections == 1


async def test_an_idle_connection_that_closes_as_it_is_used_is_no_failure(
    server: RawServer, sender: Sender
) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.read(reader)
        writer.write(OK)
        await reader.readuntil(b"\r\n\r\n")  # the next request finds a closing socket

    port = await server.start(handle)
    for _ in range(2):
        assert response(await sender(request(f"http://127.0.0.1:{port}/"))).status == 200
    assert (server.connections, len(server.heads)) == (2, 2)


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.parametrize(
    "listens",
    ["127.0.0.1", pytest.param("::1", marks=pytest.mark.skipif(not has_ipv6(), reason="no IPv6"))],
)
@pytest.mark.parametrize("host", ["localhost", "app.localhost", "LOCALHOST."])
async def test_localhost_is_found_on_both_addresses(
    server: RawServer, sender: Sender, listens: str, host: str
) -> None:
    port = await server.answering(OK, host=listens)
    assert response(await sender(request(f"http://{host}:{port}/"))).status == 200


# TLS


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """A certificate that an app on this machine made for itself."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("there is no openssl to make a certificate with")
    directory: Path = tmp_path_factory.mktemp("tls")
    key, certificate = directory / "key.pem", directory / "certificate.pem"
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    files = ["-subj", "/CN=localhost", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*command, *files], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_a_self_signed_certificate_on_this_machine_is_accepted(
    server: RawServer, sender: Sender, tls: ssl.SSLContext, host: str
) -> None:
    port = await server.answering(OK, tls=tls)
    assert response(await sender(request(f"https://{host}:{port}/"))).body == b"ok"


async def test_https_to_a_server_that_speaks_http(server: RawServer, sender: Sender) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(OK)

    port = await server.start(handle)
    failed = failure(await sender(request(f"https://127.0.0.1:{port}/")))
    assert failed.reason == Reason.TLS
    assert "tls: " in failed.detail
