"""Nothing that is told is cut at the edge of a small terminal: it takes another line."""

from typing import Any

from textual.pilot import Pilot

from qstash_dev.tui.widgets.prompts import Ask, Choice, Confirm, Menu
from tests.tui.conftest import Open, until
from tests.tui.test_keys import app_of
from tests.tui.world import World

LONG = " ".join(f"word{number}" for number in range(30)) + " end."


def words_on_screen(pilot: Pilot[Any]) -> set[str]:
    """Whatever stands there, in whichever pane."""
    strips = pilot.app.screen._compositor.render_strips()
    return {word for strip in strips for word in strip.text.replace("│", " ").split()}


async def complaint(pilot: Pilot[Any]) -> None:
    app_of(pilot).list_pane.complain(LONG)


async def offers(pilot: Pilot[Any]) -> None:
    app = app_of(pilot)
    app.list_pane.open_filter(True)
    app.list_pane.offer(LONG.split())


async def confirmation(pilot: Pilot[Any]) -> None:
    app_of(pilot).push_screen(Confirm(LONG))


async def choice(pilot: Pilot[Any]) -> None:
    app_of(pilot).push_screen(Menu("Choose", [Choice("1", LONG, 1), Choice("2", "other", 2)]))


async def question(pilot: Pilot[Any]) -> None:
    app_of(pilot).push_screen(Ask("Data", LONG))


async def refused_form(pilot: Pilot[Any]) -> None:
    await pilot.press("s", "ctrl+s")


async def lost_server(pilot: Pilot[Any]) -> None:
    app = app_of(pilot)
    app.session.lost = LONG
    app.draw()


TOLD = (complaint, offers, confirmation, choice, question, refused_form, lost_server)


async def test_a_long_text_is_shown_whole(tui: Open, world: World) -> None:
    world.refuse["/v2/publish/http://localhost:3000/api/"] = (400, LONG)
    async with tui((80, 24)) as pilot:
        app = app_of(pilot)
        for tell in TOLD:
            await tell(pilot)
            await until(pilot, lambda: set(LONG.split()) <= words_on_screen(pilot))
            if len(app.screen_stack) > 1:
                app.pop_screen()
            app.session.lost = None
            app.draw()
            app.list_pane.complain(None)
            app.list_pane.open_filter(False)
            await until(pilot, lambda: not set(LONG.split()) & words_on_screen(pilot))
