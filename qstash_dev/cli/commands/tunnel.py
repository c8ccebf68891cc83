"""`tunnel`: what a running server shows to the internet, and what it refused."""

import click
from msgspec import Struct

from qstash_dev.cli.connection import ask, json_option, url_option
from qstash_dev.cli.exits import TUNNEL_FAILED, Failure
from qstash_dev.cli.tables import print_json, print_record, print_table, time_text
from qstash_dev.devtools.documents import Tunnel


class Knock(Struct):
    """A request that was refused. `time` is epoch milliseconds."""

    time: int
    method: str
    target: str
    status: int
    reason: str
    caller: str = ""


class Cloud(Struct):
    """The real QStash behind `--cloud`."""

    url: str | None = None
    calls: int = 0
    trouble: str | None = None


class Doorway(Tunnel):
    """All that `/_dev/tunnel` tells."""

    ingress: str | None = None
    open: bool = False
    keys_known: bool = False
    webhook: str | None = None
    refusals: tuple[Knock, ...] = ()
    cloud: Cloud | None = None  # type: ignore[assignment]


@click.command()
@json_option
@url_option
def tunnel(as_json: bool, url: str | None) -> None:
    """State and address of the tunnel, the address for webhooks, and what was refused.

    Exits with 6 when the tunnel has failed.
    """
    found = ask(url, "GET", "/_dev/tunnel", Doorway)
    if as_json:
        print_json(found)
    else:
        show(found)
    if found.state == "failed":
        raise Failure(found.hint or "The tunnel has failed.", TUNNEL_FAILED)


def show(found: Doorway) -> None:
    """For people. The reason of a failure is told at the end, on stderr."""
    cloud, is_off = found.cloud or Cloud(), found.state == "off"
    print_record(
        {
            "state": found.state,
            "url": found.url,
            "hint": None if found.state == "failed" else found.hint,
            "webhooks": found.webhook,
            "ingress": found.ingress,
            "cloud": cloud.url,
            "trouble": cloud.trouble,
            "let in": None if is_off else found.admitted,
            "refused": None if is_off else found.refused,
        }
    )
    if found.refusals:
        click.echo()
        heads = ("TIME", "STATUS", "METHOD", "TARGET", "WHY")
        rows = [(time_text(r.time), r.status, r.method, r.target, r.reason) for r in found.refusals]
        print_table(heads, rows, "")
