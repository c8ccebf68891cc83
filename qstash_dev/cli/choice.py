"""Which messages a command is about: ids, unique beginnings of ids, or all that match a filter."""

import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence

import click
from msgspec import Struct

from qstash_dev.cli.exits import USAGE, Failure
from qstash_dev.client import Client
from qstash_dev.devtools.documents import Row
from qstash_dev.devtools.run_documents import RunPage
from qstash_dev.devtools.text import counted

MADE = "scd_"
"""How the ids begin that the server gives to things that people may name, too."""


class Named(Struct, frozen=True):
    """What ids name and a filter selects: how people are shown that (`word`), the whole id that
    begins so, and the one that a message has, if it has any.
    """

    word: str
    whole: Callable[[Client, str], Awaitable[str]]
    of: Callable[[Row], str | None]


async def chosen(
    client: Client,
    ids: Sequence[str],
    filter: str | None,
    done: str,
    named: Named,
    *,
    is_sure: bool = False,
) -> list[str]:
    """The ids that a person means; of a filter, their number is said first.

    On a terminal a question is asked (`done` is what will have been done, such as "Deleted"), unless
    the person `is_sure`. Raises Failure when there are neither ids nor a filter, or both.
    """
    check_choice(ids, filter)
    if ids:
        return [await named.whole(client, id) for id in ids]
    found = [id for row in await client.all_messages(filter) if (id := named.of(row)) is not None]
    click.echo(f"{counted(len(found), 'message matches', 'messages match')} {filter}.", err=True)
    if found and not is_sure and sys.stdin.isatty() and sys.stdout.isatty():
        click.confirm(f"{done}: {counted(len(found), 'message')}?", abort=True, err=True)
    return found


def check_choice(ids: Sequence[str], filter: str | None) -> None:
    """Raises Failure when there are neither ids nor a filter, or both: before a server is asked."""
    if ids and filter is not None:
        raise Failure("Name the messages, or give a --filter, not both.", USAGE)
    if not ids and not filter:
        raise Failure("Name the messages, or give a --filter that they match.", USAGE)


async def whole_id(client: Client, id: str) -> str:
    """The id that begins so; what nothing begins with is given back, for the server to refuse.

    Raises Failure when several do.
    """
    plain = id.replace("\\", "\\\\").replace('"', '\\"')
    page = await client.messages(f'id:"{plain}"', limit=100)
    return the_one(id, [row.id for row in page.rows])


MESSAGES = Named("ID", whole_id, lambda row: row.id)


async def whole_dlq_id(client: Client, id: str) -> str:
    """The same for an id of the DLQ."""
    return the_one(id, [entry.dlq_id for entry in await client.dlq(limit=2_000)])


LETTERS = Named("DLQ_ID", whole_dlq_id, lambda row: row.dlq_id)


async def whole_run_id(client: Client, id: str) -> str:
    """The same for an id of a workflow run; several runs may have one id."""
    page = await client.ask("GET", "/_dev/workflows", RunPage, params={"run": id, "limit": 100})
    return the_one(id, [row.id for row in page.runs])


def the_one(id: str, known: Iterable[str], word: str = "id") -> str:
    """The id that begins so, of those that are known; see `whole_id`. `word` is what it is called."""
    found = sorted({one for one in known if one.startswith(id)})
    if id in found or not found or not id:
        return id
    if len(found) > 1:
        more = " ..." if len(found) > 3 else ""
        raise Failure(f'Several {word}s begin with "{id}": {", ".join(found[:3])}{more}', USAGE)
    return found[0]


def the_one_meant(name: str, known: Iterable[str], word: str) -> str:
    """The same before what cannot be undone, and before what makes a thing that is not there. A name
    that somebody chose is written whole then: the beginning of one may be another one.
    """
    found = the_one(name, known, word)
    if found == name or found.startswith(MADE):
        return found
    raise Failure(
        f'There is no {word} "{name}": nothing was done. "{found}" begins so: write it whole.'
    )
