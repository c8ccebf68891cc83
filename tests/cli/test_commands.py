import gc
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from qstash_dev import __version__, cli
from qstash_dev.cli import COMMANDS, root, run
from qstash_dev.cli.commands.resources import NOUNS
from qstash_dev.cli.exits import INTERRUPTED

HEAVY = {"aiohttp", "textual", "rich", "pyngrok", "watchfiles", "msgspec", "sqlite3", "asyncio"}


@pytest.mark.parametrize("flag", ["--help", "--version"])
def test_help_and_version_import_nothing_heavy(flag):
    probe = (
        "import sys; from qstash_dev.cli import run; code = run(sys.argv[1:]);"
        f"print('heavy:', *({HEAVY!r} & set(sys.modules))); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", probe, flag], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "heavy:"


def test_garbage_is_looked_for_again_once_a_command_is_imported():
    with pytest.raises(ModuleNotFoundError):
        cli.imported("qstash_dev.no_such_module")
    assert gc.isenabled()


def test_the_module_runs_as_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "qstash_dev", "--version"], capture_output=True, text=True
    )
    assert done.stdout == f"qstash-dev {__version__}\n"


def test_help_names_the_program_as_the_javascript_sdk_expects(capsys):
    assert run(["--help"]) == 0
    assert "qstash" in capsys.readouterr().out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_listed_command_exists_and_explains_itself(name, capsys):
    assert run([name, "--help"]) == 0
    assert f"qstash-dev {name}" in capsys.readouterr().out


def test_every_command_that_a_sentence_tells_to_give_exists():
    sources = "".join(path.read_text() for path in Path(cli.__file__).parents[1].rglob("*.py"))
    told = {found.split()[0] for found in re.findall(r"`qstash-dev ([a-z][^`]*)`", sources)}
    assert told
    assert told <= set(COMMANDS)


def test_an_unknown_command_is_a_usage_error_with_a_suggestion(capsys):
    assert run(["evn"]) == 2
    assert 'There is no command "evn". Did you mean "env"?' in capsys.readouterr().err
    assert run(["xyzzy"]) == 2
    assert "See qstash-dev --help." in capsys.readouterr().err


def test_an_unknown_option_is_a_usage_error(capsys):
    assert run(["env", "--usr"]) == 2
    assert "--usr" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("noun", "verb", "words"),
    [
        ("groups", "pause", "A URL group has no pause: it has no messages"),
        ("groups", "resume", "A URL group has no resume: "),
        ("groups", "run", "A URL group has no run: "),
        ("queues", "run", "A queue has no run: its messages start by themselves"),
        ("flow", "run", "A flow-control key has no run: "),
    ],
)
def test_a_verb_that_a_noun_has_not_is_refused_with_the_reason(noun, verb, words, capsys):
    assert run([noun, verb, "name"]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert "It has: list, get, " in said


def test_each_verb_of_resources_exists_for_each_noun_or_is_refused():
    verbs = {verb for noun in NOUNS for verb in noun.verbs}
    assert verbs == {"run", "pause", "resume", "delete"}
    for noun in NOUNS:
        assert {*noun.verbs, *noun.refused} == verbs
        assert not set(noun.verbs) & set(noun.refused)


def test_deleting_a_queue_is_said_to_cancel_what_waits_in_it(capsys):
    assert run(["queues", "delete", "--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "messages that wait in it are cancelled, those under way end" in said


@pytest.fixture
def tried(monkeypatch):
    """Replaces every command by one that records the arguments it was given."""
    calls = []

    def stand_in(ctx, name):
        @click.command(name, context_settings={"ignore_unknown_options": True})
        @click.argument("args", nargs=-1, type=click.UNPROCESSED)
        def record(args):
            calls.append((name, *args))

        return record

    monkeypatch.setattr(root, "get_command", stand_in)
    monkeypatch.setitem(COMMANDS, "dev", ("launch", ""))
    return calls


@pytest.mark.parametrize(
    ("args", "called"),
    [
        ([], ("dev",)),
        (["-p", "8090"], ("dev", "-p", "8090")),
        (["-port=8090"], ("dev", "-port=8090")),
        (["dev", "--memory"], ("dev", "--memory")),
        (["env", "--user", "2"], ("env", "--user", "2")),
        (["qstash", "dev", "-port=8090"], ("dev", "-port=8090")),
        (["qstash"], ("dev",)),
    ],
)
def test_dev_is_the_default_command(tried, args, called):
    assert run(args) == 0
    assert tried == [called]


@pytest.mark.parametrize(
    "args", [["-help"], ["qstash", "--help"], ["dev", "-help"], ["qstash", "dev", "-h"]]
)
def test_help_is_found_by_every_spelling_of_the_official_server(capsys, args):
    assert run(args) == 0
    assert capsys.readouterr().out.startswith("Usage: qstash-dev")


def test_an_interrupted_command_ends_with_130(monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli.root, "main", interrupted)
    assert run(["env"]) == INTERRUPTED
