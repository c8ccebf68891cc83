"""`logs`: the events of the past, and those to come."""

import json
import os
import sys

import click
from msgspec import to_builtins

from qstash_dev.cli.connection import url_option, with_client
from qstash_dev.client import Client, Event, Online
from qstash_dev.console import event_text, wants_colour


@click.command()
@click.option("-f", "--follow", is_flag=True, help="Go on with what happens.")
@click.option("--filter", metavar="FILTER", help='Such as "state:failed dest:/api".')
@click.option("--limit", type=click.IntRange(0, 1000), default=100, help="How many [default: 100].")
@click.option("--json", "as_json", is_flag=True, help="One record per line.")
@url_option
def logs(follow: bool, filter: str | None, limit: int, as_json: bool, url: str | None) -> None:
    """What happened to messages, one line per event."""

    async def run(client: Client) -> None:
        page = await client.logs(filter=filter, limit=limit)
        for event in page.events:
            print_event(event, as_json, client.url)
        if follow:
            await tail(client, page.seq, filter, as_json)

    with_client(url, run)


async def tail(client: Client, after: int, filter: str | None, as_json: bool) -> None:
    """Every event after `after`, until the server ends or the person does."""
    async for update in client.events(after, filter):
        if isinstance(update, Online):
            continue
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
