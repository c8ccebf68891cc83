"""`verify`: explains why a signature holds or not: that of a message here, or one that is pasted."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import click
import msgspec

from qstash_dev import given_files
from qstash_dev.cli.bodies import body_of, read_body
from qstash_dev.cli.choice import whole_id
from qstash_dev.cli.connection import with_client
from qstash_dev.cli.exits import ERROR, USAGE, Failure
from qstash_dev.cli.options import load_or_fail
from qstash_dev.cli.shared_options import json_option
from qstash_dev.cli.tables import print_json, time_text
from qstash_dev.cli.values import FILE_NAME, SERVER, TEXT, whole
from qstash_dev.client import Client
from qstash_dev.config.env_file import ENV_FILES, variables
from qstash_dev.devtools.explain.signing_keys import CURRENT, NEXT
from qstash_dev.devtools.written import absolute
from qstash_dev.engine.clock import SystemClock
from qstash_dev.protocol.signature import Inspection, inspect


@click.command()
@click.argument("message_id", type=TEXT, required=False)
@click.option("--attempt", type=whole(1), metavar="N", help="Which [default: the last].")
@click.option(
    "--signature", type=TEXT, metavar="JWT|-", help="The Upstash-Signature header; - is stdin."
)
@click.option("--body", metavar="TEXT|@FILE", help="The body that arrived.")
@click.option("--url", type=TEXT, metavar="URL", help="The URL that the app compares with.")
@click.option(
    "--current-key", type=TEXT, metavar="KEY", help="The app's QSTASH_CURRENT_SIGNING_KEY."
)
@click.option("--next-key", type=TEXT, metavar="KEY", help="The app's QSTASH_NEXT_SIGNING_KEY.")
@click.option("--env-file", type=FILE_NAME, metavar="FILE", help="Take the keys from there.")
@click.option(
    "--server", type=SERVER, metavar="URL", help="Address of the server that has the message."
)
@json_option
def verify(
    message_id: str | None,
    attempt: int | None,
    signature: str | None,
    body: str | None,
    url: str | None,
    current_key: str | None,
    next_key: str | None,
    env_file: str | None,
    server: str | None,
    as_json: bool,
) -> None:
    """Explain a signature; exits with 1 when it does not hold.

    With a MESSAGE_ID all is taken from the server: give --url and --body as your app sees them, and
    it says what differs. A pasted token (--signature) is tried with the keys of the environment and
    of every user of the settings.
    """
    check_parts(message_id, signature, attempt, server)
    if env_file and (current_key or next_key):
        raise Failure("Either --env-file, or --current-key and --next-key.", USAGE)
    if message_id is not None:
        given: dict[str, Any] = {
            "attempt": attempt,
            "url": url,
            "body": None if body is None else body_of(body),
        }
        if current_key or next_key or env_file:
            [given["keys"]] = key_pairs(current_key, next_key, env_file).values()
        of_message(message_id, given, server, as_json)
        return
    assert signature is not None
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


def check_parts(
    message_id: str | None, signature: str | None, attempt: int | None, server: str | None
) -> None:
    """Either a message of a server, or a token that is pasted."""
    if (message_id is None) == (signature is None):
        raise Failure(
            "Name a message: qstash-dev verify MESSAGE_ID; or paste the token: --signature JWT, "
            "or - for stdin.",
            USAGE,
        )
    if signature is not None and (attempt is not None or server is not None):
        raise Failure("--attempt and --server are for a MESSAGE_ID, not for --signature.", USAGE)


def of_message(message_id: str, given: dict[str, Any], server: str | None, as_json: bool) -> None:
    """Asks the server, and adds what the app's files here say."""
    found = with_client(server, lambda client: verified(client, message_id, given))
    inspection = msgspec.convert(found["inspection"], Inspection)
    if as_json:
        print_json(found)
    else:
        answer = f", answered {found['status']}" if found["status"] else ", not answered"
        click.echo(f"attempt {found['attempt']}, {time_text(found['at'])}{answer}")
        explain("the given keys" if given.get("keys") else found["user"], inspection)
        for line in known_of(found, given):
            click.echo(f"· {line}")
    if not inspection.valid:
        raise click.exceptions.Exit(ERROR)


async def verified(client: Client, id: str, given: dict[str, Any]) -> dict[str, Any]:
    """What the server says; a path is one of the app."""
    if given["url"] is not None:
        app = (await client.snapshot(limit=1)).server.app.url
        given = {**given, "url": absolute(given["url"], app)}
    return await client.verify(await whole_id(client, id), given)


def known_of(found: dict[str, Any], given: dict[str, Any]) -> list[str]:
    """What else may make an app refuse a signature that holds."""
    lines = []
    if found["target"] != found["url"]:
        lines.append(
            f"It was sent to {found['target']} with Host: {found['host'] or '(none)'}; "
            "an app that checks the URL by Host needs X-Forwarded-Host, or --keep-host."
        )
    if found["rewritten"] is not None:
        lines.append(
            "Parsed and written again the body is another one: check the raw body, not "
            f"JSON.stringify(...), which gives {found['rewritten'][:80]}"
        )
    lines += [line for name in ENV_FILES if (line := keys_of(Path(name), found["token"]))]
    if given["url"] is None and given["body"] is None:
        lines.append(
            "Not checked: what the app compares with. Give it: --url URL (what the app takes for "
            "its own), --body @FILE (what it hashes)."
        )
    return lines


def keys_of(file: Path, token: str) -> str | None:
    """Whether the keys of an env file here would accept the token; `None` if it has none."""
    try:
        values = variables(given_files.read_text_now(file))
    except (OSError, UnicodeDecodeError):
        return None
    keys = (values.get(CURRENT, ""), values.get(NEXT, ""))
    if not any(keys):
        return None
    key = inspect(token, keys, None, None, 0).key
    if key == "unknown":
        return f"The keys in {file} are others: an app that has them refuses this signature."
    return f"The {key} key in {file} is the one that signed."


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
    here = (os.environ.get(CURRENT, ""), os.environ.get(NEXT, ""))
    return {"the environment": here, **known} if any(here) else known


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
