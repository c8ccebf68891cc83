"""Write pictures of the screens: `python -m tests.tui.shoot DIR [NAME]` (SVG)."""

import asyncio
import sys
from pathlib import Path

from tests.tui.conftest import make_app, until
from tests.tui.world import World

SHOTS: dict[str, tuple[tuple[int, int], list[str]]] = {
    "messages": ((160, 45), []),
    "messages-80": ((80, 24), []),
    "messages-120": ((120, 40), []),
    "failed": ((160, 45), ["g", "j", "j", "j", "j"]),
    "request": ((160, 45), ["g", "j", "j", "j", "j", "right_square_bracket"]),
    "attempts": ((160, 45), ["g", "j", "j", "j", "j", *["right_square_bracket"] * 3]),
    "signature": ((160, 45), ["g", "j", "j", "j", "j", *["right_square_bracket"] * 4]),
    "tree": ((160, 45), ["g", "j", *["right_square_bracket"] * 5]),
    "schedules": ((160, 45), ["2"]),
    "queues": ((120, 40), ["3"]),
    "groups": ((120, 40), ["4"]),
    "dlq": ((120, 40), ["5"]),
    "logs": ((120, 40), ["6"]),
    "filter": ((120, 40), ["slash", *"state:failed"]),
    "help": ((120, 40), ["question_mark"]),
    "palette": ((120, 40), ["ctrl+p"]),
    "copy": ((120, 40), ["y"]),
    "clock": ((120, 40), ["T"]),
    "marks": ((120, 40), ["g", "space", "space", "space"]),
    "edit": ((120, 40), ["e"]),
    "edit-80": ((80, 24), ["e"]),
    "send": ((120, 40), ["s"]),
    "diff": ((120, 40), ["g", "space", "j", "j", "j", "space", "equals_sign"]),
    "empty": ((120, 40), []),
    "empty-80": ((80, 24), []),
    "confirm": ((120, 40), ["z"]),
    "light": ((120, 40), ["g", "j", "j", "j", "j"]),
    "small-detail": ((70, 18), ["enter"]),
}


async def shoot(name: str, folder: Path) -> None:
    """One picture."""
    size, keys = SHOTS[name]
    world = World([] if name.startswith("empty") else None)
    async with world.open() as url:
        app = make_app(url, theme="light" if name == "light" else None)
        async with app.client, app.run_test(size=size) as pilot:
            await until(pilot, lambda: app.settled)
            await pilot.press(*keys)
            await pilot.pause(0.3)
            await until(pilot, lambda: app.settled)
            (folder / f"{name}.svg").write_text(app.export_screenshot(title="qstash-dev"))


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[2:] or SHOTS:
        asyncio.run(shoot(name, folder))
