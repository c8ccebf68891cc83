"""Every key does what the help says, on a played server."""

import asyncio
from functools import partial
from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets import OptionList

from qstash_dev.tui.app import UNREAD, QstashApp
from tests.tui.conftest import Open, point, until
from tests.tui.world import NOW, World, row

FAULT = {
    "kind": "status",
    "status": 500,
    "times": 1,
    "filter": 'dest:"http://localhost:3000/api/orders"',
}


def app_of(pilot: Pilot[Any]) -> QstashApp:
    assert isinstance(pilot.app, QstashApp)
    return pilot.app


def run_path(id: str, verb: str) -> str:
    return f"/_dev/workflows/{id}/{verb}?created_at={NOW - 90_000}"


def knows(app: QstashApp, number: int) -> bool:
    return f"msg_{number:08d}" in app.session.feed.rows


async def asked(pilot: Pilot[Any], world: World, count: int = 1) -> list[tuple[str, str, Any]]:
    await until(pilot, lambda: len(world.asked) >= count)
    return world.asked


async def go_to(pilot: Pilot[Any], place: int) -> None:
    """Select the row at a place; the oldest is 0."""
    await pilot.press("g", *["j"] * place)
    await until(pilot, lambda: app_of(pilot).settled)


MOVES = {
    "F g": 1,
    "F home": 1,
    "F g j": 2,
    "F g down down up": 2,
    "F g G": 13,
    "F g end": 13,
    "F k": 12,
    "F g pagedown": 13,
    "F pageup": 1,
}


async def test_moving(tui: Open) -> None:
    async with tui() as pilot:
        for keys, selected in MOVES.items():
            await pilot.press(*keys.split())
            assert app_of(pilot).session.feed.selected == f"msg_{selected:08d}", keys


async def test_follow_stops_at_the_first_cursor_key_and_resumes(tui: Open, world: World) -> None:
    async with tui() as pilot:
        app = app_of(pilot)
        await pilot.press("k")
        world.say(row(14), row(15))
        await until(pilot, lambda: len(app.session.feed) == 15 and app.settled)
        assert "↓ 2 new" in str(app.list_pane.border_subtitle)
        await pilot.press("F")
        assert app.session.feed.selected == "msg_00000015"
        assert "FOLLOW" in str(app.list_pane.border_subtitle)


async def came_undrawn(app: QstashApp, world: World, *rows: dict[str, Any], **more: Any) -> None:
    """Rows that are known already, but on the screen only with the next frame."""
    app.frames.pause()
    before = app.session.version
    world.say(*rows, **more)
    while app.session.version == before:
        await asyncio.sleep(0)


async def test_an_action_hits_the_row_that_was_on_the_screen(tui: Open, world: World) -> None:
    async with tui() as pilot:
        app = app_of(pilot)
        await came_undrawn(app, world, row(14), row(15))
        await pilot.press("r")
        assert await asked(pilot, world) == [("POST", "/_dev/messages/msg_00000013/replay", {})]
        assert not app.session.feed.follow


@pytest.mark.parametrize("is_key", [True, False])
async def test_of_a_stream_that_goes_by_unread_every_fifth_frame_is_drawn_until_a_touch(
    tui: Open, world: World, is_key: bool
) -> None:
    ways: list[bool] = []
    async with tui(make_way=lambda: ways.append(True)) as pilot:
        app = app_of(pilot)
        app.frames.pause()
        await pilot.press("k")
        for number in range(14, 14 + UNREAD):
            assert ways == []
            await came_undrawn(app, world, row(number))
            app.tick()
            assert app.session.drawn_version == app._drawn[0]
        for number in range(20, 23):
            world.say(row(number))
            drawn = app._drawn
            while not app.session.heeding.is_set():
                assert app._drawn == drawn
                app.tick()
            await until(pilot, partial(knows, app, number))
            assert app._drawn == drawn
            app.tick()
            assert app.session.drawn_version == app._drawn[0] != drawn[0]
        assert ways == [True]
        world.say(row(30))
        if is_key:
            await pilot.press("k")
        else:
            point(app, events.MouseScrollUp, 9, 9)
        await until(pilot, partial(knows, app, 30))


async def test_an_action_on_a_row_that_just_went_does_nothing(tui: Open, world: World) -> None:
    async with tui() as pilot:
        app = app_of(pilot)
        await go_to(pilot, 4)
        await came_undrawn(app, world, removed=("msg_00000005",))
        await pilot.press("d")
        await until(pilot, lambda: any("nothing was done" in n.message for n in app._notifications))
        app.frames.resume()
        await pilot.press("d")
        assert [path for _, path, _ in await asked(pilot, world)] == ["/_dev/messages/msg_00000006"]


@pytest.mark.parametrize(
    "touch", ["tab", "enter", "right_square_bracket", "y", "r", "X", "e", "plus", "colon", "click"]
)
async def test_any_touch_of_the_detail_or_an_action_stops_following(
    tui: Open, world: World, touch: str
) -> None:
    async with tui() as pilot:
        app = app_of(pilot)
        if touch == "click":
            await pilot.click("#detail", offset=(3, 3))
        else:
            await pilot.press(touch)
        world.say(row(14))
        await until(pilot, lambda: len(app.session.feed) == 14)
        assert app.session.feed.selected == "msg_00000013"


@pytest.mark.parametrize("key", ["slash", "s", "question_mark"])
async def test_what_is_about_no_row_leaves_the_list_following(
    tui: Open, world: World, key: str
) -> None:
    async with tui() as pilot:
        app = app_of(pilot)
        await pilot.press(key)
        world.say(row(14))
        await until(pilot, lambda: app.session.feed.selected == "msg_00000014")


async def test_the_logs_follow_until_they_are_read(tui: Open, world: World) -> None:
    async with tui() as pilot:
        app = app_of(pilot)
        await pilot.press("6")
        await until(pilot, lambda: app.settled)
        await pilot.press("tab")
        world.say(row(14))
        await until(pilot, lambda: len(app.session.feed) == 14 and app.settled)
        assert app.session.message_id == "msg_00000013"
        await pilot.press("escape", "F")
        await until(pilot, lambda: app.session.message_id == "msg_00000014")


async def test_the_detail_follows_the_cursor(tui: Open) -> None:
    async with tui() as pilot:
        await go_to(pilot, 4)
        text = app_of(pilot).detail_pane.text.plain
        assert "✗ failed" in text
        assert "verify with the raw body" in text


async def test_brackets_turn_the_pages(tui: Open) -> None:
    async with tui() as pilot:
        await go_to(pilot, 4)
        seen = []
        for _ in range(6):
            await pilot.press("right_square_bracket")
            seen.append(app_of(pilot).detail_pane.page_name)
        assert seen == ["Request", "Response", "Attempts", "Signature", "Tree", "Overview"]
        await pilot.press("left_square_bracket")
        assert app_of(pilot).detail_pane.page_name == "Tree"


async def test_r_replays_the_selected_message(tui: Open, world: World) -> None:
    async with tui() as pilot:
        await go_to(pilot, 4)
        await pilot.press("r")
        assert await asked(pilot, world) == [("POST", "/_dev/messages/msg_00000005/replay", {})]


async def test_marks_make_replay_go_for_all_of_them(tui: Open, world: World) -> None:
    async with tui() as pilot:
        await pilot.press("g", "space", "space", "r")
        assert "Replay 2 messages?" in str(pilot.app.screen.query_one("Confirm Static").render())
        await pilot.press("y")
        paths = [path for _, path, _ in await asked(pilot, world, 2)]
        assert paths == [f"/_dev/messages/msg_0000000{n}/replay" for n in (1, 2)]
        await pilot.press("U")
        assert not app_of(pilot).session.feed.marks


async def test_n_runs_now(tui: Open, world: World) -> None:
    async with tui() as pilot:
        await go_to(pilot, 2)
        await pilot.press("n")
        assert (await asked(pilot, world))[0][1] == "/_dev/messages/msg_00000003/run"


async def test_cancel_asks_when_there_are_many(tui: Open, world: World) -> None:
    async with tui() as pilot:
        await pilot.press("g", "space", "space", "X")
        await pilot.pause()
        await pilot.press("n")
        await pilot.pause()
        assert world.asked == []
        await pilot.press("X")
        await pilot.pause()
        await pilot.press("y")
        assert len(await asked(pilot, world, 2)) == 2


async def test_cancel_of_one_does_not_ask(tui: Open, world: World) -> None:
    async with tui() as pilot:
        await go_to(pilot, 3)
        await pilot.press("X")
        assert (await asked(pilot, world))[0][1] == "/_dev/messages/msg_00000004/cancel"


async def test_what_the_server_refuses_is_said(tui: Open, world: World) -> None:
    world.refuse["/_dev/messages/msg_00000005/run"] = (409, "The message is finished.")
    async with tui() as pilot:
        await go_to(pilot, 4)
        await pilot.press("n")
        app = app_of(pilot)
        await until(pilot, lambda: any("finished" in n.message for n in app._notifications))


async def test_filter_is_evaluated_by_the_server_while_typing(tui: Open, world: World) -> None:
    async with tui() as pilot:
        app = app_of(pilot)
        await pilot.press("slash", *"state:failed")
        await until(pilot, lambda: app.session.filter == "state:failed" and app.settled)
        assert [app.session.feed.at(i).seq for i in range(len(app.session.feed))] == [5]
        assert "1 of 13" in str(app.list_pane.border_subtitle)
        await pilot.press("enter")
        assert app.focused is app.list_pane.rows
        world.say(row(14, state="failed"), row(15))
        await until(pilot, lambda: len(app.session.feed) == 2)
        await pilot.press("escape")
        await until(pilot, lambda: app.session.filter == "" and app.settled)
        assert len(app.session.feed) == 15


async def test_a_filter_that_cannot_be_read_keeps_the_list_and_says_why(tui: Open) -> None:
    async with tui() as pilot:
        app = app_of(pilot)
        await pilot.press("slash")
        # At once: whoever types slowly filters by "sate" on the way.
        app.list_pane.filter.value = "sate:failed"
        await until(pilot, lambda: app.list_pane.complaint.display)
        assert len(app.session.feed) == 13
        await pilot.press("escape")
        await until(pilot, lambda: not app.list_pane.complaint.display)


async def test_resource_views(tui: Open) -> None:
    names = {"2": "nightly", "3": "mail", "4": "order-events", "7": "mail-api", "8": "charge"}
    async with tui() as pilot:
        app = app_of(pilot)
        for key, name in names.items():
            await pilot.press(key)
            await until(pilot, lambda: app.settled)
            assert name in app.detail_pane.text.plain
            await pilot.press("1")
            assert app.session.view.is_live


def thing_path(*parts: str) -> str:
    return f"/_dev/{'/'.join(parts)}?user=defaultUser"


# In one app for each kind of thing: to start it costs more than what is tested.
@pytest.mark.parametrize(
    "cases",
    [
        {
            "2 g n": ("POST", thing_path("schedules", "nightly", "run"), {}),
            "2 g p": ("POST", thing_path("schedules", "nightly", "pause"), {}),
            "2 g j p": ("POST", thing_path("schedules", "scd_heartbeat", "resume"), {}),
            "2 g d y": ("DELETE", thing_path("schedules", "nightly"), None),
            "3 g p": ("POST", thing_path("queues", "mail", "pause"), {}),
            "3 g j p": ("POST", thing_path("queues", "thumbs", "resume"), {}),
            "3 g d y": ("DELETE", thing_path("queues", "mail"), None),
            "4 g d y": ("DELETE", thing_path("groups", "order-events"), None),
            "7 g p": ("POST", thing_path("flow", "mail-api", "pause"), {}),
            "7 g j p": ("POST", thing_path("flow", "tenant%2F42", "resume"), {}),
            "7 g d y": ("DELETE", thing_path("flow", "mail-api"), None),
        },
        {
            "8 G k r": ("POST", run_path("wfr_failed", "resume"), {}),
            "8 G r y": ("POST", run_path("wfr_done", "restart"), {}),
            "8 G k R y": ("POST", run_path("wfr_failed", "restart"), {}),
            "8 g n": ("POST", run_path("wfr_trial", "run"), {}),
            "8 g X y": ("POST", run_path("wfr_trial", "cancel"), {}),
            "8 g j N 7 enter": (
                *("POST", run_path("wfr_order", "notify")),
                {"event": "order-paid", "body": "7"},
            ),
        },
        {
            "5 r": ("POST", "/_dev/dlq/1772366591000-0/retry", {}),
            "5 d": ("DELETE", "/_dev/dlq/1772366591000-0", None),
            "1 F a": ("POST", "/_dev/messages/msg_00000013/arm", {}),
            "1 g a": ("POST", "/_dev/messages/msg_00000001/disarm", {}),
            "p": ("POST", "/_dev/pause", None),
            "1 F f 1": ("POST", "/_dev/faults", FAULT),
            "greater_than_sign": ("POST", "/_dev/clock", {"skip": True}),
            "T f": ("POST", "/_dev/clock", {"mode": "frozen"}),
            "1 F d": ("DELETE", "/_dev/messages/msg_00000013", None),
            "1 z y": ("DELETE", "/_dev/messages", None),
        },
    ],
    ids=["things", "runs", "messages"],
)
async def test_actions(tui: Open, world: World, cases: dict[str, tuple[str, str, Any]]) -> None:
    async with tui() as pilot:
        for keys, expected in cases.items():
            world.asked.clear()
            for key in keys.split():
                await pilot.press(key)
                if key == "f" and "T" not in keys:
                    await until(pilot, lambda: len(pilot.app.screen_stack) == 2)
                await until(pilot, lambda: app_of(pilot).settled)
            assert await asked(pilot, world) == [expected], keys


async def test_u_undoes_the_last_deletions_and_cancellations(tui: Open, world: World) -> None:
    async with tui() as pilot:
        app = app_of(pilot)
        await pilot.press("d")
        await until(pilot, lambda: any("u undoes that" in n.message for n in app._notifications))
        assert app.session.feed.selected == "msg_00000012"
        await pilot.press("X", "u", "u", "u")
        assert [(path, sent) for _, path, sent in await asked(pilot, world, 4)] == [
            ("/_dev/messages/msg_00000013", None),
            ("/_dev/messages/msg_00000012/cancel", {}),
            ("/_dev/undo", {"ids": ["undo_2"]}),
            ("/_dev/undo", {"ids": ["undo_1"]}),
        ]
        await until(pilot, lambda: any("Nothing to undo" in n.message for n in app._notifications))


async def test_dlq_and_logs_show_the_message_of_the_row(tui: Open, world: World) -> None:
    async with tui() as pilot:
        app = app_of(pilot)
        await pilot.press("5")
        await until(pilot, lambda: app.settled)
        assert app.session.message_id == "msg_00000005"
        assert "✗ failed" in app.detail_pane.text.plain
        await pilot.press("6")
        await until(pilot, lambda: app.settled)
        assert app.session.message_id == "msg_00000013"
        world.say(row(14))
        await until(pilot, lambda: app.session.message_id == "msg_00000014")


async def test_copy_takes_what_is_chosen(tui: Open) -> None:
    async with tui() as pilot:
        app = app_of(pilot)
        await go_to(pilot, 4)
        await pilot.press("y")
        await until(pilot, lambda: len(app.screen_stack) == 2)
        await pilot.press("c")
        await until(pilot, lambda: app.clipboard.startswith("curl -X POST"))
        assert "/v2/publish/http://localhost:3000/api/orders" in app.clipboard


async def test_tab_and_escape_go_between_the_panes(tui: Open) -> None:
    async with tui() as pilot:
        app = app_of(pilot)
        await pilot.press("tab")
        assert app.focused is app.detail_pane.text
        await pilot.press("escape")
        assert app.focused is app.list_pane.rows  # type: ignore[comparison-overlap]


async def test_plus_zooms_the_focused_pane(tui: Open) -> None:
    async with tui() as pilot:
        app = app_of(pilot)
        await pilot.press("plus")
        await pilot.pause()
        assert not app.detail_pane.region
        await pilot.press("plus")
        await pilot.pause()
        assert app.detail_pane.region


@pytest.mark.parametrize("size", [(79, 30), (100, 19)])
async def test_a_small_terminal_shows_the_detail_on_enter(tui: Open, size: tuple[int, int]) -> None:
    async with tui(size) as pilot:
        app = app_of(pilot)
        assert not app.detail_pane.region
        await pilot.press("enter")
        await pilot.pause()
        assert app.detail_pane.region
        assert not app.list_pane.region
        await pilot.press("escape")
        await pilot.pause()
        assert app.list_pane.region
        assert not app.detail_pane.region


async def test_the_panes_are_beside_or_above_each_other(tui: Open) -> None:
    for size, beside in [((120, 40), True), ((119, 40), False), ((80, 24), False)]:
        async with tui(size) as pilot:
            app = app_of(pilot)
            assert (app.detail_pane.region.x > 0) is beside
            if beside:
                assert app.list_pane.region.width == 72


async def test_help_lists_the_keys(tui: Open) -> None:
    async with tui() as pilot:
        await pilot.press("question_mark")
        await pilot.pause()
        assert len(pilot.app.screen_stack) == 2
        await pilot.press("escape")
        await pilot.pause()
        assert len(pilot.app.screen_stack) == 1


async def test_help_is_walked_by_the_page(tui: Open) -> None:
    async with tui((80, 24)) as pilot:
        await pilot.press("question_mark")
        await until(pilot, lambda: len(pilot.app.screen_stack) == 2)
        keys = pilot.app.screen.query_one(OptionList)
        first = keys.highlighted or 0
        await pilot.press("pagedown")
        await until(pilot, lambda: (keys.highlighted or 0) > first + 5)
        await pilot.press("pageup")
        await until(pilot, lambda: keys.highlighted == first)


async def test_help_runs_what_was_searched_for_on_the_row_that_was_selected(
    tui: Open, world: World
) -> None:
    async with tui() as pilot:
        await go_to(pilot, 4)
        await pilot.press("question_mark", *"cancel", "space", *"marked", "enter")
        assert await asked(pilot, world) == [("POST", "/_dev/messages/msg_00000005/cancel", {})]


@pytest.mark.parametrize("key", ["colon", "ctrl+p"])
async def test_the_palette_runs_an_action_by_name(tui: Open, world: World, key: str) -> None:
    async with tui() as pilot:
        await pilot.press(key)
        await until(pilot, lambda: len(pilot.app.screen_stack) == 2)
        await pilot.press(*"Replay")
        await pilot.pause(0.3)
        await pilot.press("enter")
        await until(pilot, lambda: len(pilot.app.screen_stack) == 1 or bool(world.asked))
        await pilot.press("enter") if not world.asked else None
        assert (await asked(pilot, world))[0][1].endswith("/replay")


@pytest.mark.parametrize(
    ("keys", "running"),
    [(["q"], False), (["ctrl+c"], False), (["escape"], True), (["2", "q"], True)],
)
async def test_leaving(tui: Open, keys: list[str], running: bool) -> None:
    async with tui() as pilot:
        await pilot.press(*keys)
        await pilot.pause()
        assert pilot.app._exit is not running
        if not running:
            assert pilot.app.return_code == 0


async def test_keys_can_be_remapped_and_the_footer_says_so(tui: Open, world: World) -> None:
    async with tui(keys={"message.replay": "ctrl+r"}) as pilot:
        await pilot.press("r")
        await pilot.pause()
        assert world.asked == []
        await pilot.press("ctrl+r")
        assert (await asked(pilot, world))[0][1].endswith("/replay")
        hints = pilot.app.query_one("#hints").render()
        assert "ctrl+r Replay" in str(hints)


async def test_the_empty_screen_shows_how_to_begin_and_y_copies_it(world: World, tui: Open) -> None:
    world.rows.clear()
    async with tui() as pilot:
        app = app_of(pilot)
        text = str(app.list_pane.empty.render())
        assert "QSTASH_TOKEN=" in text
        assert "waiting for the first publish" in text
        await pilot.press("y")
        await until(pilot, lambda: "QSTASH_URL=http://127.0.0.1:8080" in app.clipboard)
        world.say(row(1))
        await until(pilot, lambda: len(app.session.feed) == 1)
        await until(pilot, lambda: not app.list_pane.empty.display)


async def test_the_status_line_says_when_the_server_is_gone_and_catches_up(
    tui: Open, world: World
) -> None:
    async with tui() as pilot:
        app = app_of(pilot)
        await world.stop()
        await until(pilot, lambda: app.session.lost is not None)
        await until(pilot, lambda: "server gone" in str(pilot.app.query_one("#status").render()))
        world.say(row(14))
        await world.start()
        await until(pilot, lambda: app.settled and len(app.session.feed) == 14)
        assert app.session.lost is None


async def test_clicks_choose_rows_views_and_pages(tui: Open) -> None:
    async with tui() as pilot:
        app = app_of(pilot)
        await pilot.click("#rows", offset=(20, 3))
        assert app.session.feed.selected == "msg_00000003"
        await pilot.click("#detail-tabs", offset=(12, 0))
        assert app.detail_pane.page_name == "Request"
        await pilot.click("#views", offset=(20, 0))
        assert app.session.view.name == "Schedules"


async def test_faults_that_are_active_can_be_removed(tui: Open, world: World) -> None:
    rule = {"id": "flt_1", "kind": "status", "status": 500, "filter": "", "hits": 3}
    world.faults = [rule]
    async with tui() as pilot:
        for key, path in [("x", "/_dev/faults/flt_1"), ("c", "/_dev/faults")]:
            world.asked.clear()
            await pilot.press("f")
            await until(pilot, lambda: len(pilot.app.screen_stack) == 2)
            await pilot.press(key)
            assert await asked(pilot, world) == [("DELETE", path, None)]
