"""`logs`: the events of the past, and those to come."""

import json
import os
import sys

import click
from msgspec import to_builtins

from qstash_dev.cli.commands.messages import filter_option
from qstash_dev.cli.connection import with_client
from qstash_dev.cli.shared_options import url_option
from qstash_dev.cli.values import whole
from qstash_dev.client import Client
from qstash_dev.console import event_text, wants_colour
from qstash_dev.devtools.documents import Event, Lost, Snapshot, Tick


@click.command()
@click.option("-f", "--follow", is_flag=True, help="Go on with what happens.")
@filter_option
@click.option(
    "--limit", type=whole(0, 1000), metavar="N", default=100, help="How many [default: 100]."
)
@click.option("--json", "as_json", is_flag=True, help="One record per line.")
@url_option
def logs(follow: bool, filter: str | None, limit: int, as_json: bool, url: str | None) -> None:
    """What happened to messages, one line per event."""

    async def run(client: Client) -> None:
        await client.health()
        if follow:
            await tail(client, filter, limit, as_json)
        else:
            await print_last(client, filter, limit, as_json, None)

    with_client(url, run)


async def print_last(
    client: Client, filter: str | None, limit: int, as_json: bool, before: int | None
) -> None:
    """So many events, in front of a number if there is one."""
    if limit:
        page = await client.logs(filter=filter, limit=limit, before=before)
        for event in page.events:
            print_event(event, as_json, client.url)


async def tail(client: Client, filter: str | None, limit: int, as_json: bool) -> None:
    """The last events, then every one that comes, until the person ends that. A server that goes
    away is waited for.
    """
    is_lost = is_begun = False
    async for update in client.watch(filter, limit=1):
        if isinstance(update, Lost):
            if not is_lost:
                click.echo("The server has gone: waiting for it.", err=True)
            is_lost = True
            continue
        if is_lost:
            click.echo("The server is back.", err=True)
            is_lost = False
        if isinstance(update, Snapshot):
            if not is_begun:
                await print_last(client, filter, limit, as_json, update.seq + 1)
            is_begun = True
        elif isinstance(update, Tick):
            for event in update.events:
                if update.matched is None or event.id in update.matched:
                    print_event(event, as_json, client.url)


def print_event(event: Event, as_json: bool, server: str) -> None:
    """One line at once, so that a pipe sees it, too."""
    if as_json:
        click.echo(json.dumps(to_builtins(event)))
    else:
        colour = wants_colour(sys.stdout, os.environ)
        click.echo(event_text(event, colour=colour, server=server))
    sys.stdout.flush()
