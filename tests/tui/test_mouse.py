"""What is counted and what can be done is there to be clicked."""

from typing import Any

from textual import events
from textual.pilot import Pilot

from qstash_dev.tui.widgets.bars import Bar
from tests.tui.conftest import Open, point, until
from tests.tui.test_keys import app_of, asked, came_undrawn
from tests.tui.world import World, row


async def click_text(pilot: Pilot[Any], bar: Bar, text: str) -> None:
    """Click on the beginning of a text in a bar."""
    place = str(bar.render()).index(text)
    await pilot.click(bar, offset=(1 + place, 0))
    await pilot.pause()


async def test_clicks_on_the_status_show_what_is_counted_and_hints_run(
    tui: Open, world: World
) -> None:
    async with tui() as pilot:
        app = app_of(pilot)
        await click_text(pilot, app.status, "failed 1")
        assert app.session.filter == "state:failed"
        await click_text(pilot, app.status, "dlq 1")
        assert app.session.view.name == "DLQ"
        await click_text(pilot, app.status, "held 1")
        assert (app.session.view.name, app.session.filter) == ("Messages", "is:held")
        await pilot.press("1", "escape")
        await until(pilot, lambda: app.settled and "r Replay" in str(app.hints.render()))
        await click_text(pilot, app.hints, "r Replay")
        assert (await asked(pilot, world))[0][1].endswith("/replay")
        await click_text(pilot, app.hints, "^p Palette")
        await until(pilot, lambda: len(app.screen_stack) == 2)


async def test_a_click_on_a_hint_hits_the_row_that_was_on_the_screen(
    tui: Open, world: World
) -> None:
    async with tui() as pilot:
        app = app_of(pilot)
        await came_undrawn(app, world, row(14), row(15))
        place = 1 + str(app.hints.render()).index("r Replay")
        for kind in (events.MouseDown, events.MouseUp):
            point(app, kind, place, app.hints.region.y)
        assert await asked(pilot, world) == [("POST", "/_dev/messages/msg_00000013/replay", {})]
        assert not app.session.feed.follow


async def test_a_click_in_a_list_hits_the_row_that_was_drawn_there(tui: Open, world: World) -> None:
    async with tui() as pilot:
        app = app_of(pilot)
        await pilot.press("g", "C", "5", "d")
        await until(pilot, lambda: app.settled)
        drawn = app.session.feed.at(2).id
        await came_undrawn(app, world, row(14, duration_ms=9_999.0))
        head = app.list_pane.rows.region
        for kind in (events.MouseDown, events.MouseUp):
            point(app, kind, head.x + 3, head.y + 3)
        await until(pilot, lambda: app.session.feed.selected == drawn)
        assert app.session.feed.at(2).id != drawn
