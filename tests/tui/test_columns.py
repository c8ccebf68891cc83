"""Columns are sorted by, hidden and shown again, and stay so after a restart."""

from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.tui.conftest import Open, until
from tests.tui.test_app_view import line, with_app
from tests.tui.test_keys import app_of
from tests.tui.world import NOW, World, row


def seqs(pilot: Pilot[Any]) -> list[int]:
    feed = app_of(pilot).session.feed
    return [feed.at(place).seq for place in range(len(feed))]


def head(pilot: Pilot[Any]) -> list[str]:
    return app_of(pilot).list_pane.rows.render_line(0).text.split()


async def test_messages_are_sorted_by_a_column_also_those_that_come(
    tui: Open, world: World
) -> None:
    async with tui() as pilot:
        app = app_of(pilot)
        await pilot.press("g", "j", "C", "5", "d")
        await until(pilot, lambda: app.settled)
        durations = [app.session.feed.at(place).duration_ms or -1 for place in range(13)]
        assert durations == sorted(durations, reverse=True)
        assert app.session.feed.selected == "msg_00000002"
        assert "by MS ↓" in str(app.list_pane.border_title)
        world.say(row(14, duration_ms=999.0), row(3, duration_ms=500.0, state="delivered"))
        await until(pilot, lambda: seqs(pilot)[:2] == [14, 3])
        await pilot.press("F")
        assert app.session.feed.selected == "msg_00000014"
        await pilot.press("C", "r")
        assert seqs(pilot) == list(range(1, 15))


async def test_a_table_is_sorted_and_a_column_hidden_also_after_a_restart(
    tui: Open, tmp_path: Path
) -> None:
    environment = {"XDG_STATE_HOME": str(tmp_path)}
    async with tui(environment=environment) as pilot:
        app = app_of(pilot)
        await pilot.press("3")
        await until(pilot, lambda: app.settled)
        await pilot.press("C", "2", "d", "C", "4", "h")
        assert [app.session.source.at(place)["name"] for place in (0, 1)] == ["thumbs", "mail"]
        assert head(pilot) == ["STATE", "LAG", "ACTIVE", "QUEUE"]
    async with tui(environment=environment) as pilot:
        app = app_of(pilot)
        await pilot.press("3")
        await until(pilot, lambda: app.settled)
        assert [app.session.source.at(place)["name"] for place in (0, 1)] == ["thumbs", "mail"]
        assert head(pilot) == ["STATE", "LAG", "ACTIVE", "QUEUE"]
        await pilot.press("C", "r")
        assert head(pilot) == ["STATE", "LAG", "ACTIVE", "LIMIT", "QUEUE"]


async def test_the_newest_first_is_followed_at_the_beginning(tui: Open, world: World) -> None:
    async with tui() as pilot:
        app = app_of(pilot)
        await pilot.press("C", "1", "d")
        await until(pilot, lambda: app.settled)
        assert (seqs(pilot)[:2], app.session.feed.selected) == ([13, 12], "msg_00000013")
        world.say(row(14))
        await until(pilot, lambda: app.session.feed.selected == "msg_00000014")
        await pilot.press("j")
        world.say(row(15))
        await until(pilot, lambda: "↑ 1 new" in str(app.list_pane.border_subtitle))
        assert app.session.feed.selected == "msg_00000013"
        await pilot.press("G")
        assert (app.session.feed.selected, app.session.feed.follow) == ("msg_00000001", False)
        await pilot.press("g")
        assert (app.session.feed.selected, app.session.feed.follow) == ("msg_00000015", True)


@pytest.mark.parametrize(("view", "column"), [("6", "TIME"), ("6", "CODE"), ("9", "TIME")])
async def test_a_stream_is_sorted_too_also_what_comes(
    tui: Open, world: World, view: str, column: str
) -> None:
    with_app(world)
    async with tui() as pilot:
        app = app_of(pilot)
        await pilot.press(view)
        await until(pilot, lambda: app.settled and len(app.session.source) > 1)
        titles = [c.title for c in app.session.view.columns if c.title]
        await pilot.press("C", str(titles.index(column) + 1), "d")
        world.say(row(15, status=599), printed=[line(3, "done")])
        source = app.session.tables.of(app.session.view)
        by_age = column == "TIME"
        total = source.total
        await until(pilot, lambda: source.total == total + 1)
        newest = source.every[-1]
        assert (source.at(0) is newest, source.follow) == (True, by_age)
        assert (source.row is newest) == by_age
        assert len(source) == total + 1


async def test_a_narrow_list_has_the_reason_behind_the_destination(tui: Open) -> None:
    async with tui(size=(80, 24)) as pilot:
        app = app_of(pilot)
        await pilot.press("g", "j", "j", "j", "j")
        shown = [app.list_pane.rows.render_line(y).text for y in range(1, 8)]
        assert any(
            "✗ failed" in line and "/api/orders  The app answered" in line for line in shown
        ), shown
        await pilot.press("5")
        await until(pilot, lambda: app.settled)
        assert "The app answered" in app.list_pane.rows.render_line(1).text


async def test_of_what_came_at_once_the_last_is_the_newest_also_at_the_beginning(
    tui: Open, world: World
) -> None:
    def dead(seq: int) -> dict[str, Any]:
        return row(seq, state="failed", updated_at=NOW, dlq_id=f"dead-{seq}")

    world.rows.clear()
    world.say(*map(dead, range(1, 5)))
    async with tui() as pilot:
        app = app_of(pilot)
        await pilot.press("5")
        await until(pilot, lambda: app.settled and len(app.session.source) == 4)
        await pilot.press("C", "1", "d")
        source = app.session.source
        assert [source.at(place).row.seq for place in range(4)] == [4, 3, 2, 1]
        assert (source.selected, source.follow) == ("dead-4", True)
        world.say(dead(5))
        await until(pilot, lambda: source.selected == "dead-5")
        assert (source.cursor_index, len(source)) == (0, 5)
