"""`faults`: rules that make deliveries and publishes go wrong on purpose."""

from typing import Any, get_args

import click
from msgspec import convert, to_builtins

from qstash_dev.cli.bodies import headers_of, read_body
from qstash_dev.cli.choice import the_one
from qstash_dev.cli.command_group import CommandGroup
from qstash_dev.cli.connection import ask, with_client
from qstash_dev.cli.exits import USAGE, Failure
from qstash_dev.cli.shared_options import header_option, json_option, url_option
from qstash_dev.cli.tables import print_json, print_table
from qstash_dev.cli.values import FILTER, TEXT, duration, whole
from qstash_dev.client import Client
from qstash_dev.client.paths import path_of
from qstash_dev.devtools.control_documents import Deleted, Faults, Made
from qstash_dev.devtools.faults import Fault, FaultError, FaultOrder, Kind, fault_of
from qstash_dev.devtools.text import counted
from qstash_dev.protocol.timing import format_duration

LATENCY = duration(most_ms=3_600_000, least_ms=1)
FLAGS = {
    "filter": "--filter", "status": "--status", "body": "--body", "headers": "--header",
    "latency_ms": "--latency", "times": "--times",
}  # fmt: skip
"""The option that gives each field of an order."""


@click.group(cls=CommandGroup)
def faults() -> None:
    """Make deliveries go wrong on purpose, by rules; the first that matches is applied."""


@faults.command("add")
@click.argument("kind", type=click.Choice(get_args(Kind)), metavar="KIND")
@click.option(
    "--filter", type=FILTER, metavar="FILTER", default="", help='Which, such as "dest:/api/mail".'
)
@click.option("--all", "for_all", is_flag=True, help="Every message.")
@click.option(
    "--status", type=whole(200, 599), metavar="N", help="What is answered, for status and publish."
)
@click.option("--latency", type=LATENCY, metavar="D", help="How much later the app is called.")
@click.option("--times", type=whole(1), metavar="N", help="How often [default: always].")
@click.option(
    "-d", "--body", metavar="TEXT|@FILE", help="What is answered, for status and publish."
)
@header_option("And its headers.")
@url_option
def add(
    kind: str,
    filter: str,
    for_all: bool,
    status: int | None,
    latency: int | None,
    times: int | None,
    body: str | None,
    header: tuple[str, ...],
    url: str | None,
) -> None:
    """One more rule; prints its id.

    \b
    status     answer with --status instead of calling the app
    latency    call the app later
    timeout    give no answer in time, without calling the app
    drop       call the app and lose its answer
    duplicate  call the app twice
    reorder    let the next matching delivery overtake
    publish    refuse the publish itself
    """
    if bool(filter) == for_all:
        raise Failure(
            'Name the messages by a --filter, such as "dest:/api/mail", or mean --all.', USAGE
        )
    order: dict[str, Any] = {
        "kind": kind,
        "filter": filter,
        "status": status,
        "times": times,
        "headers": headers_of(header),
        "body": read_body(body).decode("utf-8", "replace") if body is not None else "",
        "latency_ms": latency or 0,
    }
    check(order)
    click.echo(ask(url, "POST", "/_dev/faults", Made, json=order).id)


def check(order: dict[str, Any]) -> None:
    """Raises a usage error for what cannot be meant together."""
    try:
        fault_of(convert(order, FaultOrder), "")
    except FaultError as error:
        raise click.BadParameter(error.message, param_hint=f"'{FLAGS[error.field]}'") from None


@faults.command("list")
@json_option
@url_option
def list_faults(as_json: bool, url: str | None) -> None:
    """Every rule, and how often it was applied."""
    rules = ask(url, "GET", "/_dev/faults", Faults).faults
    if as_json:
        print_json([{**to_builtins(rule), "active": rule.is_active} for rule in rules])
        return
    heads = ("ID", "KIND", "FILTER", "STATUS", "LATENCY", "HITS")
    print_table(heads, [rule_cells(rule) for rule in rules], "There is no fault.")


def rule_cells(rule: Fault) -> tuple[object, ...]:
    """One line of the list."""
    hits = f"{rule.hits}/{rule.times}" if rule.times is not None else rule.hits
    latency = format_duration(rule.latency_ms) if rule.latency_ms else None
    return rule.id, rule.kind, rule.filter, rule.status, latency, hits


@faults.command("clear")
@click.argument("ids", type=TEXT, nargs=-1, metavar="[ID...]")
@url_option
def clear(ids: tuple[str, ...], url: str | None) -> None:
    """Forget the named rules, or all."""

    async def forget(client: Client) -> int:
        known = [rule.id for rule in (await client.ask("GET", "/_dev/faults", Faults)).faults]
        paths = [path_of("faults", the_one(id, known)) for id in ids] or ["/_dev/faults"]
        return sum([(await client.ask("DELETE", path, Deleted)).deleted for path in paths])

    deleted = with_client(url, forget)
    click.echo(f"{counted(deleted, 'fault is', 'faults are')} gone.", err=True)
