"""What is written to the terminal while nothing happens but that times are counted down."""

from pathlib import Path

from tests.tui.idle import BEGIN, END
from tests.tui.terminal import Terminal
from tests.tui.world import World, in_thread

SECONDS = 10
MOST = 200
"""Bytes a second: the interface is used over slow lines, too."""


def test_an_idle_screen_of_countdowns_writes_little(tmp_path: Path) -> None:
    world = World()
    for place, row in enumerate(world.rows.values()):
        if place % 5 == 0:  # their times change every second
            row.update(state="delayed", due_at=world.now + 80_000, status=None)
    with in_thread(world) as url:
        terminal = Terminal(tmp_path, url, str(SECONDS), module="tests.tui.idle")
        try:
            terminal.read_until(END)
        finally:
            terminal.close()
    written = terminal.output.partition(BEGIN.encode())[2].partition(END.encode())[0]
    assert SECONDS < len(written) < SECONDS * MOST
