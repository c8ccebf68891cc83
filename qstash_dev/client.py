"""Typed async client of our own HTTP and SSE control API, for the TUI, the CLI verbs and tests.

It knows addresses and shapes (`/_dev/`), and nothing of what a message means or how it is shown.
"""

import asyncio
import json as json_codec
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

import aiohttp
import msgspec
from msgspec import Struct, field
from yarl import URL

T = TypeVar("T")
Pairs = list[tuple[str, str]]

_ASCII = "".join(map(chr, range(0x21, 0x7F)))

SILENCE_S = 30.0
"""The server pings every 10 s; a stream this long silent is a dead connection."""


class ClientError(Exception):
    """Base of what can go wrong between us and the server; the text is a full sentence."""


class ServerUnreachable(ClientError):
    """Nobody answers at the address, or the connection broke."""

    def __init__(self, url: str, why: str) -> None:
        super().__init__(f"No qstash-dev server answers at {url}: {why}.")
        self.url = url


class Refused(ClientError):
    """The server answered with an error of its own; the text is what it said."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Row(Struct, gc=False):
    """Summary of one message; never contains bodies. Times are epoch ms of the server's clock.

    Not tracked by the garbage collector: a reader holds tens of thousands.
    """

    seq: int
    id: str
    state: str
    url: str
    method: str = "POST"
    user: str = "defaultUser"
    kind: str = "publish"
    parent: str | None = None
    created_at: int = 0
    updated_at: int = 0
    due_at: int | None = None
    try_: int = field(default=0, name="try")
    tries: int = 1
    status: int | None = None
    duration_ms: float | None = None
    error: str | None = None
    hint: str | None = None
    labels: tuple[str, ...] = ()
    queue: str | None = None
    topic: str | None = None
    endpoint: str | None = None
    schedule: str | None = None
    flow_key: str | None = None
    dlq_id: str | None = None
    replays: int = 0
    body_size: int = 0
    content_type: str | None = None
    source: str = "local"
    lints: tuple[str, ...] = ()
    armed: bool = False


class App(Struct):
    """The developer's app: where it is, and whether it answers (`None`: not known yet)."""

    url: str = ""
    up: bool | None = None


class Clock(Struct):
    """The server's clock; `scale` is virtual seconds per real second."""

    mode: str = "real"
    scale: float = 1.0
    offset_ms: int = 0
    next_event_at: int | None = None
    now: int | None = None
    wall: int | None = None


class CloudState(Struct):
    """The real QStash behind `--cloud`, with a sentence when it makes trouble."""

    trouble: str | None = None


class Tunnel(Struct):
    """State of the public address, with the code and a hint when it failed.

    `admitted` and `refused` count the requests that came through it.
    """

    state: str = "off"
    url: str | None = None
    code: str | None = None
    hint: str | None = None
    admitted: int = 0
    refused: int = 0
    cloud: CloudState | None = None


class Server(Struct):
    """What the status line shows about the server as a whole."""

    url: str = ""
    version: str = ""
    pid: int = 0
    port: int = 0
    data_dir: str | None = None
    app: App = field(default_factory=App)
    clock: Clock = field(default_factory=Clock)
    tunnel: Tunnel = field(default_factory=Tunnel)
    external: str = "allow"
    hold: bool = False
    paused: bool = False
    faults: int = 0
    auto_replay: str = "off"
    env: dict[str, str] = {}


class Counts(Struct):
    """How many there are of everything."""

    messages: int = 0
    delayed: int = 0
    active: int = 0
    retry: int = 0
    held: int = 0
    delivered: int = 0
    failed: int = 0
    canceled: int = 0
    dlq: int = 0
    schedules: int = 0
    queues: int = 0
    groups: int = 0
    flow: int = 0


class Event(Struct, gc=False):
    """One thing that happened to a message."""

    seq: int
    time: int
    id: str
    state: str
    user: str = "defaultUser"
    error: str | None = None
    status: int | None = None
    next_at: int | None = None
    url: str = ""
    method: str = ""


class Snapshot(Struct):
    """Everything at one moment; `rows` are the newest that match, newest first."""

    seq: int
    now: int
    server: Server
    counts: Counts
    rows: list[Row]
    total: int = 0
    cursor: str | None = None


class Tick(Struct):
    """What changed since the tick before. `matched` is `None` when no filter was asked for."""

    seq: int
    now: int
    events: list[Event] = []
    rows: list[Row] = []
    matched: list[str] | None = None
    removed: list[str] = []
    counts: Counts | None = None
    server: Server | None = None
    reset: bool = False


class Page(Struct):
    """A page of rows in the order asked for."""

    rows: list[Row]
    cursor: str | None = None
    total: int = 0


class Body(Struct):
    """A body, or its beginning: `text` when it is UTF-8, else `base64`."""

    size: int = 0
    truncated: bool = False
    text: str | None = None
    base64: str | None = None


class Request(Struct):
    """What was published: the destination as written, the headers to deliver, the body."""

    method: str = "POST"
    url: str = ""
    headers: Pairs = []
    body: Body = field(default_factory=Body)


class SentRequest(Struct):
    """What one attempt really sent."""

    headers: Pairs = []


class Response(Struct):
    """What the destination answered."""

    status: int
    http_version: str = "1.1"
    headers: Pairs = []
    body: Body = field(default_factory=Body)


class Failure(Struct):
    """Why there was no answer."""

    reason: str
    detail: str = ""


class Attempt(Struct):
    """One delivery attempt with its whole exchange; durations in ms since its start."""

    number: int
    started_at: int = 0
    target: str = ""
    connected_ms: float | None = None
    first_byte_ms: float | None = None
    total_ms: float = 0.0
    request: SentRequest = field(default_factory=SentRequest)
    response: Response | None = None
    failure: Failure | None = None


class Signature(Struct):
    """The JWT of the last attempt, decoded, and whether it would verify."""

    token: str | None = None
    claims: dict[str, Any] = {}
    header: dict[str, Any] = {}
    key: str = "unknown"
    valid: bool = False
    problems: list[str] = []


class Links(Struct):
    """Messages that belong to this one."""

    parent: Row | None = None
    children: list[Row] = []
    siblings: list[Row] = []


class Detail(Struct):
    """One message whole; bodies are cut at the server's limit."""

    row: Row
    spec: dict[str, Any] = {}
    request: Request = field(default_factory=Request)
    attempts: list[Attempt] = []
    events: list[Event] = []
    signature: Signature | None = None
    links: Links = field(default_factory=Links)
    hint: str | None = None
    lints: list[str] = []


class DlqEntry(Struct):
    """A message that ran out of retries."""

    dlq_id: str
    time: int
    row: Row


class Replayed(Struct):
    """One message replayed in bulk."""

    id: str
    new: str


class NotReplayed(Struct):
    """One message that could not be replayed, and why."""

    id: str
    error: str


class BulkReplay(Struct):
    """Outcome of replaying several messages."""

    replayed: list[Replayed] = []
    failed: list[NotReplayed] = []


class Logs(Struct):
    """A page of events, newest last."""

    events: list[Event]
    seq: int = 0


class Lost(Struct):
    """The stream broke; `why` is a sentence. It is being opened again."""

    why: str


class Online(Struct):
    """The stream is open (again) and complete since the last number we saw."""


Update = Snapshot | Tick | Lost | Online


class Client:
    """One server, one connection pool. Use as an async context manager.

    Every call raises `ServerUnreachable` when nobody answers and `Refused` when the server says no.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        timeout_s: float = 30.0,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._sleep = sleep
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Give the connections back; the client may be used again afterwards."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    # Any address

    async def request(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        params: Mapping[str, str | int | None] | None = None,
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
    ) -> Any:
        """The decoded JSON of any endpoint (`None` for an empty answer, text for other types)."""
        raw = await self.raw(method, path, json=json, params=params, headers=headers, data=data)
        if not raw:
            return None
        try:
            return msgspec.json.decode(raw)
        except msgspec.DecodeError:
            return raw.decode("utf-8", "replace")

    async def raw(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        params: Mapping[str, str | int | None] | None = None,
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
    ) -> bytes:
        """The bytes of any endpoint. `params` that are `None` are left out."""
        sent = dict(headers or {})
        if json is not None:
            data = msgspec.json.encode(json)
            sent.setdefault("Content-Type", "application/json")
        async with self._open(method, path, params, sent, data, self._timeout) as answer:
            return await answer.read()

    # Reading

    async def health(self) -> dict[str, Any]:
        """Who answers: `version`, `pid`, `url`, `uptime_ms`."""
        return await self._get("/_dev/health", dict[str, Any])

    async def snapshot(self, filter: str | None = None, limit: int = 200) -> Snapshot:
        """Counts, server and the newest matching rows. A bad filter is `Refused`."""
        return await self._get("/_dev/snapshot", Snapshot, filter=filter or None, limit=limit)

    async def messages(
        self,
        filter: str | None = None,
        cursor: str | None = None,
        limit: int = 200,
        order: str = "latest",
    ) -> Page:
        """A page of rows; `cursor` is that of the page before (or of the snapshot)."""
        return await self._get(
            "/_dev/messages", Page, filter=filter or None, cursor=cursor, limit=limit, order=order
        )

    async def message(self, id: str, reveal: bool = False) -> Detail:
        """One message with every attempt; secrets in headers are masked unless asked for."""
        shown = 1 if reveal else None
        return await self._get(f"/_dev/messages/{_part(id)}", Detail, reveal=shown)

    async def body(self, id: str, attempt: int | None = None) -> bytes:
        """The whole published body, or the whole answer to one attempt."""
        middle = "" if attempt is None else f"/attempts/{attempt}"
        return await self.raw("GET", f"/_dev/messages/{_part(id)}{middle}/body")

    async def dlq(self, cursor: str | None = None, limit: int = 200) -> list[DlqEntry]:
        """Dead letters, newest first."""
        found = await self._get("/_dev/dlq", dict[str, Any], cursor=cursor, limit=limit)
        return msgspec.convert(found["entries"], list[DlqEntry])

    async def logs(
        self, *, after: int | None = None, before: int | None = None, limit: int = 500
    ) -> Logs:
        """Events, newest last: those after or before a sequence number, or the newest."""
        return await self._get("/_dev/logs", Logs, after=after, before=before, limit=limit)

    async def resources(self, noun: str) -> list[dict[str, Any]]:
        """All `schedules`, `queues`, `groups` or `flow` keys, in QStash's own shape plus `user`."""
        found = await self._get(f"/_dev/{noun}", dict[str, Any])
        return list(found["keys" if noun == "flow" else noun])

    # Doing

    async def replay(self, id: str, changes: Mapping[str, object] | None = None) -> str:
        """Send it again as a new, linked message; returns the new id."""
        answer = await self.request(
            "POST", f"/_dev/messages/{_part(id)}/replay", json=dict(changes or {})
        )
        return str(answer["id"])

    async def replay_many(self, ids: Sequence[str]) -> BulkReplay:
        """Replay several at once."""
        answer = await self.request("POST", "/_dev/replay", json={"ids": list(ids)})
        return msgspec.convert(answer, BulkReplay)

    async def run(self, id: str) -> None:
        """Try it now instead of at its due time."""
        await self.request("POST", f"/_dev/messages/{_part(id)}/run")

    async def arm(self, id: str, armed: bool = True) -> None:
        """Have it delivered again when the app's source changes, until it succeeds; or not."""
        await self.request("POST", f"/_dev/messages/{_part(id)}/{'arm' if armed else 'disarm'}")

    async def cancel(self, id: str) -> None:
        """Stop trying."""
        await self.request("POST", f"/_dev/messages/{_part(id)}/cancel")

    async def delete(self, id: str) -> None:
        """Forget a finished message."""
        await self.request("DELETE", f"/_dev/messages/{_part(id)}")

    async def publish(
        self, url: str, body: bytes, headers: Mapping[str, str], token: str | None
    ) -> Any:
        """Publish as an SDK does; needs the token of the user who publishes."""
        auth = {"Authorization": f"Bearer {token}"} if token else {}
        # Only what cannot stand in a request line is escaped; `%2F` and `?` stay as written.
        path = f"/v2/publish/{quote(url, safe=_ASCII)}"
        return await self.request("POST", path, data=body, headers={**headers, **auth})

    async def clock(self, change: Mapping[str, object] | None = None) -> Clock:
        """Read the clock, or change its mode, advance it, skip to the next event."""
        method = "GET" if change is None else "POST"
        return msgspec.convert(await self.request(method, "/_dev/clock", json=change), Clock)

    # The stream

    async def watch(self, filter: str | None = None, limit: int = 200) -> AsyncIterator[Update]:
        """A snapshot, then every change, for ever: without a gap and without doubles.

        A broken connection is a `Lost`, then `Online` when it is open again from where it broke;
        a server that no longer knows our place gives a fresh `Snapshot`. A filter that the server
        refuses raises `Refused`.
        """
        after: int | None = None
        failures = 0
        while True:
            try:
                if after is None:
                    snapshot = await self.snapshot(filter, limit)
                    after, failures = snapshot.seq, 0
                    yield snapshot
                async for update in self.events(after, filter):
                    failures = 0
                    if isinstance(update, Tick):
                        if update.reset or update.seq < after:
                            after = None
                            break
                        after = update.seq
                    yield update
                else:
                    # The server ended it: we fell behind, or it is going away.
                    await self._sleep(0.1)
            except ServerUnreachable as error:
                yield Lost(str(error))
                await self._sleep(min(2.0, 0.25 * 2**failures))
                failures = min(failures + 1, 8)

    async def events(self, after: int, filter: str | None = None) -> AsyncIterator[Tick | Online]:
        """One connection: `Online`, then the ticks after `after`; ends when the server does."""
        params = {"after": after, "filter": filter or None}
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10.0, sock_read=SILENCE_S)
        async with self._open("GET", "/_dev/events", params, {}, None, timeout) as answer:
            yield Online()
            async for data in server_sent(answer.content.iter_any()):
                yield msgspec.json.decode(data, type=Tick)

    async def _get(self, path: str, shape: type[T], **params: str | int | None) -> T:
        raw = await self.raw("GET", path, params=params)
        try:
            return msgspec.json.decode(raw, type=shape)
        except msgspec.DecodeError as error:
            raise Refused(
                502, f"{self.url}{path} did not answer like a qstash-dev server: {error}."
            ) from error

    @asynccontextmanager
    async def _open(
        self,
        method: str,
        path: str,
        params: Mapping[str, str | int | None] | None,
        headers: Mapping[str, str],
        data: bytes | None,
        timeout: aiohttp.ClientTimeout,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The one place where network trouble becomes a `ClientError`."""
        if self._session is None:
            self._session = aiohttp.ClientSession(headers=self._headers)
        query = "&".join(
            f"{key}={quote(str(value), safe='')}"
            for key, value in (params or {}).items()
            if value is not None
        )
        # Encoded already: a destination inside the path must arrive byte for byte.
        target = URL(f"{self.url}{path}" + (f"?{query}" if query else ""), encoded=True)
        try:
            async with self._session.request(
                method, target, data=data, headers=headers, timeout=timeout, allow_redirects=False
            ) as answer:
                if answer.status >= 400:
                    raise Refused(answer.status, _complaint(answer.status, await answer.read()))
                yield answer
        except TimeoutError as error:
            raise ServerUnreachable(self.url, "it did not answer in time") from error
        except (aiohttp.ClientError, OSError) as error:
            raise ServerUnreachable(self.url, _reason(error)) from error


async def server_sent(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The `data` of each server-sent event (HTML standard, section 9.2); comments are skipped.

    Our own reader because `StreamReader.readline` refuses lines longer than its buffer.
    """
    data: list[bytes] = []
    async for line in _lines(chunks):
        if not line and data:
            yield b"\n".join(data)
            data = []
        elif line.startswith(b"data:"):
            data.append(line[5:].removeprefix(b" "))


async def _lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    parts: list[bytes] = []
    async for chunk in chunks:
        *lines, rest = chunk.split(b"\n")
        for line in lines:
            parts.append(line)
            yield b"".join(parts).rstrip(b"\r")
            parts = []
        if rest:
            parts.append(rest)


def _part(text: str) -> str:
    return quote(text, safe="")


def _complaint(status: int, raw: bytes) -> str:
    try:
        return str(json_codec.loads(raw)["error"])
    except (ValueError, KeyError, TypeError):
        start = raw[:200].decode("utf-8", "replace").strip()
        return f"The server answered {status}: {start or 'nothing more'}."


def _reason(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorError):
        return "the connection was refused" if error.errno in (111, 61, 10061) else str(error)
    return str(error) or type(error).__name__
