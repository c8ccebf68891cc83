"""What cannot be meant ends every command with 2, names the option, and asks no server."""

from pathlib import Path

import click
import pytest

from qstash_dev.cli import COMMANDS, root, run

NOBODY = "http://127.0.0.1:1"
FREE_TEXT = {"-d", "--data", "--body", "--set-body", "--filter"}
"""Options that may be empty: a body without a byte, a filter that selects all."""
SERVERS = {"dev", "serve", "demo"}


@pytest.fixture(autouse=True)
def nowhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QSTASH_DEV_URL", NOBODY)
    (tmp_path / "list.json").write_text("[1]")


def leaves(command=root, path=()):
    """Every command that acts, with its words."""
    if isinstance(command, click.Group):
        for name in COMMANDS if command is root else command.commands:
            yield from leaves(command.get_command(click.Context(command), name), (*path, name))
    else:
        yield command, path


def words_for(command):
    """As many arguments as it must have."""
    required = [p for p in command.params if isinstance(p, click.Argument) and p.required]
    return [p.type.choices[0] if hasattr(p.type, "choices") else "1" for p in required]


@pytest.mark.parametrize(
    ("command", "path"), [pytest.param(*each, id=" ".join(each[1])) for each in leaves()]
)
def test_each_command_refuses_what_it_does_not_have(command, path, capsys):
    given = [*path, *words_for(command)]
    bad = [[*given, "--xyzzy"]]
    if words_for(command):
        bad.append([*path])
    if all(p.nargs == 1 for p in command.params if isinstance(p, click.Argument)):
        bad.append([*given, *["more"] * 3])
    for option in command.params:
        if isinstance(option, click.Option) and not option.is_flag and not option.count:
            bad.append([*given, option.opts[-1]])
            if path[0] not in SERVERS and not FREE_TEXT.intersection(option.opts):
                bad.append([*given, option.opts[-1], ""])
    for args in bad:
        assert run(args) == 2, args
        said = capsys.readouterr().err
        assert "Error: " in said
        if args[-2:-1] and args[-2].startswith("--") and args[-1] == "":
            assert args[-2] in said, args


MISUSES = [
    ("send", "Name a destination"),
    ("send ftp://x", "add http:// or https://"),
    ("send api/mail", "a path of your app begins with /: /api/mail"),
    ("send /x --delay soon", "--delay': 'soon' is not a duration"),
    ("send /x --delay -5s", "--delay': '-5s' is not a duration"),
    ("send /x --retries many", "--retries': 'many' is not a whole number"),
    ("send /x --retry-delay now", "--retry-delay': The retry delay 'now' is not usable"),
    ("send /x --timeout 0", "--timeout': it must be longer"),
    ("send /x --callback nope", "--callback': invalid callback url"),
    ("send /x --failure-callback nope", "--failure-callback': invalid failure callback"),
    ("send /x --cron nope", "--cron': The cron expression 'nope' has 1 field:"),
    ("send /x --method TEA", "--method': 'TEA' is not one of GET"),
    ("send /x --dedup-id a:b", "--dedup-id': DeduplicationId cannot contain"),
    ("send /x --queue a/b", "--queue': 'a/b' may only contain"),
    ("send /x --user nobody", 'There is no user "nobody"'),
    ("send /x --fixture list.json", 'The fixture "list.json" cannot be used'),
    ("send /x -d @nowhere", 'The body "nowhere" cannot be read'),
    ("send /x -H nocolon", '--header\': "nocolon" is not a header'),
    ("send /x -H a\x00b:c", "--header': invalid header name"),
    ("send /x --wait-timeout 5s", "--wait-timeout is of --wait"),
    ("send /x --wait --wait-timeout soon", "--wait-timeout': 'soon'"),
    ("send /x --url ftp://x", '--url\': "ftp://x" is not a URL'),
    ("messages", "Commands:"),
    ("messages lst", 'There is no command "messages lst". Did you mean "list"?'),
    ("clock nope", 'There is no command "clock nope". See qstash-dev clock --help.'),
    ("messages list --filter stat:x", "--filter': There is no filter key 'stat'"),
    ("messages list --limit 0", "--limit': 0 is out of range; expected 1 to 1000"),
    ("messages list --limit x", '--limit\': "x" is not a whole number; expected 1 to 1000'),
    ("messages get 1 --body --json", "Either --body or --json"),
    ("replay", "give a --filter"),
    ("replay 1 --filter state:ok", "not both"),
    ("replay 1 --filter ", "not both"),
    ("replay --filter stat:x", "--filter'"),
    ("replay 1 --to ftp://x", "--to'"),
    ("replay 1 --to group", "--to'"),
    ("replay 1 --method TEA", '--method\': "TEA" is none of GET'),
    ("replay 1 -H nocolon", "--header'"),
    ("replay 1 --set-body @nowhere", 'The body "nowhere" cannot be read'),
    *((f"messages {verb}", "give a --filter") for verb in ("cancel", "run", "delete")),
    *((f"dlq {verb} 1 --filter a", "not both") for verb in ("retry", "delete")),
    ("logs --limit -1", "--limit': -1 is out of range; expected 0 to 1000"),
    ("logs -f --filter stat:x", "--filter'"),
    ("workflows list --state lively", '--state\': "lively" is none of live, success'),
    ("workflows get 1 --created-at x", "--created-at'"),
    ("workflows resume 1 -H nocolon", '--header\': "nocolon" is not a header'),
    ("workflows notify e -d @nowhere", 'The body "nowhere" cannot be read'),
    ("queues run mail", "A queue has no run"),
    ("clock advance soon", "'D': 'soon' is not a duration"),
    ("clock advance -5s", 'Time only goes forward; "-5s" would be back.'),
    ("clock advance -1h", 'Time only goes forward; "-1h" would be back. To return'),
    ("clock advance -- -1h", 'Time only goes forward; "-1h" would be back.'),
    ("clock scale 0", "'FACTOR': \"0\" is no speed; expected one such as 60x"),
    ("clock scale fast", "'FACTOR': \"fast\" is no speed"),
    ("clock settle --timeout 1h", '--timeout\': "1h" is too long; expected at most 10m'),
    ("faults add explode --all", "'KIND': 'explode' is not one of"),
    ("faults add drop", "Name the messages by a --filter"),
    ("faults add drop --all --filter dest:/x", "or mean --all"),
    ("faults add drop --filter dst:/x", "--filter': There is no filter key 'dst'"),
    ("faults add latency --all", "--latency': a fault of kind latency needs"),
    ("faults add latency --all --latency 2h", '--latency\': "2h" is too long'),
    ("faults add latency --all --latency 0", '--latency\': "0" is too short'),
    ("faults add status --all --status 42", "--status': 42 is out of range; expected 200 to 599"),
    ("faults add status --all --times 0", "--times': 0 is out of range"),
    ("faults add drop --all --status 500", "--status': a fault of kind drop has no status"),
    ("faults add drop --all -d x", "--body': a fault of kind drop has no body"),
    ("faults add publish --all -H a:b", "--header': a fault of kind publish has no headers"),
    ("faults add publish --filter state:ok", "--filter': a fault of kind publish can only"),
    ("export - --filter stat:x", "--filter'"),
    ("import list.json --user nobody", 'There is no user "nobody"'),
    ("import nowhere", '"nowhere" cannot be used: No such file'),
    ("wait", "Missing option '--filter'"),
    ("wait --filter stat:x", "--filter'"),
    ("wait --filter a --count 0", "--count': 0 is out of range"),
    ("wait --filter a --timeout 1h", '--timeout\': "1h" is too long; expected at most 10m'),
    ("reset", "expected --yes"),
    ("env --user 9", 'There is no user "9"'),
    ("env --shell csh", "--shell'"),
    ("env --shell sh --write f", "--shell and --json are for what is printed"),
    ("env --json --write f", "--shell and --json are for what is printed"),
    ("env --shell sh --json", "Either --shell or --json"),
    ("env --env-file nowhere", "--env-file: "),
    ("config --port x", '--port: "x" is not a whole number'),
    ("config --prot 1", "Did you mean '--port'?"),
    ("verify", "Name a message"),
    ("verify 1 --signature x", "Name a message"),
    ("verify --signature x --attempt 1", "--attempt and --server are for a MESSAGE_ID"),
    ("verify --signature x --env-file f --next-key k", "Either --env-file, or"),
    ("verify 1 --attempt 0", "--attempt': 0 is out of range"),
    ("verify 1 --server ftp://x", "--server'"),
    ("serve --output tui", "needs a terminal"),
    ("serve --clock later", "--clock: "),
    ("serve npm run dev", "the command that starts your app goes behind --, at the end."),
    ("dev --", "Nothing follows the --"),
    ("demo -- npm", "demo has an app of its own"),
    ("attach", "needs a terminal"),
    ("completion csh", "'csh' is not one of"),
    ("nope", 'There is no command "nope". See qstash-dev --help'),
    ("sh run dev", "To start your app beside the server: qstash-dev -- sh run dev"),
    ("help nope", 'There is no command "nope"'),
    ("help send it", '"send" has no command "it"'),
    ("help queues nope", 'There is no command "queues nope". See qstash-dev queues --help.'),
]


@pytest.mark.parametrize(("line", "words"), MISUSES, ids=[line for line, _ in MISUSES])
def test_a_misuse_ends_with_2_in_the_words_of_the_user(line, words, capsys):
    assert run(line.split(" ")) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert words in said


EVIL = "\x1b]52;c;aGk=\x07\x9b31m\u202e"


@pytest.mark.parametrize(
    "args", [[EVIL], ["serve", "--app", EVIL], ["serve", "--log-file", f"{EVIL}/x"], ["env", EVIL]]
)
def test_what_was_given_does_nothing_to_the_terminal_when_it_is_quoted(args, capsys):
    assert run(args) == 2
    said = capsys.readouterr().err
    assert [line for line in said.split("\n") if not line.isprintable()] == []
    assert "aGk=" in said


def test_an_address_in_the_environment_that_is_none_is_a_misuse(monkeypatch, capsys):
    monkeypatch.setenv("QSTASH_DEV_URL", "ftp://x")
    assert run(["messages", "list"]) == 2
    assert 'QSTASH_DEV_URL: "ftp://x" is not a URL' in capsys.readouterr().err


def test_what_is_right_asks_the_server(capsys):
    assert run(["send", "/x", "--delay", "10s", "--callback", "/done", "-d", ""]) == 5
    assert run(["messages", "list", "--filter", ""]) == 5
    assert NOBODY in capsys.readouterr().err
    assert not Path(".qstash-dev").exists()
