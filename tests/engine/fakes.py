"""The world of an engine, played: time that only the test moves, an app that answers when the test
says so, ids that are counted. Nothing sleeps; `World.run` goes from one appointment to the next.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from msgspec.structs import replace

from qstash_dev.engine.engine import Engine
from qstash_dev.engine.hooks import Hooks
from qstash_dev.engine.intake import Accepted
from qstash_dev.engine.lanes import Lanes
from qstash_dev.engine.policy import Policy
from qstash_dev.engine.tasks import Tasks
from qstash_dev.protocol.model import Attempt, Group, Message, Outcome, Request, Response, Timing
from qstash_dev.protocol.publish.draft import Draft, parse_draft
from qstash_dev.protocol.quota import QUOTAS
from qstash_dev.store.errors import StoreError
from qstash_dev.store.store import Store

START = 1_767_225_600_000
"""2026-01-01T00:00:00Z: a full minute, for schedules."""

USER = "defaultUser"
OTHER_USER = "testUser1"
URL = "http://localhost:3000/api/jobs"
NEVER = 10**18


class FakeClock:
    """Time stands still until `ms` is set."""

    def __init__(self, ms: int = START) -> None:
        self.ms = ms

    def now(self) -> int:
        return self.ms

    wall = now

    def seconds_until(self, at: int) -> float:
        return max(0.0, (at - self.ms) / 1000)


class Ids:
    """`msg_1`, `msg_2`, ...; `scd_1`, ..."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def __call__(self, prefix: str) -> str:
        self._counts[prefix] += 1
        return f"{prefix}{self._counts[prefix]}"


def answer(status: int = 200, *headers: tuple[str, str], body: bytes = b"") -> Response:
    """What an app answers."""
    return Response(status, headers, body, Timing(START, 1.0, 2.0, 3.0))


class Delivery:
    """One request as the app got it. `answer` ends it; `ended_at` is when it was answered."""

    def __init__(self, request: Request, at: int) -> None:
        headers = {name.lower(): value for name, value in request.headers}
        self.request = request
        self.headers = headers
        self.id = headers["upstash-message-id"]
        self.retried = int(headers["upstash-retried"])
        self.at = at
        self.ends_at = NEVER
        self.ended_at: int | None = None
        self.outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()


class App:
    """Records deliveries in order of arrival. `reply` says what it answers and after how many ms;
    `None` instead of ms leaves the delivery open until the test calls `end`.
    """

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.deliveries: list[Delivery] = []
        self.open: list[Delivery] = []
        self.reply: Callable[[Delivery], tuple[int | None, Outcome]] = lambda _: (0, answer())
        self._planned: dict[int, Outcome] = {}

    async def __call__(self, request: Request) -> Outcome:
        delivery = Delivery(request, self.clock.now())
        self.deliveries.append(delivery)
        takes_ms, outcome = self.reply(delivery)
        self.open.append(delivery)
        if takes_ms == 0:
            self.end(delivery, outcome)
        elif takes_ms is not None:
            delivery.ends_at = delivery.at + takes_ms
            self._planned[id(delivery)] = outcome
        try:
            return await delivery.outcome
        finally:
            if delivery in self.open:
                self.open.remove(delivery)

    def end(self, delivery: Delivery, outcome: Outcome | None = None) -> None:
        """Answer an open delivery."""
        self.open.remove(delivery)
        delivery.ended_at = self.clock.now()
        delivery.outcome.set_result(outcome or answer())

    def next_time(self) -> int:
        """When the next planned answer comes."""
        return min((delivery.ends_at for delivery in self.open), default=NEVER)

    def end_due(self) -> None:
        """Give the answers that are planned for now."""
        due = [delivery for delivery in self.open if delivery.ends_at <= self.clock.now()]
        for delivery in sorted(due, key=lambda d: d.ends_at):
            self.end(delivery, self._planned.pop(id(delivery)))

    def ids(self) -> list[str]:
        """The message ids of all deliveries, in order."""
        return [delivery.id for delivery in self.deliveries]


def lose_a_transaction(store: Store) -> None:
    """What a full disk does: SQLite rolls back all that is not committed."""
    with store.database:
        store.database.write(
            "CREATE TEMP TRIGGER IF NOT EXISTS lost BEFORE INSERT ON main.sequences "
            "WHEN NEW.name = 'lost' BEGIN SELECT RAISE(ROLLBACK, 'the disk is full'); END"
        )
    with pytest.raises(StoreError, match="the disk is full"), store.database:
        store.database.write("INSERT INTO sequences VALUES ('lost', 1)")


class World:
    """A store, an engine, an app. Time moves by `run` and `run_until`."""

    def __init__(
        self, *, store: Store | None = None, global_parallelism: int = 100, **policy: Any
    ) -> None:
        self.clock = FakeClock()
        self.app = App(self.clock)
        self.store = store or Store.open(":memory:", on_rollback=lambda: self.on_rollback())
        self.ids = Ids()
        self.pauses: list[float] = []
        self.on_settled: Callable[[Message, Attempt], None] = lambda message, attempt: None
        self.on_rollback: Callable[[], None] = lambda: self.engine.reload()
        self.later: list[tuple[float, Callable[[], None]]] = []
        self.global_parallelism = global_parallelism
        self.one_by_one = False
        self.policy = Policy(limits=QUOTAS["pro"], **policy)
        for user in (USER, OTHER_USER):
            self.store.keys.put(user, "sig_current", "sig_next")
        self._start()

    def _start(self) -> None:
        self.engine = Engine(
            self.store,
            self.clock,
            self.app,
            self.ids,
            self.policy,
            Lanes(self.global_parallelism),
            Hooks(
                on_wake=self._wake,
                on_settled=lambda *what: self.on_settled(*what),
                one_by_one=lambda: self.one_by_one,
            ),
            tasks=Tasks(self._pause),
            call_later=lambda seconds, call: self.later.append((seconds, call)),
        )
        self._woken = False
        self._appointment: int | None = None
        self.engine.recover()
        self.engine.bulk.resume()
        self.engine.wake()

    async def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await asyncio.sleep(0)

    def _wake(self) -> None:
        self._woken = True

    async def restart(self) -> None:
        """As after `kill -9`: what was under way is lost, what was committed is there."""
        await self.engine.stop(0)
        self._start()

    async def close(self) -> None:
        """Abandon what is under way."""
        await self.engine.stop(0)
        self.store.close()

    async def settle(self) -> None:
        """Step, and let deliveries go on, until nothing happens any more at this moment.

        As the loop does it: a step when woken, or when the appointment of the last step has come.
        """
        for _ in range(1_000_000):
            is_due = self._appointment is not None and self._appointment <= self.clock.now()
            if self._woken or is_due:
                self._woken = self.engine.step()
                self._appointment = self.engine.next_time()
            elif len(self.app.open) < len(self.engine.lanes.places.active):
                await asyncio.sleep(0)
            else:
                return
        raise AssertionError("the engine does not come to rest")

    async def run_until(self, at: int) -> None:
        """Live until that time, from one appointment to the next."""
        await self.settle()
        while (next_time := min(self._appointment or NEVER, self.app.next_time())) <= at:
            self.clock.ms = max(self.clock.ms, next_time)
            self.app.end_due()
            await self.settle()
        self.clock.ms = at

    async def run(self, ms: int) -> None:
        """Live for so long."""
        await self.run_until(self.clock.ms + ms)

    async def run_out(self, limit_ms: int = 400 * 86_400_000) -> None:
        """Live until nothing is going to happen any more, at most `limit_ms`."""
        await self.settle()
        end = self.clock.ms + limit_ms
        while (next_time := min(self._appointment or NEVER, self.app.next_time())) <= end:
            await self.run_until(next_time)

    def publish(
        self,
        url: str = URL,
        body: bytes = b"",
        *,
        user: str = USER,
        queue: str | None = None,
        group: Group | None = None,
        **headers: Any,
    ) -> list[Accepted]:
        """Publish; `retries=0` is the header `Upstash-Retries: 0`."""
        return self.engine.accept(user, draft(url, queue=queue, **headers), body, group)

    def message(self, message_id: str) -> Message:
        """A message as it is stored."""
        found = self.store.messages.get(None, message_id)
        assert found is not None, f"there is no message {message_id}"
        return found

    def states(self, ids: Iterable[str]) -> list[str]:
        """The states of messages."""
        return [self.message(message_id).state.value for message_id in ids]


def draft(
    url: str = URL,
    *,
    queue: str | None = None,
    defaults: dict[str, str] | None = None,
    **headers: Any,
) -> Draft:
    """A draft as the API reads it from `Upstash-*` headers, given as keywords."""
    pairs = [(f"Upstash-{name.replace('_', '-')}", str(value)) for name, value in headers.items()]
    parsed = parse_draft(url, pairs, QUOTAS["pro"], defaults=defaults)
    return replace(parsed, spec=replace(parsed.spec, queue=queue or parsed.spec.queue))
