"""Requests of attempts as the tests of the client make them, and what came of them."""

from qstash_dev.protocol.model import Headers, Outcome, Request, Response, SendFailure
from qstash_dev.transport.delivery import Sender
from tests.raw_server import RawServer

MAX_BODY = 1_000_000
NOW = 1_787_313_600_000
LARGE = bytes(range(256)) * 40_000
"""More than the kernel takes at once: 10 MB."""


def request(
    target: str,
    method: str = "POST",
    headers: Headers = (("User-Agent", "Upstash-QStash"), ("Upstash-Message-Id", "msg_1")),
    body: bytes = b"{}",
    timeout_ms: int = 60_000,
) -> Request:
    """A request that was published for another URL than it goes to."""
    return Request(method, "http://published/x", target, headers, body, timeout_ms)


def failure(outcome: Outcome) -> SendFailure:
    """There was no answer."""
    assert isinstance(outcome, SendFailure), outcome
    return outcome


def response(outcome: Outcome) -> Response:
    """There was one."""
    assert isinstance(outcome, Response), outcome
    return outcome


async def answered(sender: Sender, server: RawServer, *answers: bytes) -> Response:
    """What the sender makes of the last of these answers, all over one connection."""
    port = await server.answering(*answers)
    for _ in answers[1:]:
        response(await sender(request(f"http://127.0.0.1:{port}/")))
    return response(await sender(request(f"http://127.0.0.1:{port}/")))
