"""Options that several client commands have, each with one meaning."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from qstash_dev.cli.values import HEADER, SERVER

URL_HELP = (
    "Address of the server [default: QSTASH_DEV_URL, the port QSTASH_DEV_PORT, or the server of this "
    "directory]."
)
Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def url_option(command: Decorated) -> Decorated:
    """`--url`, for a command that asks a server."""
    return click.option("--url", type=SERVER, metavar="URL", help=URL_HELP)(command)


def json_option(command: Decorated) -> Decorated:
    """`--json`, for a command that prints what it found."""
    return click.option("--json", "as_json", is_flag=True, help="For programs.")(command)


def header_option(help: str) -> Callable[[Decorated], Decorated]:
    """`--header`, for a command that takes headers."""
    return click.option(
        "-H", "--header", multiple=True, type=HEADER, metavar="NAME:VALUE", help=help
    )
