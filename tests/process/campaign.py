"""A server that is killed again and again while clients publish, and an app that takes notes.

The moment of a kill is drawn from a seed: right after the n-th acknowledgement, in the middle of the
n-th delivery, or after n milliseconds of a life. After each kill the files are copied and read.
"""

import asyncio
import random  # noqa: TID251 - seeded
import shutil
import signal
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import jwt
from aiohttp import web

from qstash_dev.protocol.hosts import LOOPBACK
from qstash_dev.protocol.users import DEV_USERS
from tests.patience import PATIENCE_S
from tests.ports import reserved_port
from tests.process.conftest import COMMAND, clean_environment

FUSES = ("acknowledgement", "arrival", "millisecond")
Work = Callable[[str], Iterable[Coroutine[Any, Any, None]]]


@dataclass(frozen=True)
class Arrival:
    """A delivery as the app saw it; `number` is the last part of the path, `at` the second (since the
    epoch) in which it was signed: it may arrive later.
    """

    path: str
    number: int
    message_id: str
    retried: int
    status: int
    at: int


@dataclass
class Record:
    """What clients and app saw. `in_flight` counts at how many kills a message was being delivered."""

    acknowledged: dict[str, str] = field(default_factory=dict)
    arrivals: list[Arrival] = field(default_factory=list)
    in_flight: Counter[str] = field(default_factory=Counter)
    lost: set[str] = field(default_factory=set)
    schedules: set[str] = field(default_factory=set)
    lost_schedules: set[str] = field(default_factory=set)
    kills: int = 0
    _delivered: set[str] = field(default_factory=set)

    def summary(self) -> str:
        """What it was about, in one line."""
        tries = Counter((arrival.message_id, arrival.retried) for arrival in self.arrivals)
        twice = sum(count - 1 for count in tries.values())
        undelivered = len(self.acknowledged.keys() - self._delivered)
        lost = len(self.lost) + len(self.lost_schedules)
        return (
            f"{self.kills} kills, {len(self.acknowledged)} messages and {len(self.schedules)} "
            f"schedules acknowledged, {lost} lost, {undelivered} not delivered, {twice} of "
            f"{len(self.arrivals)} deliveries made once more, "
            f"{self.in_flight.total()} in flight at a kill"
        )

    def arrived(self, arrival: Arrival) -> None:
        """The app was asked; it has taken the message if its answer is 200."""
        self.arrivals.append(arrival)
        if arrival.status == 200:
            self._delivered.add(arrival.message_id)

    def of(self, path: str) -> list[Arrival]:
        """Deliveries to this path, in order."""
        return [arrival for arrival in self.arrivals if arrival.path == path]

    def is_complete(self) -> bool:
        """Whether all that was acknowledged was delivered."""
        return self.acknowledged.keys() <= self._delivered

    def delivered(self) -> set[str]:
        """Messages that the app has taken."""
        return self._delivered


class Campaign:
    """One data directory, many lives."""

    def __init__(self, directory: Path, seed: int, *options: str) -> None:
        self.record = Record()
        self.random = random.Random(seed)
        self.is_over = False
        self.session: aiohttp.ClientSession
        self._directory = directory
        self._options = options
        self._port = 0
        self._process: asyncio.subprocess.Process | None = None
        self._up = asyncio.Event()
        self._changed = asyncio.Condition()
        self._fuse: tuple[str, int] | None = None

    async def run(self, rounds: int, work: Work, fuses: Sequence[str] = FUSES) -> None:
        """So many kills while what `work(app_url)` lists goes on; then a life to end it in."""
        async with self.place() as url, asyncio.TaskGroup() as group:
            jobs = [group.create_task(job) for job in work(url)]
            try:
                for _ in range(rounds):
                    async with asyncio.timeout(PATIENCE_S):
                        await self.live((self.random.choice(fuses), self.random.randint(1, 60)))
                self.is_over = True
                await self.live(None)
                await asyncio.wait(jobs)
                # If it never comes to that, the tests say what is missing.
                with suppress(TimeoutError):
                    await self.until(self.record.is_complete)
            finally:
                await self.end()

    @asynccontextmanager
    async def place(self) -> AsyncIterator[str]:
        """The URL of the app, and a port for the server that nobody takes between two lives."""
        with reserved_port(*LOOPBACK) as self._port:
            async with self.app() as url:
                yield url

    @asynccontextmanager
    async def app(self) -> AsyncIterator[str]:
        """The URL of the app. It answers 500 to the first try of what goes to a path `.../fails/`."""
        application = web.Application()
        application.router.add_post("/{path:.*}", self._arrive)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        async with aiohttp.ClientSession() as self.session:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        await runner.cleanup()

    async def live(self, fuse: tuple[str, int] | None) -> None:
        """Start the server; with a fuse such as `("arrival", 7)` it is killed, and waited for."""
        self._fuse = fuse
        self._process = await asyncio.create_subprocess_exec(
            *(*COMMAND, "serve", "--port", str(self._port), "--output", "quiet"),
            *("--data-dir", str(self._directory / "data"), *self._options),
            env=clean_environment(),
            stdout=asyncio.subprocess.PIPE,
            cwd=self._directory,
        )
        assert self._process.stdout is not None
        assert await self._process.stdout.readline()
        self._up.set()
        if fuse is not None and fuse[0] == "millisecond":
            asyncio.get_running_loop().call_later(fuse[1] / 1000, self._kill)
        if fuse is not None:
            await self._process.wait()
            self._autopsy()

    async def end(self) -> None:
        """Stop the server of the last life."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The answer of the API, asked again in the next life if this one ends meanwhile."""
        while True:
            await self._up.wait()
            with suppress(aiohttp.ClientError, ConnectionError):
                return await self._once(method, path, body, headers)

    async def publish(self, path: str, **headers: str) -> dict[str, Any]:
        """Publish until it is acknowledged; a publish without an answer may have been stored, too."""
        answer: dict[str, Any] = await self.call("POST", path, "{}", **headers)
        self._acknowledged([answer], path)
        return answer

    async def publish_many(self, path: str, body: Any) -> None:
        """As `publish`, for a batch or a URL group: all are acknowledged together."""
        self._acknowledged(await self.call("POST", path, body), path)

    async def schedule(self, path: str, **headers: str) -> None:
        """Make a schedule, until it is acknowledged."""
        answer = await self.call("POST", path, "{}", **headers)
        self.record.schedules.add(answer["scheduleId"])
        self._happened("acknowledgement")

    async def until(self, is_done: Callable[[], bool]) -> None:
        """Wait for the record to fulfil something, as long as deliveries come."""
        async with asyncio.timeout(PATIENCE_S) as limit, self._changed:
            while not is_done():
                await self._changed.wait()
                limit.reschedule(asyncio.get_running_loop().time() + PATIENCE_S)

    async def _once(self, method: str, path: str, body: Any, headers: dict[str, str]) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named["Authorization"] = f"Bearer {DEV_USERS[0].token}"
        url = f"http://127.0.0.1:{self._port}{path}"
        data = {"data": body} if isinstance(body, str) else {"json": body}
        async with self.session.request(method, url, headers=named, **data) as answer:
            assert answer.status < 300, await answer.text()
            is_json = answer.content_type == "application/json"
            return await (answer.json() if is_json else answer.text())

    async def _arrive(self, request: web.Request) -> web.Response:
        path, _, number = request.path.rpartition("/")
        retried = int(request.headers["Upstash-Retried"])
        status = 500 if path.endswith("/fails") and retried == 0 else 200
        message_id = request.headers["Upstash-Message-Id"]
        token = request.headers["Upstash-Signature"]
        signed = jwt.decode(token, options={"verify_signature": False})
        arrival = Arrival(path, int(number), message_id, retried, status, signed["iat"])
        self.record.arrived(arrival)
        self._happened("arrival")
        async with self._changed:
            self._changed.notify_all()
        return web.Response(status=status)

    def _acknowledged(self, answers: list[dict[str, Any]], path: str) -> None:
        for answer in answers:
            self.record.acknowledged[answer["messageId"]] = path
        self._happened("acknowledgement")

    def _happened(self, what: str) -> None:
        if self._fuse is not None and self._fuse[0] == what:
            self._fuse = (what, self._fuse[1] - 1)
            if self._fuse[1] == 0:
                self._kill()

    def _kill(self) -> None:
        assert self._process is not None
        self._up.clear()
        self._process.send_signal(signal.SIGKILL)

    def _autopsy(self) -> None:
        """Read a copy of the files: what the next life will find."""
        self.record.kills += 1
        copy = self._directory / f"copy{self.record.kills}"
        shutil.copytree(self._directory / "data", copy)
        connection = sqlite3.connect(copy / "messages.db")
        states = dict(connection.execute("SELECT id, state FROM messages"))
        schedules = {name for (name,) in connection.execute("SELECT name FROM schedules")}
        connection.close()
        shutil.rmtree(copy)
        self.record.lost |= self.record.acknowledged.keys() - states.keys()
        self.record.lost_schedules |= self.record.schedules - schedules
        self.record.in_flight.update(id_ for id_, state in states.items() if state == "ACTIVE")
