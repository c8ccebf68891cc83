"""`export` and `import`: messages as a file of fixtures, to be sent again elsewhere or later.

The file is a JSON list of what `send --fixture` reads. Secrets are left out unless asked for; what
was redacted is not known any more and stays behind.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from qstash_dev import private_files
from qstash_dev.cli.commands.messages import filter_option, matching
from qstash_dev.cli.commands.send import saved_headers, token_of
from qstash_dev.cli.connection import url_option, with_client
from qstash_dev.cli.exits import USAGE, Failure
from qstash_dev.client import Client, Detail, Row
from qstash_dev.devtools.fixtures import Fixture, FixtureError, read_fixture, write_fixture
from qstash_dev.protocol.model import Kind

SECRET = ("authorization", "proxy-authorization", "cookie", "x-api-key", "api-key", "x-auth-token")
MADE_BY_THE_SERVER = (Kind.CALLBACK, Kind.FAILURE_CALLBACK, Kind.REPLAY, Kind.DLQ_RETRY)
"""Messages that come by themselves when the others are sent again."""


@click.command("export")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@filter_option
@click.option(
    "--secrets",
    is_flag=True,
    help="With authorization headers and cookies; only you may read the file.",
)
@url_option
def export(file: Path, filter: str | None, secrets: bool, url: str | None) -> None:
    """Save published messages, oldest first, to be sent again by import."""

    async def act(client: Client) -> list[Any]:
        found = []
        for row in originals(await matching(client, filter or "")):
            detail = await client.message(row.id, reveal=secrets)
            if detail.spec.get("redact"):
                click.echo(f"{row.id} has redacted fields and is left out.", err=True)
                continue
            fixture = fixture_of(detail, await client.body(row.id), secrets)
            found.append(json.loads(write_fixture(fixture)))
        return found

    saved = with_client(url, act)
    try:
        opener = private_files.opener if secrets else None
        with open(file, "w", encoding="utf-8", opener=opener) as stream:
            stream.write(json.dumps(saved, indent=2, ensure_ascii=False) + "\n")
    except OSError as error:
        raise Failure(f'"{file}" cannot be written: {error.strerror}.') from None
    click.echo(f"{count_text(len(saved))} saved in {file}.", err=True)


def originals(rows: list[Row]) -> Iterator[Row]:
    """Without what the server made by itself."""
    return (row for row in rows if row.kind not in MADE_BY_THE_SERVER)


def fixture_of(detail: Detail, body: bytes, secrets: bool) -> Fixture:
    """What was published, as a fixture."""
    asked = detail.request
    headers = tuple(
        (name, value) for name, value in asked.headers if secrets or name.lower() not in SECRET
    )
    return Fixture(asked.url, asked.method, headers, body, tuple(options_of(detail)))


def options_of(detail: Detail) -> Iterator[tuple[str, str]]:
    """The options of a message that have a name in a fixture."""
    spec = detail.spec
    flow = spec.get("flow") or {}
    limits = [f"{n}={flow[n]}" for n in ("parallelism", "rate") if flow.get(n) is not None]
    given = {
        "retries": spec.get("max_retries"),
        "retryDelay": spec.get("retry_delay"),
        "timeout": seconds(spec.get("timeout_ms")),
        "callback": (spec.get("callback") or {}).get("url"),
        "failureCallback": (spec.get("failure_callback") or {}).get("url"),
        "label": ",".join(spec.get("labels") or ()),
        "flowControlKey": flow.get("key"),
        "flowControlValue": ", ".join([*limits, f"period={flow['period_s']}"]) if limits else None,
        "queue": spec.get("queue"),
    }
    return ((name, str(value)) for name, value in given.items() if value not in (None, ""))


def seconds(ms: int | None) -> str | None:
    """A time-out as the header has it, rounded up."""
    return None if ms is None else f"{-(-ms // 1000)}s"


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--user", metavar="ID", help="Who sends them [default: the first user].")
@url_option
def import_messages(file: Path, user: str | None, url: str | None) -> None:
    """Send the messages of a file, in its order."""
    fixtures = read_fixtures(file)

    async def act(client: Client) -> None:
        env = (await client.snapshot(limit=1)).server.env
        token = token_of(user) if user else env.get("QSTASH_TOKEN")
        with click.progressbar(fixtures, label="Sending", file=sys.stderr) as bar:
            for fixture in bar:
                await publish(client, fixture, token)

    with_client(url, act)
    click.echo(f"{count_text(len(fixtures))} sent.", err=True)


async def publish(client: Client, fixture: Fixture, token: str | None) -> None:
    """Sends one message."""
    kind = f"enqueue/{quote(fixture.queue, safe='')}" if fixture.queue else "publish"
    headers = {**saved_headers(fixture), "Authorization": f"Bearer {token}"}
    await client.request("POST", f"/v2/{kind}/{fixture.url}", data=fixture.body, headers=headers)


def read_fixtures(file: Path) -> list[Fixture]:
    """The fixtures of a file: a list of them, or one alone."""
    try:
        content = json.loads(file.read_bytes())
        items = content if isinstance(content, list) else [content]
        return [read_fixture(json.dumps(item)) for item in items]
    except (OSError, ValueError, FixtureError) as error:
        raise Failure(f'"{file}" cannot be used: {error}', USAGE) from None


def count_text(count: int) -> str:
    """`1 message`, `2 messages`."""
    return f"{count} message{'' if count == 1 else 's'}"
