"""Clients that say no more, or are not there any more: through raw sockets."""

import asyncio
import json
import logging
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO

import pytest

from tests.api.conftest import TOKENS, Api
from tests.conftest import App, LocalServer
from tests.patience import PATIENCE_S

TOKEN = TOKENS["defaultUser"]
NOWHERE = "http://127.0.0.1:1/"
LONG = "/_dev/wait?filter=state:delivered&timeout_ms=600000"


def request(line: str, body: bytes = b"", *headers: str) -> bytes:
    named = ["Host: localhost", f"Authorization: Bearer {TOKEN}", *headers]
    if not any("chunked" in name for name in named):
        named.append(f"Content-Length: {len(body)}")
    return "\r\n".join([f"{line} HTTP/1.1", *named, "", ""]).encode() + body


async def half_closed(port: int, said: bytes) -> bytes:
    """All that comes back to a client that ends its side of the connection after it spoke."""
    async with asyncio.timeout(PATIENCE_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(said)
        writer.write_eof()
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
    return answer


BATCH = json.dumps(
    [{"destination": NOWHERE, "headers": {"Upstash-Delay": "1h"}} for _ in range(500)]
).encode()
DELAYED = f"POST /v2/publish/{NOWHERE}?upstash-delay=1h"
CHUNKED = "Transfer-Encoding: chunked"

SAID = {
    "without a body": (request("GET /v2/keys"), ["200"]),
    "of HTTP/1.0": (b"GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n", ["200"]),
    "with a body": (request(DELAYED, b"x" * 300_000), ["200"]),
    "with a body in chunks": (request(DELAYED, b"3\r\nabc\r\n0\r\n\r\n", CHUNKED), ["200"]),
    "that takes long": (request("POST /v2/batch", BATCH), ["200"]),
    "that is refused": (request("GET /v2/nothing"), ["404"]),
    "that is invited to send its body": (
        request(DELAYED, b"x", "Expect: 100-continue"),
        ["100", "200"],
    ),
    "three at once": (
        request("GET /v2/keys") + request(DELAYED, b"x") + request("GET /v2/nothing"),
        ["200", "200", "404"],
    ),
    "that is no HTTP": (b"hello\r\n\r\n", ["400"]),
    "of which the head is not whole": (b"GET /v2/keys HTTP/1.1\r\nHost: l", []),
    "of which the body is not whole": (request(DELAYED, b"xy")[:-1], []),
    "that has nothing to say": (b"", []),
}


@pytest.mark.parametrize("name", SAID)
async def test_who_says_no_more_after_a_request_gets_the_answer(api: Api, name: str) -> None:
    said, statuses = SAID[name]
    answer = await half_closed(api.port, said)
    begun = [status.decode() for status in re.findall(rb"HTTP/1\.[01] (\d+) ", answer)]
    assert begun == statuses
    assert not statuses or answer.endswith((b"}", b"]"))


HEADS = {
    "on a connection that stays": (request("GET /v2/keys"), []),
    "to a HEAD": (request("HEAD /v2/keys"), ["Allow"]),
    "on a connection that ends": (
        request("GET /v2/keys", b"", "Connection: close"),
        ["Connection"],
    ),
    "to HTTP/1.0": (request("GET /v2/keys").replace(b"HTTP/1.1", b"HTTP/1.0"), []),
    "to a cache": (request("GET /health"), ["Cache-Control"]),
}


@pytest.mark.parametrize("name", HEADS)
async def test_the_head_of_an_answer_says_what_is_needed(api: Api, name: str) -> None:
    said, more = HEADS[name]
    head, _, body = (await half_closed(api.port, said)).partition(b"\r\n\r\n")
    named = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    assert set(named) == {"Content-Type", "Content-Length", "Date", *more}
    assert named["Content-Type"] == "application/json"
    assert len(body) == (0 if said.startswith(b"HEAD") else int(named["Content-Length"]))


async def test_who_says_no_more_gets_a_large_answer_whole(api: Api) -> None:
    body = b"x" * 9_000_000
    message_id = await api.publish(NOWHERE, BytesIO(body), delay="1h")
    answer = await half_closed(api.port, request(f"GET /_dev/messages/{message_id}/body"))
    assert answer.partition(b"\r\n\r\n")[2] == body


async def test_a_process_of_its_own_answers_who_says_no_more(server: LocalServer) -> None:
    """There the loop is another one."""
    for said, status in (SAID["three at once"], SAID["of which the body is not whole"]):
        answer = await half_closed(server.port, said)
        assert answer.count(b"HTTP/1.1 ") == len(status)


async def test_who_says_no_more_follows_the_events(api: Api) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
    writer.write(request("GET /_dev/events"))
    writer.write_eof()
    async with asyncio.timeout(PATIENCE_S):
        await reader.readuntil(b"\r\n\r\n")
        message_id = await api.publish(NOWHERE, delay="1h")
        assert await reader.readuntil(message_id.encode())
    writer.close()
    await writer.wait_closed()


# Long calls


async def test_a_wait_of_who_says_no_more_tells_at_once_what_there_is(api: Api) -> None:
    answer = await half_closed(api.port, request(f"GET {LONG}"))
    assert json.loads(answer.rpartition(b"\r\n")[2]) == {"met": False, "rows": [], "nearest": ""}


def at_work() -> set[asyncio.Task[object]]:
    """The requests that are being answered."""
    return {task for task in asyncio.all_tasks() if "_handle_request" in repr(task.get_coro())}


@asynccontextmanager
async def long_call(api: Api, said: bytes) -> AsyncIterator[tuple[socket.socket, set]]:
    """A client in the middle of a long call, and the server's work for it."""
    others = at_work()
    with socket.create_connection(("127.0.0.1", api.port)) as client:
        client.sendall(said)
        while not (work := at_work() - others):
            await api.ok("GET", "/v2/keys")
        yield client, work


@pytest.mark.parametrize("abruptly", [False, True])
@pytest.mark.parametrize("call", ["wait", "advance", "skip"])
async def test_a_long_call_ends_when_its_client_has_gone(
    api: Api, app: App, call: str, abruptly: bool
) -> None:
    hold = asyncio.Event()
    await api.publish(app.answers("/slow", {"hold": hold}))
    await app.one("/slow")
    order = {"advance_ms": 60_000} if call == "advance" else {"skip": True}
    said = request("POST /_dev/clock", json.dumps({**order, "wait_ms": 600_000}).encode())
    async with long_call(api, request(f"GET {LONG}") if call == "wait" else said) as found:
        client, work = found
        if abruptly:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.wait(work)
    hold.set()


async def test_a_wait_ends_when_more_is_said_behind_it_than_is_heard(api: Api) -> None:
    said = request(f"GET {LONG}") + 1_000 * request("GET /v2/nothing")
    async with long_call(api, said) as (client, work):
        client.close()
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.wait(work)


async def test_an_order_to_the_clock_of_who_left_before_its_turn_is_not_obeyed(
    api: Api, app: App
) -> None:
    hold = asyncio.Event()
    await api.publish(app.answers("/slow", {"hold": hold}))
    await app.one("/slow")

    def order(ms: int) -> bytes:
        return request("POST /_dev/clock", json.dumps({"advance_ms": ms}).encode())

    async with long_call(api, order(1)), long_call(api, order(3_600_000)) as (client, work):
        client.close()
        hold.set()
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.wait(work)
    assert (await api.ok("GET", "/_dev/clock"))["offset_ms"] == 1


# Clients that go away


@pytest.mark.parametrize("abruptly", [False, True])
@pytest.mark.parametrize("headers", [(), (CHUNKED,)], ids=["length", "chunks"])
async def test_a_client_that_goes_away_in_its_body_is_one_line_for_who_debugs(
    api: Api, headers: tuple[str, ...], abruptly: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "qstash_dev")
    said = request(f"POST /v2/publish/{NOWHERE}?qstash_token={TOKEN}", b"9\r\nhalf", *headers)
    if not headers:
        said = said.replace(b"Content-Length: 7", b"Content-Length: 100")
    async with long_call(api, said) as (client, work):
        if abruptly:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.wait(work)
    [line] = [record for record in caplog.records if record.name == "qstash_dev.api.listener"]
    assert (line.levelname, line.exc_info) == ("DEBUG", None)
    assert line.getMessage() == f"POST /v2/publish/{NOWHERE}: the client went away"
    assert (await api.ok("GET", "/_dev/snapshot"))["counts"]["messages"] == 0


async def test_a_reader_of_events_that_left_before_the_answer_is_no_fault_of_ours(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "qstash_dev")
    said = request("GET /_dev/events", b"half").replace(b"Content-Length: 4", b"Content-Length: 9")
    assert await half_closed(api.port, said) == b""
    lines = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert lines == [("DEBUG", "GET /_dev/events: the client went away")]


async def test_a_client_that_speaks_tls_is_told_of(api: Api) -> None:
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"
    assert b" 400 " in await half_closed(api.port, hello)
    notice = (await api.ok("GET", "/_dev/snapshot"))["server"]["notice"]
    assert "does QSTASH_URL begin with https://?" in notice["text"]


@pytest.mark.parametrize("version", ["", " HTTP/0.9", " HTTP/2.0"])
async def test_a_version_that_nobody_speaks_is_refused_in_http_that_all_understand(
    api: Api, version: str
) -> None:
    line = f"POST /v2/publish/{NOWHERE}?qstash_token={TOKEN}"
    answer = await half_closed(api.port, request(line).replace(b" HTTP/1.1", version.encode()))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert re.match(rb"HTTP/1\.[01] 400 ", head)
    assert json.loads(body)["error"].startswith("invalid HTTP request: ")
    assert (await api.ok("GET", "/_dev/snapshot"))["counts"]["messages"] == 0
