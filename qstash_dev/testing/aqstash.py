"""A server as a test sees it: what was sent, what time it is, what goes wrong on purpose.

Every answer is the control API's, so a test and the terminal UI see the same. Nothing here waits
longer than it is told to.
"""

import json as json_codec
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from qstash_dev.client import Client, Refused
from qstash_dev.client.paths import path_of
from qstash_dev.devtools.documents import Detail, DlqEntry, Row
from qstash_dev.devtools.fixtures import publish_headers, read_fixture
from qstash_dev.devtools.written import body_document
from qstash_dev.protocol.timing import parse_duration
from qstash_dev.testing.told import (
    Expected,
    alike,
    elsewhere,
    missing,
    sent,
    standing,
    waiting,
)

PENDING = "-state:finished"
PATIENCE_S = 10.0
"""Real time for what becomes due when time is moved."""

Message = Row | str
"""A message, or its id."""


class Schedules:
    """The schedules of a server."""

    def __init__(self, server: "AsyncQstash") -> None:
        self._server = server

    async def all(self) -> list[dict[str, Any]]:
        """Every schedule, as QStash lists it."""
        async with self._server.client() as client:
            return await client.resources("schedules")

    async def run(self, schedule_id: str) -> None:
        """Let it fire now, beside its times."""
        async with self._server.client() as client:
            await client.request("POST", path_of("schedules", schedule_id, "run"))


class AsyncQstash:
    """One server. `env` holds the four variables by which an app's SDK finds it.

    Every method raises `ClientError` with a sentence when the server refuses or does not answer, and
    those that expect something `AssertionError` with what there was instead.
    """

    def __init__(self, url: str, env: Mapping[str, str], fixtures: Path) -> None:
        self.url = url
        self.env = dict(env)
        self.token = self.env["QSTASH_TOKEN"]
        self.schedules = Schedules(self)
        self._fixtures = fixtures

    @asynccontextmanager
    async def client(self, waits_s: float = 0) -> AsyncIterator[Client]:
        """The client of the control API, for what has no method here; it waits 30 s more than that."""
        async with Client(self.url, self.token, timeout_s=waits_s + 30) as client:
            yield client

    # Looking

    async def messages(self, filter: str = "") -> list[Row]:
        """All messages that match, oldest first. The filter language is the terminal UI's."""
        async with self.client() as client:
            return await client.all_messages(filter)

    async def detail(self, message: Message) -> Detail:
        """One message with its request and every attempt."""
        async with self.client() as client:
            return await client.message(_id(message))

    async def body(self, message: Message) -> bytes:
        """What was published."""
        async with self.client() as client:
            return await client.body(_id(message))

    async def dlq(self) -> list[DlqEntry]:
        """Dead letters, newest first."""
        async with self.client() as client:
            return await client.dlq()

    # Waiting

    async def wait(self, filter: str, count: int = 1, timeout: float = 5.0) -> list[Row]:
        """Wait until so many messages match; `timeout` is in real seconds. Raises AssertionError."""
        __tracebackhide__ = True
        async with self.client(timeout) as client:
            answer = await client.wait(filter, count, int(timeout * 1000))
        rows = answer.rows
        if answer.met:
            return rows
        hints = await self._stopped()
        if answer.nearest:
            hints += f"\n{answer.nearest}"
        happened = await self._sent()
        raise AssertionError(
            f"{len(rows)} of {count} messages matched {filter!r} within {timeout:g} s."
            f"{hints}{happened}"
        )

    async def settle(self) -> None:
        """Deliver, retry and call back until nothing waits any more; what waits for later is run now.

        Time is skipped, so a frozen clock ends when the last retry was due. Raises AssertionError
        with what waits if that never comes.
        """
        __tracebackhide__ = True
        async with self.client() as client:
            try:
                await client.clock({"settle": True, "wait_ms": int(PATIENCE_S * 1000)})
            except Refused as error:
                rows = (await client.messages(PENDING, limit=20)).rows
                raise AssertionError(waiting(str(error), rows)) from None

    async def advance(self, duration: str | int, timeout: float = PATIENCE_S) -> None:
        """Let time pass, such as `2h`, or so many seconds; what becomes due on the way is delivered
        on the way.

        Raises AssertionError with what is under way if that takes longer than `timeout`, in real
        seconds.
        """
        __tracebackhide__ = True
        await self._move(timeout, advance_ms=parse_duration(str(duration)))

    async def freeze(self, at: datetime | None = None, timeout: float = PATIENCE_S) -> None:
        """Stop time, at a later moment if one is given: only forward, as `advance` does."""
        __tracebackhide__ = True
        async with self.client() as client:
            await client.clock({"mode": "frozen"})
        if at is not None:
            await self._move(timeout, until=int(at.timestamp() * 1000))

    async def _move(self, timeout: float, **order: int) -> None:
        __tracebackhide__ = True
        async with self.client(timeout) as client:
            clock = await client.clock({**order, "wait_ms": int(timeout * 1000)})
        if clock.notice:
            raise AssertionError(f"Time was moved, but {clock.notice}.")

    # Doing

    async def replay(self, message: Message, /, **changes: object) -> str:
        """Send it again, whole or with another `body`, `headers`, `url`; the id of the new message."""
        if isinstance(body := changes.get("body"), bytes):
            changes["body"] = body_document(body)
        async with self.client() as client:
            return await client.replay(_id(message), changes)

    async def run(self, message: Message) -> None:
        """Try it now."""
        async with self.client() as client:
            await client.run(_id(message))

    async def cancel(self, message: Message) -> None:
        """Stop trying."""
        async with self.client() as client:
            await client.cancel(_id(message))

    async def send_fixture(self, name: str) -> str:
        """Publish a saved message: a path, or a name in the folder of fixtures; the new id."""
        path = Path(name) if name.endswith(".json") else self._fixtures / f"{name}.json"
        fixture = read_fixture(path.read_bytes())
        async with self.client() as client:
            answer = await client.publish(
                fixture.url, fixture.body, dict(publish_headers(fixture)), self.token
            )
        return str(answer["messageId"])

    async def route(self, source: str, target: str) -> None:
        """Deliver what is sent to URLs that begin with `source` to `target` instead."""
        async with self.client() as client:
            known = (await client.request("GET", "/_dev/routes"))["routes"]
            routes = [route for route in known if route["from"] != source]
            await client.request(
                "PUT", "/_dev/routes", json={"routes": [*routes, {"from": source, "to": target}]}
            )

    # Faults

    async def fail(self, url: str, status: int = 500, times: int | None = None) -> None:
        """Answer deliveries to `url` (a part of it suffices) with a status, without the app."""
        await self._fault(url, kind="status", status=status, times=times)

    async def drop(self, url: str, times: int | None = None) -> None:
        """Call the app and lose its answer."""
        await self._fault(url, kind="drop", times=times)

    async def duplicate(self, url: str, times: int | None = None) -> None:
        """Call the app twice."""
        await self._fault(url, kind="duplicate", times=times)

    async def delay(self, url: str, seconds: float, times: int | None = None) -> None:
        """Call the app later; in real time."""
        await self._fault(url, kind="latency", latency_ms=int(seconds * 1000), times=times)

    async def _fault(self, url: str, **order: object) -> None:
        filter = f"dest:{json_codec.dumps(url)}"
        async with self.client() as client:
            await client.request("POST", "/_dev/faults", json={"filter": filter, **order})

    # Expecting

    async def assert_delivered(
        self, url: str = "", *, json: object = ..., body: bytes | None = None, count: int = 1
    ) -> list[Row]:
        """Exactly `count` messages arrived at `url` (a part of it), of that body if one is given."""
        __tracebackhide__ = True
        return await self._expect(Expected("delivered", url, json, body, count))

    async def assert_failed(
        self, url: str = "", *, json: object = ..., body: bytes | None = None, count: int = 1
    ) -> list[Row]:
        """Exactly `count` messages for `url` were given up."""
        __tracebackhide__ = True
        return await self._expect(Expected("failed", url, json, body, count))

    async def assert_nothing_sent(self, url: str = "") -> None:
        """Nothing was published for `url`, whatever became of it."""
        __tracebackhide__ = True
        rows = [row for row in await self.messages() if url in row.url]
        if rows:
            raise AssertionError(f"Expected that nothing is sent.{await self._sent()}")

    async def _expect(self, expected: Expected) -> list[Row]:
        __tracebackhide__ = True
        rows = [row for row in await self.messages() if row.state == expected.state]
        rows = [row for row in rows if expected.url in row.url]
        if expected.has_body:
            rows = [row for row in rows if expected.is_body(await self.body(row))]
        if len(rows) != expected.count:
            near = alike(expected.url, await self.messages()) if not rows else ""
            raise AssertionError(f"{missing(expected, len(rows))}{near}{await self._sent()}")
        return rows

    async def _stopped(self) -> str:
        """Whether time stands still for what is waited for."""
        async with self.client() as client:
            clock = await client.clock()
            pending = (await client.messages(PENDING, limit=1000)).rows
        return standing(pending, clock)

    async def _sent(self) -> str:
        rows = await self.messages()
        if not rows and os.environ.get("QSTASH_URL") not in (None, self.url):
            return elsewhere(self.url, os.environ["QSTASH_URL"])
        return sent([(row, await self.body(row)) for row in rows[-20:]], len(rows))

    async def forget(self) -> None:
        """Begin anew: no messages, faults or routes, deliveries not paused. Time goes on."""
        async with self.client() as client:
            await client.request("POST", "/_dev/reset")
            await client.request("POST", "/_dev/resume")
            await client.request("PUT", "/_dev/routes", json={"routes": []})


def _id(message: Message) -> str:
    return message if isinstance(message, str) else message.id
