"""From one thing to what it is linked with, and back the same way."""

import pytest

from tests.tui.conftest import Open, until
from tests.tui.test_keys import app_of, go_to


async def test_a_replay_leads_to_its_origin_and_escape_comes_back(tui: Open) -> None:
    async with tui() as pilot:
        app = app_of(pilot)
        await go_to(pilot, 5)
        await pilot.press("L", "1")
        await until(pilot, lambda: app.settled and app.session.feed.selected == "msg_00000002")
        await pilot.press("escape")
        await until(pilot, lambda: app.settled and app.session.filter == "")
        assert app.session.message_id == "msg_00000006"


async def test_a_run_leads_to_its_messages_and_to_the_run_that_invoked_it(tui: Open) -> None:
    async with tui() as pilot:
        app = app_of(pilot)
        await pilot.press("8")
        await until(pilot, lambda: app.settled)
        assert app.session.item.id == "wfr_done"
        await pilot.press("L", "2")
        await until(pilot, lambda: app.settled and app.session.item.id == "wfr_order")
        await pilot.press("L", "1")
        await until(pilot, lambda: app.session.filter == 'run:"wfr_order"')
        await pilot.press("escape", "escape")
        await until(pilot, lambda: app.settled and app.session.item is not None)
        assert (app.session.view.name, app.session.item.id) == ("Workflows", "wfr_done")


@pytest.mark.parametrize(
    ("key", "filter"),
    [
        ("2", 'schedule:"nightly"'),
        ("3", 'queue:"mail"'),
        ("4", 'group:"order-events"'),
        ("7", 'flow:"mail-api"'),
        ("8", 'run:"wfr_done"'),
    ],
)
async def test_enter_shows_the_messages_of_a_thing(tui: Open, key: str, filter: str) -> None:
    async with tui() as pilot:
        app = app_of(pilot)
        await pilot.press(key)
        await until(pilot, lambda: app.settled)
        name = app.session.view.name
        await pilot.press("enter")
        assert (app.session.view.name, app.session.filter) == ("Messages", filter)
        await pilot.press("escape")
        assert app.session.view.name == name


async def test_every_view_is_filtered_by_words(tui: Open) -> None:
    async with tui() as pilot:
        app = app_of(pilot)
        await pilot.press("8", "slash", *"state:failed|started", "enter")
        await until(pilot, lambda: app.settled and len(app.session.source) == 3)
        await pilot.press("slash", *"state:failed|started -trial", "enter")
        await until(pilot, lambda: len(app.session.source) == 2)
        assert "2 of 4" in str(app.list_pane.border_subtitle)
        await pilot.press("1")
        assert app.session.filter == ""
        await pilot.press("8")
        assert len(app.session.source) == 2
        await pilot.press("escape")
        await until(pilot, lambda: len(app.session.source) == 4)


async def test_a_field_that_nothing_has_is_said(tui: Open) -> None:
    async with tui() as pilot:
        app = app_of(pilot)
        await pilot.press("3", "slash", *"sate:x")
        await until(pilot, lambda: app.list_pane.complaint.display)
