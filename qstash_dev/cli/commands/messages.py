"""`messages`, `dlq`, `replay`: look at messages and act on them."""

import sys
from collections.abc import Awaitable, Callable, Sequence

import click
from msgspec import Struct

from qstash_dev.cli.bodies import body_of, headers_of
from qstash_dev.cli.choice import (
    LETTERS,
    MESSAGES,
    Named,
    check_choice,
    chosen,
    whole_dlq_id,
    whole_id,
)
from qstash_dev.cli.command_group import CommandGroup
from qstash_dev.cli.connection import with_client
from qstash_dev.cli.detail import print_detail
from qstash_dev.cli.exits import ERROR, USAGE, Failure
from qstash_dev.cli.shared_options import header_option, json_option, url_option
from qstash_dev.cli.tables import print_json, print_table, state_text, time_text
from qstash_dev.cli.values import CALL, FILTER, METHOD, TEXT, whole
from qstash_dev.client import Client, Refused
from qstash_dev.client.paths import path_of
from qstash_dev.devtools.control_documents import Made
from qstash_dev.devtools.documents import Row
from qstash_dev.devtools.text import printable

HEADS = ("TIME", "STATE", "CODE", "TRY", "ID", "DESTINATION", "ERROR")

filter_option = click.option(
    "--filter", type=FILTER, metavar="FILTER", help='Such as "state:failed dest:/api".'
)
sure_option = click.option("-y", "--yes", is_flag=True, help="Ask nothing.")
limit_option = click.option(
    "--limit", type=whole(1, 1000), metavar="N", default=50, show_default=True, help="How many."
)


@click.group(cls=CommandGroup)
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
    return time_text(row.created_at), shown, row.status, tries, row.id, where, row.hint or row.error


@messages.command("get")
@click.argument("id", type=TEXT)
@click.option("--body", is_flag=True, help="Only the published body, byte for byte.")
@json_option
@url_option
def get_message(id: str, body: bool, as_json: bool, url: str | None) -> None:
    """One message with every attempt, and why it failed."""
    if body and as_json:
        raise Failure("Either --body or --json: the body is printed as it is.", USAGE)
    if body:
        sys.stdout.buffer.write(with_client(url, lambda client: body_of_message(client, id)))
        return
    if as_json:
        print_json(with_client(url, lambda client: document_of(client, id)))
        return
    with_client(url, lambda client: show(client, id))


async def body_of_message(client: Client, id: str) -> bytes:
    """What was published."""
    return await client.body(await whole_id(client, id))


async def document_of(client: Client, id: str) -> object:
    """One message as the control API has it."""
    return await client.request("GET", path_of("messages", await whole_id(client, id)))


async def show(client: Client, id: str) -> None:
    """One message, whole."""
    print_detail(await client.message(await whole_id(client, id)), client.url)


class Order(Struct, frozen=True):
    """What to do with messages: `done` is what is said of each, `act` does it."""

    done: str
    act: Callable[[Client, str], Awaitable[object]]


def carry_out(
    url: str | None, order: Order, choose: Callable[[Client], Awaitable[Sequence[str]]]
) -> None:
    """Acts on every id that is chosen when the server answers; refusals are told one by one and make
    the exit code 1.
    """

    async def run(client: Client) -> int:
        refused = 0
        for id in await choose(client):
            try:
                result = await order.act(client, id)
                click.echo(
                    f"{order.done} {id}" + (f" as {result}" if isinstance(result, str) else "")
                )
            except Refused as error:
                refused += 1
                click.echo(printable(f"{id}: {error}"), err=True)
        return refused

    if with_client(url, run):
        raise click.exceptions.Exit(ERROR)


def verb_command(name: str, order: Order, help: str, named: Named = MESSAGES) -> click.Command:
    """`cancel ID...`, `cancel --filter FILTER`, and the like."""

    @click.command(name, help=help)
    @click.argument("ids", type=TEXT, nargs=-1, metavar=f"[{named.word}...]")
    @filter_option
    @sure_option
    @url_option
    def act(ids: tuple[str, ...], filter: str | None, yes: bool, url: str | None) -> None:
        check_choice(ids, filter)

        async def choose(client: Client) -> list[str]:
            return await chosen(client, ids, filter, order.done, named, is_sure=yes)

        carry_out(url, order, choose)

    return act


async def _void(act: Awaitable[object]) -> None:
    """Nothing of the answer is shown."""
    await act


for verb in (
    verb_command(
        "cancel",
        Order("Canceled", lambda client, id: _void(client.cancel(id))),
        "Stop trying to deliver.",
    ),
    verb_command(
        "run",
        Order("Started", lambda c, id: c.run(id)),
        "Deliver now what is delayed, waits for a retry, or is held.",
    ),
    verb_command(
        "delete",
        Order("Deleted", lambda client, id: _void(client.delete(id))),
        "Forget finished messages.",
    ),
):
    messages.add_command(verb)


@click.group(cls=CommandGroup)
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
        (e.dlq_id, time_text(e.time), e.row.status, e.row.id, e.row.url, e.row.hint or e.row.error)
        for e in entries
    ]
    print_table(heads, rows, "The dead letter queue is empty.")


@dlq.command("get")
@click.argument("dlq_id", type=TEXT)
@json_option
@url_option
def get_dlq(dlq_id: str, as_json: bool, url: str | None) -> None:
    """The message of a dead letter, with every attempt."""

    async def act(client: Client) -> None:
        message_id = (await client.dead_letter(await whole_dlq_id(client, dlq_id))).row.id
        if as_json:
            print_json(await client.request("GET", path_of("messages", message_id)))
        else:
            await show(client, message_id)

    with_client(url, act)


async def _retry(client: Client, id: str) -> str:
    return (await client.ask("POST", path_of("dlq", id, "retry"), Made)).id


for verb in (
    verb_command(
        "retry",
        Order("Retried", _retry),
        "Publish again, as a new message; the dead letter is gone then.",
        LETTERS,
    ),
    verb_command(
        "delete",
        Order("Deleted", lambda client, id: client.request("DELETE", path_of("dlq", id))),
        "Forget dead letters.",
        LETTERS,
    ),
):
    dlq.add_command(verb)


@click.command()
@click.argument("ids", type=TEXT, nargs=-1, metavar="ID...")
@filter_option
@click.option("--set-body", metavar="TEXT|@FILE", help="Another body.")
@header_option("Set a header.")
@click.option(
    "--to", type=CALL, metavar="URL", help="Another destination; a path is one of the app."
)
@click.option("--method", type=METHOD, metavar="METHOD", help="Another method.")
@sure_option
@url_option
def replay(
    ids: tuple[str, ...],
    filter: str | None,
    set_body: str | None,
    header: tuple[str, ...],
    to: str | None,
    method: str | None,
    yes: bool,
    url: str | None,
) -> None:
    """Deliver messages again, as new ones with fresh signatures. The old ones stay as they are."""
    check_choice(ids, filter)
    changes: dict[str, object] = {}
    if set_body is not None:
        changes["body"] = body_of(set_body)
    if header:
        changes["headers"] = headers_of(header)
    if method:
        changes["method"] = method
    if to:
        changes["url"] = to

    async def choose(client: Client) -> list[str]:
        return await chosen(client, ids, filter, "Replayed", MESSAGES, is_sure=yes)

    carry_out(url, Order("Replayed", lambda client, id: client.replay(id, changes)), choose)
