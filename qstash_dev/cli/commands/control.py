"""`clock`, `wait`, `reset`: steer a running server."""

import re
import sys

import click

from qstash_dev.cli.command_group import CommandGroup
from qstash_dev.cli.commands.messages import HEADS, row_cells
from qstash_dev.cli.connection import with_client
from qstash_dev.cli.exits import NOT_MET, USAGE, Failure
from qstash_dev.cli.shared_options import json_option, url_option
from qstash_dev.cli.tables import print_json, print_table, time_text
from qstash_dev.cli.values import FILTER, Value, duration, whole
from qstash_dev.config import parsing
from qstash_dev.devtools.documents import Clock
from qstash_dev.devtools.text import printable
from qstash_dev.protocol.timing import format_duration

PATIENCE = duration(most_ms=600_000)
"""As long as the server lets anybody wait at once."""


@click.group(cls=CommandGroup, invoke_without_command=True)
@json_option
@url_option
@click.pass_context
def clock(ctx: click.Context, as_json: bool, url: str | None) -> None:
    """See and control the time that delays, retries and schedules follow."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(show_clock, as_json=as_json, url=url)
    given = {"as_json": as_json, "url": url}
    ctx.default_map = dict.fromkeys(clock.commands, given)  # they may stand before the command, too


def print_clock(found: Clock, as_json: bool) -> None:
    """Mode, time, and when something is due next."""
    if as_json:
        print_json(found)
        return
    speed = f" {found.scale:g}x" if found.mode == "scaled" else ""
    click.echo(f"{found.mode}{speed}  {time_text(found.now)}")
    if found.offset_ms:
        side = "ahead of" if found.offset_ms > 0 else "behind"
        click.echo(f"{format_duration(abs(found.offset_ms))} {side} the wall clock")
    if found.notice is not None:
        click.echo(found.notice)
    if found.next_event_at is not None and found.now is not None:
        click.echo(f"next event in {format_duration(max(0, found.next_event_at - found.now))}")


def change(as_json: bool, url: str | None, order: dict[str, object], patience_ms: int = 0) -> None:
    """Sends an order to the clock and shows what became of it."""
    print_clock(with_client(url, lambda client: client.clock(order), patience_ms), as_json)


@clock.command("show")
@json_option
@url_option
def show_clock(as_json: bool, url: str | None) -> None:
    """How time passes now."""
    print_clock(with_client(url, lambda client: client.clock()), as_json)


class Forward(click.Command):
    """Says that time does not go back, where click would take `-1h` for options, and `-h` for help."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        back = next((arg for arg in args if re.match(r"-\d", arg)), None)
        if back is not None:
            text = f'Time only goes forward; "{back}" would be back.'
            ctx.fail(f"{text} To return to the wall clock: qstash-dev clock real")
        return super().parse_args(ctx, args)


@clock.command("advance", cls=Forward)
@click.argument("duration_ms", type=duration(), metavar="D")
@json_option
@url_option
def advance_clock(duration_ms: int, as_json: bool, url: str | None) -> None:
    """Jump ahead, such as 2h; everything due until then is delivered."""
    change(as_json, url, {"advance_ms": duration_ms})


@clock.command("skip")
@json_option
@url_option
def skip_clock(as_json: bool, url: str | None) -> None:
    """Jump to the next event."""
    change(as_json, url, {"skip": True})


@clock.command("settle")
@click.option(
    "--timeout", type=PATIENCE, metavar="D", default="10s", help="Real time [default: 10s]."
)
@json_option
@url_option
def settle_clock(timeout: int, as_json: bool, url: str | None) -> None:
    """Jump from event to event until no message waits any more."""
    change(as_json, url, {"settle": True, "wait_ms": timeout}, timeout)


@clock.command("scale")
@click.argument("factor", type=Value("factor", parsing.speed), metavar="FACTOR")
@json_option
@url_option
def scale_clock(factor: float, as_json: bool, url: str | None) -> None:
    """Let time pass FACTOR times as fast."""
    change(as_json, url, {"mode": "scaled", "scale": factor})


@clock.command("freeze")
@json_option
@url_option
def freeze_clock(as_json: bool, url: str | None) -> None:
    """Stop time; only advance and skip move it."""
    change(as_json, url, {"mode": "frozen"})


@clock.command("real")
@json_option
@url_option
def real_clock(as_json: bool, url: str | None) -> None:
    """Return to the wall clock."""
    change(as_json, url, {"mode": "real"})


@click.command()
@click.option(
    "--filter", type=FILTER, metavar="FILTER", required=True, help='Such as "state:failed".'
)
@click.option(
    "--count", type=whole(1, 2_000), metavar="N", default=1, help="How many [default: 1]."
)
@click.option(
    "--timeout", type=PATIENCE, metavar="D", default="5s", help="Real time [default: 5s]."
)
@json_option
@url_option
def wait(filter: str, count: int, timeout: int, as_json: bool, url: str | None) -> None:
    """Wait until messages match; exits with 4 when they do not in time."""
    answer = with_client(url, lambda client: client.wait(filter, count, timeout), timeout)
    rows = answer.rows
    if as_json:
        print_json(answer)
    elif rows:
        print_table(HEADS, [row_cells(row) for row in rows], "")
    if not answer.met:
        text = f"{len(rows)} of {count} matched within {format_duration(timeout)}: {filter}"
        raise Failure(f"{text}\n{printable(answer.nearest)}".rstrip(), NOT_MET)


@click.command()
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@url_option
def reset(yes: bool, url: str | None) -> None:
    """Forget all messages, schedules, queues, groups and logs."""
    if not yes:
        if not sys.stdin.isatty():
            raise Failure("Nobody can be asked here; expected --yes to forget everything.", USAGE)
        click.confirm("Forget all messages, schedules, queues, groups and logs?", abort=True)
    with_client(url, lambda client: client.request("POST", "/_dev/reset"))
    click.echo("Everything is forgotten.", err=True)
