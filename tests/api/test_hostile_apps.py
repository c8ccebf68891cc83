"""Apps that misbehave: each is an outcome that can be read, and the server lives in little memory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import psutil
import pytest

from tests.api.conftest import Api
from tests.raw_server import Handler, RawServer

PIECE = b"x" * 100_000


@pytest.fixture
async def raw() -> AsyncIterator[RawServer]:
    async with AsyncExitStack() as stack:
        yield RawServer(stack)


async def attempt(api: Api, url: str, **headers: object) -> dict[str, object]:
    """The only attempt of a message to that URL."""
    message_id = await api.publish(url, b"{}", retries=0, **headers)
    await api.wait(f"id:{message_id} state:finished")
    (made,) = (await api.ok("GET", f"/_dev/messages/{message_id}"))["attempts"]
    found: dict[str, object] = made
    return found


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"hello, I do not speak HTTP\r\n\r\n", "bad-response"),
        (b"", "reset"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", "reset"),
        (b"HTTP/1.1 200 OK\r\n" + b"X-A: 1\r\n" * 10_000 + b"\r\n", "bad-response"),
    ],
    ids=["garbage", "nothing", "half", "headers"],
)
async def test_an_answer_that_is_none_is_a_recorded_failure(
    api: Api, raw: RawServer, answer: bytes, reason: str
) -> None:
    port = await raw.answering(answer)
    made = await attempt(api, f"http://127.0.0.1:{port}/")
    assert made["response"] is None
    failure = made["failure"]
    assert isinstance(failure, dict)
    assert failure["reason"] == reason
    (line,) = (await api.ok("GET", "/v2/events?state=ERROR"))["events"]
    assert line["error"] == failure["detail"]


async def test_an_app_that_never_answers_times_out(api: Api, raw: RawServer) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    port = await raw.start(handle)
    failure = (await attempt(api, f"http://127.0.0.1:{port}/", timeout="1s"))["failure"]
    assert isinstance(failure, dict)
    assert failure["reason"] == "timeout"


def endless(raw: RawServer) -> Handler:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await raw.read(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 200000000\r\n\r\n")
        for _ in range(2_000):
            writer.write(PIECE)
            await writer.drain()

    return handle


async def test_of_answers_of_200_mb_the_beginning_is_kept(api: Api, raw: RawServer) -> None:
    port = await raw.start(endless(raw))
    before = psutil.Process().memory_info().rss
    for _ in range(3):
        response = (await attempt(api, f"http://127.0.0.1:{port}/"))["response"]
        assert isinstance(response, dict)
        assert response["status"] == 200
        assert response["body"]["size"] == 24_000_000
        assert response["body"]["truncated"] is True
    # Three stored beginnings of 24 MB (the state is in memory here) and what is on its way.
    assert psutil.Process().memory_info().rss - before < 280_000_000
    await api.ok("GET", "/v2/keys")
