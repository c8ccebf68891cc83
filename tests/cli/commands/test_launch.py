import pytest

from qstash_dev.cli import run
from qstash_dev.cli.commands.launch import QUIET_S, hint_when_quiet
from qstash_dev.console import Console
from qstash_dev.devtools.documents import Event

EVENT = Event(1, 0, "msg_1", "CREATED")


@pytest.mark.parametrize("events", [0, 1])
async def test_a_hint_comes_only_when_no_message_came(events):
    console, said, slept = Console(lambda _text: None), [], []

    async def sleep(seconds):
        slept.append(seconds)
        for _ in range(events):
            console.event(EVENT)

    await hint_when_quiet(said.append, console, sleep)
    assert slept == [QUIET_S]
    assert len(said) == 1 - events


def test_a_terminal_ui_without_a_terminal_is_a_usage_error(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(["serve", "--output", "tui"]) == 2
    assert "needs a terminal" in capsys.readouterr().err
