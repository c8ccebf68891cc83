"""Typed async client of our own HTTP and SSE control API, for the TUI, the CLI verbs and tests.

It knows addresses and shapes (`/_dev/`), and nothing of what a message means or how it is shown.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

import aiohttp
import msgspec
from yarl import URL

from qstash_dev.client.errors import ClientError, Refused, ServerUnreachable
from qstash_dev.client.paths import path_of
from qstash_dev.client.sse import server_sent
from qstash_dev.devtools.control_documents import (
    Complaint,
    Dlq,
    Health,
    Made,
    Restored,
    Undoable,
    Waited,
)
from qstash_dev.devtools.documents import (
    BulkReplay,
    Clock,
    Detail,
    DlqEntry,
    Logs,
    Lost,
    Online,
    Page,
    Row,
    Snapshot,
    Tick,
    Update,
)
from qstash_dev.devtools.written import path_and_headers
from qstash_dev.protocol.headers import bearer

__all__ = ["Client", "ClientError", "Refused", "ServerUnreachable"]

T = TypeVar("T")
NO_DOCUMENT = (msgspec.MsgspecError, UnicodeDecodeError)
NAME_OF = {"schedules": "scheduleId", "flow": "flowControlKey", "deduplication": "id"}
"""The field that names a resource, where it is not `name`."""


SILENCE_S = 30.0
"""The server pings every 10 s; a stream this long silent is a dead connection."""


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
        self._headers = bearer(token)
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
        # Who asks meanwhile gets a session of their own, which is closed another time.
        session, self._session = self._session, None
        if session is not None:
            await session.close()

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
        except (*NO_DOCUMENT, RecursionError):
            return raw.decode("utf-8", "replace")

    async def ask(
        self,
        method: str,
        path: str,
        shape: type[T],
        *,
        json: object = None,
        params: Mapping[str, str | int | None] | None = None,
    ) -> T:
        """The answer of any endpoint in its shape; any other one is `Refused`."""
        return self._decoded(await self.raw(method, path, json=json, params=params), path, shape)

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

    async def health(self) -> Health:
        """Who answers."""
        return await self._get("/_dev/health", Health)

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

    async def all_messages(self, filter: str | None = None) -> list[Row]:
        """All that match, the oldest first: so they are replayed in order."""
        found: list[Row] = []
        cursor: str | None = None
        while True:
            page = await self.messages(filter, cursor, limit=1000, order="earliest")
            found += page.rows
            cursor = page.cursor
            if cursor is None:
                return found

    async def message(self, id: str, reveal: bool = False) -> Detail:
        """One message with every attempt; secrets in headers are masked unless asked for."""
        shown = 1 if reveal else None
        return await self._get(path_of("messages", id), Detail, reveal=shown)

    async def body(self, id: str, attempt: int | None = None) -> bytes:
        """The whole published body, or the whole answer to one attempt."""
        middle = () if attempt is None else ("attempts", attempt)
        return await self.raw("GET", path_of("messages", id, *middle, "body"))

    async def verify(self, id: str, given: Mapping[str, object]) -> dict[str, Any]:
        """What a receiver would make of the signature of an attempt; see `_dev/.../verify`."""
        answer = await self.request("POST", path_of("messages", id, "verify"), json=dict(given))
        return dict(answer)

    async def dlq(self, cursor: str | None = None, limit: int = 200) -> list[DlqEntry]:
        """Dead letters, newest first."""
        return (await self._get("/_dev/dlq", Dlq, cursor=cursor, limit=limit)).entries

    async def dead_letter(self, id: str) -> DlqEntry:
        return await self._get(path_of("dlq", id), DlqEntry)

    async def logs(
        self,
        *,
        after: int | None = None,
        before: int | None = None,
        limit: int = 500,
        filter: str | None = None,
    ) -> Logs:
        """Events, newest last: those after or before a sequence number, or the newest."""
        return await self._get(
            "/_dev/logs", Logs, after=after, before=before, limit=limit, filter=filter
        )

    async def resources(self, noun: str) -> list[dict[str, Any]]:
        """All `schedules`, `queues`, `groups` or `flow` keys, in QStash's own shape plus `user`."""
        shape = dict[str, list[dict[str, Any]]]
        found = await self._get(f"/_dev/{noun}", shape)
        records = found.get("keys" if noun == "flow" else noun, [])
        if not all(isinstance(record.get(NAME_OF.get(noun, "name")), str) for record in records):
            raise self._stranger(f"/_dev/{noun}", "a name is missing")
        return records

    # Doing

    async def replay(self, id: str, changes: Mapping[str, object] | None = None) -> str:
        """Send it again as a new, linked message; returns the new id."""
        path = path_of("messages", id, "replay")
        return (await self.ask("POST", path, Made, json=dict(changes or {}))).id

    async def replay_many(self, ids: Sequence[str]) -> BulkReplay:
        """Replay several at once."""
        return await self.ask("POST", "/_dev/replay", BulkReplay, json={"ids": list(ids)})

    async def run(self, id: str) -> None:
        """Try it now instead of at its due time."""
        await self.request("POST", path_of("messages", id, "run"))

    async def cancel(self, id: str) -> str | None:
        """Stop trying; returns what `undo` takes, `None` when it cannot be undone."""
        return (await self.ask("POST", path_of("messages", id, "cancel"), Undoable)).undo

    async def delete(self, id: str) -> str | None:
        """Forget a finished message; returns what `undo` takes."""
        return (await self.ask("DELETE", path_of("messages", id), Undoable)).undo

    async def undo(self, orders: Sequence[str]) -> Restored:
        """Take back deletions and cancellations of the last minute."""
        return await self.ask("POST", "/_dev/undo", Restored, json={"ids": list(orders)})

    async def publish(
        self, url: str, body: bytes, headers: Mapping[str, str], token: str | None
    ) -> Any:
        """Publish as an SDK does, through the queue that `Upstash-Queue-Name` names, if any.

        `token` is that of the user who publishes. The answer has a `messageId`, several for a URL
        group, or a `scheduleId`.
        """
        path, own = path_and_headers(url, headers)
        return await self.request("POST", path, data=body, headers={**own, **bearer(token)})

    async def wait(self, filter: str, count: int, timeout_ms: int) -> Waited:
        """Wait until so many messages match, no longer than that, nor than the client itself does."""
        return await self._get(
            "/_dev/wait", Waited, filter=filter, count=count, timeout_ms=timeout_ms
        )

    async def clock(self, change: Mapping[str, object] | None = None) -> Clock:
        """Read the clock, or change its mode, advance it, skip to the next event."""
        method = "GET" if change is None else "POST"
        return await self.ask(method, "/_dev/clock", Clock, json=change)

    # The stream

    async def watch(self, filter: str | None = None, limit: int = 200) -> AsyncIterator[Update]:
        """A snapshot, then every change, for ever: without a gap and without doubles.

        A broken connection is a `Lost`, then `Online` when it is open again from where it broke;
        a server that no longer knows our place, or is another one, gives a fresh `Snapshot`. A filter
        that the server refuses raises `Refused`.
        """
        after: int | None = None
        line = failures = started_at = 0
        while True:
            try:
                if after is None:
                    snapshot = await self.snapshot(filter, limit)
                    after, line, failures = snapshot.seq, snapshot.line, 0
                    started_at = snapshot.server.started_at
                    yield snapshot
                async for update in self.events(after, line, filter):
                    failures = 0
                    if isinstance(update, Tick):
                        is_other = update.server and update.server.started_at != started_at
                        if update.reset or is_other or update.seq < after:
                            after = None
                            break
                        after, line = update.seq, update.line
                    yield update
                else:
                    # The server ended it: we fell behind, or it is going away.
                    await self._sleep(0.1)
            except (ServerUnreachable, Refused) as error:
                if isinstance(error, Refused) and error.status < 500:
                    raise
                yield Lost(str(error))
                await self._sleep(min(2.0, 0.25 * 2**failures))
                failures = min(failures + 1, 8)

    async def events(
        self, after: int, line: int, filter: str | None = None
    ) -> AsyncIterator[Tick | Online]:
        """One connection: `Online`, then the ticks after the event `after` and the `line` that the app
        printed; ends when the server does.
        """
        params = {"after": after, "printed": line, "filter": filter or None}
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10.0, sock_read=SILENCE_S)
        async with self._open("GET", "/_dev/events", params, {}, None, timeout) as answer:
            yield Online()
            async for data in server_sent(answer.content.iter_any()):
                yield self._decoded(data, "/_dev/events", Tick)

    async def _get(self, path: str, shape: type[T], **params: str | int | None) -> T:
        return await self.ask("GET", path, shape, params=params)

    def _decoded(self, raw: bytes, path: str, shape: type[T]) -> T:
        try:
            return msgspec.json.decode(raw, type=shape)
        except (*NO_DOCUMENT, RecursionError) as error:
            raise self._stranger(path, str(error)) from error

    def _stranger(self, path: str, why: str) -> Refused:
        return Refused(502, f"{self.url}{path} did not answer like a qstash-dev server: {why}.")

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


def _complaint(status: int, raw: bytes) -> str:
    try:
        return msgspec.json.decode(raw, type=Complaint).error
    except (*NO_DOCUMENT, RecursionError):
        start = raw[:200].decode("utf-8", "replace").strip()
        return f"The server answered {status}: {start or 'nothing more'}."


def _reason(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f'no host "{error.host}" is known'
    if isinstance(error, aiohttp.ClientConnectorError):
        return "the connection was refused" if error.errno in (111, 61, 10061) else str(error)
    return str(error) or type(error).__name__
