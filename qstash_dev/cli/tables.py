"""Output of client commands: columns for people, JSON for programs. Data goes to stdout."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from shutil import get_terminal_size
from typing import Any

import click
from msgspec import to_builtins

from qstash_dev.cli.encoding import as_written, has_symbols
from qstash_dev.console import wants_colour
from qstash_dev.devtools.states import ANSI, STATES
from qstash_dev.devtools.text import as_text, date_time, printable


def print_json(value: object) -> None:
    """One document, as the control API has it."""
    is_ascii = not has_symbols(sys.stdout)  # then `\u2713`: a word in its place would be no fact
    click.echo(json.dumps(to_builtins(value), indent=2, ensure_ascii=is_ascii))


def print_table(heads: Sequence[str], rows: Sequence[Sequence[object]], nothing: str) -> None:
    """Aligned columns, cut at the width of a terminal; `nothing` on stderr when there are none."""
    if not rows:
        click.echo(nothing, err=True)
        return
    from rich.cells import set_cell_size  # late: most commands print no table

    lines = columns([heads, *rows])
    if sys.stdout.isatty():
        width = get_terminal_size().columns
        lines = [set_cell_size(line, width) for line in lines]
    for line in lines:
        click.echo(line.rstrip())


def columns(rows: Sequence[Sequence[object]]) -> list[str]:
    """The rows as lines in which every column is as wide as its widest text."""
    from rich.cells import cell_len, set_cell_size  # late: most commands print no table

    texts = [[as_written(cell(value), sys.stdout) for value in row] for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(*texts, strict=True)]
    return ["  ".join(map(set_cell_size, row, widths)) for row in texts]


def cell(value: object) -> str:
    """Text without control characters; nothing is a dash."""
    return "-" if value is None or value == "" else printable(str(value))


def time_text(ms: int | None) -> str | None:
    """Local date and time, to the second."""
    return None if ms is None else date_time(ms)


def print_record(record: Mapping[str, Any]) -> None:
    """Names and values below each other, texts of a list too; what is not set is left out."""
    rows: list[tuple[str, str]] = []
    for name, value in record.items():
        if value in (None, [], {}, ""):
            continue
        is_list = isinstance(value, list) and all(isinstance(part, str) for part in value)
        first, *others = value if is_list else [value]
        rows += [(f"{name}:", as_text(first)), *((" ", as_text(other)) for other in others)]
    for line in columns(rows):
        click.echo(line.rstrip())


def state_text(state: str) -> str:
    """`✓ delivered`."""
    return f"{STATES[state].symbol} {state}" if state in STATES else state


def coloured(text: str, state: str) -> str:
    """The text in the colour of a state, on a terminal that wants colours."""
    if state not in STATES or not wants_colour(sys.stdout, os.environ):
        return text
    return f"\x1b[{ANSI[STATES[state].role]}m{text}\x1b[0m"
