"""`qstash-dev open`: the page of a running server in the browser."""

import click

from qstash_dev.cli.choice import the_one, whole_id, whole_run_id
from qstash_dev.cli.connection import with_client
from qstash_dev.cli.exits import Failure
from qstash_dev.cli.shared_options import url_option
from qstash_dev.cli.values import TEXT
from qstash_dev.client import Client
from qstash_dev.web.links import open_in_browser, page_url


@click.command("open")
@click.argument("id", required=False, type=TEXT)
@url_option
def open_page(id: str | None, url: str | None) -> None:
    """Open the page in the browser: all messages, or what an ID names.

    A message (msg_...), a workflow run (wfr_...) or a schedule (scd_...); another text is looked for.
    """

    async def address(client: Client) -> str:
        await client.health()
        return page_url(client.url, await whole(client, id) if id else None)

    place = with_client(url, address)
    click.echo(place)
    if not open_in_browser(place):
        raise Failure("There is no browser to open it with: open the address by hand.")


async def whole(client: Client, id: str) -> str:
    """The id that begins so, of what has ids of ours."""
    if id.startswith("msg_"):
        return await whole_id(client, id)
    if id.startswith("scd_"):
        return the_one(id, [one["scheduleId"] for one in await client.resources("schedules")])
    return await whole_run_id(client, id) if id.startswith("wfr_") else id
