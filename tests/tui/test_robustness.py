"""What goes wrong around the TUI does not go wrong in it."""

import pytest
from textual import events

from tests.tui.conftest import Open, until
from tests.tui.test_keys import app_of
from tests.tui.world import World, row

SIZES = [(200, 60), (1, 1), (20, 5), (79, 30), (80, 19), (80, 20), (120, 20), (119, 40), (160, 45)]


async def test_fast_resizes_end_in_the_right_layout(tui: Open) -> None:
    async with tui() as pilot:
        app = app_of(pilot)
        for size in SIZES:
            await pilot.resize_terminal(*size)
        await until(pilot, lambda: app.settled and app.list_pane.region.width == 96)
        assert app.detail_pane.region.x == 96


async def test_a_full_screen_detail_makes_room_again_in_a_larger_terminal(tui: Open) -> None:
    async with tui((60, 18)) as pilot:
        app = app_of(pilot)
        await pilot.press("enter")
        await pilot.resize_terminal(120, 40)
        await until(pilot, lambda: app.list_pane.region.width > 0)
        assert app.detail_pane.region.width > 0


async def test_the_views_leave_room_for_the_list(tui: Open) -> None:
    async with tui() as pilot:
        app = app_of(pilot)
        for size, rows, shown in (
            ((24, 10), 2, "1 Messages 13  2  3"),
            ((40, 12), 1, "1 Messages 13  2  3"),
        ):
            await pilot.resize_terminal(*size)
            await until(pilot, lambda rows=rows: app.tabs.region.height == rows)  # type: ignore[misc]
            await until(pilot, lambda shown=shown: shown in str(app.tabs.render()))  # type: ignore[misc]


async def test_a_long_body_is_shown_in_part_and_can_be_scrolled(tui: Open, world: World) -> None:
    text = '{"rows": [' + '"0123456789",' * 20_000
    body = {"size": 10_000_000, "truncated": True, "text": text}
    world.details["msg_00000013"] = {
        "request": {"method": "POST", "url": "http://x/", "headers": [], "body": body}
    }
    async with tui() as pilot:
        app = app_of(pilot)
        await pilot.press("right_square_bracket", "tab", "end")
        await until(pilot, lambda: app.detail_pane.text.scroll_y > 500)
        assert "9.5 MB in all; o opens the whole body" in app.detail_pane.text.plain


@pytest.mark.parametrize("places", [0, 1, 12])
async def test_a_store_that_was_emptied_empties_the_screen(
    tui: Open, world: World, places: int
) -> None:
    async with tui() as pilot:
        app = app_of(pilot)
        await pilot.press("g", *["j"] * places)
        world.rows.clear()
        world.say(reset=True)
        await until(pilot, lambda: len(app.session.feed) == 0 and app.list_pane.empty.display)
        world.say(row(20))
        await until(pilot, lambda: app.settled and app.session.feed.selected == "msg_00000020")


async def test_a_message_deleted_while_it_is_looked_at_gives_way_to_the_next(
    tui: Open, world: World
) -> None:
    async with tui() as pilot:
        app = app_of(pilot)
        await pilot.press("g", "j")
        world.say(removed=("msg_00000002",))
        await until(pilot, lambda: app.settled and app.session.feed.selected == "msg_00000003")
        assert "msg_00000003" in app.detail_pane.text.plain


async def test_after_an_outage_rows_are_neither_missing_nor_doubled(
    tui: Open, world: World
) -> None:
    async with tui() as pilot:
        app = app_of(pilot)
        await pilot.press("g")
        for seq in (14, 16):
            await world.stop()
            world.say(row(seq), row(seq + 1))
            await until(pilot, lambda: app.session.lost is not None)
            await world.start()
            await until(pilot, lambda: app.session.lost is None)
        await until(pilot, lambda: len(app.session.feed) == 17)
        assert [app.session.feed.at(place).seq for place in range(17)] == list(range(1, 18))
        assert app.session.feed.selected == "msg_00000001"


async def test_the_row_under_the_cursor_keeps_its_line_when_older_ones_arrive(
    tui: Open, world: World
) -> None:
    world.rows = {made["id"]: made for made in (row(seq) for seq in range(1, 1501))}
    async with tui((120, 40)) as pilot:
        app = app_of(pilot)
        assert len(app.session.feed) == 1000
        await pilot.press("pageup")
        line = app.session.feed.cursor_index - app.list_pane.rows.scroll_offset.y
        selected = app.session.feed.selected
        app.session.feed.select(50)
        app.draw()
        before = app.session.feed.cursor_index - app.list_pane.rows.scroll_offset.y
        await until(pilot, lambda: len(app.session.feed) == 1500 and app.settled)
        after = app.session.feed.cursor_index - app.list_pane.rows.scroll_offset.y
        assert app.session.feed.selected == "msg_00000551"
        assert after == before
        assert (line, selected) != (before, app.session.feed.selected)


async def test_no_title_or_notice_is_read_as_markup(tui: Open, world: World) -> None:
    world.rows = {"msg_x[bold]": row(1, "/[red]x[/red]", id="msg_x[bold]")}
    world.refuse["/_dev/messages/msg_x%5Bbold%5D/replay"] = (409, "[link=x]no[/link] \x1b[2J")
    async with tui() as pilot:
        app = app_of(pilot)
        await pilot.press("r")
        await until(pilot, lambda: any("[link=x]" in n.message for n in app._notifications))
        assert all("\x1b" not in n.message for n in app._notifications)
        svg = app.export_screenshot()
        assert "msg_x[bold]" in svg
        assert "/[red]x[/red]" in svg


async def test_escape_on_the_heels_of_a_key_leaves_the_keyboard_free(
    tui: Open, world: World
) -> None:
    async with tui() as pilot:
        app = app_of(pilot)
        app.start("message.edit")
        app.keyboard.take(events.Key("escape", None))
        await pilot.press("p")
        await until(pilot, lambda: bool(world.asked))
        assert world.asked == [("POST", "/_dev/pause", None)]
