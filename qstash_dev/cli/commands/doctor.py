"""`doctor`: looks at what usually goes wrong between an app and the server, and says the fix."""

import asyncio
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Literal

import click
from msgspec.structs import replace

from qstash_dev import __version__
from qstash_dev.cli.app_files import apps_of
from qstash_dev.cli.connection import target_of
from qstash_dev.cli.exits import ERROR
from qstash_dev.cli.options import load_or_fail
from qstash_dev.cli.ports import program_on
from qstash_dev.cli.server_url import seen_from_here
from qstash_dev.cli.shared_options import json_option
from qstash_dev.cli.tables import print_json
from qstash_dev.client import Client, ClientError
from qstash_dev.config import Config
from qstash_dev.devtools.documents import Server
from qstash_dev.devtools.sdk_choice import App, Finding, Here, judge
from qstash_dev.devtools.status import elsewhere
from qstash_dev.protocol.urls import Place, place_of, site_of
from qstash_dev.protocol.users import User
from qstash_dev.transport.connect import accepts, leads_to, listening

NO_SDK = Finding("note", "No QStash SDK is named in package.json or pyproject.toml here.")
PATIENCE_S = 10.0
"""A server on a busy machine is not gone."""
SYMBOLS = {"ok": "✓", "note": "·", "problem": "✗"}


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
    apps, unread = await asyncio.to_thread(apps_of, directory)
    running = await running_server(url) or await server_of(apps)
    app_url = running.app.url if running else config.app_url
    here = Here(running.url if running else url, users_of(config.users, running))
    return [
        Finding("note", f"qstash-dev {__version__}, Python {python}, {sys.platform}"),
        await server_finding(url, config.port, running),
        *await elsewhere_findings(running),
        await app_finding(app_url),
        *(Finding("problem", error.problem) for error in unread),
        *(
            finding
            for app in apps
            for finding in app_findings(as_started(app, directory / app.name, running), here)
        ),
        *([] if any(app.sdks for app in apps) else [NO_SDK]),
        *tunnel_findings(config, os.environ),
    ]


def as_started(app: App, folder: Path, running: Server | None) -> App:
    """An app that the server started has its variables, whatever its files say."""
    process = running.app.process if running is not None else None
    if running is None or process is None or process.state != "running":
        return app
    if not folder.resolve().is_relative_to(process.directory):
        return app
    values = {name: value for name, value in app.values.items() if name != "QSTASH_DEV"}
    names = dict.fromkeys(running.env, "Its environment, given by qstash-dev,")
    return replace(app, values=values | running.env, files={**app.files, **names})


async def running_server(url: str) -> Server | None:
    """What the server says of itself: its own port, app and keys count, not those of the settings."""
    async with Client(url, os.environ.get("QSTASH_DEV_TOKEN"), timeout_s=PATIENCE_S) as client:
        with suppress(ClientError):
            server = (await client.snapshot(limit=1)).server
            return replace(server, url=seen_from_here(server.url or url, url))
    return None


async def server_of(apps: Iterable[App]) -> Server | None:
    """A server that was started elsewhere on this machine, and that an app publishes to."""
    urls = [app.values.get("QSTASH_URL", "").rstrip("/") for app in apps]
    for url in dict.fromkeys(urls):
        if place_of(url) is Place.LOOPBACK and (running := await running_server(url)):
            return running
    return None


def users_of(users: tuple[User, ...], running: Server | None) -> tuple[User, ...]:
    """Users of the settings, the first with the credentials of the running server."""
    env = running.env if running else {}
    if not env.get("QSTASH_TOKEN"):
        return users
    known = next((user.id for user in users if user.token == env["QSTASH_TOKEN"]), users[0].id)
    keys = env["QSTASH_CURRENT_SIGNING_KEY"], env["QSTASH_NEXT_SIGNING_KEY"]
    first = User(known, env["QSTASH_TOKEN"], *keys)
    return first, *(user for user in users if user.id != known)


async def server_finding(url: str, port: int, running: Server | None) -> Finding:
    """Whether a server runs, or could."""
    if running is not None:
        return Finding("ok", f"qstash-dev {running.version} runs at {running.url}.")
    if not await accepts(f"http://127.0.0.1:{port}"):
        return Finding("ok", f"Port {port} is free: no server runs there yet.")
    fix = f"Take another port, such as qstash-dev --port {port + 1}, and set QSTASH_URL."
    return Finding("problem", await program_on(port), fix)


async def elsewhere_findings(running: Server | None) -> list[Finding]:
    """An app that the server started, and that took another port than the one it is looked for at."""
    process = running.app.process if running else None
    if running is None or process is None or not process.url:
        return []
    found = elsewhere(process.url, running.app.url, await accepts(running.app.url))
    return [Finding("problem", *found)] if found is not None else []


async def app_finding(app_url: str) -> Finding:
    """Whether the app accepts connections, and on which addresses; as deliveries find it."""
    site = site_of(app_url)
    host = site.host if site is not None else app_url
    try:
        live = await listening(app_url)
    except OSError:
        return Finding("problem", f'The host of the app, "{host}", has no address.')
    tried = ", ".join(leads_to(app_url))
    if set(live) & set(leads_to(app_url)):
        return Finding("ok", f"The app accepts connections at {app_url} ({', '.join(live)}).")
    if live:
        port = site.port if site is not None else ""
        return Finding(
            "problem",
            f"The app listens on {', '.join(live)} only, not at {app_url}.",
            f"Start with qstash-dev --app http://localhost:{port}, which tries both addresses.",
        )
    fix = "Start it, or say where it is: qstash-dev --app PORT."
    return Finding("problem", f"Nothing listens at {app_url} ({tried}).", fix)


def app_findings(app: App, here: Here) -> Iterator[Finding]:
    """What an app's files and SDKs come to, with the app's folder before it."""
    where = f"{app.name}: " if app.name else ""
    for finding in judge(app, here):
        yield replace(finding, text=f"{where}{finding.text}")
    for name, version in app.sdks.items():
        yield Finding("note", f"{where}{name} {version}".rstrip())


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
