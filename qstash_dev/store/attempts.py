"""Attempts in SQLite: every exchange whole, the body of the answer beside it."""

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Struct

from qstash_dev.protocol.model import Attempt, Headers, Message, Outcome, Response, SendFailure
from qstash_dev.protocol.settle import error_text
from qstash_dev.store.database import Database
from qstash_dev.store.lists.candidates import as_json


class _Exchange(Struct, frozen=True, array_like=True):
    """An attempt as it is stored. The body is a column of its own and empty in here."""

    target: str
    request_headers: Headers
    response: Response | None
    failure: SendFailure | None


_encode = msgspec.msgpack.encode
_decode = msgspec.msgpack.Decoder(_Exchange).decode


class Attempts:
    """The table of attempts."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def add(self, attempt: Attempt, seq: int) -> None:
        """Store an attempt of the message `seq`, within the change that is being written."""
        exchange, body = _split(attempt)
        self._db.write(
            "INSERT OR REPLACE INTO attempts VALUES (?,?,?,?)",
            (seq, attempt.number, _encode(exchange), body),
        )

    def of(self, message_id: str, seq: int) -> list[Attempt]:
        """All attempts of a message, the first one first."""
        rows = self._db.read(
            "SELECT number, content, body FROM attempts WHERE message = ? ORDER BY number", (seq,)
        )
        return [_attempt(message_id, *row) for row in rows]

    def get(self, message_id: str, seq: int, number: int) -> Attempt | None:
        return self._find(message_id, "message = ? AND number = ?", seq, number)

    def last(self, message_id: str, seq: int) -> Attempt | None:
        return self._find(message_id, "message = ?", seq)

    def _find(self, message_id: str, condition: str, *values: int) -> Attempt | None:
        query = f"SELECT number, content, body FROM attempts WHERE {condition} ORDER BY number DESC"
        row = self._db.read_one(f"{query} LIMIT 1", values)
        return _attempt(message_id, *row) if row else None

    def named(self, wanted: Iterable[tuple[Message, int]]) -> dict[tuple[int, int], Attempt]:
        """Attempts by the message's number and their own, of those that are there."""
        ids = {(message.seq, number): message.id for message, number in wanted}
        rows = self._db.read(
            "SELECT a.message, a.number, a.content, a.body FROM json_each(?) f CROSS JOIN attempts a "
            "ON a.message = json_extract(f.value, '$[0]') AND a.number = json_extract(f.value, '$[1]')",
            (as_json(list(ids)),),
        )
        return {(row[0], row[1]): _attempt(ids[row[0], row[1]], *row[1:]) for row in rows}

    def last_of(self, messages: Iterable[Message]) -> dict[int, Attempt]:
        """The latest attempts of these, by the message's number; none of what was never tried."""
        ids = {message.seq: message.id for message in messages}
        rows = self._db.read(
            "SELECT a.message, a.number, a.content, a.body FROM json_each(?) f CROSS JOIN attempts a "
            "ON a.message = f.value "
            "AND a.number = (SELECT max(number) FROM attempts WHERE message = f.value)",
            (as_json(list(ids)),),
        )
        return {seq: _attempt(ids[seq], *row) for seq, *row in rows}


def in_lists(attempt: Attempt) -> tuple[int | None, str | None, float, str | None]:
    """What a message's row shows of its last attempt: status, error, milliseconds, hint."""
    outcome = attempt.outcome
    if not isinstance(outcome, Response):
        return None, error_text(outcome), outcome.timing.total_ms, attempt.hint
    error = None if 200 <= outcome.status < 300 else error_text(outcome)
    return outcome.status, error, outcome.timing.total_ms, attempt.hint


def _split(attempt: Attempt) -> tuple[_Exchange, bytes]:
    outcome = attempt.outcome
    if isinstance(outcome, Response):
        bare = msgspec.structs.replace(outcome, body=b"")
        return _Exchange(attempt.target, attempt.request_headers, bare, None), outcome.body
    return _Exchange(attempt.target, attempt.request_headers, None, outcome), b""


def _attempt(message_id: str, number: int, content: bytes, body: bytes) -> Attempt:
    exchange: Any = _decode(content)
    outcome: Outcome
    if exchange.response is not None:
        outcome = msgspec.structs.replace(exchange.response, body=body)
    else:
        outcome = exchange.failure
    return Attempt(message_id, number, exchange.target, exchange.request_headers, outcome)
