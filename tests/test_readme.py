"""The README names what there is: commands, options, settings, files, rooms."""

import re
from pathlib import Path

import click
import pytest

from qstash_dev.cli import COMMANDS, root
from qstash_dev.cli.options import double_dash

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
PATHS = re.findall(r"[(`](?:\./)?((?:tests|fixtures|\.github|\.ci)/[\w./-]+)[)`]", README)
MODULES = re.findall(r"python -m (tests[\w.]+)", README)
CALLS = re.findall(r"qstash-dev ([a-z][^\n`\"#)]*|--[^\n`\"#)]*)", README)
ROOMS = re.findall(r"^\| ((?:`\w+/`(?:, )?)+) \|", README, re.MULTILINE)


@pytest.mark.parametrize("path", sorted(set(PATHS)))
def test_each_file_that_it_names_is_there(path):
    assert (ROOT / path).exists()


@pytest.mark.parametrize("module", sorted(set(MODULES)))
def test_each_module_that_it_runs_is_there(module):
    place = ROOT.joinpath(*module.split("."))
    assert place.with_suffix(".py").exists() or (place / "__main__.py").exists()


def command_of(words):
    """The command that words begin with, and the options that follow."""
    command = root.get_command(click.Context(root), "dev")
    if words[0] in COMMANDS:
        command = root.get_command(click.Context(root), words.pop(0))
    while isinstance(command, click.Group) and words and words[0] in command.commands:
        command = command.commands[words.pop(0)]
    return command


@pytest.mark.parametrize("call", sorted(set(CALLS)))
def test_each_command_and_option_that_it_shows_is_there(call):
    words = re.split(r"[\s,;|=]+", call.partition(" -- ")[0].strip())
    if words[0] not in COMMANDS and not words[0].startswith("-"):
        return  # a sentence about the program, not a call
    command = command_of(words)
    known = {name for param in command.params for name in (*param.opts, *param.secondary_opts)}
    given = {double_dash(word) for word in words if re.fullmatch(r"--?[a-z][a-z-]*", word)}
    assert given <= known | {"--help"}, call


def test_each_room_of_the_package_is_in_the_table():
    rooms = {name for row in ROOMS for name in re.findall(r"`(\w+)/`", row)}
    there = {p.name for p in (ROOT / "qstash_dev").iterdir() if (p / "__init__.py").exists()}
    assert rooms == there


def test_each_option_that_it_names_is_one_of_some_command():
    own = {"--cov", "--filter", "--qstash-record"}
    named = set(re.findall(r"`(--[a-z][a-z-]+)", README))
    known = set()
    for name in COMMANDS:
        command = root.get_command(click.Context(root), name)
        every = [command, *getattr(command, "commands", {}).values()]
        known |= {opt for one in every for p in one.params for opt in (*p.opts, *p.secondary_opts)}
    assert named - known - own - {"--requests"} == set()


def test_each_verb_of_the_kit_for_javascript_is_named():
    kit = (ROOT / "fixtures/js/qstash-dev.mjs").read_text().partition("export const qstash = {")[2]
    verbs = re.findall(r"^  (\w+): ", kit, re.MULTILINE)
    told = README.partition("exports `qstash` with")[2].partition(":\n")[0]
    assert sorted(verbs) == sorted(re.findall(r"`(\w+)`", told))
