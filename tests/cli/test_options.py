import click
import pytest

from qstash_dev.cli.options import ServerCommand, flags_of
from qstash_dev.config.options import OPTIONS


def parsed(*args):
    found = {}
    command = ServerCommand("serve", callback=lambda **values: found.update(values))
    command.main(list(args), standalone_mode=False)
    return flags_of(found)


@pytest.mark.parametrize(
    ("args", "flags"),
    [
        ([], {}),
        (["--port", "1"], {"port": ["1"]}),
        (["-p", "1"], {"port": ["1"]}),
        (["-port", "1"], {"port": ["1"]}),
        (["-port=1"], {"port": ["1"]}),
        (["-log-port=1", "-quota", "pro"], {"log-port": ["1"], "quota": ["pro"]}),
        (["--port=1", "--port=2"], {"port": ["2"]}),
        (["--route", "a=1", "--route", "b=2"], {"route": ["a=1", "b=2"]}),
        (["--hold"], {"hold": ["true"]}),
        (["--no-hold"], {"hold": ["false"]}),
        (["--memory", "--strict"], {"memory": ["true"], "strict": ["true"]}),
        (["-v"], {"verbosity": ["1"]}),
        (["-vv"], {"verbosity": ["2"]}),
        (["-q"], {"verbosity": ["-1"]}),
    ],
)
def test_flags_are_read_in_every_style(args, flags):
    assert parsed(*args) == flags


@pytest.mark.parametrize(
    ("args", "flags", "app"),
    [
        (["--", "npm", "run", "dev"], {}, ["npm", "run", "dev"]),
        (["-p", "1", "--", "next", "-p", "2"], {"port": ["1"]}, ["next", "-p", "2"]),
        (
            ["--", "npm", "run", "dev", "--", "-port", "2"],
            {},
            ["npm", "run", "dev", "--", "-port", "2"],
        ),
    ],
)
def test_what_follows_two_dashes_is_the_app(args, flags, app):
    given = []

    @click.pass_obj
    def take(command, /, **values):
        given.extend([flags_of(values), command])

    ServerCommand("serve", callback=take).main(args, standalone_mode=False)
    assert given == [flags, app]


@pytest.mark.parametrize("args", [["--"], ["npm", "run"], ["--port", "1", "--"]])
def test_a_command_without_dashes_or_dashes_without_a_command_are_errors(args):
    with pytest.raises(click.UsageError):
        parsed(*args)


def test_a_value_that_looks_like_a_flag_is_an_error():
    with pytest.raises(click.UsageError):
        parsed("--port")


def test_every_setting_is_a_flag():
    given = {param.name for param in ServerCommand("serve").params}
    names = {option.name.replace("-", "_") for option in OPTIONS}
    assert names - given == {"verbosity"}


def test_help_shows_settings_in_sections_with_defaults():
    command = ServerCommand("serve")
    text = command.get_help(click.Context(command))
    sections = [
        line[:-1] for line in text.splitlines() if line and line[0] != " " and line[-1] == ":"
    ]
    assert sections == list(dict.fromkeys(option.section for option in OPTIONS))
    assert "[default: 8080]" in " ".join(text.split())
