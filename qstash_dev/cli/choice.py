"""Which messages a command is about: ids, unique beginnings of ids, or all that match a filter."""

import sys
from collections.abc import Callable, Sequence

import click

from qstash_dev.cli.exits import USAGE, Failure
from qstash_dev.client import Client, Row
from qstash_dev.devtools.text import counted


async def chosen(
    client: Client,
    ids: Sequence[str],
    filter: str | None,
    done: str,
    *,
    is_sure: bool = False,
    keep: Callable[[Row], object] = lambda row: True,
) -> list[Row | str]:
    """The messages that a person means; of a filter, their number is said first.

    On a terminal a question is asked (`done` is what will have been done, such as "Deleted"), unless
    the person `is_sure`; only what `keep` keeps of it counts. Raises Failure when there are neither
    ids nor a filter, or both.
    """
    if bool(ids) == bool(filter):
        raise Failure("Name the messages, or give a --filter that they match.", USAGE)
    if ids:
        return [await whole_id(client, id) for id in ids]
    rows = [row for row in await matching(client, filter or "") if keep(row)]
    found = counted(len(rows), "message matches", "messages match")
    click.echo(f"{found} {filter}.", err=True)
    if rows and not is_sure and sys.stdin.isatty() and sys.stdout.isatty():
        click.confirm(f"{done}: {counted(len(rows), 'message')}?", abort=True, err=True)
    return list(rows)


async def whole_id(client: Client, id: str) -> str:
    """The id that begins so; what nothing begins with is given back, for the server to refuse.

    Raises Failure when several do.
    """
    page = await client.messages(f'id:"{id}"', limit=100)
    found = [row.id for row in page.rows if row.id.startswith(id)]
    if id in found or not found:
        return id
    if len(found) > 1:
        raise Failure(f'Several ids begin with "{id}": {", ".join(found[:3])} ...', USAGE)
    return found[0]


async def matching(client: Client, filter: str) -> list[Row]:
    """All messages that match, oldest first, so that they are replayed in order."""
    found: list[Row] = []
    cursor: str | None = None
    while True:
        page = await client.messages(filter, cursor, limit=1000, order="earliest")
        found += page.rows
        cursor = page.cursor
        if cursor is None:
            return found
