"""What is counted and what can be done is there to be clicked."""

from typing import Any

from textual.pilot import Pilot

from qstash_dev.tui.widgets.bars import Bar
from tests.tui.conftest import Open, until
from tests.tui.test_keys import app_of, asked
from tests.tui.world import World


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
