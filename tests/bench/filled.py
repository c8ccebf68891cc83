"""A data directory with many messages in every state, written directly into the store.

Most messages are delivered; a few have values that hardly any other has, which is what people look for.
"""

import random
from collections.abc import Iterator
from pathlib import Path

from msgspec.structs import replace

from qstash_dev.protocol import creation, settle
from qstash_dev.protocol.model import (
    Attempt,
    Endpoint,
    FlowControl,
    FlowState,
    Group,
    Kind,
    Message,
    Queue,
    Response,
    Schedule,
    Spec,
    Timing,
)
from qstash_dev.store.store import Store

USER = "defaultUser"
OTHERS = ("testUser1", "testUser2")
START = 1_780_000_000_000
FAR = 4_000_000_000_000
HEADERS = (("Content-Type", "application/json"), ("X-Tenant", "acme"))
SPREAD = 10_007
"""A prime: what is rare is spread over the whole table."""


def fill(directory: Path, count: int) -> None:
    """Write `count` messages with their attempts, events and dead letters."""
    directory.mkdir(parents=True)
    pending: list[object] = []
    store = Store.open(directory / "messages.db", pending.append)
    for user in (USER, *OTHERS):
        for key in ("rare", "common"):
            store.flows.put(user, key, FlowState(FlowControl(key, 5)))
        for number in range(10):
            store.queues.put(user, f"queue{number}", Queue(user, f"queue{number}", START, START))
    put_schedules(store, count // 100)
    put_groups(store, count // 100)
    numbers = random.Random(1)
    for at, message in enumerate(messages(count, numbers), START):
        settle_as(store, message, at, numbers.random())
        if at % 500 == 0:
            store.database.commit()
    store.close()


def put_schedules(store: Store, count: int) -> None:
    """Schedules that do not fire before long."""
    url = "http://localhost:3000/hook"
    for number in range(count):
        id_, spec = f"scd_{number}", Spec(url, kind=Kind.SCHEDULE, schedule_id=f"scd_{number}")
        cron = f"{number % 60} {number % 24} 1 1 *"
        schedule = Schedule(USER, id_, cron, url, spec, b"", START, FAR + number)
        store.schedules.put(USER, id_, schedule)


def put_groups(store: Store, count: int) -> None:
    """URL groups of three endpoints."""
    endpoints = tuple(Endpoint(f"http://localhost:3000/{n}") for n in range(3))
    for number in range(count):
        group = Group(USER, f"group{number}", endpoints, START, START)
        store.groups.put(USER, group.name, group)


def messages(count: int, numbers: random.Random) -> Iterator[Message]:
    rare_every = max(100, count // 5)
    for number in range(count):
        rare = number * SPREAD % count % rare_every == 7
        spec = Spec(
            f"http://localhost:3000/api/{'rare' if rare else numbers.randrange(20)}",
            headers=HEADERS,
            labels=("rare",) if rare else (f"label{numbers.randrange(10)}",),
            queue=pick(numbers, rare, "queue", 0.1),
            topic=pick(numbers, rare, "topic", 0.1),
            schedule_id=pick(numbers, rare, "schedule", 0.1),
            flow=FlowControl("rare" if rare else "common", 5) if numbers.random() < 0.1 else None,
            # Common, but only among the older half.
            caller_ip="10.9.9.9" if rare else "10.0.0.1" if number < count // 2 else "127.0.0.1",
        )
        user = USER if numbers.random() < 0.9 else numbers.choice(OTHERS)
        body = b'{"order": %d, "note": "%b"}' % (number, b"needle" if rare else b"x" * 150)
        at = START + number
        due_at = FAR if numbers.random() < 0.03 else at
        yield creation.new_message(spec, user, body, at, due_at, f"msg_{number:022}")


def pick(numbers: random.Random, rare: bool, name: str, share: float) -> str | None:
    if rare:
        return f"{name}-rare"
    return f"{name}{numbers.randrange(10)}" if numbers.random() < share else None


def settle_as(store: Store, message: Message, at: int, chance: float) -> None:
    """Delivered, failed for good, waiting for a retry, or still delayed."""
    store.messages.apply(creation.created((message,), at))
    message = store.messages.load(store.messages.last_seq())
    if message.due_at == FAR:
        return
    failed, retries = chance < 0.04, 0.04 <= chance < 0.06
    if failed:
        message = replace(message, retried=message.spec.max_retries)
    change = settle.start(message, at)
    store.messages.apply(change)
    status = 418 if message.spec.url.endswith("rare") else 503
    response = Response(status if failed or retries else 200, HEADERS, b"answer", Timing(at))
    attempt = Attempt(message.id, 1, message.spec.url, HEADERS, response)
    interval = FAR - at if retries else None
    settled = settle.settle(change.changed[0], attempt, at, lambda: "msg_callback", interval)
    store.messages.apply(settled)
