"""From one thing to what it is linked with, and back the same way."""

from pathlib import Path

import pytest
from textual.widgets import OptionList

from qstash_dev.tui.model.saved_filters import Saved
from tests.tui.conftest import Open, until
from tests.tui.test_keys import app_of, go_to
from tests.tui.test_mouse import click_text


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


@pytest.mark.parametrize(
    ("key", "does"),
    [("1", "open the detail"), ("6", "open the detail"), ("8", "show its messages; tab leads")],
)
async def test_help_says_where_enter_leads(tui: Open, key: str, does: str) -> None:
    async with tui() as pilot:
        await pilot.press(key, "question_mark")
        await until(pilot, lambda: len(pilot.app.screen_stack) == 2)
        keys = pilot.app.screen.query_one(OptionList)
        lines = [str(option.prompt).split(maxsplit=1) for option in keys.options]
        (line,) = [words for key, *words in filter(None, lines) if key == "enter"]
        assert line[0].startswith(does)


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


async def test_from_every_way_to_the_messages_escape_comes_back_to_where_it_began(
    tui: Open, tmp_path: Path
) -> None:
    async with tui(environment={"XDG_STATE_HOME": str(tmp_path)}) as pilot:
        app = app_of(pilot)
        app.desk.saved_filters.save(Saved("mine", "dest:/api"))
        ways = {
            "state:failed": lambda: click_text(pilot, app.status, "failed 1"),
            "state:failed|retry|held": lambda: pilot.press("!"),
            "dest:/api": lambda: pilot.press("apostrophe", "1"),
            "": lambda: pilot.press("F"),
            'queue:"thumbs"': lambda: pilot.press("enter"),
        }
        await pilot.press("3", "G")
        for filter, go in ways.items():
            await go()
            assert (app.session.view.name, app.session.filter) == ("Messages", filter)
            await until(pilot, lambda: app.settled)
            await pilot.press("escape")
            assert (app.session.view.name, app.session.item["name"]) == ("Queues", "thumbs")
            assert app.list_pane.rows.has_focus
            assert app.session.filter == ""
        await pilot.press("1", "F", "!")
        assert app.session.feed.follow
        await pilot.press("k", "!")
        assert (app.session.filter, app.session.feed.follow) == ("", True)


async def test_enter_and_a_click_in_the_tree_go_to_that_message(tui: Open) -> None:
    async with tui() as pilot:
        app = app_of(pilot)
        await go_to(pilot, 5)
        await pilot.press("enter", "left_square_bracket")
        assert app.detail_pane.page_name == "Tree"
        await pilot.press("enter")
        await until(pilot, lambda: app.settled and app.session.message_id == "msg_00000002")
        await pilot.press("escape")
        await until(pilot, lambda: app.settled and app.session.message_id == "msg_00000006")
        await pilot.click(app.detail_pane.text, offset=(4, 1))
        assert app.session.message_id == "msg_00000006"
        await pilot.click(app.detail_pane.text, offset=(4, 0))
        await until(pilot, lambda: app.settled and app.session.message_id == "msg_00000002")
