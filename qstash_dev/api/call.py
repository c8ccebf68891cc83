"""One request to the API as handlers see it, and the answers they give."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import parse_qsl

import msgspec
from msgspec import Raw, Struct

from qstash_dev.api import web
from qstash_dev.api.parameters import Param
from qstash_dev.devtools.documents import Heard, Printed, Process, Server
from qstash_dev.engine.auto_replay import ArmedMessages
from qstash_dev.engine.clock import VirtualClock
from qstash_dev.engine.engine import Engine
from qstash_dev.engine.hold_back import Answer
from qstash_dev.engine.notifier import Notifier
from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.json_body import read_json
from qstash_dev.protocol.model import Headers
from qstash_dev.protocol.query import whole
from qstash_dev.protocol.urls import Nearby
from qstash_dev.protocol.users import User
from qstash_dev.store.store import Store
from qstash_dev.transport.faults import Faults

if TYPE_CHECKING:
    from qstash_dev.devtools.control_documents import TunnelDetail

PAGE_BYTES = 16_000_000
"""A page ends early rather than hold a thousand large bodies: the cursor goes on from there."""
ENTRY_BYTES = 1_000
"""About what an entry of a page takes beside its bodies."""
encode = msgspec.json.encode
T = TypeVar("T")


class PassesOn(Protocol):
    """The real QStash, when calls go on to it."""

    def takes(self, call: "Call") -> bool:
        """Whether it answers this call instead of us."""

    async def pass_on(self, call: "Call") -> web.Response:
        """Its answer."""


class Lines(Protocol):
    """The output of an app."""

    count: int

    def after(self, number: int, most: int) -> list[Printed]:
        """The lines after a number."""


class OwnApp(Protocol):
    """The developer's app, when this server started it."""

    state: Process

    @property
    def output(self) -> Lines:
        """What it printed."""

    def heard_during(self, message_id: str, attempt: int) -> Heard | None:
        """What it printed while an attempt was under way."""

    def why_down(self, origin: str) -> str | None:
        """How it ended, when it would listen there and does not."""

    async def restart(self) -> None:
        """End it, if it runs, and start it again."""


class Context(Struct, frozen=True):
    """What handlers work with. `token_required` of the control API: the server is not on loopback. By
    the names of `nearby` it may be called.

    `tunnel` describes all that faces the internet. With a `cloud`, the app talks to the real QStash.
    `advertised` is how people reach us, if they have said so. Who has the `clock_turn` changes the
    clock. `notify` shows a sentence to whoever watches.
    """

    engine: Engine
    store: Store
    notifier: Notifier
    clock: VirtualClock
    faults: Faults
    auto_replay: ArmedMessages
    users: dict[str, User]
    hosts: frozenset[str]
    token_required: bool
    nearby: Nearby
    server: Callable[[], Server]
    finished_readable_ms: int
    tunnel: "Callable[[], TunnelDetail] | None" = None
    cloud: PassesOn | None = None
    app_url: Callable[[], str] = lambda: "http://localhost:3000"
    own_app: OwnApp | None = None
    advertised: str | None = None
    notify: Callable[[str], None] = lambda _text: None
    clock_turn: asyncio.Lock = msgspec.field(default_factory=asyncio.Lock)


class Call(Struct):
    """A request on its way. `query` and `path` are raw, and so is `rest`, the end of the path; `user`
    is the tenant of the token. `takes` is the type that the route declares for the body.
    """

    request: web.BaseRequest
    context: Context
    query: str
    path: str = ""
    params: dict[str, str] = {}
    rest: str = ""
    user: str = ""
    by_header: bool = True
    only_reads: bool = False
    takes: Any = dict

    @property
    def engine(self) -> Engine:
        return self.context.engine

    @property
    def store(self) -> Store:
        return self.context.store

    def pairs(self) -> list[tuple[str, str]]:
        """Decoded query parameters."""
        return parse_qsl(self.query, keep_blank_values=True)

    def arg(self, name: str) -> str | None:
        """The last query parameter of that name, compared without regard to case."""
        found = [value for key, value in self.pairs() if key.lower() == name.lower()]
        return found[-1] if found else None

    def number(
        self, name: str, default: int, least: int = 0, most: int = 10_000_000_000_000
    ) -> int:
        """A whole number among the query parameters. Raises QStashError(400)."""
        text = self.arg(name)
        if not text:
            return default
        return max(least, min(whole(name, text), most))

    def whole(self, param: Param) -> int:
        """The whole number that a parameter stands for. Raises QStashError(400)."""
        return self.number(param.name, param.default or 0, param.least, param.most)

    def headers(self) -> list[tuple[str, str]]:
        """The request's headers; bytes that are not UTF-8 are lone surrogates in them."""
        return list(self.request.headers.items())

    def text_headers(self) -> list[tuple[str, str]]:
        """The request's headers as they can be stored: bytes that are no text are replaced."""
        return [(str(name), readable(value)) for name, value in self.headers()]

    async def body(self, limit: int | None = None) -> bytes:
        """The whole body. Raises QStashError: 412 when it is larger than `limit` bytes, or without
        a limit larger than any request may be.
        """
        if limit is None:
            limit = self.engine.policy.limits.max_request_size
        length = self.request.content_length
        if length is not None and length > limit:
            raise QStashError(412, "quota maxMessageSize exceeded")
        body = bytearray()
        try:
            content = self.request.content
            if length is not None:
                return content.read_nowait() if content.is_eof() else await content.read()
            async for chunk in content.iter_any():
                body += chunk
                if len(body) > limit:
                    raise QStashError(412, "quota maxMessageSize exceeded")
        except web.RequestPayloadError as error:
            raise QStashError(400, f"invalid request body: {error}") from error
        return bytes(body)

    async def json(self, kind: Any = dict) -> Any:
        """The body as JSON of type `kind`, whatever its Content-Type. Raises QStashError(400)."""
        return read_json(await self.body() or b"{}", kind)

    async def order(self) -> Any:
        """The body as the type that the route takes. Raises QStashError(400)."""
        return await self.json(self.takes)

    async def answer(
        self, document: Any, status: int = 200, then: Answer | None = None
    ) -> web.Response:
        """A JSON answer, given once everything written so far is safe in the store.

        `then` is told when the answer went out, or nobody is there any more to take it.
        """
        if then is None:
            if not self.only_reads:  # else it is not concerned by what others write, or fail to
                await self.store.database.committed()
            return json_response(document, status)
        try:
            await self.store.database.committed()
        except BaseException:
            then.written()
            raise
        return _Followed(document, status, then)

    async def done(self) -> web.Response:
        """An answer without a document, given once everything written so far is safe."""
        if not self.only_reads:
            await self.store.database.committed()
        return web.Response(text="OK")


class _Followed(web.Document):
    def __init__(self, document: Any, status: int, then: Answer) -> None:
        super().__init__(encode(document), status)
        self._then = then

    async def prepare(self, request: web.BaseRequest) -> Any:
        try:
            return await super().prepare(request)
        except BaseException:
            self._then.written()
            raise

    async def write_eof(self, data: bytes = b"") -> None:
        try:
            await super().write_eof(data)
        finally:
            self._then.written()


def passed_on(status: int, headers: Headers, body: bytes) -> web.Response:
    """The answer of somebody else, with these headers and no other."""
    response = web.Response(status=status, body=body)
    response.headers.popall("Content-Type", None)
    for name, value in headers:
        response.headers.add(name, value)
    return response


async def gather(windows: Iterable[list[T]]) -> list[T]:
    """All that a long read of the store finds; other requests are served between two windows."""
    found: list[T] = []
    for window in windows:
        found += window
        await asyncio.sleep(0)
    return found


def that_fit(call: Call, found: list[T], message_of: Callable[[T], int]) -> list[T]:
    """The first of a list, each about a message, up to the one with which the page is full."""
    sizes = call.store.search.body_sizes({message_of(item) for item in found})
    size = 0
    for index, item in enumerate(found):
        if size > PAGE_BYTES:
            return found[:index]
        size += ENTRY_BYTES + sizes.get(message_of(item), 0)
    return found


def that_fill(documents: Iterable[dict[str, Any]]) -> list[Raw]:
    """As many as make a page; what is not of it is never made."""
    page: list[Raw] = []
    size = 0
    for document in documents:
        encoded = encode(document)
        page.append(Raw(encoded))
        size += len(encoded)
        if size > PAGE_BYTES:
            break
    return page


async def in_pieces(call: Call, items: Sequence[T], size: int = 100) -> AsyncIterator[Sequence[T]]:
    """So many at a time: what was written for them is committed, and other requests are served."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
        await call.store.database.committed()
        await asyncio.sleep(0)


def readable(text: str) -> str:
    """Something that can be written anywhere: requests may hold bytes that are no text."""
    return text.encode("utf-8", "replace").decode()


def json_response(document: Any, status: int = 200) -> web.Response:
    """Any value as JSON."""
    return web.Document(encode(document), status)
