"""`verify`: explains why a signature holds or not."""

import json
import os
import sys

import click

from qstash_dev.cli.bodies import read_body
from qstash_dev.cli.connection import json_option
from qstash_dev.cli.exits import ERROR, USAGE, Failure
from qstash_dev.cli.options import load_or_fail
from qstash_dev.cli.tables import print_json, time_text
from qstash_dev.engine.clock import SystemClock
from qstash_dev.protocol.signature import Inspection, inspect


@click.command()
@click.option("--signature", metavar="JWT|-", help="The Upstash-Signature header; - is stdin.")
@click.option("--body", metavar="TEXT|@FILE", help="The body that arrived.")
@click.option("--url", metavar="URL", help="The URL that the app compares with.")
@click.option("--current-key", metavar="KEY", help="The app's QSTASH_CURRENT_SIGNING_KEY.")
@click.option("--next-key", metavar="KEY", help="The app's QSTASH_NEXT_SIGNING_KEY.")
@click.option("--env-file", metavar="FILE", help="Take the keys from there.")
@json_option
def verify(
    signature: str | None,
    body: str | None,
    url: str | None,
    current_key: str | None,
    next_key: str | None,
    env_file: str | None,
    as_json: bool,
) -> None:
    """Explain a signature; exits with 1 when it does not hold.

    Without keys, those of the environment and of every user of the settings are tried.
    """
    if signature is None:
        raise Failure("Paste the token: qstash-dev verify --signature JWT, or - for stdin.", USAGE)
    token = sys.stdin.read().strip() if signature == "-" else signature
    pairs = key_pairs(current_key, next_key, env_file)
    raw = None if body is None else read_body(body)
    found = [(name, examine(token, keys, raw, url)) for name, keys in pairs.items()]
    name, best = next((pair for pair in found if pair[1].key != "unknown"), found[0])
    if as_json:
        print_json({"valid": best.valid, "signer": name, "inspection": best})
    else:
        explain(name, best)
    if not best.valid:
        raise click.exceptions.Exit(ERROR)


def key_pairs(
    current: str | None, following: str | None, env_file: str | None
) -> dict[str, tuple[str, str]]:
    """Whose keys to try: the given ones, or all that are known here."""
    if current or following:
        return {"the given keys": (current or "", following or "")}
    users = load_or_fail("serve", {"env-file": [env_file]} if env_file else {}).config.users
    if env_file:
        return {env_file: (users[0].current_key, users[0].next_key)}
    known = {user.id: (user.current_key, user.next_key) for user in users}
    names = ("QSTASH_CURRENT_SIGNING_KEY", "QSTASH_NEXT_SIGNING_KEY")
    here = tuple(os.environ.get(name, "") for name in names)
    return {"the environment": (here[0], here[1]), **known} if any(here) else known


def examine(token: str, keys: tuple[str, str], body: bytes | None, url: str | None) -> Inspection:
    """The inspection at this moment."""
    return inspect(token, keys, body, url, SystemClock().wall() // 1000)


def explain(name: str, found: Inspection) -> None:
    """Claims, signer, and each problem with its fix."""
    for claim, value in found.claims.items():
        is_time = claim in ("exp", "iat", "nbf") and isinstance(value, int) and value > 0
        when = f"  ({time_text(value * 1000)})" if is_time else ""
        click.echo(f"{claim}: {json.dumps(value)}{when}")
    if found.key != "unknown":
        click.echo(f"signed with the {found.key} key of {name}")
    for problem in found.problems:
        click.echo(f"✗ {problem}")
    if found.valid:
        click.echo("✓ The signature holds.")
