"""Bytes of a connection in, answers out: HTTP/1 framing and all its limits, without any I/O.

As forgiving as browsers and Go about line ends and bytes in values, strict about what ends a body.
"""

import re
from functools import lru_cache

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser
from msgspec import Struct

from qstash_dev.protocol.headers import canonical
from qstash_dev.protocol.model import Headers
from qstash_dev.transport import trouble
from qstash_dev.transport.decoding import decoded

MAX_HEAD_LINES = 1_000
MAX_HEAD_BYTES = 262_144
SWITCHING_PROTOCOLS = 101
_TIMEOUT = re.compile(r"timeout *= *(\d{1,9})", re.IGNORECASE)


class Answer(Struct, frozen=True):
    """`body` is decoded and cut at the limit; names of headers are written as Go writes them.

    `idle_s` is how long the app keeps the connection for another request: 0 is not at all, `None`
    is unsaid.
    """

    status: int
    headers: Headers
    body: bytes
    truncated: bool
    http_version: str
    idle_s: int | None


class AnswerReader:
    """Reads one answer after the other: `expect`, then `feed` or `end` until one of them returns it."""

    def __init__(self, max_body: int) -> None:
        self._max_body = max_body
        self._parser = HttpResponseParser(self)
        self._parser.set_dangerous_leniencies(
            lenient_headers=True,
            lenient_chunked_length=True,
            lenient_optional_cr_before_lf=True,
            lenient_spaces_after_chunk_size=True,
        )
        self.expect("")

    def expect(self, method: str) -> None:
        """A request with that method was made; nothing of its answer is here."""
        self._has_no_body = method == "HEAD"
        self._unmade = 0  # bytes of which neither a head nor a part of the body was made yet
        self._begin()

    @property
    def in_body(self) -> bool:
        """Whether the head is complete."""
        return self._in_body

    def feed(self, data: bytes) -> Answer | None:
        """Take what came; the answer once it is complete. Raises Trouble for what is no HTTP."""
        self._unmade += len(data)
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:
            self._keeps = False
        except HttpParserError as error:
            self._keeps = False  # whatever it is: nothing behind it can be understood
            if not self._is_complete:
                raise self._malformed(error, data) from error
        if self._is_complete:
            return self._answer()
        if self._unmade > MAX_HEAD_BYTES:
            raise trouble.malformed(_LONG_LINE if self._in_body else _TOO_LONG)
        return None

    def end(self) -> Answer | None:
        """The connection has ended: the answer if that is what completes it."""
        if not (self._in_body and self._lasts_until_end):
            return None
        self._keeps = False
        return self._answer()

    # What the parser calls

    def on_message_begin(self) -> None:
        if self._is_complete:
            raise _Enough("there is more than one answer")
        if self._is_interim:  # else nothing was read since `expect`
            self._begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > MAX_HEAD_BYTES:
            raise _Enough(_TOO_LONG)
        self._lines.append((name, value))
        if len(self._lines) > MAX_HEAD_LINES:
            raise _Enough(f"it has more than {MAX_HEAD_LINES:,} header lines")

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        self._is_interim = 100 <= status < 200 and status != SWITCHING_PROTOCOLS
        if self._is_interim:
            return
        if status < 100:
            raise _Enough(f"invalid status {status:03}")
        self._status = status
        # Lines after the body, trailers, are counted but not kept.
        self._headers = tuple(
            [
                (_name(name), value.rstrip(b" \t").decode("utf-8", "replace"))
                for name, value in self._lines
            ]
        )
        ours = {name: value for name, value in self._headers if name in _OURS}
        self._coding = ours.get("Content-Encoding")
        self._idle = ours.get("Keep-Alive")
        self._lasts_until_end = _lasts_until_end(ours)
        self._version = self._parser.get_http_version()
        self._in_body = True
        self._unmade = 0
        if self._has_no_body:
            self._is_complete = True
            raise _Enough("the parser would wait for a body")

    def on_body(self, data: bytes) -> None:
        self._unmade = 0
        self._parts.append(data)
        self._size += len(data)
        if self._size > self._max_body:
            self._is_complete = True
            raise _Enough("the rest is not read")

    def on_message_complete(self) -> None:
        if not self._is_interim:
            self._is_complete = True
            self._keeps = self._parser.should_keep_alive()

    # Inside

    def _begin(self) -> None:
        self._lines: list[tuple[bytes, bytes]] = []
        self._parts: list[bytes] = []
        self._head_bytes = self._size = 0
        self._in_body = self._is_complete = self._is_interim = self._keeps = False

    def _answer(self) -> Answer:
        body = b"".join(self._parts)
        truncated = len(body) > self._max_body
        if truncated:
            body = body[: self._max_body]
        if self._coding is not None:
            try:
                body, truncated = decoded(self._coding, body, self._max_body, not truncated)
            except ValueError as error:
                raise trouble.undecodable(error) from error
        idle_s = _idle_s(self._idle) if self._keeps else 0
        self._parts = []
        return Answer(self._status, self._headers, body, truncated, self._version, idle_s)

    def _malformed(self, error: HttpParserError, data: bytes) -> trouble.Trouble:
        text = str(error.__context__ if isinstance(error.__context__, _Enough) else error)
        is_http = self._in_body or self._lines
        return trouble.malformed(text, b"" if is_http else data)


class _Enough(Exception):
    """Stops the parser."""


_OURS = frozenset(["Content-Length", "Content-Encoding", "Transfer-Encoding", "Keep-Alive"])
_TOO_LONG = f"its head is longer than {MAX_HEAD_BYTES:,} bytes"
_LONG_LINE = f"a line between or behind its chunks is longer than {MAX_HEAD_BYTES:,} bytes"


@lru_cache(maxsize=1_000)
def _name(name: bytes) -> str:
    return canonical(name.decode("latin-1"))


def _lasts_until_end(headers: dict[str, str]) -> bool:
    """Whether nothing but the connection's end ends the body (RFC 9112, 6.3)."""
    coding = headers.get("Transfer-Encoding")
    if coding is None:
        return "Content-Length" not in headers
    return coding.rpartition(",")[2].strip().lower() != "chunked"


def _idle_s(keep_alive: str | None) -> int | None:
    found = _TIMEOUT.search(keep_alive) if keep_alive else None
    return int(found[1]) if found else None
