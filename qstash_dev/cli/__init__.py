"""The command line: the list of commands, the default one, exit codes.

Imports click alone; a command's module is imported when the command runs, so that `--help` and
`--version` answer at once.
"""

import gc
import sys
from collections.abc import Sequence
from importlib import import_module
from threading import Thread
from types import ModuleType
from typing import TYPE_CHECKING

import click

from qstash_dev import __version__
from qstash_dev.cli import encoding
from qstash_dev.cli.command_group import CommandGroup
from qstash_dev.cli.exits import ERROR, INTERRUPTED, OK, Failure
from qstash_dev.devtools.text import printable_lines
from qstash_dev.protocol.errors import nearest

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

COMMANDS = {
    "dev": ("launch", "Server and terminal UI (the default command)."),
    "serve": ("launch", "Server only: faithful and deterministic, for CI and scripts."),
    "demo": ("launch", "See it at work: a tour of one minute with a sample app."),
    "attach": ("attach", "Terminal UI of a running server."),
    "open": ("open_page", "The page of a running server in the browser."),
    "send": ("send", "Publish a message by hand."),
    "messages": ("messages", "List messages, look at one, cancel, run now, delete."),
    "dlq": ("messages", "Messages that ran out of retries: list, retry, delete."),
    "replay": ("messages", "Deliver messages again, as they were or changed."),
    "logs": ("logs", "What happened, one line per event."),
    "workflows": ("workflows", "Workflow runs: list, look, cancel, resume, restart, notify."),
    "schedules": ("resources", "List schedules; run, pause, resume, delete one."),
    "queues": ("resources", "List queues; pause, resume, delete one."),
    "groups": ("resources", "List URL groups; delete one."),
    "flow": ("resources", "List flow-control keys; pause, resume, delete one."),
    "deduplication": ("resources", "List deduplication ids; delete (forget) one."),
    "clock": ("control", "Time as messages see it: advance, skip, freeze, scale."),
    "tunnel": ("tunnel", "What the internet sees, and what was refused."),
    "faults": ("faults", "Make deliveries go wrong on purpose."),
    "export": ("transfer", "Save messages to a file."),
    "import": ("transfer", "Send the messages of a file."),
    "wait": ("control", "Wait until messages match a filter."),
    "reset": ("control", "Forget everything."),
    "env": ("env", "Print or write the variables that your app needs."),
    "config": ("env", "Show every setting and where it comes from."),
    "verify": ("verify", "Explain why a signature holds or not."),
    "mcp": ("mcp", "Tools for agents, as an MCP server on stdio."),
    "doctor": ("doctor", "Look for what usually goes wrong."),
    "completion": ("completion", "Teach a shell these commands and options."),
}
"""Name: the module in this package that defines it, and a line for `--help`."""


class Commands(CommandGroup):
    """Finds commands by the table; what does not begin with a command belongs to `dev`.

    The official binary's name may come first, as in the compose files of the official image:
    `command: qstash dev -port=8080` (QStash docs, "Local development").
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        args = args[1:] if args[:1] == ["qstash"] else args
        args = ["--help" if arg == "-help" else arg for arg in args[:1]] + args[1:]
        if args[:1] == ["help"]:
            args = self.help_of(ctx, args[1:])
        if ctx.resilient_parsing:  # a shell wants to know what may follow
            return super().parse_args(ctx, args)
        own = {"--help", "-h", "--version"}
        if not args or (args[0].startswith("-") and args[0] not in own):
            args = ["dev", *args]
        return super().parse_args(ctx, args)

    def help_of(self, ctx: click.Context, words: list[str]) -> list[str]:
        """The arguments that show the help of a command: `help queues pause`."""
        command: click.Command | None = self
        for place, word in enumerate(words):
            if word.startswith("-"):
                continue
            if not isinstance(command, click.Group):
                ctx.fail(f'"{words[place - 1]}" has no command "{word}".')
            _, command, _ = command.resolve_command(ctx, [word])
            assert command is not None, "else it has failed"
            ctx = click.Context(command, ctx, word)
        return [*words, "--help"]

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem]":
        """Commands, and the options of the default one."""
        from click.shell_completion import CompletionItem  # only a shell asks

        found = super().shell_complete(ctx, incomplete)
        if "help".startswith(incomplete):
            found.append(CompletionItem("help", help="The help of a command."))
        if incomplete.startswith("-") and (command := self.get_command(ctx, "dev")):
            found += command.shell_complete(click.Context(command, ctx, "dev"), incomplete)
        return found

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        file_name = COMMANDS[cmd_name][0]
        module = imported(f"qstash_dev.cli.commands.{file_name}", is_server=file_name == "launch")
        # `import` is a word of the language and cannot be a name; `open` opens files.
        names = {"import": "import_messages", "open": "open_page"}
        command = getattr(module, names.get(cmd_name, cmd_name))
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, help) for name, (_, help) in COMMANDS.items()])


def read_certificates_meanwhile() -> None:
    """aiohttp, which a server needs, reads all certificates that the system trusts when it is imported,
    and twice: a sixth of a start, without the interpreter. From there on it is imported in a thread.
    """
    reader = Thread(target=import_module, args=("aiohttp",))
    reader.start()
    while reader.is_alive() and "aiohttp.connector" not in sys.modules:
        reader.join(0.0005)


def imported(name: str, *, is_server: bool = False) -> ModuleType:
    """A module, without a search for garbage meanwhile: it would go through all that is loaded again
    and again, a tenth of the time of a start, and what modules make stays.
    """
    if name not in sys.modules and gc.isenabled():
        gc.disable()
        try:
            if is_server:
                read_certificates_meanwhile()
            import_module(name)
        finally:
            gc.freeze()
            gc.enable()
    return import_module(name)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Options of the server: qstash-dev dev --help.",
)
@click.version_option(__version__, prog_name="qstash-dev", message="%(prog)s %(version)s")
def root() -> None:
    """A local QStash: signs, delivers, retries, records and replays, without the cloud.

    Start `qstash-dev` beside your app, and give the app the printed variables.
    """


def main(args: Sequence[str] | None = None) -> None:
    """Runs a command and exits: 0 ok, 1 error, 2 usage, and the codes of `exits`."""
    sys.exit(run(args))


def run(args: Sequence[str] | None = None) -> int:
    """The exit code of a command; what went wrong is on stderr."""
    encoding.give_streams()
    encoding.for_lines(sys.stdout, sys.stderr)
    try:
        code = root.main(args, prog_name="qstash-dev", standalone_mode=False)
        sys.stdout.flush()
    except Failure as error:
        error.show()
        return error.code
    except click.NoSuchOption as error:
        near = nearest(error.option_name, error.possibilities or ())
        meant = [near] if near else None
        click.NoSuchOption(error.option_name, possibilities=meant, ctx=error.ctx).show()
        return error.exit_code
    except click.ClickException as error:
        error.message = printable_lines(error.message)  # type: ignore[misc]  # click's own quote it
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:
        # The reader (`| head`) has seen enough. Keeps the interpreter from complaining at exit.
        encoding.give_up(sys.stdout)
        return OK
    except OSError as error:
        encoding.give_up(sys.stdout)
        what = f'"{error.filename}"' if error.filename else "The output"
        Failure(f"{what} cannot be written: {error.strerror}.").show()
        return ERROR
    return code if isinstance(code, int) else OK
