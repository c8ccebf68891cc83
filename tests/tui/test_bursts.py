"""Keys typed in one burst, on a real terminal: what follows an opening key belongs to it."""

import select
import string
from random import Random  # noqa: TID251 - seeded: the same bursts in every run

import pytest

from tests.tui.terminal import ESCAPE, attached
from tests.tui.world import World, in_thread

PLAIN = string.ascii_letters + string.digits + " :/?.,>=[]+-"
COMMANDS = "drXzpnaUFTfwyo>23e"


def burst(random: Random, opener: str) -> str:
    """An opening key, keys that would be commands in the list, and escape."""
    text = "".join(random.choices(COMMANDS * 3 + PLAIN, k=random.randrange(1, 30)))
    return opener + text + ESCAPE


@pytest.mark.parametrize("opener", ["/", "s", "e", ":"])
def test_no_key_of_a_burst_runs_a_command_behind_what_it_opened(tmp_path, opener):
    world, random = World(), Random(opener)
    with in_thread(world) as url, attached(tmp_path, url) as terminal:
        for _ in range(4):
            terminal.type(burst(random, opener))
        terminal.type("p")
        terminal.until(lambda: world.asked)
        assert world.asked == [("POST", "/_dev/pause", None)]


def test_a_dialog_that_was_left_gives_the_keys_back_to_the_list(tmp_path):
    world = World()
    with in_thread(world) as url, attached(tmp_path, url) as terminal:
        terminal.type(f"s/api/x{ESCAPE}gd:zzz{ESCAPE}p")
        terminal.until(lambda: len(world.asked) == 2)
        assert [path for _, path, _ in world.asked] == [
            "/_dev/messages/msg_00000001",
            "/_dev/pause",
        ]


def test_what_is_typed_is_done_while_the_terminal_takes_nothing(tmp_path):
    world = World()
    with in_thread(world) as url, attached(tmp_path, url) as terminal:
        terminal.type("2345678" * 10 + "1p")
        while not world.asked:  # as over a slow line: nobody reads what is drawn
            select.select([], [], [], 0.01)
        assert world.asked == [("POST", "/_dev/pause", None)]
        terminal.type("q")
        terminal.until(lambda: terminal.process.poll() is not None)
        assert terminal.is_restored
