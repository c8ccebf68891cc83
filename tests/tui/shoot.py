"""Write the pictures of the README: `python -m tests.tui.shoot [DIR]`, default `.github/screens`.

The screens show the played server, so that they look the same wherever they are made.
"""

import asyncio
import re
import sys
from pathlib import Path

from tests.tui.conftest import make_app, until
from tests.tui.world import World

SIZE = (152, 30)
FAILED = ["g", "j", "j", "j", "j"]
SHOTS: dict[str, list[str]] = {
    "messages": FAILED,
    "detail": [*FAILED, *["right_square_bracket"] * 4],
    "schedules": ["2"],
    "workflows": ["8", "g", "j"],
}


async def shoot(name: str, folder: Path) -> None:
    """One picture."""
    world = World()
    world.rows["msg_00000010"] |= {"state": "delayed", "due_at": world.now + 90_000}
    async with world.open() as url:
        app = make_app(url)
        async with app.run_test(size=SIZE) as pilot:
            await until(pilot, lambda: app.settled)
            for key in SHOTS[name]:
                await pilot.press(key)
                await until(pilot, lambda: app.settled)
            app.frame()
            await pilot.pause()
            (folder / f"{name}.svg").write_text(alone(app.export_screenshot(title="qstash-dev")))


def alone(svg: str) -> str:
    """A picture that loads nothing: without web fonts the viewer's own monospace one is used."""
    return re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL).replace(
        "Fira Code", "ui-monospace, Menlo, Consolas, DejaVu Sans Mono"
    )


if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".github/screens")
    folder.mkdir(parents=True, exist_ok=True)
    for name in SHOTS:
        asyncio.run(shoot(name, folder))
