"""`attach`: the TUI of a running server, on this terminal."""

import click

from qstash_dev.cli.connection import target_of, with_client
from qstash_dev.cli.encoding import for_screen
from qstash_dev.cli.exits import USAGE, Failure
from qstash_dev.cli.options import is_terminal, load_or_fail
from qstash_dev.cli.values import SERVER
from qstash_dev.config import Config
from qstash_dev.config.errors import suggestion


@click.command()
@click.argument("url", required=False, type=SERVER)
@click.option("--owner", type=int, hidden=True)
def attach(url: str | None, owner: int | None) -> int:
    """Show a running server [default: the one of this directory]; q leaves it running."""
    if not is_terminal():
        raise Failure("The terminal UI needs a terminal; see qstash-dev logs --follow.", USAGE)
    with_client(url, lambda client: client.health())
    target = target_of(url)
    config = load_or_fail("dev", {}).config
    # Imported late: a server that does not answer is told without loading Textual.
    from qstash_dev.tui.driver import drawn_on
    from qstash_dev.tui.run import run

    if (screen := drawn_on()) is not None:
        for_screen(screen)
    return run(
        target.url,
        target.token,
        keys=known_keys(config),
        theme=config.theme,
        desktop=config.desktop,
        owner=owner,
    )


def known_keys(config: Config) -> dict[str, str]:
    """The keys of the settings; a command that does not exist is an error."""
    from qstash_dev.tui.actions.commands import COMMANDS

    for id, _ in config.keys:
        if id not in COMMANDS:
            known = f" Known are: {', '.join(COMMANDS)}."
            raise Failure(
                f'keys: there is no command "{id}".{suggestion(id, COMMANDS) or known}', USAGE
            )
    return dict(config.keys)
