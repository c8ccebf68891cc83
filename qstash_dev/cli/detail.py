"""One message whole, as text: what was published, every exchange, and why it failed; and the page of
another thing.
"""

import re
from base64 import b64decode
from collections.abc import Iterable

import click

from qstash_dev.cli.tables import coloured, print_record, state_text, time_text
from qstash_dev.devtools.ansi import plain
from qstash_dev.devtools.documents import Attempt, Body, Detail, Piece
from qstash_dev.devtools.pages.message_facts import message_facts
from qstash_dev.devtools.pages.message_pages import printed_meanwhile
from qstash_dev.devtools.pages.parts import BLANK, Part
from qstash_dev.devtools.text import date_time, printable, size
from qstash_dev.protocol.timing import format_duration
from qstash_dev.web.links import page_url

COUNTED = re.compile(r"\(?\{(?:in|ago|near)\}\)?")
MARK = re.compile(r"\{\w+\}")
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
    facts = message_facts(row, detail.spec, detail.links, detail.waits)
    overview = {fact.name: "".join(map(piece_text, fact.pieces)) for fact in facts}
    tries = {"attempts": f"{row.try_} of {row.tries}", "page": page_url(server, row.id)}
    print_record({**overview, **tries})
    heading(f"{detail.request.method} {detail.request.url}")
    exchange(detail.request.headers, detail.request.body)
    for name, body in detail.request.decoded.items():
        heading(f"{name}, decoded")
        click.echo(body_text(body))
    for attempt in detail.attempts:
        print_attempt(attempt)


def print_parts(parts: Iterable[Part]) -> None:
    """Parts of a page of the terminal UI and the browser."""
    for number, part in enumerate(parts):
        if part.title:
            heading(part.title) if number else click.echo(printable(part.title))
        if part.facts:
            print_record({fact.name: "".join(map(piece_text, fact.pieces)) for fact in part.facts})
        if part.line:
            click.echo(printable("".join(map(piece_text, part.line))))
        for text in part.output:
            click.echo(printable(f"  {plain(text)}"))
        if part.body is not None:
            click.echo(body_text(part.body))
        if part == BLANK:
            click.echo()


def piece_text(piece: Piece) -> str:
    """A moment as date and time, all else as it is. What is only counted from now is left out."""
    if piece.at is None:
        return piece.text
    return MARK.sub(date_time(piece.at), COUNTED.sub("", piece.text)).strip(" ()")


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
    if said := printed_meanwhile(attempt):
        click.echo()
        print_parts(said)


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
