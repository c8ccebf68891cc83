import pytest

from qstash_dev.cli import run
from qstash_dev.cli.commands.launch import QUIET_S, hint_when_quiet
from qstash_dev.console import Console
from qstash_dev.devtools.documents import App, Event, Process
from qstash_dev.devtools.status import why_quiet

EVENT = Event(1, 0, "msg_1", "CREATED")


ENDED = Process("npm run dev", "exited", why="exited with code 1")


@pytest.mark.parametrize(
    ("app", "events", "hint"),
    [
        (App(), 1, ""),
        (App(), 0, "Does the app have the variables above?"),
        (App(process=Process("npm run dev")), 0, "was started with the variables above"),
        (App(process=ENDED), 0, "your app exited with code 1. R on the page starts it again."),
    ],
)
async def test_a_hint_comes_only_when_no_message_came_and_is_true_of_the_app(app, events, hint):
    console, said, slept = Console(lambda _text: None), [], []

    async def sleep(seconds):
        slept.append(seconds)
        for _ in range(events):
            console.event(EVENT)

    await hint_when_quiet(said.append, lambda: why_quiet(app), console, sleep)
    assert slept == [QUIET_S]
    assert len(said) == 1 - events
    assert hint in "".join(said)


def test_a_terminal_ui_without_a_terminal_is_a_usage_error(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(["serve", "--output", "tui"]) == 2
    assert "needs a terminal" in capsys.readouterr().err
