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


async def told(pilot: Pilot[Any], words: str) -> None:
    """Until the frame says this."""
    await until(pilot, lambda: str(app_of(pilot).detail_pane.border_subtitle) == words)


async def seen(pilot: Pilot[Any], line: str) -> None:
    """Until this line is on the screen."""
    await until(pilot, lambda: line in visible(pilot))


async def test_a_search_in_one_burst_goes_from_place_to_place(tui: Open, world: World) -> None:
    give(world, json.dumps(SHOP))
    async with tui() as pilot:
        await read(pilot, '"shop": {')
        await pilot.press(*"/x39")
        await told(pilot, "not found")
        await pilot.press("home", "delete", "enter", "n")
        await told(pilot, "2 of 14  n N  esc")
        await seen(pilot, '      "id": 139')
        await pilot.press("N", "N")
        await told(pilot, "14 of 14  n N  esc")
        await seen(pilot, '      "id": 399')
        assert world.asked == []
        await pilot.press("escape")
        await told(pilot, "")
        assert app_of(pilot).detail_pane.text.has_focus


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
        await seen(pilot, '  "orders": [ ▸ 1200 lines ]')
        place = visible(pilot).index('  "shop": { ▸ 2 lines },')
        await pilot.click("#detail", offset=(4, place))
        await seen(pilot, '    "name": "Tea",')
        await pilot.press(*"/99")
        await seen(pilot, '      "id": 99')


async def test_a_long_body_is_fetched_whole_and_its_end_is_a_key_away(
    tui: Open, world: World
) -> None:
    text = json.dumps({"a": "x" * 400_000, "last": 1})
    give(world, text, truncated=True)
    world.details[NEWEST]["request"]["body"]["text"] = text[:1_000]
    async with tui() as pilot:
        await read(pilot, "xxxxx")
        await until(pilot, lambda: "o opens" not in app_of(pilot).detail_pane.text.plain)
        await pilot.press("G")
        await seen(pilot, '  "last": 1')
