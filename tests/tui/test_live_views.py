"""Views of resources show what others do to them, on a real server."""

import asyncio
from typing import Any, NamedTuple

import pytest

from qstash_dev.client import Client
from qstash_dev.tui.model.session import Session
from qstash_dev.tui.views import VIEWS
from qstash_dev.tui.views.things import GROUPS, QUEUES
from tests.tui.conftest import Person, make_app, until
from tests.tui.world import World

NOWHERE = "http://localhost:1/x"
HOURLY = {"Upstash-Cron": "0 * * * *", "Upstash-Schedule-Id": "daily"}
DAILY = {"Upstash-Cron": "0 9 * * *", "Upstash-Schedule-Id": "daily"}

KEY = {"Upstash-Flow-Control-Key": "k", "Upstash-Flow-Control-Value": "parallelism=1"}


class Call(NamedTuple):
    """A request as another client makes it."""

    method: str
    path: str
    json: Any = None
    headers: dict[str, str] | None = None


def endpoint(path: str) -> Call:
    return Call("POST", "/v2/topics/team/endpoints", {"endpoints": [{"url": NOWHERE + path}]})


CHANGES = {
    "another endpoint": ("4", endpoint("/1"), endpoint("/2"), "/x/2"),
    "defaults of a group": (
        "4",
        endpoint("/1"),
        Call("PATCH", "/v2/topics/team", {"headers": {"Upstash-Forward-X-Tenant": ["acme"]}}),
        "acme",
    ),
    "a new group": (
        "4",
        endpoint("/1"),
        Call("POST", "/v2/topics/a/endpoints", {"endpoints": [{"url": NOWHERE}]}),
        "a  ",
    ),
    "parallelism of a queue": (
        "3",
        Call("POST", "/v2/queues", {"queueName": "mail", "parallelism": 2}),
        Call("POST", "/v2/queues", {"queueName": "mail", "parallelism": 77}),
        "77",
    ),
    "a paused queue": (
        "3",
        Call("POST", "/v2/queues", {"queueName": "mail"}),
        Call("POST", "/v2/queues/mail/pause"),
        "‖ paused",
    ),
    "what waits in a queue": (
        "3",
        Call("POST", "/v2/queues", {"queueName": "mail"}),
        Call("POST", f"/v2/enqueue/mail/{NOWHERE}", headers={"Upstash-Delay": "1h"}),
        "waiting    1 message",
    ),
    "cron of a schedule": (
        "2",
        Call("POST", f"/v2/schedules/{NOWHERE}", headers=DAILY),
        Call("POST", f"/v2/schedules/{NOWHERE}", headers=HOURLY),
        "0 * * * *",
    ),
    "a paused schedule": (
        "2",
        Call("POST", f"/v2/schedules/{NOWHERE}", headers=DAILY),
        Call("POST", "/v2/schedules/daily/pause"),
        "‖ paused",
    ),
    "a pinned flow-control key": (
        "7",
        Call("POST", "/v2/flowControl/k/pin?rate=5"),
        Call("POST", "/v2/flowControl/k/pin?parallelism=77"),
        "0/77",
    ),
    "a paused flow-control key": (
        "7",
        Call("POST", "/v2/flowControl/k/pin?rate=5"),
        Call("POST", "/v2/flowControl/k/pause"),
        "‖ paused",
    ),
    "what waits for a flow-control key": (
        "7",
        Call("POST", "/v2/flowControl/k/pause"),
        Call("POST", f"/v2/publish/{NOWHERE}", headers=KEY),
        "waiting    1 message",
    ),
    "a deleted schedule": (
        "2",
        Call("POST", f"/v2/schedules/{NOWHERE}", headers=DAILY),
        Call("DELETE", "/v2/schedules/daily"),
        "No schedules.",
    ),
}


async def do(client: Client, call: Call) -> None:
    await client.request(call.method, call.path, json=call.json, headers=call.headers)


@pytest.mark.parametrize("change", CHANGES)
async def test_an_open_view_shows_what_others_change(client: Client, change: str) -> None:
    view, made, changed, shown = CHANGES[change]
    await do(client, made)
    app = make_app(client.url)
    async with app.run_test(size=(160, 45)) as pilot:
        await pilot.press(view)
        await until(pilot, lambda: app.settled)

        def text() -> str:
            rows = app.list_pane.rows
            lines = [rows.render_line(y).text for y in range(rows.size.height)]
            empty = app.list_pane.empty
            words = str(empty.render()) if empty.display else "", app.detail_pane.text.plain
            return "\n".join([*lines, *words])

        assert shown not in text()
        await do(client, changed)
        await until(pilot, lambda: shown in text())


async def test_a_deleted_message_is_back_on_the_screen_after_undo(client: Client) -> None:
    ids = []
    for _ in range(2):
        call = Call("POST", f"/v2/publish/{NOWHERE}", headers={"Upstash-Delay": "1h"})
        ids.append(
            (await client.request(call.method, call.path, headers=call.headers))["messageId"]
        )
    app = make_app(client.url)
    async with app.run_test(size=(160, 45)) as pilot:
        await until(pilot, lambda: app.settled)
        await pilot.press("X")
        await until(pilot, lambda: app.session.feed.rows[ids[1]].state == "canceled")
        await pilot.press("d")
        await until(pilot, lambda: ids[1] not in app.session.feed.rows)
        await pilot.press("u")
        await until(pilot, lambda: ids[1] in app.session.feed.rows)
        await pilot.press("u")
        await until(pilot, lambda: app.session.feed.rows[ids[1]].state == "delayed")


async def test_undo_takes_back_a_clear_and_the_cancellation_of_several(client: Client) -> None:
    ids = []
    for _ in range(3):
        call = Call("POST", f"/v2/publish/{NOWHERE}", headers={"Upstash-Delay": "1h"})
        ids.append(
            (await client.request(call.method, call.path, headers=call.headers))["messageId"]
        )
    app = make_app(client.url)
    async with app.run_test(size=(160, 45)) as textual_pilot:
        pilot = Person(textual_pilot.app)
        await until(pilot, lambda: app.settled)

        def states() -> list[str | None]:
            rows = app.session.feed.rows
            return [rows[id].state if id in rows else None for id in ids]

        def is_said(text: str) -> bool:
            return any(text in said for _, said, _ in app.desk.record)

        await pilot.press("g", "space", "space", "X")
        await pilot.press("y")
        await until(pilot, lambda: states() == ["canceled", "canceled", "delayed"])
        await until(pilot, lambda: is_said("Canceled 2 of 2 messages. u undoes that."))
        await pilot.press("z")
        await pilot.press("y")
        await until(pilot, lambda: is_said("Deleted 2 messages. u undoes that."))
        await until(pilot, lambda: states() == [None, None, "delayed"])
        await pilot.press("u")
        await until(pilot, lambda: states() == ["canceled", "canceled", "delayed"])
        await pilot.press("u")
        await until(pilot, lambda: states() == ["delayed"] * 3)
        await until(pilot, lambda: is_said("Undone: 2 messages are as before."))


async def test_undo_brings_a_deleted_queue_back_with_what_waited(client: Client) -> None:
    await do(client, Call("POST", f"/v2/enqueue/mail/{NOWHERE}", headers={"Upstash-Delay": "1h"}))
    await do(client, Call("POST", "/v2/queues", {"queueName": "z"}))
    app = make_app(client.url)
    async with app.run_test(size=(160, 45)) as textual_pilot:
        pilot = Person(textual_pilot.app)

        def is_said(text: str) -> bool:
            return any(text == said for _, said, _ in app.desk.record)

        await pilot.press("3")
        await until(pilot, lambda: app.session.item is not None)
        await pilot.press("d", "y")
        await until(pilot, lambda: is_said("Deleted queue mail. u undoes that."))
        await until(pilot, lambda: app.session.item["name"] == "z")
        await pilot.press("u")
        await until(pilot, lambda: is_said("Undone: queue mail and 1 message are as before."))
        await until(pilot, lambda: app.session.item["name"] == "mail")


async def test_the_cursor_goes_to_what_was_made(client: Client) -> None:
    for name in ("a", "z"):
        await do(client, Call("POST", "/v2/queues", {"queueName": name}))
    app = make_app(client.url)
    async with app.run_test(size=(160, 45)) as textual_pilot:
        pilot = Person(textual_pilot.app)
        await pilot.press("3")
        await until(pilot, lambda: app.session.item is not None)
        await pilot.press("c", *"mail", "enter")
        await until(pilot, lambda: app.session.item["name"] == "mail")


async def test_a_view_is_asked_for_again_only_after_a_rest(world: World) -> None:
    rested = asyncio.Event()

    async def sleep(seconds: float) -> None:
        assert 0.1 < seconds < 1
        await rested.wait()

    async with world.open() as url, Client(url) as client, asyncio.TaskGroup() as group:
        session = Session(client, VIEWS, lambda: 0.0, print, print, sleep)
        session.lost, session.view = None, GROUPS

        def ask() -> list[asyncio.Task[None]]:
            return [group.create_task(job) for job in session.questions()]

        fetch, rest = ask()
        await fetch
        session.outdate()
        assert ask() == []
        session.view = QUEUES
        others = ask()
        assert len(others) == 2, "another view need not wait"
        rested.set()
        await asyncio.gather(rest, *others)
        session.view = GROUPS
        assert len(ask()) == 2
