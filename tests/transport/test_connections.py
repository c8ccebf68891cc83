"""Which connection a request gets: one that was used before, a new one, to which address, over TLS."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from time import perf_counter

import pytest

from qstash_dev.protocol.model import Reason
from qstash_dev.transport.deadline import Deadline
from qstash_dev.transport.delivery import Sender
from qstash_dev.transport.http import Client
from qstash_dev.transport.stages import Stages
from tests.raw_server import OK, RawServer
from tests.transport.sending import LARGE, failure, request, response

# Use again


async def test_a_connection_is_used_again(server: RawServer, sender: Sender) -> None:
    port = await server.answering(OK, OK)
    for _ in range(2):
        assert response(await sender(request(f"http://127.0.0.1:{port}/"))).status == 200
    assert server.connections == 1


async def test_each_of_several_requests_at_once_has_its_own(
    server: RawServer, sender: Sender
) -> None:
    port = await server.answering(OK, OK)
    for _ in range(2):
        requests = (sender(request(f"http://127.0.0.1:{port}/")) for _ in range(10))
        assert all(map(response, await asyncio.gather(*requests)))
    assert (server.connections, len(server.heads)) == (10, 20)


async def test_another_name_or_port_has_connections_of_its_own(
    server: RawServer, sender: Sender
) -> None:
    port, other = await server.answering(OK, OK), await server.answering(OK, OK)
    for place in (f"127.0.0.1:{port}", f"localhost:{port}", f"127.0.0.1:{other}"):
        response(await sender(request(f"http://{place}/")))
    assert server.connections == 3


class Listener:
    """An app whose every step the test makes, also while our event loop stands still."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.setblocking(False)
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/"

    async def answer(self, connection: socket.socket | None = None) -> socket.socket:
        """Read a request, over a new connection unless one is given, and answer it."""
        loop = asyncio.get_running_loop()
        if connection is None:
            connection, _ = await loop.sock_accept(self._socket)
            connection.setblocking(False)
        assert b"\r\n\r\n" in await loop.sock_recv(connection, 10_000)
        connection.sendall(OK)
        return connection

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    listener = Listener()
    yield listener
    listener.close()


@pytest.mark.parametrize("last_word", [b"", b"HTTP/1.1 408 Timeout\r\nContent-Length: 0\r\n\r\n"])
async def test_a_connection_whose_end_can_be_seen_is_not_used(
    listener: Listener, sender: Sender, last_word: bytes
) -> None:
    first, app = await asyncio.gather(sender(request(listener.url)), listener.answer())
    assert response(first).body == b"ok"
    app.sendall(last_word)
    app.close()  # and our event loop has no time to notice
    second, app = await asyncio.gather(sender(request(listener.url)), listener.answer())
    assert response(second).body == b"ok"
    app.close()


async def test_a_connection_that_was_closed_while_it_was_idle_is_not_used(
    server: RawServer, sender: Sender
) -> None:
    port = await server.answering(OK)  # which closes
    for _ in range(3):
        assert response(await sender(request(f"http://127.0.0.1:{port}/"))).status == 200
    assert server.connections == 3


async def test_an_app_that_dies_in_the_handler_has_not_had_the_request_twice(
    listener: Listener, sender: Sender
) -> None:
    first, app = await asyncio.gather(sender(request(listener.url)), listener.answer())
    assert response(first)
    attempt = asyncio.ensure_future(sender(request(listener.url)))
    assert await asyncio.get_running_loop().sock_recv(app, 10_000)
    app.close()
    assert failure(await attempt).reason == Reason.RESET
    third, app = await asyncio.gather(sender(request(listener.url)), listener.answer())
    assert response(third)
    app.close()


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    """Keeps connections for a twentieth of a second."""
    client = Client(1_000, idle_s=0.05)
    yield client
    await client.close()


async def test_an_idle_connection_is_closed_in_time(server: RawServer, client: Client) -> None:
    closed = asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.read(reader)
        writer.write(OK)
        await reader.read()
        closed.set()

    port = await server.start(handle)
    stages = Stages(60)
    await client.request("GET", f"http://127.0.0.1:{port}/", (), b"", stages)
    await closed.wait()
    assert stages.done is not None
    assert perf_counter() - stages.done >= 0.05
    await client.request("GET", f"http://127.0.0.1:{port}/", (), b"", Stages(60))
    assert server.connections == 2


async def test_the_time_of_an_idle_connection_is_over_while_it_is_used_again(
    server: RawServer, client: Client
) -> None:
    """The moment that was set for the idle connection does not end the request after it."""
    end = asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.read(reader)
        writer.write(OK)
        await server.read(reader)
        asyncio.get_running_loop().call_later(0.1, end.set)
        await end.wait()
        writer.write(OK)

    port = await server.start(handle)
    for _ in range(2):
        answer = await client.request("GET", f"http://127.0.0.1:{port}/", (), b"", Stages(60))
        assert answer.status == 200
    assert server.connections == 1


@pytest.mark.parametrize(
    ("header", "connections"),
    [
        ("Keep-Alive: timeout=5", 1),
        ("keep-alive: max=100, Timeout = 5", 1),
        ("Keep-Alive: timeout=1", 2),
        ("Keep-Alive: timeout=0", 2),
        ("Keep-Alive: max=100", 1),
        ("Keep-Alive: timeout=soon", 1),
        ("Connection: close", 2),
    ],
)
async def test_an_app_says_for_how_long_it_keeps_connections(
    server: RawServer, sender: Sender, header: str, connections: int
) -> None:
    answer = f"HTTP/1.1 200 OK\r\n{header}\r\nContent-Length: 0\r\n\r\n".encode()
    port = await server.answering(answer, answer)
    for _ in range(2):
        response(await sender(request(f"http://127.0.0.1:{port}/")))
    assert server.connections == connections


async def test_a_connection_that_was_answered_too_early_is_not_used_again(
    server: RawServer, sender: Sender
) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        await reader.read()

    port = await server.start(handle)
    for _ in range(2):
        assert response(await sender(request(f"http://127.0.0.1:{port}/", body=LARGE * 3)))
    assert server.connections == 2


async def test_a_client_that_is_closed_ends_its_requests(server: RawServer) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.read(reader)
        await reader.read()

    sender = Sender(lambda: 0, 1_000)
    port = await server.start(handle)
    attempt = asyncio.ensure_future(sender(request(f"http://127.0.0.1:{port}/")))
    while not server.heads:
        await asyncio.sleep(0)
    await sender.close()
    assert failure(await attempt).reason == Reason.RESET


# When the time comes


async def test_a_deadline_that_is_put_off_does_not_come_early() -> None:
    passed = asyncio.Event()
    deadline = Deadline(passed.set)
    start = perf_counter()
    for ms in (10, 10_000, 20, 30):
        deadline.set(start + ms / 1_000)
    await passed.wait()
    assert perf_counter() - start >= 0.03


# Addresses


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True


ipv6 = pytest.mark.skipif(not has_ipv6(), reason="no IPv6")


@pytest.mark.parametrize("listens", ["127.0.0.1", pytest.param("::1", marks=ipv6)])
@pytest.mark.parametrize("host", ["localhost", "app.localhost", "LOCALHOST."])
async def test_localhost_is_found_on_both_addresses(
    server: RawServer, sender: Sender, listens: str, host: str
) -> None:
    port = await server.answering(OK, host=listens)
    assert response(await sender(request(f"http://{host}:{port}/"))).status == 200


@ipv6
async def test_an_ipv6_address_is_a_host(server: RawServer, sender: Sender) -> None:
    port = await server.answering(OK, host="::1")
    assert response(await sender(request(f"http://[::1]:{port}/a"))).status == 200
    assert f"\r\nHost: [::1]:{port}\r\n".encode() in server.heads[0]


@pytest.fixture
def own_name() -> tuple[str, str]:
    """A name that has to be looked up, and its address: this machine's."""
    name = socket.gethostname()
    try:
        return name, socket.gethostbyname(name)
    except OSError:
        pytest.skip("this machine does not know its own name")


async def test_other_names_are_looked_up(
    server: RawServer, sender: Sender, own_name: tuple[str, str]
) -> None:
    name, address = own_name
    port = await server.answering(OK, host=address)
    assert response(await sender(request(f"http://{name}:{port}/"))).status == 200


# TLS


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "app.localhost"])
async def test_a_self_signed_certificate_on_this_machine_is_accepted(
    server: RawServer, sender: Sender, tls: ssl.SSLContext, host: str
) -> None:
    port = await server.answering(OK, OK, tls=tls)
    for _ in range(2):
        assert response(await sender(request(f"https://{host}:{port}/"))).body == b"ok"
    assert server.connections == 1


async def test_a_large_body_goes_over_tls(
    server: RawServer, sender: Sender, tls: ssl.SSLContext
) -> None:
    port = await server.answering(OK, tls=tls)
    response(await sender(request(f"https://127.0.0.1:{port}/", body=LARGE)))
    assert server.bodies == [LARGE]


async def test_a_self_signed_certificate_of_another_machine_is_refused(
    server: RawServer, sender: Sender, tls: ssl.SSLContext, own_name: tuple[str, str]
) -> None:
    name, address = own_name
    port = await server.answering(OK, host=address, tls=tls)
    failed = failure(await sender(request(f"https://{name}:{port}/")))
    assert failed.reason == Reason.TLS
    assert "certificate verify failed: self-signed certificate" in failed.detail
    assert server.heads == []


async def test_a_trusted_certificate_of_another_machine_is_accepted(
    server: RawServer,
    sender: Sender,
    tls: ssl.SSLContext,
    own_name: tuple[str, str],
    certificate: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    name, address = own_name
    port = await server.answering(OK, host=address, tls=tls)
    assert response(await sender(request(f"https://{name}:{port}/"))).status == 200
