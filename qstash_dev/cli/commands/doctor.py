"""`doctor`: looks at what usually goes wrong between an app and the server, and says the fix."""

import asyncio
import os
import re
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import click
from msgspec import Struct

from qstash_dev import __version__
from qstash_dev.cli.connection import json_option, target_of
from qstash_dev.cli.exits import ERROR
from qstash_dev.cli.options import load_or_fail
from qstash_dev.cli.ports import program_on
from qstash_dev.cli.tables import print_json
from qstash_dev.client import Client, ClientError
from qstash_dev.config import Config, ConfigError
from qstash_dev.config.env_file import ENV_FILES, read
from qstash_dev.config.file import read_toml
from qstash_dev.protocol.json_body import loads
from qstash_dev.protocol.users import User

SDKS = ("@upstash/qstash", "@upstash/workflow", "qstash", "upstash-workflow")
SYMBOLS = {"ok": "✓", "note": "·", "problem": "✗"}


class Finding(Struct, frozen=True):
    """One thing that was looked at. `fix` is what to do about a problem."""

    level: Literal["ok", "note", "problem"]
    text: str
    fix: str | None = None


@click.command()
@json_option
def doctor(as_json: bool) -> None:
    """Check port, app, .env files and SDKs; exits with 1 when something is wrong."""
    config = load_or_fail("dev", {}).config
    findings = asyncio.run(examine(config, Path(), target_of(None).url))
    if as_json:
        print_json(findings)
    else:
        for finding in findings:
            click.echo(f"{SYMBOLS[finding.level]} {finding.text}")
            if finding.fix:
                click.echo(f"    {finding.fix}")
    if any(finding.level == "problem" for finding in findings):
        raise click.exceptions.Exit(ERROR)


async def examine(config: Config, directory: Path, url: str) -> list[Finding]:
    """Everything that can be seen from here. `url` is where clients would look for the server."""
    python = ".".join(map(str, sys.version_info[:3]))
    return [
        Finding("note", f"qstash-dev {__version__}, Python {python}, {sys.platform}"),
        await server_finding(url, config.port),
        await asyncio.to_thread(app_finding, config.app_url),
        *env_findings(directory, config.users, url),
        *sdk_findings(directory),
        *tunnel_findings(config, os.environ),
    ]


async def server_finding(url: str, port: int) -> Finding:
    """Whether a server runs, or could."""
    async with Client(url, timeout_s=2) as client:
        with suppress(ClientError):
            return Finding("ok", f"qstash-dev {(await client.health()).version} runs at {url}.")
    if not is_open("127.0.0.1", port):
        return Finding("ok", f"Port {port} is free: no server runs there yet.")
    fix = f"Take another port, such as qstash-dev --port {port + 1}, and set QSTASH_URL."
    return Finding("problem", await program_on(port), fix)


def app_finding(app_url: str) -> Finding:
    """Whether the app accepts connections, and on which of the addresses of its name."""
    parts = urlsplit(app_url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        infos = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except socket.gaierror:
        return Finding("problem", f'The host of the app, "{parts.hostname}", has no address.')
    addresses = list(dict.fromkeys(str(info[4][0]) for info in infos))
    live = [address for address in addresses if is_open(address, port)]
    if live:
        return Finding("ok", f"The app accepts connections at {app_url} ({', '.join(live)}).")
    fix = "Start it, or say where it is: qstash-dev --app PORT."
    return Finding("problem", f"Nothing listens at {app_url} ({', '.join(addresses)}).", fix)


def is_open(host: str, port: int) -> bool:
    """Whether a connection is accepted."""
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


def env_findings(directory: Path, users: tuple[User, ...], url: str) -> Iterator[Finding]:
    """Whether the credentials in each `.env` file are ones that this server knows."""
    for name in ENV_FILES:
        if not (directory / name).is_file():
            continue
        try:
            yield env_finding(name, read(directory / name), users, url)
        except ConfigError as error:
            yield Finding("problem", error.problem)


def env_finding(name: str, found: dict[str, str], users: tuple[User, ...], url: str) -> Finding:
    """What one file tells the app."""
    token = found.get("QSTASH_TOKEN")
    keys = found.get("QSTASH_CURRENT_SIGNING_KEY"), found.get("QSTASH_NEXT_SIGNING_KEY")
    if not (token or any(keys) or found.get("QSTASH_URL")):
        return Finding("note", f"{name} says nothing about QStash.")
    owner = next((user for user in users if user.token == token), None)
    if token and owner is None:
        fix = f"Start with qstash-dev --env-file {name}, or qstash-dev env --write {name}."
        return Finding("problem", f"QSTASH_TOKEN of {name} is not one of this server's.", fix)
    expected = owner or users[0]
    if any(keys) and keys != (expected.current_key, expected.next_key):
        fix = f"qstash-dev env --write {name}"
        text = f"The signing keys of {name} are not those of {expected.id}: verification will fail."
        return Finding("problem", text, fix)
    given = found.get("QSTASH_URL", "").rstrip("/")
    if given.replace("localhost", "127.0.0.1") != url.replace("localhost", "127.0.0.1"):
        state = f"is {given}" if given else "is missing"
        return Finding("problem", f"QSTASH_URL of {name} {state}.", f"Set QSTASH_URL={url} there.")
    return Finding("ok", f"{name} has the address and credentials of {expected.id}.")


def sdk_findings(directory: Path) -> Iterator[Finding]:
    """The SDKs that package.json and pyproject.toml ask for."""
    wanted = {**node_packages(directory / "package.json"), **python_packages(directory)}
    for name in SDKS:
        if name in wanted:
            yield Finding("note", f"{name} {wanted[name]}".rstrip())
    if not any(name in wanted for name in SDKS):
        yield Finding("note", "No QStash SDK is named in package.json or pyproject.toml here.")


def node_packages(path: Path) -> dict[str, str]:
    """Names and versions that a package.json asks for."""
    try:
        content = loads(path.read_text("utf-8"))
        return {**content.get("devDependencies", {}), **content.get("dependencies", {})}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def python_packages(directory: Path) -> dict[str, str]:
    """Names and versions that a pyproject.toml and a requirements.txt ask for."""
    lines: list[str] = []
    with suppress(OSError, ValueError, AttributeError):
        project = read_toml((directory / "pyproject.toml").read_text("utf-8"))
        lines += project.get("project", {}).get("dependencies", [])
    with suppress(OSError, ValueError):
        lines += (directory / "requirements.txt").read_text("utf-8").splitlines()
    found = (re.match(r"\s*([A-Za-z0-9._-]+)\s*(?:\[[^]]*\])?\s*([^;#]*)", line) for line in lines)
    return {match[1].lower(): match[2].strip() for match in found if match}


def tunnel_findings(config: Config, environment: Mapping[str, str]) -> Iterator[Finding]:
    """What `--tunnel` needs; a problem only for those who have switched it on."""
    # Imported late: pyngrok is slow to load.
    from qstash_dev.cloud.tunnel.binary import find

    missing: Literal["note", "problem"] = "problem" if config.tunnel else "note"
    agent = find(None, environment)
    if agent is not None and agent.exists():
        yield Finding("note", f"The ngrok agent for --tunnel is {agent}.")
    else:
        fix = "Install it from ngrok, or let --tunnel-install fetch it."
        yield Finding(missing, "No ngrok agent is here; only --tunnel needs one.", fix)
    if not environment.get("NGROK_AUTHTOKEN"):
        text = "NGROK_AUTHTOKEN is not set; only --tunnel needs it."
        yield Finding(missing, text)
