"""`attach`: the TUI of a running server, on this terminal."""

import sys

import click

from qstash_dev.cli.exits import USAGE, Failure
from qstash_dev.cli.talk import talk, target_of


@click.command()
@click.argument("url", required=False)
def attach(url: str | None) -> int:
    """Show a running server [default: the one of this directory]; q leaves it running."""
    if not sys.stdout.isatty():
        raise Failure("The terminal UI needs a terminal; see qstash-dev logs --follow.", USAGE)
    talk(url, lambda client: client.health())
    target = target_of(url)
    # Imported late: a server that does not answer is told without loading Textual.
    from qstash_dev.tui.app import run

    return run(target.url, target.token)
