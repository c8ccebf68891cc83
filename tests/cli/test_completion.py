"""What a shell is told that may follow, at every level."""

import pytest
from click.shell_completion import BashComplete

from qstash_dev import cli


@pytest.mark.parametrize(
    ("args", "incomplete", "expected"),
    [
        ([], "mes", ["messages"]),
        ([], "--po", ["--port"]),
        (["dev"], "--tun", ["--tunnel", "--tunnel-open", "--tunnel-install"]),
        (["messages"], "ca", ["cancel"]),
        (["messages", "cancel"], "--fil", ["--filter"]),
        (["queues"], "pau", ["pause"]),
        (["faults", "add"], "lat", ["latency"]),
        (["completion"], "z", ["zsh"]),
        (["serve", "--external"], "", ["allow", "hold", "deny"]),
        (["dev", "--clock"], "f", ["frozen"]),
        (["env", "--shell"], "p", ["pwsh"]),
        ([], "he", ["help"]),
        (["help", "queues"], "pa", ["pause"]),
    ],
)
def test_commands_options_and_words_are_completed(args, incomplete, expected):
    shell = BashComplete(cli.root, {}, "qstash-dev", "_QSTASH_DEV_COMPLETE")
    assert [item.value for item in shell.get_completions(args, incomplete)] == expected


@pytest.mark.parametrize(
    ("args", "kind"),
    [
        (["import"], "file"),
        (["send", "--fixture"], "file"),
        (["env", "--write"], "file"),
        (["dev", "--config"], "file"),
        (["serve", "--data-dir"], "dir"),
    ],
)
def test_where_a_file_is_meant_the_shell_offers_its_own(args, kind):
    shell = BashComplete(cli.root, {}, "qstash-dev", "_QSTASH_DEV_COMPLETE")
    assert [item.type for item in shell.get_completions(args, "no")] == [kind]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_for_each_shell_names_the_program(shell, capsys):
    assert cli.run(["completion", shell]) == 0
    out = capsys.readouterr().out
    assert f"_QSTASH_DEV_COMPLETE={shell}_complete" in out
    assert "qstash-dev" in out


def test_help_is_a_command_too(capsys):
    assert cli.run(["help", "send"]) == 0
    assert "Publish a message." in capsys.readouterr().out
    assert cli.run(["help"]) == 0
    assert "Commands" in capsys.readouterr().out
