"""`dev`, `serve`, `demo`: run a server in this process until somebody ends it.

Decides who has the terminal, where the log goes and which exit code it is; the server itself is
`qstash_dev.server`.
"""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import click
from msgspec.structs import replace

from qstash_dev import server
from qstash_dev.cli import journal
from qstash_dev.cli.exits import OK, PORT_IN_USE, USAGE, Failure
from qstash_dev.cli.holder import holder_of
from qstash_dev.cli.options import ServerCommand, flags_of, load_or_fail
from qstash_dev.cli.terminal import attach_command, run_child
from qstash_dev.config import Config, ConfigError
from qstash_dev.console import Console, Started, port_in_use, wants_colour
from qstash_dev.store.database import StoreError

Companion = Callable[[Started], Coroutine[Any, Any, None]]
"""What runs beside a server, once it is ready and until it ends."""

log = logging.getLogger(__name__)


@click.command(cls=ServerCommand)
def dev(**values: Any) -> int:
    """Run the server, with the terminal UI when this is a terminal, else with a line per event."""
    return start(load_or_fail("dev", flags_of(values)).config)


@click.command(cls=ServerCommand)
def serve(**values: Any) -> int:
    """Run the server alone: nothing is held back, nothing waits for a person."""
    return start(load_or_fail("serve", flags_of(values)).config)


@click.command(cls=ServerCommand)
def demo(**values: Any) -> int:
    """Run the server, a small app, and a stream of messages of every kind.

    Keeps nothing and takes a free port, unless told otherwise.
    """
    flags = flags_of(values)
    if "data-dir" not in flags:
        flags.setdefault("memory", ["true"])
    flags.setdefault("port", [os.environ.get("QSTASH_DEV_PORT") or "0"])
    return start(load_or_fail("dev", flags).config, with_sample_app)


async def with_sample_app(config: Config) -> int:
    """A server for the sample app, and messages for both."""
    from qstash_dev.demo import running_app, send_samples

    user = config.users[0]
    async with running_app(user) as app:
        return await host(
            replace(config, app_url=app), lambda started: send_samples(started.url, user, app)
        )


async def alone(config: Config) -> int:
    """A server for whoever calls it."""
    return await host(config)


def start(config: Config, main: Callable[[Config], Coroutine[Any, Any, int]] = alone) -> int:
    """Runs to the end; what hinders a start becomes a sentence and an exit code."""
    journal.write_to_stderr(config.verbosity, config.log_file)
    try:
        return server.run(main(config))
    except server.PortInUse as error:
        holder = asyncio.run(holder_of(error.port))
        # The last line of all output, for the JavaScript SDK reads the port there.
        click.echo(port_in_use(error.address, error.port, holder), err=True, nl=False)
        return PORT_IN_USE
    except ConfigError as error:
        raise Failure(str(error), USAGE) from None
    except (StoreError, OSError) as error:
        raise Failure(f"The server cannot start: {error}.") from None
    except KeyboardInterrupt:  # where signals cannot be handled by the loop (Windows)
        return OK


async def host(config: Config, companion: Companion | None = None) -> int:
    """The server until SIGTERM, SIGINT or SIGHUP, or until the person leaves the terminal UI."""
    stop = asyncio.Event()
    with_signals(stop)
    console = make_console(config)
    ready: asyncio.Future[Started] = asyncio.get_running_loop().create_future()
    running = asyncio.create_task(server.serve(config, console, stop=stop, ready=ready.set_result))
    await first_of(running, ready)
    beside = []
    if ready.done():
        beside = [asyncio.create_task(beside_server(companion, ready.result()))]
        if config.output == "tui":
            await show_screen(config, console, ready.result(), running, stop)
    try:
        await running
    finally:
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
    return OK


async def first_of(*futures: "asyncio.Future[Any]") -> None:
    """Until one of them is done."""
    await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)


def with_signals(stop: asyncio.Event) -> None:
    """Ends cleanly when asked to."""
    for name in ("SIGTERM", "SIGINT", "SIGHUP"):
        with suppress(NotImplementedError, AttributeError):
            asyncio.get_running_loop().add_signal_handler(getattr(signal, name), stop.set)


def make_console(config: Config) -> Console:
    """stdout in the style of the settings; under a TUI it is the style for the time after it."""
    style = "log" if config.output == "tui" else config.output
    colour = wants_colour(sys.stdout, os.environ)
    return Console(write_out, style, colour=colour, verbosity=config.verbosity)


def write_out(text: str) -> None:
    """At once, so that a pipe sees each line when it happens."""
    sys.stdout.write(text)
    sys.stdout.flush()


async def beside_server(companion: Companion | None, started: Started) -> None:
    """The companion, whose trouble is told and does not end the server."""
    try:
        if companion is not None:
            await companion(started)
    except Exception as error:  # noqa: BLE001 - a border: the server goes on
        log.error("%s", error)


async def show_screen(
    config: Config,
    console: Console,
    started: Started,
    running: "asyncio.Task[None]",
    stop: asyncio.Event,
) -> None:
    """The terminal UI in a child. Its clean end stops the server, its crash does not."""
    environment = {**os.environ, "QSTASH_DEV_TOKEN": started.user.token}
    with journal.away_from_the_screen(config), console.silence():
        screen = asyncio.create_task(run_child(attach_command(started.url), environment))
        stopped = asyncio.create_task(stop.wait())
        await first_of(screen, stopped, running)
        stopped.cancel()
        if not screen.done():
            screen.cancel()
            await asyncio.gather(screen, return_exceptions=True)
            return
    code = screen.result()
    if code == 0:
        stop.set()
        return
    click.echo(
        f"The terminal UI ended unexpectedly (exit code {code}). The server goes on at "
        f"{started.url}: Ctrl+C stops it, qstash-dev attach shows it again.",
        err=True,
    )
