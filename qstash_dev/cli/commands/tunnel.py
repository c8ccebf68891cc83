"""`tunnel`: what a running server shows to the internet, and what it refused."""

from typing import Any

import click

from qstash_dev.cli.connection import ask, json_option, url_option
from qstash_dev.cli.exits import TUNNEL_FAILED, Failure
from qstash_dev.cli.tables import print_json, print_record, print_table, time_text


@click.command()
@json_option
@url_option
def tunnel(as_json: bool, url: str | None) -> None:
    """State and address of the tunnel, the address for webhooks, and what was refused.

    Exits with 6 when the tunnel has failed.
    """
    found = ask(url, "GET", "/_dev/tunnel")
    if as_json:
        print_json(found)
    else:
        show(found)
    if found["state"] == "failed":
        raise Failure(found["hint"], TUNNEL_FAILED)


def show(found: dict[str, Any]) -> None:
    """For people. The reason of a failure is told at the end, on stderr."""
    cloud = found.get("cloud") or {}
    print_record(
        {
            "state": found["state"],
            "url": found["url"],
            "hint": None if found["state"] == "failed" else found["hint"],
            "webhooks": found.get("webhook"),
            "ingress": found.get("ingress"),
            "cloud": cloud.get("url"),
            "trouble": cloud.get("trouble"),
            "let in": found.get("admitted"),
            "refused": found.get("refused"),
        }
    )
    if refusals := found.get("refusals"):
        click.echo()
        heads = ("TIME", "STATUS", "METHOD", "TARGET", "WHY")
        rows = [
            (time_text(r["time"]), r["status"], r["method"], r["target"], r["reason"])
            for r in refusals
        ]
        print_table(heads, rows, "")
