"""Cells that several views have: state, status, destination, and things of the control API."""

from collections.abc import Callable
from typing import Any

from qstash_dev.devtools.documents import Row
from qstash_dev.devtools.run_documents import TURN
from qstash_dev.devtools.states import KINDS
from qstash_dev.tui.model.table import Ink
from qstash_dev.tui.render import fmt
from qstash_dev.tui.render.pages import status_role
from qstash_dev.tui.render.palette import Span

Thing = dict[str, Any]
"""A schedule, queue, group or key as the control API tells it."""


WHY_FROM = 112
"""A list that wide has a column of its own for the reason."""


def state(row: Row, ink: Ink) -> Span:
    """Symbol, word and colour."""
    shown = fmt.state_look(row.state)
    return f"{shown.symbol} {shown.word}", shown.role


def status(number: int | None) -> Span:
    """An HTTP status, or a dash."""
    return (str(number), status_role(number)) if number else ("–", "muted")


def destination(row: Row, ink: Ink) -> Span:
    """Where a message goes, with marks for its kind, its replays and whether it is armed."""
    kind = KINDS.get(row.kind, "")
    text = fmt.short_host(fmt.destination(row.url, ink.app_url))
    done = "✓" if row.id in ink.healed else ""
    again = f" ⟲{row.replays}{done}" if row.replays or done else ""
    armed = " ⚑" if row.armed else ""
    return f"{kind}{' ' if kind else ''}{text}{again}{armed}", ""


def why(row: Row, ink: Ink) -> Span:
    """The reason of a failure, why it waits, what it is held for, or what is odd about it."""
    if row.state in ("failed", "retry", "held") and (row.hint or row.error):
        role = "error" if row.state == "failed" else "warning"
        return fmt.safe(row.hint or row.error or ""), role
    if row.state == "queued":
        line = row.queue or row.flow_key
        return f"{fmt.safe(line)}: {TURN}" if line else TURN, "muted"
    return (fmt.safe(row.lints[0]), "accent") if row.lints else ("", "")


def field(key: str, role: str = "") -> Callable[[Thing, Ink], Span]:
    """One field of a thing as text."""
    return lambda thing, ink: (fmt.safe(str(thing.get(key) or "–")), role)


def number(key: str, role: str = "", default: int = 0) -> Callable[[Thing, Ink], Span]:
    """One field of a thing that is a number."""
    return lambda thing, ink: (str(thing.get(key, default)), role)


def by(key: str) -> Callable[[Thing], Any]:
    """To sort things by one field."""
    return lambda thing: thing.get(key)


def blank(thing: object, ink: Ink) -> Span:
    """Where other views have their mark."""
    return "", ""


def is_on(thing: Thing, ink: Ink) -> Span:
    """Paused or not."""
    return ("‖ paused", "warning") if is_paused(thing) else ("▶ on", "success")


def is_paused(thing: Thing) -> bool:
    """Whether a schedule, queue or key is paused; QStash has two names for that."""
    return bool(thing.get("isPaused", thing.get("paused", False)))
