"""What belongs to no message is said once: why a request was refused, what was a duplicate."""

from qstash_dev.client import Client
from qstash_dev.devtools.documents import Counts, Notice, Server, Snapshot, Tick
from qstash_dev.tui.model.session import Session
from qstash_dev.tui.views import VIEWS
from tests.tui.conftest import Open, until
from tests.tui.test_keys import app_of
from tests.tui.world import World


def tick(number: int, text: str) -> Tick:
    return Tick(seq=1, now=0, counts=Counts(), server=Server(notice=Notice(number, text)))


def test_a_notice_is_said_when_it_comes_and_not_again() -> None:
    said: list[str] = []
    session = Session(Client("http://127.0.0.1:1"), VIEWS, lambda: 0.0, said.append, lambda _: None)
    old = Server(notice=Notice(3, "before we looked"))
    session.take(Snapshot(seq=1, now=0, server=old, counts=Counts(), rows=[]))
    session.take(tick(3, "before we looked"))
    assert said == []
    session.take(tick(4, "the token is the word undefined"))
    session.take(tick(4, "the token is the word undefined"))
    session.take(tick(9, "the token is the word undefined"))
    assert said == ["the token is the word undefined"]
    session.take(tick(10, "nothing was sent"))
    assert said[-1] == "nothing was sent"


async def test_the_record_has_what_was_done_the_last_at_the_end(tui: Open, world: World) -> None:
    async with tui() as pilot:
        await pilot.press("H")
        await pilot.press("escape", "p", "G", "X")
        await until(pilot, lambda: len(world.asked) == 2)
        row = app_of(pilot).session.row
        assert row is not None
        await pilot.press("H")
        lines = app_of(pilot).screen._lines  # type: ignore[attr-defined]
        shown = ["".join(text for text, _ in line) for line in lines]
        assert [line[8:] for line in shown] == [
            "  All deliveries are paused; p resumes.",
            f"  Canceled {row.url.removeprefix('http://localhost:3000')}. u undoes that.",
        ]


async def test_what_a_tour_tells_stands_there_until_it_tells_no_more(
    tui: Open, world: World
) -> None:
    world.more = {"narration": "1/5  The message is held, not lost."}
    async with tui() as pilot:
        bar = app_of(pilot).painter.narration
        await until(pilot, lambda: bar.display)
        assert str(bar.render()) == "▶ 1/5  The message is held, not lost."
        world.more = {}
        world.say()
        await until(pilot, lambda: not bar.display)
