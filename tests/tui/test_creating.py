"""Things are made where their kind is seen; addresses are shown whole and copied."""

from typing import Any

import pytest
from textual.widgets import Input, Static

from qstash_dev.tui.app import QstashApp
from tests.tui.conftest import Open, until
from tests.tui.test_keys import app_of, asked
from tests.tui.world import HOOK, World


@pytest.mark.parametrize(
    ("view", "typed", "expected"),
    [
        ("3", "mail 2", ("/v2/queues", {"queueName": "mail", "parallelism": 2})),
        (
            "4",
            "team http://localhost:3000/a",
            ("/v2/topics/team/endpoints", {"endpoints": [{"url": "http://localhost:3000/a"}]}),
        ),
        ("7", "mail rate=3,period=2", ("/v2/flowControl/mail/pin?rate=3&period=2", None)),
    ],
)
async def test_c_makes_a_thing_where_its_kind_is_seen(
    tui: Open, world: World, view: str, typed: str, expected: tuple[str, Any]
) -> None:
    path, _ = expected
    world.refuse[path.partition("?")[0]] = (400, "not like this")
    async with tui() as pilot:
        app = app_of(pilot)
        await pilot.press(view)
        await until(pilot, lambda: app.settled)
        await pilot.press("c")
        line = app.screen.query_one(Input)
        line.value = typed
        await pilot.press("enter")
        await until(pilot, lambda: "not like this" in help_of(app))
        assert app.screen.query_one(Input).value == typed
        world.refuse.clear()
        await pilot.press("enter")
        assert await asked(pilot, world) == [("POST", *expected)]


def help_of(app: QstashApp) -> str:
    return str(app.screen.query_one(Static).render()) if len(app.screen_stack) == 2 else ""


async def test_addresses_are_shown_whole_and_copied(tui: Open, world: World) -> None:
    tunnel = f"https://{'a-long-name-' * 4}.ngrok-free.app"
    world.more = {"tunnel": {"state": "online", "url": tunnel, "code": None, "hint": None}}
    async with tui((80, 24)) as pilot:
        app = app_of(pilot)
        await pilot.press("Y", "t")
        assert app.clipboard == tunnel
        await pilot.press("8", "k", "k")
        await until(pilot, lambda: app.settled)
        await pilot.press("Y", "1")
        assert app.clipboard == HOOK
