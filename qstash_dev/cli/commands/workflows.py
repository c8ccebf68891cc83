"""`workflows`: list runs, look at one as its steps, cancel, resume, restart, run now, notify."""

import json
from collections.abc import Sequence
from typing import Any, TypeVar

import click

from qstash_dev.cli.bodies import body_of, headers_of
from qstash_dev.cli.choice import whole_run_id
from qstash_dev.cli.command_group import CommandGroup
from qstash_dev.cli.commands.messages import Order, carry_out, limit_option
from qstash_dev.cli.connection import with_client
from qstash_dev.cli.exits import Failure
from qstash_dev.cli.shared_options import header_option, json_option, url_option
from qstash_dev.cli.tables import print_json, print_record, print_table, time_text
from qstash_dev.cli.values import TEXT, Value, whole
from qstash_dev.client import Client
from qstash_dev.client.paths import path_of
from qstash_dev.config import parsing
from qstash_dev.devtools.control_documents import Made, Notified, RunLog
from qstash_dev.devtools.explain.error_text import headline
from qstash_dev.devtools.run_documents import (
    RunDetail,
    RunPage,
    RunRow,
    RunStep,
    failure_words,
    words,
)
from qstash_dev.devtools.states import RUNS, look_of
from qstash_dev.devtools.text import as_text, printable, shorten
from qstash_dev.protocol.timing import format_duration

T = TypeVar("T")


def states(text: str) -> str:
    """Some states of runs, with commas between."""
    for word in text.split(","):
        parsing.choice(*(look.word for look in RUNS.values()))(word.strip().lower())
    return text.replace(" ", "")


created_at_option = click.option(
    "--created-at", type=whole(0), metavar="MS", help="Of several runs of that id, which."
)


@click.group(cls=CommandGroup)
def workflows() -> None:
    """List workflow runs, look at one, cancel, resume, restart, run now, notify."""


@workflows.command("list")
@click.option(
    "--state",
    type=Value("states", states),
    metavar="STATE",
    help="live, success, failed, canceled; several with commas.",
)
@click.option("--run", type=TEXT, metavar="ID", help="The beginning of a run's id.")
@click.option("--dest", type=TEXT, metavar="TEXT", help="A part of the workflow's URL.")
@click.option("--label", type=TEXT, metavar="LABEL", help="A label of the run.")
@limit_option
@json_option
@url_option
def list_runs(
    state: str | None,
    run: str | None,
    dest: str | None,
    label: str | None,
    limit: int,
    as_json: bool,
    url: str | None,
) -> None:
    """The newest runs first."""
    params = {"state": state, "run": run, "url": dest, "label": label, "limit": limit}
    now, page = _with_now(url, None, RunPage, params)
    if as_json:
        print_json(page.runs)
        return
    rows = [_cells(row, now) for row in page.runs]
    heads = ("STARTED", "STATE", "STEPS", "TOOK", "ID", "WORKFLOW", "NOW")
    print_table(heads, rows, "No workflow run matches.")


@workflows.command("get")
@click.argument("id", type=TEXT)
@created_at_option
@json_option
@url_option
def get_run(id: str, created_at: int | None, as_json: bool, url: str | None) -> None:
    """One run with its steps, what it waits for, and why it failed."""
    now, found = _with_now(url, id, RunDetail, {"created_at": created_at})
    if as_json:
        print_json(found)
        return
    _print_run(found, now)


@workflows.command("logs")
@click.argument("id", type=TEXT)
@created_at_option
@json_option
@url_option
def run_logs(id: str, created_at: int | None, as_json: bool, url: str | None) -> None:
    """What happened in a run, one line per event."""

    async def read(client: Client) -> RunLog:
        path = _path(await whole_run_id(client, id))
        params = {"created_at": created_at}
        return await client.ask("GET", f"{path}/logs", RunLog, params=params)

    found = with_client(url, read)
    for event in found.events:
        if as_json:
            click.echo(json.dumps(event, ensure_ascii=False))
            continue
        step = event.get("stepInfo", {})
        told = (
            time_text(event.get("time")), f"{event.get('state', ''):<15}", step.get("stepName"),
            event.get("messageId"), event.get("error"),
        )  # fmt: skip
        click.echo(printable("  ".join(text for text in told if text)))


def run_verb(name: str, done: str, help: str, has_settings: bool = False) -> click.Command:
    """`cancel ID...` and the like; of several runs with one id it is the newest."""

    def command(ids: tuple[str, ...], url: str | None, header: Sequence[str] = ()) -> None:
        order = {"headers": headers_of(header)} if has_settings else {}

        async def choose(client: Client) -> list[str]:
            return [await whole_run_id(client, id) for id in ids]

        async def act(client: Client, id: str) -> str | None:
            made = await client.ask("POST", f"{_path(id)}/{name}", Made, json=order)
            return made.id if made.id != id else None

        carry_out(url, Order(done, act), choose)

    url_option(command)
    if has_settings:
        header_option('Another setting, such as "Upstash-Retries: 5".')(command)
    click.argument("ids", type=TEXT, nargs=-1, required=True, metavar="ID...")(command)
    return click.command(name, help=help)(command)


for verb in (
    run_verb("cancel", "Canceled", "End live runs; what is under way ends by itself."),
    run_verb(
        "resume", "Resumed", "Go on with failed runs from their failed step, as new runs.", True
    ),
    run_verb(
        "restart", "Restarted", "Start runs that are over once more, with their payload.", True
    ),
    run_verb(
        "run",
        "Started",
        "End the sleeps, delays and retries of runs now; else time out what they wait for.",
    ),
    run_verb(
        "callback", "Called", "Call the failure function of runs once more, where that failed."
    ),
):
    workflows.add_command(verb)


@workflows.command("notify")
@click.argument("event", type=TEXT)
@click.option(
    "--run", type=TEXT, metavar="ID", help="Only this run; kept, if it does not wait yet."
)
@click.option("-d", "--data", metavar="TEXT", help="The event's data; @FILE reads a file, - stdin.")
@json_option
@url_option
def notify(event: str, run: str | None, data: str | None, as_json: bool, url: str | None) -> None:
    """Resume the runs that wait for an event."""
    body = "" if data is None else body_of(data)

    async def tell(client: Client) -> Notified:
        path = "/_dev"
        if run is not None:
            path = _path(await whole_run_id(client, run))
        order = {"event": event, "body": body}
        return await client.ask("POST", f"{path}/notify", Notified, json=order)

    found = with_client(url, tell)
    if as_json:
        print_json(found)
    elif found.resumed:
        for id in found.resumed:
            click.echo(f"Resumed {id}")
    elif found.kept:
        click.echo(f"{run} does not wait for {event} yet: kept for its next wait")
    else:
        raise Failure(f"Nobody waits for the event {event}: it is lost.")


def _path(id: str) -> str:
    return path_of("workflows", id)


def _with_now(
    url: str | None, id: str | None, shape: type[T], params: dict[str, Any]
) -> tuple[int, T]:
    """The time of the server, and what it says of a run, or of all."""

    async def run(client: Client) -> tuple[int, T]:
        clock = await client.clock()
        path = "/_dev/workflows" if id is None else _path(await whole_run_id(client, id))
        return clock.now or 0, await client.ask("GET", path, shape, params=params)

    return with_client(url, run)


def _cells(row: RunRow, now: int) -> tuple[object, ...]:
    """One line of the list."""
    took = format_duration(max(0, (row.completed_at or now) - row.created_at))
    return time_text(row.created_at), _state(row), row.steps, took, row.id, row.url, _now(row, now)


def _now(row: RunRow, now: int) -> str:
    if row.waits:
        more = f" (+{len(row.waits) - 1})" if len(row.waits) > 1 else ""
        told = next((f": {one.why}" for one in row.waits if one.why), "")
        return words(row.waits[0], now) + more + told
    return row.left


def _state(row: RunRow) -> str:
    return look_of(row.state).shown()


def _print_run(found: RunDetail, now: int) -> None:
    row = found.row
    click.echo(f"{_state(row)}  {printable(row.id)}")
    for notice in row.notices:
        click.echo(f"! {printable(notice)}")
    overview = {
        "workflow": row.url,
        "started": time_text(row.created_at),
        "took": format_duration(max(0, (row.completed_at or now) - row.created_at)),
        "labels": ", ".join(row.labels),
        "invoked by": row.parent,
        "resumed as": row.successor,
        "dlq": row.dlq_id,
        "payload": shorten(found.payload),
        "result": shorten(found.response or ""),
    }
    print_record(overview)
    click.echo("")
    for step in found.steps:
        _print_step(step, now, found.hints)
    for waiting in row.waits:
        click.echo(f"… {printable(words(waiting, now))}")
        if waiting.why:
            click.echo(printable(f"! {waiting.why}"))
        elif waiting.kind == "event":
            how = f"nobody has notified it yet: qstash-dev workflows notify {waiting.event}"
            click.echo(printable(f"  {how}"))
    for event, address in found.hooks.items():
        click.echo(f"  webhook of {printable(event)}: {printable(address)}")
    for delivery in found.pending:
        if delivery.get("errors"):
            symbol = look_of(delivery["state"]).symbol
            click.echo(f"{symbol} {printable(delivery.get('stepName', 'next step'))}")
        _print_errors(delivery, found.hints)
    if found.failure is not None:
        click.echo(f"{failure_words(found.failure['state'])}  {found.failure['messageId']}")
        _print_errors(found.failure, found.hints)


def _print_step(step: RunStep, now: int, hints: dict[str, str]) -> None:
    indent = "│ " if step.parallel else ""
    took = format_duration(max(0, (step.ended_at or now) - step.began_at))
    out = step.log.get("out")
    line = f"{indent}{look_of(step.state).symbol} {step.name}  {step.type}  {took}"
    click.echo(printable(line + (f"  → {shorten(as_text(out))}" if out not in (None, "") else "")))
    _print_errors(step.log, hints)


def _print_errors(log: dict[str, Any], hints: dict[str, str]) -> None:
    for error in log.get("errors", []):
        said = shorten(headline(error["body"]) or error["body"])
        click.echo(printable(f"  ✗ {time_text(error['time'])}  {error['error']}  {said}"))
    if log.get("errors") and (hint := hints.get(log.get("messageId", ""))):
        click.echo(printable(f"  → {hint}"))
