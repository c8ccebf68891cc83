"""The filter line: keys and values are completed, former filters come back, one key for trouble."""

from pathlib import Path

import pytest

from qstash_dev.devtools.filter_words import complete
from qstash_dev.devtools.filters import TROUBLE
from qstash_dev.tui.model.saved_filters import Saved
from tests.tui.conftest import Open, until
from tests.tui.test_keys import app_of
from tests.tui.world import World, row

KNOWN = {
    "state": ["failed", "delivered", "delayed"],
    "dest": ["/api/orders", "/api/mail"],
    "step": ["charge card"],
    "schedule": ["nightly"],
}


@pytest.mark.parametrize(
    ("text", "completed", "options"),
    [
        ("sta", "state:", ()),
        ("s", "s", ("schedule:", "state:", "step:")),
        ("-sta", "-state:", ()),
        ("state:f", "state:failed ", ()),
        ("state:de", "state:del", ("delayed", "delivered")),
        ("state:failed|deli", "state:failed|delivered ", ()),
        ("state:failed de", "state:failed dest:", ()),
        ("dest:", "dest:/api/", ("/api/mail", "/api/orders")),
        ("step:", 'step:"charge card" ', ()),
        ("nothing:x", "nothing:x", ()),
        ("zz", "zz", ()),
    ],
)
def test_the_word_at_the_cursor_is_completed(
    text: str, completed: str, options: tuple[str, ...]
) -> None:
    assert complete(text, len(text), KNOWN) == (completed, len(completed), options)


def test_what_follows_the_cursor_stays() -> None:
    assert complete("sta try:2", 3, KNOWN) == ("state: try:2", 6, ())


async def test_tab_completes_from_the_messages_and_says_what_there_is(tui: Open) -> None:
    async with tui() as pilot:
        line = app_of(pilot).list_pane.filter
        await pilot.press("slash", *"que", "tab", "tab")
        assert line.value == "queue:mail "
        await pilot.press(*"dest:/api/t", "tab")
        assert line.value == "queue:mail dest:/api/thumb "
        await pilot.press("ctrl+u", *"dest:/api/", "tab")
        offers = app_of(pilot).list_pane.offers
        assert "/api/held  /api/mail" in str(offers.render())
        await pilot.press("h")
        assert not offers.display
        assert line.has_focus
        await pilot.press("escape")
        await until(pilot, lambda: app_of(pilot).settled)


async def test_former_filters_come_back_also_after_a_restart(tui: Open, tmp_path: Path) -> None:
    environment = {"XDG_STATE_HOME": str(tmp_path)}
    async with tui(environment=environment) as pilot:
        for text in ("mail", "thumb"):
            await pilot.press("slash", "ctrl+u", *text, "enter")
            await until(pilot, lambda: app_of(pilot).settled)
    async with tui(environment=environment) as pilot:
        line = app_of(pilot).list_pane.filter
        await pilot.press("slash", *"new", "up")
        assert line.value == "thumb"
        await pilot.press("up", "up")
        assert line.value == "mail"
        await pilot.press("down", "down")
        assert line.value == "new"
        await pilot.press("down")
        assert not line.display
        assert app_of(pilot).session.filter == "new"
        await until(pilot, lambda: app_of(pilot).settled)


async def test_one_key_shows_only_what_is_not_ok_and_all_again(tui: Open, world: World) -> None:
    async with tui() as pilot:
        app = app_of(pilot)
        await pilot.press("5", "exclamation_mark")
        assert (app.session.view.name, app.session.filter) == ("Messages", TROUBLE)
        await until(pilot, lambda: app.settled)
        await pilot.press("exclamation_mark")
        assert app.session.filter == ""
        await until(pilot, lambda: app.settled)


async def test_all_that_match_are_marked_and_one_order_is_for_all(tui: Open, world: World) -> None:
    async with tui() as pilot:
        app = app_of(pilot)
        await pilot.press("slash", *"thumb", "enter")
        await until(pilot, lambda: app.settled and len(app.session.feed) == 2)
        await pilot.press("asterisk")
        assert sorted(app.session.feed.marks) == ["msg_00000002", "msg_00000006"]
        await pilot.press("asterisk")
        assert not app.session.feed.marks


async def test_an_order_is_also_for_what_was_too_old_to_be_listed(tui: Open, world: World) -> None:
    for seq in range(100, 1200):
        made = row(seq, "/api/many")
        world.rows[made["id"]] = made
    async with tui() as pilot:
        app = app_of(pilot)
        await pilot.press("slash", *"/api/many", "enter")
        await until(pilot, lambda: app.settled and app.session.feed.total == 1100)
        assert len(app.session.feed) == 1000
        await pilot.press("asterisk")
        await until(pilot, lambda: len(app.session.feed.marks) == 1100)
        for key, verb in [("r", "Replay"), ("n", "Run")]:
            await pilot.press(key)
            question = app.screen.query_one("Confirm Static").render()
            assert f"{verb} 1100 messages?" in str(question)
            await pilot.press("n")
        assert world.asked == []


async def test_a_filter_is_saved_under_a_name_and_used_after_a_restart(
    tui: Open, tmp_path: Path
) -> None:
    environment = {"XDG_STATE_HOME": str(tmp_path)}
    async with tui(environment=environment) as pilot:
        app = app_of(pilot)
        await pilot.press("slash", *"state:failed", "enter", "apostrophe", "s", *"broken", "enter")
        await pilot.press("3")
        app.set_filter("paused:true")
        await pilot.press("apostrophe", "s", *"off", "enter")
        assert app.desk.saved_filters.of("Queues") == [
            Saved("off", "paused:true", "Queues"),
            Saved("broken", "state:failed", "Messages"),
        ]
    async with tui(environment=environment) as pilot:
        app = app_of(pilot)
        await pilot.press("2", "apostrophe", "1")
        assert (app.session.view.name, app.session.filter) == ("Messages", "state:failed")
        await pilot.press("4", "apostrophe", "2")
        assert (app.session.view.name, app.session.shown_filter) == ("Queues", "paused:true")
        await pilot.press("apostrophe", "d", "1", "apostrophe", "d", "1", "apostrophe")
        assert app.desk.saved_filters.of("Queues") == []


async def test_the_footer_says_what_keys_do_in_the_line(tui: Open) -> None:
    async with tui() as pilot:
        app = app_of(pilot)
        await pilot.press("slash")
        await until(pilot, lambda: "tab Complete" in str(app.hints.render()))
        assert "Replay" not in str(app.hints.render())
        await pilot.press("enter")
        await until(pilot, lambda: "Replay" in str(app.hints.render()))
