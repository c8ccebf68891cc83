"""Long bodies in the detail: read at once, searched and folded where they stand."""

import json
from typing import Any

from textual.pilot import Pilot

from tests.tui.conftest import Open, until
from tests.tui.test_keys import app_of
from tests.tui.world import World

NEWEST = "msg_00000013"
SHOP = {"shop": {"name": "Tea", "open": True}, "orders": [{"id": n} for n in range(400)]}


def visible(pilot: Pilot[Any]) -> list[str]:
    text = app_of(pilot).detail_pane.text
    height = text.scrollable_content_region.height
    return [text.render_line(y).text.rstrip() for y in range(height)]


def give(world: World, text: str, **more: Any) -> None:
    """The newest message has this body."""
    url, headers = "http://localhost:3000/x", [["Content-Type", "application/json"]]
    whole = {"size": len(text), "truncated": False, "text": text, **more}
    request = {"method": "POST", "url": url, "headers": headers, "body": whole}
    world.details[NEWEST] = {"request": request}
    world.bodies[NEWEST] = text.encode()


async def read(pilot: Pilot[Any], words: str) -> None:
    """Go into the page of the request, until it shows this."""
    await pilot.press("tab", "right_square_bracket")
    await until(pilot, lambda: any(words in line for line in visible(pilot)))


def told(pilot: Pilot[Any]) -> str:
    return str(app_of(pilot).detail_pane.border_subtitle)


async def test_a_search_in_one_burst_goes_from_place_to_place(tui: Open, world: World) -> None:
    give(world, json.dumps(SHOP))
    async with tui() as pilot:
        await read(pilot, '"shop": {')
        await pilot.press(*"/x39")
        assert told(pilot) == "not found"
        await pilot.press("home", "delete", "enter", "n")
        assert told(pilot) == "2 of 14  n N  esc"
        assert '      "id": 139' in visible(pilot)
        await pilot.press("N", "N")
        assert told(pilot).startswith("14 of 14")
        assert '      "id": 399' in visible(pilot)
        assert world.asked == []
        await pilot.press("escape")
        assert (told(pilot), app_of(pilot).detail_pane.text.has_focus) == ("", True)


async def test_without_a_search_n_runs_the_message(tui: Open, world: World) -> None:
    async with tui() as pilot:
        await pilot.press("g", "j", "tab", "n")
        await until(pilot, lambda: bool(world.asked))
        assert world.asked[0][1].endswith("/run")


async def test_json_is_folded_by_levels_and_by_a_click(tui: Open, world: World) -> None:
    give(world, json.dumps(SHOP))
    async with tui() as pilot:
        await read(pilot, '"shop": {')
        await pilot.press("left_curly_bracket", "left_curly_bracket")
        shown = visible(pilot)
        assert '  "shop": { ▸ 2 lines },' in shown
        assert '  "orders": [ ▸ 1200 lines ]' in shown
        await pilot.click("#detail", offset=(4, shown.index('  "shop": { ▸ 2 lines },')))
        assert '    "name": "Tea",' in visible(pilot)
        await pilot.press(*"/99")
        assert '      "id": 99' in visible(pilot)


async def test_a_long_body_is_fetched_whole_and_its_end_is_a_key_away(
    tui: Open, world: World
) -> None:
    text = json.dumps({"a": "x" * 400_000, "last": 1})
    give(world, text, truncated=True)
    world.details[NEWEST]["request"]["body"]["text"] = text[:1_000]
    async with tui() as pilot:
        await read(pilot, "xxxxx")
        await pilot.press("G")
        await until(pilot, lambda: '  "last": 1' in visible(pilot))
        assert "o opens" not in app_of(pilot).detail_pane.text.plain
