"""The HTTP server beneath the API. Whatever goes wrong there, even a request that is no HTTP, is
answered in JSON: the Go SDK fails on anything else. Knows nothing of paths.
"""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from http import HTTPStatus
from typing import Any

from aiohttp import StreamReader
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import (
    SERVER_SOFTWARE,
    HttpVersion,
    HttpVersion10,
    HttpVersion11,
    RawRequestMessage,
)
from aiohttp.http_exceptions import HttpProcessingError, PayloadEncodingError

from qstash_dev.api import web
from qstash_dev.api.call import json_response

log = logging.getLogger(__name__)

# A destination stands in the request line, and workflow SDKs send every header three times.
MAX_LINE = 65_536
MAX_HEADERS = 1_000


SPEAKS_TLS = (
    "Somebody speaks https here, where only http is spoken: does QSTASH_URL begin with https://?"
)
# What aiohttp quotes of a request may be a token.
_QUOTED = re.compile(r":?\s*(?:bytearray\()?b['\"]")

Handle = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class ApiServer(web.Server):
    """Makes a connection for each client; `handle` answers requests, `tell` gets a sentence for people
    about a client that speaks TLS.
    """

    def __init__(self, handle: Handle, tell: Callable[[str], None] = lambda _: None) -> None:
        def serve(request: web.BaseRequest) -> Awaitable[web.StreamResponse]:
            if type(request) is _Foreign:  # its base asks Python code for `isinstance`
                return _not_understood()
            return _invited(request, handle) if "Expect" in request.headers else handle(request)

        super().__init__(serve, request_factory=_request)
        self._tell = tell

    def __call__(self) -> web.RequestHandler:
        """A connection. Bodies are not decompressed: they are delivered byte for byte."""
        return Connection(
            self,
            self._tell,
            loop=asyncio.get_running_loop(),
            access_log=None,
            auto_decompress=False,
            max_line_size=MAX_LINE,
            max_field_size=MAX_LINE,
            max_headers=MAX_HEADERS,
        )


def patience(request: web.BaseRequest, seconds: float) -> AbstractAsyncContextManager[None]:
    """Real time to wait for something. Raises TimeoutError when it is over, or at once when the
    client hangs up: it has gone, or says no more and wants to hear what there is. Who says so much
    behind the request that nobody listens any more could go unheard: there the time is over, too.
    """
    return _connection(request).patience(seconds)


def has_hung_up(request: web.BaseRequest) -> bool:
    """Whether the client has gone, or says no more."""
    return _connection(request).hung_up


def _connection(request: web.BaseRequest) -> "Connection":
    assert isinstance(request.protocol, Connection)
    return request.protocol


async def _invited(request: web.BaseRequest, handle: Handle) -> web.StreamResponse:
    """curl asks before it sends a large body, and waits a second for the answer."""
    if request.headers["Expect"].lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # the answer itself has not begun
    return await handle(request)


async def _not_understood() -> web.Response:
    text = "invalid HTTP request: its version is neither HTTP/1.1 nor HTTP/1.0"
    log.warning("%s", text)
    response = json_response({"error": text}, HTTPStatus.BAD_REQUEST)
    response.force_close()
    return response


class _Request(web.BaseRequest):
    async def _prepare_hook(self, response: web.StreamResponse) -> None:
        """Strangers need not know what answers them. aiohttp offers this to applications only."""
        if response.headers.get("Server") == SERVER_SOFTWARE:
            del response.headers["Server"]


class _Foreign(_Request):
    """What nobody speaks, as a request line without a version: the parser lets that pass, too."""

    @property
    def version(self) -> HttpVersion:
        """That of the answer."""
        return HttpVersion10


def _request(
    message: RawRequestMessage,
    payload: StreamReader,
    protocol: web.RequestHandler,
    writer: AbstractStreamWriter,
    task: asyncio.Task[None],
) -> _Request:
    is_known = message.version in (HttpVersion11, HttpVersion10)
    kind = _Request if is_known else _Foreign
    return kind(message, payload, protocol, writer, task, task.get_loop())


class Connection(web.RequestHandler):
    """One client. One that `hung_up` will say no more; it may still listen."""

    def __init__(self, manager: web.Server, tell: Callable[[str], None], **options: Any) -> None:
        super().__init__(manager, **options)
        self._tell = tell
        self.hung_up = False
        self._limit: asyncio.Timeout | None = None
        self._answered = 0

    @asynccontextmanager
    async def patience(self, seconds: float) -> AsyncIterator[None]:
        """See the function of that name. One request is handled at a time, so there is one limit."""
        async with asyncio.timeout(seconds) as self._limit:
            try:
                if self.hung_up or self._reading_paused or self._buffer_paused:
                    self._end_patience()
                yield
            finally:
                self._limit = None

    def eof_received(self) -> bool:  # type: ignore[override]  # asyncio's own, which aiohttp narrows
        """True keeps what can be written to: `nc -N` and some proxies close their side first."""
        self._hang_up()
        return self._request_count > self._answered and self._has_all()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Nobody listens any more."""
        super().connection_lost(exc)
        self._hang_up()

    def log_access(
        self, request: web.BaseRequest, response: web.StreamResponse, time: float | None
    ) -> None:
        """An answer is out. After the last one to a client that says no more there is nothing to do."""
        self._answered += 1
        if self.hung_up and self._answered == self._request_count:
            self.close()

    def resume_reading(self, resume_parser: bool = True) -> None:
        """aiohttp asks for it with every body that was read; hardly ever was there a pause."""
        if self._reading_paused or self._buffer_paused:
            super().resume_reading(resume_parser)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to what is no HTTP, or to what we failed at."""
        if isinstance(exc, ConnectionError) and self._is_over():
            path = request.raw_path.partition("?")[0][:200]  # behind it may be a token
            log.debug("%s %s: the client went away", request.method, path)
            raise exc
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            log.error("%s failed by a fault of qstash-dev", request.method, exc_info=exc)
            text = f"qstash-dev failed to answer this request: {type(exc).__name__}"
        else:
            text = f"invalid HTTP request: {' '.join(_QUOTED.split(message or '')[0].split())}"
            log.warning("%s", text)
            if "HTTPS traffic" in text:
                self._tell(SPEAKS_TLS)
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun already")
        response = json_response({"error": text}, status)
        response.force_close()
        return response

    def _pause_transport_reading(self) -> None:
        super()._pause_transport_reading()
        self._end_patience()

    def _is_over(self) -> bool:
        return self.transport is None or self.transport.is_closing()

    def _hang_up(self) -> None:
        self.hung_up = True
        self._end_patience()

    def _end_patience(self) -> None:
        if self._limit is not None and not self._limit.expired():
            self._limit.reschedule(0)

    def _has_all(self) -> bool:
        """Whether the body of the last request has come to its end."""
        if self._parser is None:
            return False
        try:
            self._parser.feed_eof()
        except HttpProcessingError as error:  # of another kind: what follows is no request
            return not isinstance(error, PayloadEncodingError)
        return True
