"""Columns and cells that several views have: time, state, status, destination, fields of things."""

from collections.abc import Callable
from typing import Any

from qstash_dev.devtools.documents import Row
from qstash_dev.devtools.pages.thing_page import Thing, on_or_paused
from qstash_dev.devtools.run_documents import TURN
from qstash_dev.devtools.states import KINDS, status_role
from qstash_dev.tui.model.table import Column, Ink
from qstash_dev.tui.render import fmt
from qstash_dev.tui.render.palette import Span

Value = Callable[[Any], Any]
"""What a column shows of an item."""


def state(item: Any, ink: Ink) -> Span:
    """Symbol, word and colour of whatever has a state."""
    return fmt.state_span(item.state)


def time(of: Value, from_width: int = 0) -> Column[Any]:
    """The column of the time, in whose order the items came."""
    return Column(
        *("TIME", 8, lambda item, ink: (fmt.clock_time(of(item), ink.zone), "muted"), from_width),
        sort=of,
        is_age=True,
    )


def code(of: Value, from_width: int = 0) -> Column[Any]:
    """The column of an HTTP status, or a dash."""

    def cell(item: Any, ink: Ink) -> Span:
        number = of(item)
        return (str(number), status_role(number)) if number else ("–", "muted")

    return Column("CODE", 4, cell, from_width, sort=of)


def text(title: str, width: int, of: Value, from_width: int = 0, role: str = "") -> Column[Any]:
    """A column of texts by which one can sort."""
    return Column(
        *(title, width, lambda item, ink: (fmt.safe(str(of(item) or "")), role), from_width),
        sort=of,
    )


def number(title: str, width: int, of: Value, from_width: int = 0, role: str = "") -> Column[Any]:
    """A column of numbers by which one can sort."""
    return Column(
        *(title, width, lambda item, ink: (str(of(item) or 0), role), from_width),
        right=True,
        sort=of,
    )


def by(key: str) -> Value:
    """One field of a thing."""
    return lambda thing: thing.get(key)


def of_its(row_of: Value, column: Column[Row]) -> Column[Any]:
    """The column of a message for items that are about one."""
    sort = column.sort
    return column._replace(
        cell=lambda item, ink: column.cell(row_of(item), ink),
        sort=None if sort is None else lambda item: sort(row_of(item)),
    )


def _destination(row: Row, ink: Ink) -> Span:
    """Where a message goes, with marks for its kind, its replays and whether it is armed."""
    kind = KINDS.get(row.kind, "")
    text = fmt.short_host(fmt.destination(row.url, ink.app_url))
    done = "✓" if row.id in ink.healed else ""
    again = f" ⟲{row.replays}{done}" if row.replays or done else ""
    armed = " ⚑" if row.armed else ""
    return f"{kind}{' ' if kind else ''}{text}{again}{armed}", ""


def _why(row: Row, ink: Ink) -> Span:
    """The reason of a failure, why it waits, what it is held for, what is odd about it, or its step."""
    if row.state in ("failed", "retry", "held") and (row.hint or row.error):
        role = "error" if row.state == "failed" else "warning"
        return fmt.safe(row.hint or row.error or ""), role
    if row.state == "queued":
        line = row.queue or row.flow_key
        return f"{fmt.safe(line)}: {TURN}" if line else TURN, "muted"
    if row.lints:
        return fmt.safe(row.lints[0]), "accent"
    return (f"step {fmt.safe(row.step)}", "muted") if row.step else ("", "")


BLANK: Column[Any] = Column("", 1, lambda thing, ink: ("", ""))
"""Where other views have their mark."""

IS_ON: Column[Thing] = Column("STATE", 8, lambda thing, ink: on_or_paused(thing))

MARK: Column[Row] = Column("", 1, lambda row, ink: ("●" if row.id in ink.marks else " ", "key"))
TRY: Column[Row] = Column(
    "TRY", 4, lambda row, ink: (fmt.tries(row), ""), 48, sort=lambda row: row.try_
)
DESTINATION: Column[Row] = Column("DESTINATION", 0, _destination, sort=lambda row: row.url)
WHY: Column[Row] = Column("WHY", 0, _why, 112, joins=True)
