"""The first minute: what is held, an app that starts, a signature that is refused, retries of six
hours, a save that turns red to green. Each step is done for real, and a line says what is to be seen.
"""

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp
from msgspec import Struct
from yarl import URL

from qstash_dev.demo.app import BUSY_TRIES, SampleApp
from qstash_dev.protocol.headers import bearer
from qstash_dev.protocol.users import User

LOOK_S = 8.0
"""Long enough to read a line and to find what it tells of."""
STEP_S = 1.2
PATIENCE_MS = 10_000
ORDER = b'{"order": 1, "lines": [{"name": "tea", "price": 4}, {"name": "cup", "price": 8}]}'
HALF_HOURS = "1440000 * (1 + retried)"
"""24, 48, 72, 96 and 120 minutes: six hours in all."""

Tell = Callable[[str], None]
Sleep = Callable[[float], Awaitable[None]]


class Tour(Struct):
    """Who guides: the server and its app, and how to talk."""

    session: aiohttp.ClientSession
    server: str
    app: SampleApp
    tell: Tell
    sleep: Sleep

    async def held(self) -> None:
        """Nothing is lost while the app is down."""
        await self.publish("/api/orders", "held")
        self.tell("1/5  Your app is not running yet: its message is held, not lost.")
        await self.sleep(LOOK_S)

    async def started(self) -> None:
        """The app starts."""
        await self.app.start()
        await self.until("dest:/api/orders state:ok")
        self.tell("2/5  The app was started, and what was held is delivered: green.")
        await self.sleep(LOOK_S)

    async def refused(self) -> None:
        """A signature is refused."""
        await self.publish("/api/checkout", "failed", **{"Upstash-Retries": "0"})
        self.tell("3/5  Refused: .env.local has another signing key. The detail says so.")
        await self.sleep(LOOK_S)

    async def walked(self) -> None:
        """Six hours of retries."""
        retries = {"Upstash-Retries": str(BUSY_TRIES), "Upstash-Retry-Delay": HALF_HOURS}
        await self.publish("/api/busy", "retry", **retries)
        self.tell(
            "4/5  Five retries in six hours. The key > skips to the next one: six hours in seconds."
        )
        await self.sleep(LOOK_S / 2)
        for _ in range(BUSY_TRIES):
            await self.call("POST", "/_dev/clock", {"skip": True})
            await self.sleep(STEP_S)
        await self.until("dest:/api/busy state:ok")
        await self.call("POST", "/_dev/clock", {"mode": "real"})
        await self.sleep(LOOK_S / 2)

    async def saved(self) -> None:
        """From red to green."""
        await self.publish("/api/total", "failed", **{"Upstash-Retries": "0"})
        self.tell("5/5  A bug in total.py: red. When the file is saved, it is delivered again ...")
        await self.sleep(LOOK_S)
        self.app.save()
        await self.until("dest:/api/total state:ok")
        self.tell("5/5  ... and it is green. total.py was saved, nothing else was done.")
        await self.sleep(LOOK_S)

    async def publish(self, path: str, state: str, **headers: str) -> None:
        """Publish to the app, and wait until it is in that state."""
        url = URL(f"{self.server}/v2/publish/{self.app.url}{path}", encoded=True)
        kind = {"Content-Type": "application/json"}
        async with self.session.post(url, data=ORDER, headers=kind | headers) as answer:
            answer.raise_for_status()
        await self.until(f"dest:{path} state:{state}")

    async def until(self, filter: str) -> None:
        """Wait for it; what does not come stops the tour no longer than that."""
        params = {"filter": filter, "timeout_ms": str(PATIENCE_MS)}
        async with self.session.get(f"{self.server}/_dev/wait", params=params) as answer:
            answer.raise_for_status()

    async def call(self, method: str, path: str, order: object) -> None:
        """An order to the server."""
        async with self.session.request(method, self.server + path, json=order) as answer:
            answer.raise_for_status()


async def guide(
    server: str, user: User, app: SampleApp, tell: Tell, sleep: Sleep = asyncio.sleep
) -> None:
    """All five steps. `tell` shows a line until the next one; the empty one is the last."""
    async with aiohttp.ClientSession(headers=bearer(user.token)) as session:
        tour = Tour(session, server, app, tell, sleep)
        for step in (tour.held, tour.started, tour.refused, tour.walked, tour.saved):
            await step()
    tell("The tour is over. Messages of every kind follow: ? lists the keys, q ends.")
    await sleep(LOOK_S)
    tell("")
