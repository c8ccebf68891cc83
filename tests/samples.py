"""Messages, attempts and answers for tests: a valid one of each, with fields to change."""

from collections.abc import Iterable
from itertools import chain
from typing import Any, TypeVar

from msgspec.structs import replace

from qstash_dev.protocol.model import (
    Attempt,
    Callback,
    Endpoint,
    Group,
    Headers,
    Message,
    Outcome,
    Reason,
    Response,
    SendFailure,
    Spec,
    State,
    Timing,
)

T = TypeVar("T")
NOW = 1_787_313_600_000
"""2026-08-21T12:00:00Z, a full second."""

SECOND = 1_000
MINUTE = 60_000
HOUR = 3_600_000
DAY = 86_400_000

URL = "http://localhost:3000/api/jobs"
TIMING = Timing(NOW, 1.0, 2.0, 3.0)


def message(body: bytes = b"{}", state: State = State.CREATED, **fields: Any) -> Message:
    """A message that is due now. Fields of the message and of its spec may be mixed."""
    of_spec = {name: fields.pop(name) for name in tuple(fields) if name in Spec.__struct_fields__}
    sample = Message(
        id="msg_1",
        user="defaultUser",
        spec=replace(Spec(URL), **of_spec),
        body=body,
        created_at=NOW,
        not_before=NOW,
        state=state,
        due_at=NOW,
    )
    return replace(sample, **fields)


def active(**fields: Any) -> Message:
    """A message whose first attempt is under way."""
    return message(**{"state": State.ACTIVE, "seq": 7, "attempts": 1, **fields})


def answer(status: int = 200, headers: Headers = (), body: bytes = b"") -> Response:
    """What a destination answered."""
    return Response(status, headers, body, TIMING)


def no_answer(reason: Reason = Reason.REFUSED, detail: str = "connection refused") -> SendFailure:
    """An attempt that found nobody."""
    return SendFailure(reason, detail, TIMING)


def attempt(of: Message, outcome: Outcome) -> Attempt:
    """The attempt that is under way, with its outcome."""
    return Attempt(of.id, of.attempts, of.spec.url, (("User-Agent", "Upstash-QStash"),), outcome)


def callback(**fields: Any) -> Callback:
    """A callback to the app."""
    return replace(Callback("http://localhost:3000/api/callback"), **fields)


def group(*urls: str, user: str = "defaultUser") -> Group:
    """A URL group `pair` with these endpoints, named e0, e1, ..."""
    endpoints = tuple(Endpoint(url, f"e{n}") for n, url in enumerate(urls))
    return Group(user, "pair", endpoints, NOW, NOW)


def flat(windows: Iterable[list[T]]) -> list[T]:
    """What a long read of the store finds in all its windows."""
    return list(chain.from_iterable(windows))
