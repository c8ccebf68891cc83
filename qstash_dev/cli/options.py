"""The settings of a server as click options, with help in sections. Knows no value's meaning."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qstash_dev.cli.exits import USAGE, Failure
from qstash_dev.config import ConfigError, Loaded, load
from qstash_dev.config.options import OPTIONS, Option
from qstash_dev.protocol.json_body import scalar_text

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

HIDDEN = frozenset({"verbosity"})
"""Settings that have flags of their own kind."""


class ServerCommand(click.Command):
    """A command with all settings as options; `-- COMMAND` starts the app (`command` of its `obj`).

    The official server is a Go program: `-port 8080`, `-port=8080` and `-help` work, too.
    """

    def __init__(self, name: str, **attributes: Any) -> None:
        own = attributes.pop("params", None) or []
        settings = [parameter(option) for option in visible()]
        super().__init__(name, params=[*settings, *volume(), *own], **attributes)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own, dashes, command = split_at(args, "--")
        if dashes and not command:
            ctx.fail("Nothing follows the --: expected the command that starts your app.")
        ctx.obj = command
        try:
            return super().parse_args(ctx, [double_dash(arg) for arg in own])
        except click.UsageError as error:
            if not error.message.startswith("Got unexpected extra argument"):
                raise
            hint = "the command that starts your app goes behind --, at the end."
            raise click.UsageError(f"{error.message}: {hint}", ctx) from None

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return [*super().collect_usage_pieces(ctx), "[-- COMMAND...]"]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        sections: dict[str, list[tuple[str, str]]] = {}
        by_name = {option.name: option.section for option in OPTIONS}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None:
                section = by_name.get((param.name or "").replace("_", "-"), "Output")
                sections.setdefault(section, []).append(record)
        for section, records in sections.items():
            with formatter.section(section):
                formatter.write_dl(records)
        formatter.write_paragraph()
        formatter.write_text(
            "Every option may also be set by a variable, such as QSTASH_DEV_PORT, "
            "or in qstash-dev.toml: see qstash-dev config."
        )


def split_at(words: list[str], mark: str) -> tuple[list[str], bool, list[str]]:
    """What stands before the first `mark`, whether there is one, and what follows it."""
    place = words.index(mark) if mark in words else len(words)
    return words[:place], place < len(words), words[place + 1 :]


def visible() -> list[Option]:
    """Options of the table that are flags."""
    return [option for option in OPTIONS if option.name not in HIDDEN]


def parameter(option: Option) -> click.Option:
    """One setting as a click option whose value is text."""
    names = [option.flag, *([option.short] if option.short else [])]
    if option.kind == "toggle":
        return click.Option([f"{option.flag}/--no-{option.name}"], default=None, help=option.help)
    if option.kind == "switch":
        return click.Option(names, is_flag=True, default=None, help=option.help)
    default = f"  [default: {option.default}]" if option.default else ""
    return click.Option(
        names,
        metavar=option.metavar,
        multiple=option.kind == "many",
        help=option.help + default,
        shell_complete=lambda ctx, param, begun: values_of(option, begun),
    )


def values_of(option: Option, begun: str) -> "list[CompletionItem]":
    """What a shell offers as its value: the words that it knows, files, or directories."""
    from click.shell_completion import CompletionItem  # a start does not need it

    if option.metavar in ("FILE", "DIR"):
        return [CompletionItem(begun, type=option.metavar.lower())]
    words = [word.partition("[")[0] for word in option.metavar.split("|")]
    return [CompletionItem(word) for word in words if word.islower() and word.startswith(begun)]


def volume() -> list[click.Option]:
    """`-v` and `-q`."""
    return [
        click.Option(["-v", "--verbose"], count=True, help="Show every event."),
        click.Option(["-q", "--quiet"], is_flag=True, help="Show only the start-up block."),
    ]


def double_dash(arg: str) -> str:
    """`-log-port=1` as click knows it: `--log-port=1`."""
    name = arg.removeprefix("-").partition("=")[0]
    single = arg.startswith("-") and not arg.startswith("--")
    known = name == "help" or any(name == option.name for option in visible())
    return f"-{arg}" if single and known else arg


def flags_of(values: dict[str, Any]) -> dict[str, list[str]]:
    """Click's parameters as the texts that `load` wants; what was not given is left out."""
    values = dict(values)
    verbosity = -1 if values.pop("quiet") else values.pop("verbose", 0)
    values.pop("verbose", None)
    if verbosity:
        values["verbosity"] = verbosity
    given = {
        name.replace("_", "-"): value for name, value in values.items() if value not in (None, ())
    }
    return {
        name: [scalar_text(v) for v in (value if isinstance(value, tuple) else (value,))]
        for name, value in given.items()
    }


def is_terminal() -> bool:
    """Whether a person sees our output and types our input, on a screen that can be drawn on."""
    is_dumb = os.environ.get("TERM") == "dumb"
    return sys.stdin.isatty() and sys.stdout.isatty() and not is_dumb


def load_here(command: str, flags: dict[str, list[str]], starts_app: bool = False) -> Loaded:
    """The settings of a server started here and now. Raises `ConfigError`."""
    here = Path()
    return load(command, flags, os.environ, here, terminal=is_terminal(), starts_app=starts_app)


def load_or_fail(command: str, flags: dict[str, list[str]], starts_app: bool = False) -> Loaded:
    """The settings, with warnings on stderr; a bad one ends the command."""
    try:
        loaded = load_here(command, flags, starts_app)
    except ConfigError as error:
        raise Failure(str(error), USAGE) from None
    for warning in loaded.warnings:
        click.echo(f"Warning: {warning}", err=True)
    return loaded
