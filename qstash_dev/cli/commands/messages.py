"""`messages`, `dlq`, `replay`: look at messages and act on them."""

import sys
from collections.abc import Awaitable, Callable, Sequence

import click

from qstash_dev.cli.bodies import body_of, headers_of
from qstash_dev.cli.connection import json_option, url_option, with_client
from qstash_dev.cli.detail import print_detail
from qstash_dev.cli.exits import ERROR, USAGE, Failure
from qstash_dev.cli.tables import print_json, print_table, state_text, time_text
from qstash_dev.client import Client, Made, Refused, Row

HEADS = ("TIME", "STATE", "CODE", "TRY", "ID", "DESTINATION", "ERROR")

filter_option = click.option("--filter", metavar="FILTER", help='Such as "state:failed dest:/api".')
limit_option = click.option(
    "--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="How many."
)


@click.group()
def messages() -> None:
    """List messages, look at one, cancel, run now, delete."""


@messages.command("list")
@filter_option
@limit_option
@json_option
@url_option
def list_messages(filter: str | None, limit: int, as_json: bool, url: str | None) -> None:
    """The newest messages first."""
    page = with_client(url, lambda client: client.messages(filter, limit=limit))
    if as_json:
        print_json(page.rows)
        return
    print_table(HEADS, [row_cells(row) for row in page.rows], "No message matches.")
    if page.total > len(page.rows):
        click.echo(f"{len(page.rows)} of {page.total}: see --limit.", err=True)


def row_cells(row: Row) -> tuple[object, ...]:
    """One line of the list."""
    where = row.url if row.method == "POST" else f"{row.method} {row.url}"
    tries = f"{row.try_}/{row.tries}"
    shown = state_text(row.state)
    return time_text(row.created_at), shown, row.status, tries, row.id, where, row.error


@messages.command("get")
@click.argument("id")
@click.option("--body", is_flag=True, help="Only the published body, byte for byte.")
@json_option
@url_option
def get_message(id: str, body: bool, as_json: bool, url: str | None) -> None:
    """One message with every attempt, and why it failed."""
    if body:
        sys.stdout.buffer.write(with_client(url, lambda client: client.body(id)))
        return
    if as_json:
        print_json(with_client(url, lambda client: client.request("GET", f"/_dev/messages/{id}")))
        return
    with_client(url, lambda client: show(client, id))


async def show(client: Client, id: str) -> None:
    """One message, whole."""
    print_detail(await client.message(id), client.url)


def each(
    url: str | None, ids: Sequence[str], done: str, act: Callable[[Client, str], Awaitable[object]]
) -> None:
    """Acts on every id; refusals are told one by one and make the exit code 1."""

    async def run(client: Client) -> int:
        refused = 0
        for id in ids:
            try:
                result = await act(client, id)
                click.echo(f"{done} {id}" + (f" as {result}" if isinstance(result, str) else ""))
            except Refused as error:
                refused += 1
                click.echo(f"{id}: {error}", err=True)
        return refused

    if with_client(url, run):
        raise click.exceptions.Exit(ERROR)


ids_argument = click.argument("ids", nargs=-1, required=True, metavar="ID...")


@messages.command("cancel")
@ids_argument
@url_option
def cancel_messages(ids: tuple[str, ...], url: str | None) -> None:
    """Stop trying to deliver."""
    each(url, ids, "Canceled", lambda client, id: client.cancel(id))


@messages.command("run")
@ids_argument
@url_option
def run_messages(ids: tuple[str, ...], url: str | None) -> None:
    """Deliver now what is delayed, waits for a retry, or is held."""
    each(url, ids, "Started", lambda client, id: client.run(id))


@messages.command("delete")
@ids_argument
@url_option
def delete_messages(ids: tuple[str, ...], url: str | None) -> None:
    """Forget finished messages."""
    each(url, ids, "Deleted", lambda client, id: client.delete(id))


@click.group()
def dlq() -> None:
    """Messages that ran out of retries: list, look, retry, delete."""


@dlq.command("list")
@limit_option
@json_option
@url_option
def list_dlq(limit: int, as_json: bool, url: str | None) -> None:
    """The newest dead letters first."""
    entries = with_client(url, lambda client: client.dlq(limit=limit))
    if as_json:
        print_json(entries)
        return
    heads = ("DLQ ID", "TIME", "CODE", "ID", "DESTINATION", "ERROR")
    rows = [
        (e.dlq_id, time_text(e.time), e.row.status, e.row.id, e.row.url, e.row.error)
        for e in entries
    ]
    print_table(heads, rows, "The dead letter queue is empty.")


@dlq.command("get")
@click.argument("dlq_id")
@json_option
@url_option
def get_dlq(dlq_id: str, as_json: bool, url: str | None) -> None:
    """The message of a dead letter, with every attempt."""

    async def act(client: Client) -> None:
        message_id = (await client.dead_letter(dlq_id)).row.id
        if as_json:
            print_json(await client.request("GET", f"/_dev/messages/{message_id}"))
        else:
            await show(client, message_id)

    with_client(url, act)


@dlq.command("retry")
@click.argument("dlq_ids", nargs=-1, required=True, metavar="DLQ_ID...")
@url_option
def retry_dlq(dlq_ids: tuple[str, ...], url: str | None) -> None:
    """Publish again, as a new message; the dead letter is gone then."""

    async def retry(client: Client, id: str) -> str:
        return (await client.ask("POST", f"/_dev/dlq/{id}/retry", Made)).id

    each(url, dlq_ids, "Retried", retry)


@dlq.command("delete")
@click.argument("dlq_ids", nargs=-1, required=True, metavar="DLQ_ID...")
@url_option
def delete_dlq(dlq_ids: tuple[str, ...], url: str | None) -> None:
    """Forget dead letters."""
    each(url, dlq_ids, "Deleted", lambda client, id: client.request("DELETE", f"/_dev/dlq/{id}"))


@click.command()
@click.argument("ids", nargs=-1, metavar="ID...")
@filter_option
@click.option("--set-body", metavar="TEXT|@FILE", help="Another body.")
@click.option("-H", "--header", multiple=True, metavar="NAME:VALUE", help="Set a header.")
@click.option("--to", metavar="URL", help="Another destination.")
@click.option("--method", metavar="METHOD", help="Another method.")
@url_option
def replay(
    ids: tuple[str, ...],
    filter: str | None,
    set_body: str | None,
    header: tuple[str, ...],
    to: str | None,
    method: str | None,
    url: str | None,
) -> None:
    """Deliver messages again, as new ones with fresh signatures. The old ones stay as they are."""
    if bool(ids) == bool(filter):
        raise Failure("Name the messages to replay, or give a --filter.", USAGE)
    changes: dict[str, object] = {}
    if set_body is not None:
        changes["body"] = body_of(set_body)
    if header:
        changes["headers"] = headers_of(header)
    if to:
        changes["url"] = to
    if method:
        changes["method"] = method.upper()
    chosen = ids or [
        row.id for row in with_client(url, lambda client: matching(client, filter or ""))
    ]
    if not chosen:
        click.echo("No message matches.", err=True)
    each(url, chosen, "Replayed", lambda client, id: client.replay(id, changes))


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
