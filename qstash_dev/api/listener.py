"""The HTTP server beneath the API. Whatever goes wrong there, even a request that is no HTTP, is
answered in JSON: the Go SDK fails on anything else. Knows nothing of paths.
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from aiohttp import StreamReader, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import SERVER_SOFTWARE, RawRequestMessage

from qstash_dev.api.call import json_response

log = logging.getLogger(__name__)

# A destination stands in the request line, and workflow SDKs send every header three times.
MAX_LINE = 65_536
MAX_HEADERS = 1_000


# What aiohttp quotes of a request may be a token.
_QUOTED = re.compile(r":?\s*b['\"]")

Handle = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class ApiServer(web.Server):
    """Makes a connection for each client; `handle` answers requests."""

    def __init__(self, handle: Handle) -> None:
        async def serve(request: web.BaseRequest) -> web.StreamResponse:
            await _invite_body(request)
            return await handle(request)

        super().__init__(serve, request_factory=_request)

    def __call__(self) -> web.RequestHandler:
        """A connection. Bodies are not decompressed: they are delivered byte for byte."""
        return _Connection(
            self,
            loop=asyncio.get_running_loop(),
            access_log=None,  # type: ignore[arg-type]
            auto_decompress=False,
            max_line_size=MAX_LINE,
            max_field_size=MAX_LINE,
            max_headers=MAX_HEADERS,
        )


async def _invite_body(request: web.BaseRequest) -> None:
    """curl asks before it sends a large body, and waits a second for the answer."""
    if request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # the answer itself has not begun


class _Request(web.BaseRequest):
    async def _prepare_hook(self, response: web.StreamResponse) -> None:
        """Strangers need not know what answers them. aiohttp offers this to applications only."""
        if response.headers.get("Server") == SERVER_SOFTWARE:
            del response.headers["Server"]


def _request(
    message: RawRequestMessage,
    payload: StreamReader,
    protocol: web.RequestHandler,
    writer: AbstractStreamWriter,
    task: asyncio.Task[None],
) -> _Request:
    return _Request(message, payload, protocol, writer, task, asyncio.get_running_loop())


class _Connection(web.RequestHandler):
    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            log.error("%s failed by a fault of qstash-dev", request.method, exc_info=exc)
            text = f"qstash-dev failed to answer this request: {type(exc).__name__}"
        else:
            text = f"invalid HTTP request: {' '.join(_QUOTED.split(message or '')[0].split())}"
            log.warning("%s", text)
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun already")
        response = json_response({"error": text}, status)
        response.force_close()
        return response
