"""`send`: publish by hand, and see what became of it."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import click

from qstash_dev import given_files
from qstash_dev.cli.bodies import forwarded, headers_of, read_body
from qstash_dev.cli.commands.env import select
from qstash_dev.cli.connection import with_client
from qstash_dev.cli.detail import print_detail
from qstash_dev.cli.exits import ERROR, NOT_MET, USAGE, Failure
from qstash_dev.cli.options import load_or_fail
from qstash_dev.cli.shared_options import header_option, url_option
from qstash_dev.cli.tables import state_text
from qstash_dev.cli.values import ANY_APP, DESTINATION, DURATION, FILE_NAME, TEXT, Value
from qstash_dev.client import Client, Refused, ServerUnreachable
from qstash_dev.config import parsing
from qstash_dev.devtools.body_label import is_document
from qstash_dev.devtools.documents import Lost, Row, Snapshot, Tick
from qstash_dev.devtools.fixtures import Fixture, FixtureError, publish_headers
from qstash_dev.devtools.fixtures import read_fixture as parse_fixture
from qstash_dev.devtools.states import FINISHED
from qstash_dev.devtools.written import CALLED, absolute, called
from qstash_dev.protocol.cron import parse_cron
from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.headers import joined
from qstash_dev.protocol.publish.options import BY_NAME, OPTIONS, Option
from qstash_dev.protocol.quota import Limits
from qstash_dev.protocol.timing import format_duration

SHORTHANDS = {row.flag[2:].replace("-", "_"): row for row in OPTIONS if row.flag is not None}
"""Options that stand for a header, by the names of the arguments."""

UNLIMITED = Limits(max_retries=None, max_delay_s=None, max_message_size=None)

Command = Callable[..., Any]


def shorthands(command: Command) -> Command:
    """The flags of the options of a publish."""
    for row in reversed(SHORTHANDS.values()):
        kind = Value("text", partial(checked, row))
        command = click.option(str(row.flag), type=kind, metavar=row.metavar, help=row.help)(
            command
        )
    return command


def checked(row: Option, text: str) -> str:
    """The value of an option as it is published. What only the server knows (the app, its limits) is
    left to it. Raises ValueError with a sentence.
    """
    parsing.text(text)
    meant = absolute(text, ANY_APP) if row.header.lower() in CALLED else text
    try:
        row.read({row.key: meant}, row.key, UNLIMITED)
        if row.name == "cron":
            parse_cron(text)
    except QStashError as error:
        raise ValueError(error.message.removeprefix(f"invalid {row.header} header: ")) from None
    return text


QUEUE = Value("name", partial(checked, BY_NAME["queue"]))


@click.command()
@click.argument("destination", required=False, type=DESTINATION, metavar="URL")
@click.option("-d", "--data", metavar="TEXT|@FILE|-", help="The body; - is stdin.")
@header_option("For the destination.")
@shorthands
@click.option(
    "--queue", type=QUEUE, metavar="NAME", help="Delivered in order with others of the queue."
)
@click.option("--fixture", type=FILE_NAME, metavar="FILE", help="A saved message.")
@click.option("--user", type=TEXT, metavar="ID", help="Who sends it [default: the first user].")
@click.option("--wait", is_flag=True, help="Wait for the outcome and print it.")
@click.option(
    "--wait-timeout",
    type=DURATION,
    metavar="D",
    help="Wait no longer, with --wait; the exit code is 4 then.",
)
@url_option
def send(
    destination: str | None,
    data: str | None,
    header: tuple[str, ...],
    queue: str | None,
    fixture: str | None,
    user: str | None,
    wait: bool,
    wait_timeout: int | None,
    url: str | None,
    **given: str | None,
) -> None:
    """Publish a message.

    URL may be a path of your app, such as /api/orders, or the name of a URL group. Headers named
    Upstash-... configure the message, others are for the destination.
    """
    if wait_timeout is not None and not wait:
        raise Failure("--wait-timeout is of --wait: give both, or neither.", USAGE)
    saved = read_fixture(Path(fixture)) if fixture else Fixture(url="", method="")
    target = destination or saved.url
    if not target:
        raise Failure("Name a destination: a URL, a path of the app, or a URL group.", USAGE)
    users = token_of(user) if user else None
    own = {SHORTHANDS[name].header: value for name, value in given.items() if value is not None}
    through = {BY_NAME["queue"].header: queue} if queue else {}
    headers = {**saved_headers(saved), **forwarded(headers_of(header)), **own, **through}
    body = saved.body if data is None else read_body(data)
    if data is not None and is_document(body):
        headers = {"Content-Type": "application/json", **headers_as_given(headers)}

    async def act(client: Client) -> list[str]:
        server = (await client.snapshot(limit=1)).server
        token = users or server.env.get("QSTASH_TOKEN")
        place = absolute(target, server.app.url)
        sent = {**headers, **called(own, server.app.url)}
        answer = await publish(client, place, body, sent, token)
        tell_duplicates(answer)
        if not wait:
            click.echo(json.dumps(answer))
            return []
        return [row.state for row in await in_time(outcomes(client, ids_of(answer)), wait_timeout)]

    if any(state != "delivered" for state in with_client(url, act)):
        raise click.exceptions.Exit(ERROR)


async def publish(
    client: Client, url: str, body: bytes, headers: dict[str, str], token: str | None
) -> Any:
    """Publish; what is above a limit of the server is told of the option that is."""
    try:
        return await client.publish(url, body, headers, token)
    except Refused as error:
        if error.status == 404 and "/" not in url:
            raise Refused(
                404,
                f'There is no URL group "{url}". A URL begins with http:// or https://, '
                "a path of your app with /.",
            ) from None
        found = re.match(r"quota max(\w+) exceeded", str(error))
        row = BY_NAME.get(found[1].lower()) if found else None
        if row is None or row.flag is None:
            raise
        raise Refused(error.status, f"{row.flag}: {error}. See qstash-dev config.") from None


def tell_duplicates(answer: Any) -> None:
    """Say what was dropped, and how it is sent all the same."""
    for original in duplicates_in(answer):
        click.echo(
            f"Nothing was sent: it is a duplicate of {original}. To send it all the same: "
            "qstash-dev deduplication list, and delete its id.",
            err=True,
        )


async def in_time(work: Awaitable[list[Row]], patience_ms: int | None) -> list[Row]:
    """What it gives, if it does so before patience ends."""
    try:
        async with asyncio.timeout(patience_ms / 1000 if patience_ms is not None else None):
            return await work
    except TimeoutError:
        after = format_duration(patience_ms or 0)
        raise Failure(f"It is not finished after {after}.", NOT_MET) from None


def headers_as_given(headers: dict[str, str]) -> dict[str, str]:
    """The same, with the one name that has a default in the spelling of the default."""
    return {"Content-Type" if k.lower() == "content-type" else k: v for k, v in headers.items()}


def token_of(user: str) -> str:
    """The token of a user of the local settings."""
    return select(load_or_fail("serve", {}).config.users, user).token


def ids_of(answer: Any) -> list[str]:
    """The message ids of a publish; a URL group has several, a schedule has none."""
    if isinstance(answer, list):
        return [id for item in answer for id in ids_of(item)]
    return [answer["messageId"]] if "messageId" in answer else []


def duplicates_in(answer: Any) -> list[str]:
    """The originals of what was dropped."""
    items = answer if isinstance(answer, list) else [answer]
    return [str(i.get("messageId") or i.get("scheduleId")) for i in items if i.get("deduplicated")]


async def outcomes(client: Client, ids: list[str]) -> list[Row]:
    """Waits until every message is finished, printing each in full; the rows in that order."""
    waiting, done = set(ids), []
    told: dict[str, tuple[str, int]] = {}
    if not ids:
        return []
    async for update in client.watch(filter="id:" + "|".join(ids)):
        if isinstance(update, Lost):
            raise ServerUnreachable(client.url, update.why)
        rows = update.rows if isinstance(update, Snapshot | Tick) else []
        for row in rows:
            if row.id in waiting and told.get(row.id) != (row.state, row.try_):
                told[row.id] = row.state, row.try_
                tell_attempt(row)
            if row.id in waiting and row.state in FINISHED:
                waiting.discard(row.id)
                done.append(row)
                print_detail(await client.message(row.id), client.url)
        if not waiting:
            break
    return done


def tell_attempt(row: Row) -> None:
    """What became of the last attempt of a message that is not finished, or that it is held."""
    tried = f"try {row.try_} of {row.tries}  " if row.try_ else ""
    if (tried and row.state not in FINISHED and row.state != "active") or row.state == "held":
        why = row.hint or row.error or ""
        click.echo(f"{state_text(row.state)}  {tried}{why}".rstrip(), err=True)


def read_fixture(path: Path) -> Fixture:
    """A saved message."""
    try:
        return parse_fixture(given_files.read(path))
    except (OSError, FixtureError) as error:
        raise Failure(
            f'The fixture "{path}" cannot be used: {given_files.why(error)}', USAGE
        ) from None


def saved_headers(saved: Fixture) -> dict[str, str]:
    """Headers of the publish by name; those that stand more than once are joined, as HTTP allows."""
    return joined(pair for pair in publish_headers(saved) if pair[1])
