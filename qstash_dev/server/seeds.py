"""Makes the queues, URL groups and schedules of the configuration file, by the server's own API.

So a seed is checked like any request, and a mistake gets the API's own sentence.
"""

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

from msgspec import Struct, to_builtins

from qstash_dev.client import Client, ClientError, Refused
from qstash_dev.config import (
    Config,
    ConfigError,
    GroupSeed,
    QueueSeed,
    ScheduleSeed,
    Seeds,
    TryAgain,
)
from qstash_dev.config.file import place_of_entry
from qstash_dev.protocol.users import User

Seed = QueueSeed | GroupSeed | ScheduleSeed

TABLES: dict[type, str] = {
    QueueSeed: "queues",
    GroupSeed: "url-groups",
    ScheduleSeed: "schedules",
}


class Call(Struct, frozen=True):
    """One request that a seed needs."""

    method: str
    path: str
    headers: dict[str, str] = {}
    json: Any = None
    data: bytes | None = None


async def sow(url: str, config: Config, before: Seeds | None = None) -> None:
    """Makes what the file names and forgets what only `before` named; the unchanged stays.

    Raises `ConfigError` for the first seed that the server refuses. Nothing was forgotten then, for
    that comes last: `sow(url, old, new.seeds)` takes back the rest.
    """
    old, new = before or Seeds(), config.seeds
    for seed in added(old, new):
        former = next((other for other in old.groups if is_same(other, seed)), None)
        await _carry_out(url, config, [*parting(former, seed), *calls(seed)], seed)
    for seed in gone(old, new):
        await _carry_out(url, config, [removal(seed)], seed)


async def _carry_out(url: str, config: Config, orders: Sequence[Call], seed: Seed) -> None:
    try:
        await send(url, user_of(seed, config.users), orders, seed)
    except ConfigError as error:
        if config.config_file is None:
            raise
        where = f"{place_of_entry(config.config_file, name_of(seed))}, {error.where}"
        raise type(error)(where, error.problem) from None


def added(old: Seeds, new: Seeds) -> Iterator[Seed]:
    """What is new or has changed; schedules last, for they may name a queue or a group."""
    yield from (seed for seed in new.queues if seed not in old.queues)
    yield from (seed for seed in new.groups if seed not in old.groups)
    yield from (seed for seed in new.schedules if seed not in old.schedules)


def gone(old: Seeds, new: Seeds) -> Iterator[Seed]:
    """What is no longer named; schedules first, as the reverse of `added`."""
    for before, after in (
        (old.schedules, new.schedules),
        (old.groups, new.groups),
        (old.queues, new.queues),
    ):
        yield from (seed for seed in before if not any(is_same(seed, other) for other in after))


def is_same(seed: Seed, other: Seed) -> bool:
    """Whether one is the other, perhaps changed."""
    return type(seed) is type(other) and (name_of(seed), seed.user) == (name_of(other), other.user)


def name_of(seed: Seed) -> str:
    """The id of a schedule, the name of all else."""
    return seed.id if isinstance(seed, ScheduleSeed) else seed.name


def user_of(seed: Seed, users: tuple[User, ...]) -> User:
    """Whose it is: the first user's, unless it names one."""
    for user in users:
        if seed.user in (None, user.id):
            return user
    raise ConfigError(place(seed), f'there is no user "{seed.user}".')


def place(seed: Seed) -> str:
    """Where a seed stands."""
    return f'{TABLES[type(seed)]} entry "{name_of(seed)}"'


def removal(seed: Seed) -> Call:
    """The request that forgets a seed."""
    noun = {QueueSeed: "queues", GroupSeed: "topics", ScheduleSeed: "schedules"}[type(seed)]
    return Call("DELETE", f"/v2/{noun}/{quote(name_of(seed), safe='')}")


def parting(former: GroupSeed | None, seed: Seed) -> list[Call]:
    """The request that takes out of a URL group what its seed no longer has, or has otherwise."""
    if former is None or not isinstance(seed, GroupSeed):
        return []
    left = [{"url": e.url} for e in former.endpoints if e not in seed.endpoints]
    path = f"/v2/topics/{quote(seed.name, safe='')}/endpoints"
    return [Call("DELETE", path, json={"endpoints": left})] if left else []


def calls(seed: Seed) -> list[Call]:
    """The requests that make a seed."""
    if isinstance(seed, QueueSeed):
        order = {"queueName": seed.name, "parallelism": seed.parallelism, "paused": seed.paused}
        return [Call("POST", "/v2/queues", json=order)]
    if isinstance(seed, GroupSeed):
        endpoints = [
            {name: value for name, value in to_builtins(endpoint).items() if value is not None}
            for endpoint in seed.endpoints
        ]
        path = f"/v2/topics/{quote(seed.name, safe='')}/endpoints"
        return [Call("POST", path, json={"endpoints": endpoints})]
    headers = {
        "Upstash-Cron": seed.cron,
        "Upstash-Schedule-Id": seed.id,
        "Upstash-Method": seed.method,
        **dict(seed.headers),
    }
    path = f"/v2/schedules/{seed.destination}"
    made = Call("POST", path, headers=headers, data=seed.body.encode())
    pause = Call("POST", f"/v2/schedules/{quote(seed.id, safe='')}/pause")
    return [made, pause] if seed.paused else [made]


async def send(url: str, user: User, orders: Sequence[Call], seed: Seed) -> None:
    """The requests of one seed, as its user."""
    async with Client(url, user.token) as client:
        for order in orders:
            try:
                await client.request(
                    order.method,
                    order.path,
                    json=order.json,
                    headers=order.headers,
                    data=order.data,
                )
            except ClientError as error:
                # What somebody has removed in the meantime need not be removed.
                if order.method == "DELETE" and isinstance(error, Refused) and error.status == 404:
                    continue
                is_wrong = isinstance(error, Refused) and error.status < 500
                kind = ConfigError if is_wrong else TryAgain
                raise kind(place(seed), f"{str(error).rstrip('.')}.") from None
            except ValueError as error:  # a control character, say: no request can be made of it
                raise ConfigError(place(seed), f"{error}") from None
