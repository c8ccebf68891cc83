"""`dev`, `serve`, `demo`: run a server in this process until somebody ends it.

Decides who has the terminal, where the log goes and which exit code it is; the server itself is
`qstash_dev.server`.
"""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from typing import Any, TextIO

import click
from msgspec import Struct
from msgspec.structs import replace

from qstash_dev import server
from qstash_dev.cli import server_log
from qstash_dev.cli.encoding import give_up
from qstash_dev.cli.exits import OK, PORT_IN_USE, USAGE, Failure
from qstash_dev.cli.options import (
    ServerCommand,
    flags_of,
    is_terminal,
    load_here,
    load_or_fail,
)
from qstash_dev.cli.terminal import attach_command, run_child
from qstash_dev.cli.unhurried import Unhurried
from qstash_dev.config import Config, ConfigError, Loaded, Seeds
from qstash_dev.console import Console, Started, port_in_use, wants_colour
from qstash_dev.engine.tasks import Tasks
from qstash_dev.server.reload import Following, Stamp, follow, stamp
from qstash_dev.store.errors import StoreError

Companion = Callable[[server.Server], Coroutine[Any, Any, None]]
"""What runs beside a server, once it is ready and until it ends."""

QUIET_S = 60.0
"""After so long without a message a person may need a hint."""

SECRETS = ("QSTASH_CLOUD_TOKEN", "NGROK_AUTHTOKEN")
"""Of the server alone: neither the terminal UI nor the editor that it opens needs them."""

log = logging.getLogger(__name__)


class Launch(Struct, frozen=True):
    """The settings to start with, and how to read them again."""

    loaded: Loaded
    file_stamp: Stamp
    load_again: Callable[[], Loaded]
    app: Sequence[str] = ()
    """The command that starts the app, where the server does that."""

    @property
    def config(self) -> Config:
        return self.loaded.config


@click.command(cls=ServerCommand)
@click.pass_obj
def dev(app: list[str], /, **values: Any) -> int:
    """Run the server, with the terminal UI when this is a terminal, else with a line per event.

    After --, a command starts your app with all variables that it needs: qstash-dev -- npm run dev
    """
    return start("dev", flags_of(values), app=app)


@click.command(cls=ServerCommand)
@click.pass_obj
def serve(app: list[str], /, **values: Any) -> int:
    """Run the server alone: nothing is held back, nothing waits for a person.

    After --, a command starts your app with all variables that it needs; while that is not up,
    messages are held.
    """
    return start("serve", flags_of(values), app=app)


@click.command(cls=ServerCommand)
@click.pass_obj
def demo(app: list[str], /, **values: Any) -> int:
    """Run the server and a small app: a tour of one minute, then messages of every kind.

    Keeps nothing and takes a free port, unless told otherwise.
    """
    if app:
        raise Failure("demo has an app of its own; expected: qstash-dev -- COMMAND", USAGE)
    flags = flags_of(values)
    if "data-dir" not in flags:
        flags.setdefault("memory", ["true"])
    flags.setdefault("port", [os.environ.get("QSTASH_DEV_PORT") or "0"])
    return start("dev", flags, with_sample_app)


async def with_sample_app(launch: Launch) -> int:
    """A server for the sample app, a tour of a minute, then messages of every kind."""
    from qstash_dev.demo.app import sample_app
    from qstash_dev.demo.samples import send_samples
    from qstash_dev.demo.tour import guide

    user = launch.config.users[0]
    async with sample_app(user) as app:
        own = {"app_url": app.url, "auto_replay": "failed", "watch": app.folder}
        loaded = replace(launch.loaded, config=replace(launch.config, **own))

        # Lines of a log are read later: they need no time now.
        sleep = asyncio.sleep if launch.config.output == "tui" else at_once

        async def show(service: server.Server) -> None:
            url = service.started.url
            await guide(url, user, app, service.told.narrate, sleep)
            await send_samples(url, user, app.url)

        return await host(replace(launch, loaded=loaded), show)


async def at_once(_seconds: float) -> None:
    """A pause for nobody."""


async def alone(launch: Launch) -> int:
    """A server for whoever calls it."""
    return await host(launch)


def start(
    command: str,
    flags: dict[str, list[str]],
    main: Callable[[Launch], Coroutine[Any, Any, int]] = alone,
    app: Sequence[str] = (),
) -> int:
    """Runs to the end; what hinders a start becomes a sentence and an exit code."""
    loaded = load_or_fail(command, flags, bool(app))
    check_program(app)
    config = loaded.config
    again = partial(load_here, command, flags, bool(app))
    launch = Launch(loaded, stamp(config.config_file), again, app)
    if config.output == "tui" and not is_terminal():
        raise Failure("The terminal UI needs a terminal; expected another --output.", USAGE)
    server_log.write_to_stderr(config.verbosity, config.log_file)
    try:
        return server.run(main(launch))
    except server.PortInUse as error:
        from qstash_dev.cli.ports import program_on  # a start that succeeds does not pay for it

        holder = asyncio.run(program_on(error.port))
        flag = "--log-port" if error.port == config.log_port else "--port"
        # The last line of all output, for the JavaScript SDK reads the port there.
        click.echo(port_in_use(error.address, error.port, holder, flag), err=True, nl=False)
        return PORT_IN_USE
    except ConfigError as error:
        raise Failure(str(error), USAGE) from None
    except (StoreError, OSError) as error:
        raise Failure(f"The server cannot start: {error}.") from None
    except KeyboardInterrupt:  # where signals cannot be handled by the loop (Windows)
        return OK


def check_program(app: Sequence[str]) -> None:
    """A command that cannot be run is a usage error, before anything is started."""
    if app:
        from qstash_dev.child.group import words_of

        try:
            words_of(app)
        except FileNotFoundError:
            raise Failure(f'After --: there is no program "{app[0]}".', USAGE) from None


async def host(launch: Launch, companion: Companion | None = None) -> int:
    """The server until SIGTERM, SIGINT or SIGHUP, or until the person leaves the terminal UI."""
    config, stop = launch.config, asyncio.Event()
    console = make_console(config)
    notes = ExitStack()

    async def prepare(started: Started) -> None:
        if config.data_dir is None:
            from qstash_dev.cli.server_url import noted  # late: most keep their state

            notes.enter_context(noted(started))
        await sow_first(started, config)

    service = server.Server(config, console, prepare=prepare, command=launch.app)
    with_signals(stop, service.hurry)
    with_job_control(service.halt_app)
    with notes:
        await service.start()
        beside = Tasks()
        begin_companions(beside, launch, service, console, companion)
        try:
            if config.output == "tui":
                await show_screen(config, console, service.started, stop)
            await stop.wait()
        finally:
            await beside.stop()
            await service.stop()
    return OK


async def sow_first(started: Started, config: Config) -> None:
    """Before the server is ready; what is refused then is the error that the start ends with."""
    with server_log.without_refusals():
        await sow(started, config)


async def sow(started: Started, config: Config, before: Seeds | None = None) -> None:
    """Makes the resources that the configuration file names."""
    if config.seeds != (before or Seeds()):
        from qstash_dev.server import seeds

        await seeds.sow(started.url, config, before)


def begin_companions(
    beside: Tasks,
    launch: Launch,
    service: server.Server,
    console: Console,
    companion: Companion | None,
) -> None:
    """What runs beside the server; its trouble is told and does not end the server."""

    async def apply(old: Config, new: Config) -> None:
        service.reconfigure(new)
        try:
            await sow(service.started, new, old.seeds)
        except ConfigError:
            service.reconfigure(old)
            await sow(service.started, old, new.seeds)
            raise

    following = Following(launch.loaded, launch.file_stamp)
    beside.keep(
        "following the configuration file",
        lambda: follow(following, launch.load_again, apply, service.told.notice),
    )
    if companion is not None:
        beside.once("the sample app's messages", companion(service))
    elif launch.config.output != "quiet":

        def why() -> str:
            from qstash_dev.devtools.status import why_quiet  # late: nobody asks at the start

            return why_quiet(service.describe().app)

        beside.once("a hint", hint_when_quiet(service.told.notice, why, console))


async def hint_when_quiet(
    say: Callable[[str], object],
    why: Callable[[], str],
    console: Console,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Says what to look for when no message came for a while."""
    await sleep(QUIET_S)
    if not console.has_seen_events:
        say(why())


def with_signals(stop: asyncio.Event, hurry: Callable[[], None]) -> None:
    """Ends cleanly when asked to; asked again it hurries."""

    def end() -> None:
        if stop.is_set():
            hurry()
        stop.set()

    for name in ("SIGTERM", "SIGINT", "SIGHUP"):
        with suppress(NotImplementedError, AttributeError):
            asyncio.get_running_loop().add_signal_handler(getattr(signal, name), end)


def with_job_control(halt: Callable[[bool], None]) -> None:
    """Stops with ctrl+z as a job of a shell does, and what was started besides with it."""

    def rest() -> None:
        halt(True)
        os.kill(os.getpid(), signal.SIGSTOP)
        halt(False)

    with suppress(NotImplementedError, AttributeError):
        asyncio.get_running_loop().add_signal_handler(signal.SIGTSTP, rest)


def make_console(config: Config) -> Console:
    """stdout in the style of the settings; under a TUI it is the style for the time after it."""
    style = "log" if config.output == "tui" else config.output
    colour = wants_colour(sys.stdout, os.environ)
    return Console(Output(sys.stdout), style, colour=colour, verbosity=config.verbosity)


class Output:
    """Writes to a stream until that fails: the server goes on without anybody who reads it, and does
    not wait for who reads slowly.
    """

    def __init__(self, stream: TextIO) -> None:
        self._raw = stream
        self._stream: Unhurried | None = Unhurried(stream)

    def __call__(self, text: str) -> None:
        """At once, so that a pipe sees each line when it happens."""
        if self._stream is None:
            return
        try:
            self._stream.write(text)
            self._stream.flush()
            if count := self._stream.left_out():
                log.warning("%d lines were not printed: nobody read stdout for a while", count)
        except OSError as error:
            log.warning("nothing more is printed: stdout cannot be written: %s", error.strerror)
            give_up(self._raw)
            self._stream = None


async def show_screen(
    config: Config,
    console: Console,
    started: Started,
    stop: asyncio.Event,
) -> None:
    """The terminal UI in a child. Its clean end stops the server, its crash does not."""
    environment = {name: os.environ[name] for name in os.environ if name not in SECRETS}
    environment["QSTASH_DEV_TOKEN"] = started.user.token
    if config.config_file is not None:
        environment["QSTASH_DEV_CONFIG"] = str(config.config_file)
    if config.theme is not None:
        environment["QSTASH_DEV_THEME"] = config.theme
    environment["QSTASH_DEV_DESKTOP"] = config.desktop
    with server_log.away_from_the_screen(config), console.silence():
        # Both end with this call, and what becomes of the child is its result.
        screen = asyncio.ensure_future(run_child(attach_command(started.url), environment))
        stopped = asyncio.ensure_future(stop.wait())
        await asyncio.wait((screen, stopped), return_when=asyncio.FIRST_COMPLETED)
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
