"""`export` and `import`: messages as a file of fixtures, to be sent again elsewhere or later.

The file is a JSON list of what `send --fixture` reads. Secrets are left out unless asked for; what
was redacted is not known any more and stays behind.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from qstash_dev import given_files, private_files
from qstash_dev.cli.commands.messages import filter_option
from qstash_dev.cli.commands.send import saved_headers, token_of
from qstash_dev.cli.connection import with_client
from qstash_dev.cli.exits import USAGE, Failure
from qstash_dev.cli.shared_options import url_option
from qstash_dev.cli.values import FILE, TEXT
from qstash_dev.client import Client
from qstash_dev.devtools.documents import Row
from qstash_dev.devtools.fixtures import (
    Fixture,
    FixtureError,
    fixture_of,
    read_fixture,
    write_fixture,
)
from qstash_dev.devtools.text import counted, printable
from qstash_dev.devtools.written import absolute
from qstash_dev.protocol.json_body import loads
from qstash_dev.protocol.model import Kind

MADE_BY_THE_SERVER = (Kind.CALLBACK, Kind.FAILURE_CALLBACK, Kind.REPLAY, Kind.DLQ_RETRY)
"""Messages that come by themselves when the others are sent again."""


@click.command("export")
@click.argument("file", type=FILE)
@filter_option
@click.option(
    "--secrets",
    is_flag=True,
    help="With authorization headers and cookies; only you may read the file.",
)
@url_option
def export(file: Path, filter: str | None, secrets: bool, url: str | None) -> None:
    """Save published messages, oldest first, to be sent again by import; - is stdout."""

    async def act(client: Client) -> list[Any]:
        found = []
        for row in originals(await client.all_messages(filter)):
            detail = await client.message(row.id, reveal=secrets)
            if detail.spec.get("redact"):
                click.echo(f"{row.id} has redacted fields and is left out.", err=True)
                continue
            fixture = fixture_of(detail, await client.body(row.id), secrets=secrets)
            found.append(loads(write_fixture(fixture)))
        return found

    saved = with_client(url, act)
    text = (json.dumps(saved, indent=2, ensure_ascii=False) + "\n").encode()
    if str(file) == "-":
        sys.stdout.buffer.write(text)
        return
    try:
        private_files.write(file, text, private=secrets)
    except OSError as error:
        raise Failure(f'"{file}" cannot be written: {error.strerror}.') from None
    click.echo(printable(f"{counted(len(saved), 'message')} saved in {file}."), err=True)


def originals(rows: list[Row]) -> Iterator[Row]:
    """Without what the server made by itself."""
    return (row for row in rows if row.kind not in MADE_BY_THE_SERVER)


@click.command("import")
@click.argument("file", type=FILE)
@click.option("--user", type=TEXT, metavar="ID", help="Who sends them [default: the first user].")
@url_option
def import_messages(file: Path, user: str | None, url: str | None) -> None:
    """Send the messages of a file, in its order; - is stdin."""
    users = token_of(user) if user else None
    fixtures = read_fixtures(file)

    async def act(client: Client) -> None:
        server = (await client.snapshot(limit=1)).server
        token = users or server.env.get("QSTASH_TOKEN")
        with click.progressbar(fixtures, label="Sending", file=sys.stderr) as bar:
            for fixture in bar:
                headers = saved_headers(fixture)
                place = absolute(fixture.url, server.app.url)
                await client.publish(place, fixture.body, headers, token)

    with_client(url, act)
    click.echo(f"{counted(len(fixtures), 'message')} sent.", err=True)


def read_fixtures(file: Path) -> list[Fixture]:
    """The fixtures of a file: a list of them, or one alone."""
    try:
        raw = sys.stdin.buffer.read() if str(file) == "-" else given_files.read(file)
        content = loads(raw)
        items = content if isinstance(content, list) else [content]
        return [read_fixture(json.dumps(item)) for item in items]
    except (OSError, ValueError, RecursionError, FixtureError) as error:
        raise Failure(f'"{file}" cannot be used: {given_files.why(error)}', USAGE) from None
