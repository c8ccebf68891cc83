"""SIGKILL at any moment: what was acknowledged is delivered, in order, and as often as promised.

`--crash-rounds N` kills more often, `--crash-seed N` at other moments.
"""

import asyncio
import sqlite3
import sys
from collections import Counter
from collections.abc import Coroutine, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.patience import PATIENCE_MS
from tests.process.campaign import Arrival, Campaign, Record

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL"),
    pytest.mark.xdist_group("crash"),
    pytest.mark.timeout(600),
]
RATE, PERIOD_S = 2, 5
WIDTH = 3
KEYS = 5
BATCH, LARGE_BATCH = 8, 600
ENDPOINTS = 4


class Clients:
    """What goes on while the server dies and lives. Numbers are given once for each path."""

    def __init__(self, campaign: Campaign, url: str) -> None:
        self._campaign = campaign
        self._url = url
        self.originals: dict[int, set[str]] = {key: set() for key in range(KEYS)}

    def all(self) -> Iterator[Coroutine[Any, Any, None]]:
        for client in range(3):
            yield self.publishes(f"plain{client}")
        yield self.publishes("some/fails", retries="3", retry_delay="1")
        yield self.publishes("queue", enqueue="line", retries="3", retry_delay="1")
        # Its head waits longer for a retry than a restart takes, and must still be the next one.
        yield self.publishes(
            "queue/fails", enqueue="failing", count=6, retries="3", retry_delay="1500"
        )
        yield self.publishes_wide()
        yield self.publishes(
            "queue/called",
            enqueue="called",
            count=6,
            callback=f"{self._url}/callback/fails",
            callback_retries="3",
            callback_retry_delay="900",
        )
        yield self.repeats()
        yield self.hurries()
        yield self.batches("batch", BATCH)
        yield self.batches("large", LARGE_BATCH, most=3)
        yield self.publishes_to_group()
        yield self.schedules()

    async def publishes(
        self, path: str, enqueue: str = "", count: int | None = None, **settings: str
    ) -> None:
        """One after the other, until the campaign is over or there are enough. A callback gets the
        number of its message, too.
        """
        callback = settings.pop("callback", None)
        number = 0
        while not self._campaign.is_over and number != count:
            if callback is not None:
                settings["callback"] = f"{callback}/{number}"
            await self._publish(f"{path}/{number}", enqueue, **settings)
            number += 1

    async def publishes_wide(self) -> None:
        """Into a queue of which several may be under way."""
        queue = {"queueName": "wide", "parallelism": WIDTH}
        await self._campaign.call("POST", "/v2/queues", queue)
        path, delay = "queue/wide/fails", "1200"
        await self.publishes(path, enqueue="wide", count=15, retries="3", retry_delay=delay)

    async def repeats(self) -> None:
        """The same few deduplication ids over and over."""
        while not self._campaign.is_over:
            for key in range(KEYS):
                answer = await self._publish(f"once/{key}", deduplication_id=f"key-{key}")
                self.originals[key].add(answer["messageId"])

    async def hurries(self) -> None:
        """More at once than the rate of their flow-control key allows."""
        limit = f"rate={RATE}, period={PERIOD_S}s"
        for number in range(8):
            await self._publish(
                f"rate/{number}", flow_control_key="slowly", flow_control_value=limit
            )

    async def batches(self, path: str, size: int, most: int | None = None) -> None:
        """One after the other: half of each plain, half in a queue of its own."""
        number = 0
        while not self._campaign.is_over and number != most:
            await self._campaign.publish_many(
                "/v2/batch",
                [
                    {
                        "destination": f"{self._url}/{path}/{number}/{item}",
                        "body": "{}",
                        **({"queue": f"{path}ed"} if item % 2 else {}),
                    }
                    for item in range(size)
                ],
            )
            number += 1

    async def publishes_to_group(self) -> None:
        """A message for each endpoint, again and again."""
        endpoints = [{"url": f"{self._url}/group/{number}"} for number in range(ENDPOINTS)]
        await self._campaign.call("POST", "/v2/topics/all/endpoints", {"endpoints": endpoints})
        while not self._campaign.is_over:
            await self._campaign.publish_many("/v2/publish/all", "{}")

    async def schedules(self) -> None:
        """That are made, and fire next year."""
        for number in range(40):
            path = f"/v2/schedules/{self._url}/yearly/{number}"
            await self._campaign.schedule(path, Upstash_Cron="0 0 1 1 *")

    async def _publish(self, path: str, enqueue: str = "", **settings: str) -> dict[str, Any]:
        route = f"enqueue/{enqueue}" if enqueue else "publish"
        named = {f"Upstash_{name}": value for name, value in settings.items()}
        return await self._campaign.publish(f"/v2/{route}/{self._url}/{path}", **named)


@pytest.fixture(scope="module")
def told(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Record, Clients]:
    """What there is to tell of a server that was killed so many times."""
    rounds = request.config.getoption("--crash-rounds")
    seed = request.config.getoption("--crash-seed")
    campaign = Campaign(tmp_path_factory.mktemp("crash"), seed, "--max-messages", "1000000")
    clients: list[Clients] = []

    def work(url: str) -> Iterator[Coroutine[Any, Any, None]]:
        clients.append(Clients(campaign, url))
        return clients[0].all()

    asyncio.run(campaign.run(rounds, work))
    print(campaign.record.summary())
    return campaign.record, clients[0]


@pytest.fixture
def record(told: tuple[Record, Clients]) -> Record:
    return told[0]


def test_every_acknowledged_message_is_in_the_files_after_a_kill(record: Record) -> None:
    assert record.kills > 0
    assert record.lost == set()
    assert record.schedules
    assert record.lost_schedules == set()


@pytest.mark.parametrize(("path", "size"), [("/batch", BATCH), ("/large", LARGE_BATCH)])
def test_a_batch_is_there_whole_or_not_at_all(record: Record, path: str, size: int) -> None:
    """A batch without an answer was sent again: then each of its items is there twice."""
    found: dict[str, dict[int, set[str]]] = {}
    for arrival in record.arrivals:
        if arrival.path.startswith(f"{path}/"):
            ids = found.setdefault(arrival.path, {}).setdefault(arrival.number, set())
            ids.add(arrival.message_id)
    assert found
    for items in found.values():
        assert items.keys() == set(range(size))
        assert len({len(ids) for ids in items.values()}) == 1


def test_every_acknowledged_message_is_delivered(record: Record) -> None:
    assert len(record.acknowledged) > record.kills
    assert record.acknowledged.keys() <= record.delivered()


def test_a_message_arrives_once_more_only_for_each_kill_it_was_in_flight_at(record: Record) -> None:
    tries = Counter((arrival.message_id, arrival.retried) for arrival in record.arrivals)
    again = Counter[str]()
    for (message_id, _), count in tries.items():
        again[message_id] += count - 1
    assert +again <= record.in_flight
    assert +again, "no kill hit a delivery: more rounds are needed"


@pytest.mark.parametrize("path", ["/queue", "/queue/fails", "/queue/called"])
def test_a_queue_keeps_its_order(record: Record, path: str) -> None:
    numbers = [arrival.number for arrival in record.of(path)]
    assert numbers == sorted(numbers)
    assert set(numbers) == set(range(max(numbers) + 1))


def test_of_a_wide_queue_as_many_are_begun_as_it_allows(record: Record) -> None:
    arrivals = record.of("/queue/wide/fails")
    unfinished: dict[str, int] = {}
    most = 0
    for arrival in arrivals:
        unfinished[arrival.message_id] = arrival.number
        if arrival.status == 200:
            del unfinished[arrival.message_id]
        most = max(most, len(unfinished))
    assert most == WIDTH
    numbers = {arrival.number for arrival in arrivals}
    assert numbers == set(range(len(numbers)))


def test_a_queue_waits_for_callbacks_across_kills(record: Record) -> None:
    """The app answers each callback at its second try: the next message comes after that."""
    called, answered = Counter[int](), Counter[int]()
    seen = set[str]()
    for arrival in record.arrivals:
        if arrival.path == "/callback/fails" and arrival.status == 200:
            answered[arrival.number] += arrival.message_id not in seen
        elif arrival.path == "/queue/called":
            called[arrival.number] += arrival.message_id not in seen
            earlier = range(arrival.number)
            assert [answered[n] for n in earlier] == [called[n] for n in earlier]
        else:
            continue
        seen.add(arrival.message_id)
    assert len(called) > 1
    assert called.keys() == set(range(len(called)))


def test_a_deduplication_id_stands_for_one_message(told: tuple[Record, Clients]) -> None:
    record, clients = told
    for key, ids in clients.originals.items():
        arrived = {a.message_id for a in record.of("/once") if a.number == key}
        assert len(ids) == 1
        assert arrived == ids


def test_a_rate_holds_across_kills(record: Record) -> None:
    arrivals = record.of("/rate")
    for count, arrival in enumerate(arrivals, 1):
        assert count <= allowed(arrival, arrivals[0])


def allowed(arrival: Arrival, first: Arrival) -> int:
    """How many may have started; of whole seconds a period may look one shorter."""
    return RATE * (1 + int((arrival.at - first.at + 1) / PERIOD_S))


def test_a_schedule_fires_each_of_its_times_once(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Minute after minute, but that the clock goes back to the time of day with each start."""
    rounds = max(3, request.config.getoption("--crash-rounds") // 3)
    seed = request.config.getoption("--crash-seed")
    campaign = Campaign(tmp_path, seed, "--clock", "frozen")
    fuses = ("arrival", "millisecond")
    asyncio.run(campaign.run(rounds, lambda url: [fires(campaign, url)], fuses))
    assert campaign.record.kills == rounds
    fired = times_of_messages(tmp_path / "data" / "messages.db")
    steps = Counter(later - earlier for earlier, later in pairwise(fired))
    back = [step for step in steps if step <= 0]
    assert steps.keys() == {60_000, *back}
    assert sum(steps[step] for step in back) <= rounds
    assert len(fired) > rounds
    assert len(campaign.record.delivered()) == len(fired)


async def fires(campaign: Campaign, url: str) -> None:
    """Lets the clock of the server pass hour after hour of a schedule for each minute."""
    path = f"/v2/schedules/{url}/schedule/0"
    await campaign.call("POST", path, "{}", Upstash_Cron="* * * * *", Upstash_Schedule_Id="each")
    at: int = (await campaign.call("GET", "/_dev/clock"))["now"]
    while not campaign.is_over:
        at += 3_600_000
        await campaign.call("POST", "/_dev/clock", {"until": at, "wait_ms": PATIENCE_MS})


def times_of_messages(path: Path) -> list[int]:
    connection = sqlite3.connect(path)
    times = [at for (at,) in connection.execute("SELECT created_at FROM messages ORDER BY seq")]
    connection.close()
    return times
