"""`env` and `config`: what the app needs to know, and what the server would use."""

import asyncio
import json
import os
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from qstash_dev import given_files
from qstash_dev.cli.exits import USAGE, Failure
from qstash_dev.cli.options import ServerCommand, flags_of, load_or_fail
from qstash_dev.cli.server_url import DEFAULT_PORT, Target, find, seen_from_here
from qstash_dev.cli.shared_options import json_option, url_option
from qstash_dev.cli.values import FILE, FILE_NAME, TEXT
from qstash_dev.config import Loaded, Setting
from qstash_dev.config.env_file import write_variables
from qstash_dev.console import variables_of
from qstash_dev.protocol.urls import is_loopback, site_of
from qstash_dev.protocol.users import DEV_USERS, User

Variables = dict[str, str]
SDK_PORT = 8080

SHELLS: dict[str, Callable[[Variables], str]] = {
    "sh": lambda env: "\n".join(f"export {k}={shlex.quote(v)}" for k, v in env.items()),
    "fish": lambda env: "\n".join(f"set -gx {k} {shlex.quote(v)}" for k, v in env.items()),
    "pwsh": lambda env: "\n".join(f"$env:{k} = '{v}'" for k, v in env.items()),
    "dotenv": lambda env: "\n".join(f"{k}={v}" for k, v in env.items()),
    "json": lambda env: json.dumps(env, indent=2),
}
"""How each shell sets variables. Tokens and keys hold no quote that PowerShell would mind."""


@click.command()
@click.option("--user", type=TEXT, metavar="N|ID", help="Which user [default: the first].")
@click.option("--shell", type=click.Choice(list(SHELLS)), help="Language of the output.")
@json_option
@click.option("--write", metavar="FILE", type=FILE, help="Set them there.")
@url_option
@click.option(
    "--env-file", type=FILE_NAME, metavar="FILE", help="Adopt token and signing keys found there."
)
def env(
    user: str | None,
    shell: str | None,
    as_json: bool,
    write: Path | None,
    url: str | None,
    env_file: str | None,
) -> None:
    """Print the variables that your app needs, or write them to a file.

    \b
    eval "$(qstash-dev env)"
    qstash-dev env --write .env.local
    """
    if as_json and shell is not None:
        raise Failure("Either --shell or --json is expected.", USAGE)
    shell = "json" if as_json else shell
    if write is not None and shell is not None:
        raise Failure("--shell and --json are for what is printed: --write has one form.", USAGE)
    config = load_or_fail("serve", {"env-file": [env_file]} if env_file else {}).config
    target = find(url, os.environ, config)
    known = asyncio.run(ask_server(target)) if user is None and env_file is None else None
    found = known or variables_of(target.url, select(config.users, user or "1"))
    site = site_of(found["QSTASH_URL"])
    if (
        site is not None and site.port != SDK_PORT and is_loopback(found["QSTASH_URL"])
    ):  # the JavaScript SDK's dev mode looks there, or where this says
        found = {**found, "QSTASH_DEV_PORT": str(site.port)}
    if write is None:
        click.echo(SHELLS[shell or shell_here(os.environ.get("SHELL", ""))](found))
        return
    try:
        changed = write_variables(write, found, in_the_way(found))
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f'"{write}" cannot be written: {given_files.why(error)}.') from None
    click.echo(f"{write} {'is updated' if changed else 'has these variables already'}.", err=True)


def in_the_way(found: Variables) -> frozenset[str]:
    """Variables of the SDKs that would win over what is written.

    `QSTASH_DEV` stays where the SDK's own token and keys are those of the server; with others, or a
    value that makes the SDK throw, it is put out of use.
    """
    default = DEV_USERS[0]
    own = {"QSTASH_TOKEN": default.token, "QSTASH_CURRENT_SIGNING_KEY": default.current_key}
    if all(found[name] == value for name, value in own.items()):
        return frozenset(["QSTASH_REGION"])
    return frozenset(["QSTASH_REGION", "QSTASH_DEV"])


async def ask_server(target: Target) -> Variables | None:
    """What a running server says: its keys may have been rotated, its user be an adopted one.

    `None` when none is known to run, or it does not answer.
    """
    if target.found_by == DEFAULT_PORT:
        return None
    # Imported late: without a server the variables are printed at once.
    from qstash_dev.client import Client, ClientError

    async with Client(target.url, target.token) as client:
        try:
            told = (await client.snapshot(limit=1)).server.env
        except ClientError:
            return None
    if told:
        told["QSTASH_URL"] = seen_from_here(told["QSTASH_URL"], target.url)
    return told or None


def select(users: tuple[User, ...], wanted: str) -> User:
    """A user by number from 1, or by id."""
    for number, user in enumerate(users, 1):
        if wanted in (str(number), user.id):
            return user
    names = ", ".join(f"{number} {user.id}" for number, user in enumerate(users, 1))
    raise Failure(f'There is no user "{wanted}"; expected one of: {names}.', USAGE)


def shell_here(login_shell: str) -> str:
    """The language of the user's shell."""
    if os.name == "nt":
        return "pwsh"
    return "fish" if Path(login_shell).name == "fish" else "sh"


@click.command(cls=ServerCommand)
@json_option
def config(as_json: bool, **values: Any) -> None:
    """Show every setting of the server, its value, and where that comes from.

    Takes the options of the server, and shows what they would change.
    """
    loaded = load_or_fail("dev", flags_of(values))
    click.echo(settings_json(loaded) if as_json else settings_text(loaded))


def settings_text(loaded: Loaded) -> str:
    """Name, value and origin in columns."""
    rows = [(s.option.name, " ".join(texts) or "-", origin) for s, texts, origin in shown(loaded)]
    widths = [max(len(row[n]) for row in rows) for n in (0, 1)]
    lines = [f"{name:<{widths[0]}}  {value:<{widths[1]}}  {origin}" for name, value, origin in rows]
    file = loaded.config.config_file
    return "\n".join([*lines, "", f"file: {file or 'none (qstash-dev.toml is looked for here)'}"])


def shown(loaded: Loaded) -> Iterator[tuple[Setting, tuple[str, ...], str]]:
    """Each setting with its text and origin; limits that are not set are those of the quota."""
    config = loaded.config
    limits = {
        "max-retries": config.limits.max_retries,
        "max-delay": config.limits.max_delay_s,
        "max-message-size": config.limits.max_message_size,
    }
    for setting in loaded.settings:
        name = setting.option.name
        if setting.texts or name not in limits:
            yield setting, setting.texts, setting.origin
        else:
            limit = limits[name]
            text = "unlimited" if limit is None else str(limit)
            yield setting, (text,), f"quota {config.quota}"


def settings_json(loaded: Loaded) -> str:
    """A list of `{"name", "value", "origin"}`; a setting that may be repeated has a list."""
    records = [
        {
            "name": s.option.name,
            "value": texts if s.option.kind == "many" else next(iter(texts), None),
            "origin": origin,
        }
        for s, texts, origin in shown(loaded)
    ]
    return json.dumps(records, indent=2)
