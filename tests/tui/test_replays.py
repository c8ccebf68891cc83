"""A replay answers on the spot: how it ended, and on the original that it succeeded."""

import pytest
from msgspec import convert

from qstash_dev.devtools.documents import Row
from qstash_dev.tui.model.replays import Replays
from qstash_dev.tui.render.palette import Line, difference
from tests.tui.conftest import Open, until
from tests.tui.test_keys import app_of, asked, go_to
from tests.tui.world import World, row


@pytest.mark.parametrize(
    ("state", "error", "told"),
    [
        ("delivered", None, "Replayed: 200 in 22ms."),
        ("failed", "500 Internal Server Error", "failed again (the same answer): 500"),
        ("failed", "500 other", "failed again (another answer): 500 other"),
    ],
)
async def test_a_replay_tells_how_it_ended(
    tui: Open, world: World, state: str, error: str | None, told: str
) -> None:
    async with tui() as pilot:
        app = app_of(pilot)
        await go_to(pilot, 4)
        await pilot.press("r")
        await asked(pilot, world)
        new = row(14, "/api/orders", state, id="msg_new", kind="replay", parent="msg_00000005")
        world.say(new | {"error": error})
        await until(pilot, lambda: any(told in n.message for n in app._notifications))
        assert ("msg_00000005" in app.session.feed.healed) is (state == "delivered")


@pytest.mark.parametrize(
    ("state", "hint", "told"),
    [
        ("held", "Nothing listens there.", "The replay is held: Nothing listens there."),
        ("held", None, "The replay is held."),
        ("canceled", None, "The replay is canceled."),
    ],
)
def test_a_replay_that_waits_or_was_cancelled_says_why_if_that_is_known(
    state: str, hint: str | None, told: str
) -> None:
    replays = Replays()
    replays.expect("msg_new", None)
    new = row(14, "/api/orders", state, id="msg_new", kind="replay")
    replays.take([convert(new | {"hint": hint, "error": None}, Row)])
    assert replays.news() == [(told, "warning")]


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ([("in 12s", "")], [("in 12s", "")], None),
        ([("in 12s", "")], [("in 11s", "")], (4, 2)),
        ([("in 12s", ""), ("x", "")], [("in 9s", ""), ("x", "")], (3, 5)),
        ([("ok", "a")], [("ok", "b")], (0, 3)),
        ([], [("ok", "")], (0, 3)),
    ],
)
def test_only_the_cells_that_differ_are_drawn(
    old: Line, new: Line, changed: tuple[int, int] | None
) -> None:
    assert difference(old, new) == changed
