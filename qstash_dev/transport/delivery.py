"""Makes one HTTP request and returns what came of it, as a value. The only HTTP client of deliveries.

Follows no redirects, alters no byte of URL or body, tries `localhost` on both address families, and
reads at most `max_body` bytes of an answer. Every trouble becomes a `SendFailure`.
"""

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable
from functools import lru_cache
from io import BytesIO
from time import perf_counter
from typing import Any
from weakref import WeakSet

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http_exceptions import ContentEncodingError
from aiohttp.tracing import Trace
from multidict import CIMultiDict, istr
from yarl import URL

from qstash_dev.protocol.headers import canonical
from qstash_dev.protocol.model import (
    Headers,
    Outcome,
    Reason,
    Request,
    Response,
    SendFailure,
    Timing,
)
from qstash_dev.protocol.urls import is_local_name, is_loopback

# Next.js closes idle connections after 5 s: a POST must not meet a closing socket.
KEEPALIVE_S = 3.0
CONNECT_TIMEOUT_S = 10.0
LARGE_BODY = 1_000_000
MAX_HEADERS = 1_000
MAX_HEADER_SIZE = 65_536


class LocalhostResolver(AbstractResolver):
    """Both loopback addresses for `localhost` and `*.localhost`; the system's answer for the rest."""

    def __init__(self) -> None:
        self._system = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Addresses to try, in order."""
        if not is_local_name(host):
            return await self._system.resolve(host, port, family)
        pairs = (("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6))
        return [
            ResolveResult(hostname=host, host=address, port=port, family=kind, proto=0, flags=0)
            for address, kind in pairs
        ]

    async def close(self) -> None:
        """Nothing is kept open."""
        await self._system.close()


class Sender:
    """Sends requests over pooled connections. `now` gives the milliseconds that attempts carry."""

    def __init__(self, now: Callable[[], int], max_body: int) -> None:
        self._now = now
        self._max_body = max_body
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    async def __call__(self, request: Request) -> Outcome:
        """Make the request. Never raises for what the network or the destination does."""
        exchange = _Exchange(self._now(), self._max_body)
        outcome = await self._once(request, exchange)
        if exchange.met_closing_socket(outcome):
            # The app closed an idle connection just as it was used again: it has seen nothing.
            outcome = await self._once(request, _Exchange(self._now(), self._max_body))
        return outcome

    async def _once(self, request: Request, exchange: "_Exchange") -> Outcome:
        try:
            return await self._exchange(request, exchange)
        except ssl.SSLError as error:
            return exchange.failed(Reason.TLS, request, f"tls: {error}")
        except aiohttp.ClientConnectorDNSError as error:
            return exchange.failed(*_lookup_trouble(request, _os_text(error)))
        except UnicodeError as error:  # a label of more than 63 characters
            return exchange.failed(*_lookup_trouble(request, str(error)))
        except aiohttp.ClientSSLError as error:
            return exchange.failed(Reason.TLS, request, f"tls: {error}")
        except aiohttp.ClientConnectorError as error:
            return exchange.failed(*_connect_trouble(request, error))
        except TimeoutError:
            return exchange.failed(Reason.TIMEOUT, request, exchange.timeout_text(request))
        except aiohttp.ClientPayloadError as error:
            return exchange.failed(*_payload_trouble(request, error))
        except (aiohttp.ServerDisconnectedError, ConnectionError):
            text = "the connection was closed before an answer came: EOF"
            return exchange.failed(Reason.RESET, request, text)
        except aiohttp.ClientConnectionError as error:
            return exchange.failed(Reason.RESET, request, str(error) or type(error).__name__)
        except (aiohttp.ClientError, ValueError) as error:
            text = f"malformed HTTP response: {error or type(error).__name__}"
            return exchange.failed(Reason.BAD_RESPONSE, request, text)

    async def _exchange(self, request: Request, exchange: "_Exchange") -> Outcome:
        headers = CIMultiDict(request.headers)
        async with self._client().request(
            request.method,
            _url(request.target, headers),
            data=_payload(request.body),
            headers=headers,
            allow_redirects=False,
            ssl=_is_verified(request.target),
            timeout=_timeout(request.timeout_ms),
            middlewares=(exchange.watch,),
            skip_auto_headers=None if "Content-Type" in headers else ("Content-Type",),
        ) as response:
            exchange.first_byte = perf_counter()
            body, truncated = await _read(response, self._max_body)
            if truncated:
                response.close()
            return Response(
                status=response.status,
                headers=_headers(response),
                body=body,
                timing=exchange.timing(),
                truncated=truncated,
                http_version=f"{response.version.major}.{response.version.minor}"
                if response.version
                else "1.1",
            )

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = _Connector(
                limit=0,
                keepalive_timeout=KEEPALIVE_S,
                resolver=LocalhostResolver(),
                ttl_dns_cache=10,
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                request_class=_Request,
                max_headers=MAX_HEADERS,
                max_field_size=MAX_HEADER_SIZE,
                max_line_size=MAX_HEADER_SIZE,
            )
        return self._session


class _Exchange:
    """What is noted while one exchange runs."""

    def __init__(self, started_at: int, max_body: int) -> None:
        self.started_at = started_at
        self.max_body = max_body
        self.start = perf_counter()
        self.connected: float | None = None
        self.first_byte: float | None = None
        self.reused = False

    async def watch(
        self, request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Client middleware: lets the connector find this exchange."""
        assert isinstance(request, _Request)
        request.exchange = self
        return await send(request)

    def has_connection(self, reused: bool) -> None:
        self.reused = reused
        self.connected = perf_counter()

    def timing(self) -> Timing:
        return Timing(
            self.started_at,
            self._since_start(self.connected),
            self._since_start(self.first_byte),
            self._since_start(perf_counter()) or 0.0,
        )

    def failed(self, reason: Reason, request: Request, text: str) -> SendFailure:
        """In one line, as Go's HTTP client words it, which is what QStash's logs show."""
        method, line = request.method.capitalize(), " ".join(text.split())
        return SendFailure(reason, f'{method} "{request.url}": {line}', self.timing())

    def met_closing_socket(self, outcome: Outcome) -> bool:
        return (
            self.reused
            and self.first_byte is None
            and isinstance(outcome, SendFailure)
            and outcome.reason == Reason.RESET
        )

    def timeout_text(self, request: Request) -> str:
        if self.connected is None and not self.reused:
            return "dial tcp: i/o timeout: no connection within 10 seconds"
        seconds = request.timeout_ms / 1000
        return f"context deadline exceeded: no complete answer within {seconds:g} seconds"

    def _since_start(self, at: float | None) -> float | None:
        return None if at is None else round((at - self.start) * 1000, 2)


class _Request(aiohttp.ClientRequest):
    """A request that knows the exchange it belongs to, and adds no headers of its own."""

    DEFAULT_HEADERS = dict[istr, str]()  # noqa: RUF012 - as aiohttp declares it
    exchange: _Exchange | None = None


class _Connector(aiohttp.TCPConnector):
    """Tells the exchange when it has a connection; aiohttp's tracing costs twenty times as much."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._used: WeakSet[ResponseHandler] = WeakSet()

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> Connection:
        connection = await super().connect(req, traces, timeout)
        protocol = connection.protocol
        if isinstance(req, _Request) and req.exchange is not None and protocol is not None:
            reused = protocol in self._used
            req.exchange.has_connection(reused)
            if not reused:
                self._used.add(protocol)
        return connection


def _is_verified(url: str) -> bool:
    """Whether TLS certificates are checked: not those that apps on this machine made themselves."""
    return not (url[:6].lower() == "https:" and is_loopback(url))


@lru_cache(maxsize=64)
def _timeout(total_ms: int) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=total_ms / 1000, sock_connect=CONNECT_TIMEOUT_S)


def _url(target: str, headers: CIMultiDict[str]) -> URL:
    """The URL as it is written; credentials in it give way to those of a header, as with Go."""
    url = URL(target, encoded=True)
    return url.with_user(None) if url.raw_user and "Authorization" in headers else url


def _payload(body: bytes) -> bytes | BytesIO | None:
    """Large bodies are written in pieces, for the sake of everybody else on the loop."""
    if len(body) > LARGE_BODY:
        return BytesIO(body)
    return body or None


async def _read(response: aiohttp.ClientResponse, limit: int) -> tuple[bytes, bool]:
    length = response.content_length
    if length is not None and length <= limit and "Content-Encoding" not in response.headers:
        return await response.read(), False
    parts: list[bytes] = []
    left = limit
    async for chunk in response.content.iter_any():
        if len(chunk) > left:
            parts.append(chunk[:left])
            return b"".join(parts), True
        parts.append(chunk)
        left -= len(chunk)
    return b"".join(parts), False


def _headers(response: aiohttp.ClientResponse) -> Headers:
    """Node sends lower-case names; QStash reports canonical ones."""
    return tuple(
        (canonical(name.decode("latin-1")), value.decode("utf-8", "replace"))
        for name, value in response.raw_headers
    )


def _lookup_trouble(request: Request, text: str) -> tuple[Reason, Request, str]:
    host = URL(request.target, encoded=True).host
    return Reason.DNS, request, f"dial tcp: lookup {host}: {text}"


def _connect_trouble(
    request: Request, error: aiohttp.ClientConnectorError
) -> tuple[Reason, Request, str]:
    text = str(error.os_error)
    where = f"dial tcp {error.host}:{error.port}"
    if error.os_error.errno == errno.ECONNREFUSED or f"Errno {errno.ECONNREFUSED}]" in text:
        return Reason.REFUSED, request, f"{where}: connect: connection refused"
    if isinstance(error.os_error, asyncio.TimeoutError):
        return Reason.TIMEOUT, request, f"{where}: i/o timeout"
    return Reason.UNREACHABLE, request, f"{where}: connect: {_os_text(error)}"


def _payload_trouble(
    request: Request, error: aiohttp.ClientPayloadError
) -> tuple[Reason, Request, str]:
    cause = error.__cause__ or error
    if isinstance(cause, ContentEncodingError):
        return Reason.BAD_RESPONSE, request, f"the body could not be decoded: {cause}"
    return (
        Reason.RESET,
        request,
        "unexpected EOF: the connection was closed in the middle of the body",
    )


def _os_text(error: aiohttp.ClientConnectorError) -> str:
    return error.os_error.strerror or str(error.os_error)
