"""`tunnel`: what a running server shows to the internet, and what it refused."""

import click

from qstash_dev.cli.connection import ask
from qstash_dev.cli.exits import TUNNEL_FAILED, Failure
from qstash_dev.cli.shared_options import json_option, url_option
from qstash_dev.cli.tables import print_json, print_record, print_table, time_text
from qstash_dev.devtools.control_documents import TunnelDetail


@click.command()
@json_option
@url_option
def tunnel(as_json: bool, url: str | None) -> None:
    """State and address of the tunnel, the address for webhooks, and what was refused.

    Exits with 6 when the tunnel has failed.
    """
    found = ask(url, "GET", "/_dev/tunnel", TunnelDetail)
    if as_json:
        print_json(found)
    else:
        show(found)
    if found.state == "failed":
        raise Failure(found.hint or "The tunnel has failed.", TUNNEL_FAILED)


def show(found: TunnelDetail) -> None:
    """For people. The reason of a failure is told at the end, on stderr."""
    cloud, is_off = found.cloud, found.state == "off"
    print_record(
        {
            "state": found.state,
            "url": found.url,
            "hint": None if found.state == "failed" else found.hint,
            "webhooks": found.webhook,
            "ingress": found.ingress,
            "cloud": cloud.url if cloud else None,
            "trouble": cloud.trouble if cloud else None,
            "let in": None if is_off else found.admitted,
            "refused": None if is_off else found.refused,
        }
    )
    if found.refusals:
        click.echo()
        heads = ("TIME", "STATUS", "METHOD", "TARGET", "WHY")
        rows = [(time_text(r.time), r.status, r.method, r.target, r.reason) for r in found.refusals]
        print_table(heads, rows, "")
