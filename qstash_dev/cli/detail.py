"""One message whole, as text: what was published, every exchange, and why it failed."""

from base64 import b64decode

import click

from qstash_dev.cli.tables import coloured, print_record, state_text, time_text
from qstash_dev.devtools.documents import Attempt, Body, Detail
from qstash_dev.devtools.text import printable, size
from qstash_dev.protocol.timing import format_duration
from qstash_dev.web.links import page_url

SHOWN = 2000
"""Characters of a body; `messages get --body` gives all."""


def print_detail(detail: Detail, server: str) -> None:
    """Overview, with where the page of that server shows it; request, attempts."""
    row = detail.row
    click.echo(coloured(f"{state_text(row.state)}  {row.id}", row.state))
    if detail.hint:
        click.echo(f"! {printable(detail.hint)}")
    if detail.waits:
        click.echo(f"◷ {printable(detail.waits)}")
    for lint in detail.lints:
        click.echo(f"! {printable(lint)}")
    overview = {
        "created": time_text(row.created_at),
        "next attempt": None if detail.waits else time_text(row.due_at),
        "attempts": f"{row.try_} of {row.tries}",
        "kind": row.kind,
        "from": row.parent,
        "queue": row.queue,
        "url group": row.topic,
        "schedule": row.schedule,
        "flow control": row.flow_key,
        "workflow run": row.run,
        "step": row.step,
        "labels": ", ".join(row.labels),
        "dlq": row.dlq_id,
        "replayed": row.replays or None,
        "duplicates": f"{row.duplicates} dropped" if row.duplicates else None,
        "page": page_url(server, row.id),
    }
    print_record(overview)
    heading(f"{detail.request.method} {detail.request.url}")
    exchange(detail.request.headers, detail.request.body)
    for name, body in detail.request.decoded.items():
        heading(f"{name}, decoded")
        click.echo(body_text(body))
    for attempt in detail.attempts:
        print_attempt(attempt)


def print_attempt(attempt: Attempt) -> None:
    """One exchange: where it went, what came back."""
    took = format_duration(attempt.total_ms)
    heading(f"Attempt {attempt.number}, {time_text(attempt.started_at)}, {took}")
    click.echo(printable(f"to {attempt.target}"))
    if attempt.failure is not None:
        click.echo(printable(f"{attempt.failure.reason}: {attempt.failure.detail}"))
    if attempt.response is not None:
        click.echo(f"HTTP/{attempt.response.http_version} {attempt.response.status}")
        exchange(attempt.response.headers, attempt.response.body)


def heading(text: str) -> None:
    click.echo(f"\n{printable(text)}")


def exchange(headers: list[tuple[str, str]], body: Body) -> None:
    """Headers and the beginning of a body."""
    for name, value in headers:
        click.echo(printable(f"  {name}: {value}"))
    if body.size:
        click.echo("")
        click.echo(body_text(body))


def body_text(body: Body) -> str:
    """Text as it is but for control characters; else the size and the first bytes."""
    if body.text is None:
        head = b64decode(body.base64 or "")[:16].hex(" ")
        return f"  {size(body.size)}: {head}"
    text = body.text[:SHOWN]
    cut = f"\n  ... {size(body.size)} in all" if body.truncated or len(body.text) > SHOWN else ""
    return "\n".join(f"  {printable(line)}" for line in text.splitlines()) + cut
