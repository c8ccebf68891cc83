"""Pictures of every view at three sizes, with fixed data, clock and zone.

`pytest tests/tui/test_screens.py --snapshot-update` accepts new ones: look at them first.
"""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from qstash_dev.tui.render.frame import nothing_lines
from tests.tui.conftest import Open, make_app, until
from tests.tui.test_keys import app_of
from tests.tui.world import World, in_thread, row

SIZES = ((80, 24), (120, 40), (200, 50))
FAILED = ["g", "j", "j", "j", "j"]
VIEWS: dict[str, list[str]] = {
    "messages": [],
    "failed": FAILED,
    "schedules": ["2"],
    "queues": ["3"],
    "groups": ["4"],
    "dlq": ["5"],
    "logs": ["6"],
    "flow": ["7"],
    "workflows": ["8", "k", "k"],
}
PANES: dict[str, list[str]] = {
    "request": [*FAILED, "]"],
    "response": [*FAILED, *"]]"],
    "attempts": [*FAILED, *"]]]"],
    "signature": [*FAILED, *"]]]]"],
    "tree": ["g", "j", *"]]]]]"],
    "marks": ["g", "space", "space", "j"],
    "zoomed": [*FAILED, "tab", "+"],
    "help": ["?"],
    "copy": ["y"],
    "run": ["8", "k", "k", "tab", "+"],
}
KEYS = {"]": "right_square_bracket", "+": "plus", "?": "question_mark"}

Compare = Callable[..., bool]


@pytest.fixture
def url(world: World) -> Iterator[str]:
    with in_thread(world) as url:
        yield url


def pressing(keys: list[str]) -> Callable[[Pilot[Any]], Awaitable[None]]:
    async def press(pilot: Pilot[Any]) -> None:
        app = app_of(pilot)
        await until(pilot, lambda: app.settled)
        for key in keys:
            await pilot.press(KEYS.get(key, key))
            await until(pilot, lambda: app.settled)
        if keys and keys[-1] in ("y", "?"):
            await until(pilot, lambda: len(app.screen_stack) == 2 and app.focused is not None)
            await until(pilot, lambda: app.focused in list(app.screen.query("*")))
        await pilot.pause()
        app.frame()
        # All anew: else a picture tells, in pieces of blank lines, in which order they were drawn.
        for widget in app.screen.query("*"):
            if isinstance(widget, Input):
                widget.cursor_blink = False
            widget.refresh()
        await pilot.pause()

    return press


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("view", VIEWS)
def test_view(snap_compare: Compare, url: str, view: str, size: tuple[int, int]) -> None:
    app = make_app(url)
    assert snap_compare(app, terminal_size=size, run_before=pressing(VIEWS[view]))


@pytest.mark.parametrize("pane", PANES)
def test_pane(snap_compare: Compare, url: str, pane: str) -> None:
    app = make_app(url)
    assert snap_compare(app, terminal_size=(120, 40), run_before=pressing(PANES[pane]))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_empty(snap_compare: Compare, world: World, url: str, size: tuple[int, int]) -> None:
    world.rows.clear()
    assert snap_compare(make_app(url), terminal_size=size, run_before=pressing([]))


def test_light(snap_compare: Compare, url: str) -> None:
    app = make_app(url, theme="light")
    assert snap_compare(app, terminal_size=(120, 40), run_before=pressing(FAILED))


def test_no_color(snap_compare: Compare, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = make_app(url)
    assert snap_compare(app, terminal_size=(120, 40), run_before=pressing(FAILED))


def test_narrow(snap_compare: Compare, url: str) -> None:
    keys = pressing([*FAILED, "enter"])
    assert snap_compare(make_app(url), terminal_size=(60, 18), run_before=keys)


def test_unreal_clock_pause_and_faults(snap_compare: Compare, world: World, url: str) -> None:
    world.clock |= {"mode": "scaled", "scale": 60.0, "offset_ms": 5_400_000}
    world.more = {"faults": 2, "paused": True, "tunnel": {"state": "online"}}
    assert snap_compare(make_app(url), terminal_size=(160, 24), run_before=pressing([]))


def test_hostile_text(snap_compare: Compare, world: World, url: str) -> None:
    evil = "\x1b[31mred\x1b]0;title\x07 [bold red]x[/] \u202egnp.exe \x9b2J 日本語 👩‍💻 ⚠️"
    world.rows = {}
    for seq, path in enumerate([f"/{evil}", "/" + "x" * 5000, "/日本語/" * 20, "/[@click=q]a[/]"]):
        made = row(seq, path, labels=[evil], error=evil, queue=evil, hint=evil)
        world.rows[made["id"]] = made
    world.details["msg_00000000"] = {
        "request": {"method": "POST", "url": f"http://x/{evil}", "headers": [["X-Evil", evil]],
                    "body": {"size": 99, "truncated": False, "text": f"{evil}\r\n\t{evil}"}},
    }  # fmt: skip
    app = make_app(url)
    keys = pressing(["g", "]"])
    assert snap_compare(app, terminal_size=(160, 30), run_before=keys)


async def test_a_list_that_has_only_the_newest_says_so_also_where_none_of_them_matches(
    tui: Open, world: World
) -> None:
    world.rows = {}
    world.say(*(row(n, state="failed", dlq_id=f"dead-{n}") for n in range(1, 1002)))
    async with tui() as pilot:
        app = app_of(pilot)
        await pilot.press("5")
        await until(pilot, lambda: app.settled and len(app.session.source) == 1000)
        assert str(app.list_pane.border_subtitle).startswith("the newest 1000")
        await pilot.press("slash", *"dead-1001", "enter")
        await until(pilot, lambda: len(app.session.source) == 1)
        assert str(app.list_pane.border_subtitle).startswith("1 of the newest 1000")
        await pilot.press("slash", *"zzz", "enter")
        assert nothing_lines(app.session) == [
            [("None of the newest 1000 matches zzz", "")],
            [("esc clears the filter", "muted")],
        ]
