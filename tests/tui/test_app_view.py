"""What the app printed: a view of its own, beside each attempt, and how its end is told."""

from dataclasses import replace
from typing import Any

from qstash_dev.client import Client
from qstash_dev.devtools.documents import Printed, Tick
from qstash_dev.tui.model.view_tables import Tables
from qstash_dev.tui.render.frame import nothing_lines
from qstash_dev.tui.views.app import APP
from tests.tui.conftest import Open, until
from tests.tui.test_keys import app_of, asked, go_to
from tests.tui.world import NOW, World

PROCESS = {"command": "npm run dev", "state": "running", "since": NOW, "pid": 7}


def line(number: int, text: str) -> dict[str, Any]:
    return {"number": number, "time": NOW + number, "text": text}


def with_app(world: World, **process: Any) -> World:
    url = {"url": "http://localhost:3000", "up": True}
    world.more = {"app": {**url, "process": {**PROCESS, **process}}}
    lines = [line(1, "ready"), line(2, "\x1b[31mPOST\x1b[0m /api/mail 500")]
    world.output = {"process": PROCESS, "lines": lines, "count": 2}
    return world


async def test_the_view_is_there_with_an_app_alone(tui: Open, world: World) -> None:
    async with tui() as pilot:
        app = app_of(pilot)
        await pilot.press("9")
        assert app.session.view.name == "Messages"
        assert "9 App" not in str(app.tabs.render())
        world.say(**with_app(world).more)
        await until(pilot, lambda: "9 App" in str(app.tabs.render()))


async def test_its_lines_keep_their_colours_follow_and_are_searched(
    tui: Open, world: World
) -> None:
    with_app(world)
    async with tui() as pilot:
        app = app_of(pilot)
        await pilot.press("9")
        await until(pilot, lambda: app.settled and app.session.source.selected == "2")
        cells = app.list_pane.rows._visible_lines()[2][0]
        assert ("POST", "\x1b[31m") in cells
        strip = app.palette.strip(cells, app.list_pane.rows.rich_style)
        styles = {text: style for text, style, _ in strip}
        assert styles["POST"].color.number == 1  # type: ignore[union-attr]
        world.say(printed=[line(3, "done")])
        await until(pilot, lambda: app.session.source.selected == "3")
        await pilot.press("slash", *"post", "space", *"/api", "enter")
        await until(pilot, lambda: app.session.source.selected == "2")
        assert len(app.session.source) == 1
        await pilot.press("slash", *"zz", "enter")
        lines = nothing_lines(app.session) or [[]]
        assert lines[0] == [("Nothing matches zz", "")], "no app is missing, but a line"


async def test_a_line_that_is_told_while_the_list_is_on_its_way_is_not_lost() -> None:
    async def fetch(client: Client, most: int) -> list[Printed]:
        answer = printed(1, 2)
        tables.outdate(Tick(2, NOW, printed=printed(2, 3)))
        return answer

    view = replace(APP, fetch=fetch)
    tables = Tables([view])
    await tables.fetch(Client("http://127.0.0.1:1"), view)
    assert tables.of(view).every == printed(1, 2, 3)


def printed(*numbers: int) -> list[Printed]:
    return [Printed(number, NOW, f"line {number}") for number in numbers]


async def test_a_failure_stands_beside_what_was_printed_meanwhile(tui: Open, world: World) -> None:
    with_app(world)
    heard = {"lines": [f"line {n}" for n in range(30)], "others": 2, "left_out": 4}
    attempt = {"number": 1, "heard": heard}
    world.details["msg_00000005"] = {"attempts": [attempt]}
    async with tui(size=(160, 60)) as pilot:
        app = app_of(pilot)
        await go_to(pilot, 4)
        text = app.detail_pane.text.plain
        assert "The app printed" in text
        note = "(2 more deliveries were under way: some of it may be theirs)"
        assert f"{note}\n(14 lines before these)\nline 10\n" in text
        await pilot.press(*["right_square_bracket"] * 3)
        assert f"Printed meanwhile\n{note}\n(4 lines before these)\nline 0\n" in (
            app.detail_pane.text.plain
        )


async def test_the_end_of_the_app_is_on_the_status_line_and_R_starts_it_from_any_view(
    tui: Open, world: World
) -> None:
    with_app(world, state="exited", code=1, why="exited with code 1")
    async with tui() as pilot:
        app = app_of(pilot)
        assert "app :3000 ✗ exited with code 1" in str(app.status.render())
        assert str(app.hints.render()).startswith("R Restart")
        await pilot.press("R")
        assert await asked(pilot, world) == [("POST", "/_dev/app/restart", None)]


async def test_R_restarts_an_app_that_runs_only_in_its_view(tui: Open, world: World) -> None:
    with_app(world)
    async with tui() as pilot:
        await pilot.press("R")
        await pilot.press("9", "R")
        assert await asked(pilot, world) == [("POST", "/_dev/app/restart", None)]


async def test_the_detail_is_as_true_as_the_app_is_where_it_was(tui: Open, world: World) -> None:
    world.details["msg_00000005"] = {"hint": "The app is expected at :3000."}
    async with tui() as pilot:
        app = app_of(pilot)
        await go_to(pilot, 4)
        await until(pilot, lambda: "expected at :3000" in app.detail_pane.text.plain)
        world.details["msg_00000005"] = {"hint": "The app is expected at :3001."}
        world.more = {"app": {"url": "http://localhost:3001", "up": True}}
        world.say()
        await until(pilot, lambda: "expected at :3001" in app.detail_pane.text.plain)
