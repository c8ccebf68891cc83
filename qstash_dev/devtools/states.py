"""How a state is told wherever people look: symbol, word, colour by its role, whether it is the end.

A state is never told by its colour alone. `STATES` are those of rows and filters; those of the log,
`EVENTS`, and of workflow runs, `RUNS` and `STEPS`, QStash names.
"""

from typing import NamedTuple


class Look(NamedTuple):
    """`role` is a meaning, of which a theme or a terminal makes a colour."""

    symbol: str
    word: str
    role: str
    is_finished: bool = False

    def shown(self, width: int = 0) -> str:
        """Symbol and word, which takes `width` characters at least."""
        return f"{self.symbol} {self.word:<{width}}"


STATES = {
    "delayed": Look("◷", "delayed", "accent"),
    "created": Look("•", "due", "accent"),
    "queued": Look("≡", "queued", "accent"),
    "active": Look("▶", "active", "primary"),
    "retry": Look("↻", "retry", "warning"),
    "held": Look("‖", "held", "warning"),
    "delivered": Look("✓", "ok", "success", is_finished=True),
    "failed": Look("✗", "failed", "error", is_finished=True),
    "canceled": Look("⊘", "canceled", "muted", is_finished=True),
}

EVENTS = {
    "CREATED": Look("•", "created", "accent"),
    "ACTIVE": Look("▶", "active", "primary"),
    "RETRY": Look("↻", "retry", "warning"),
    "ERROR": Look("!", "error", "error"),
    "DELIVERED": Look("✓", "delivered", "success", is_finished=True),
    "FAILED": Look("✗", "failed", "error", is_finished=True),
    "CANCEL_REQUESTED": Look("⊘", "cancel asked", "muted"),
    "CANCELED": Look("⊘", "canceled", "muted", is_finished=True),
}

RUNS = {
    "RUN_STARTED": Look("▶", "live", "primary"),
    "RUN_SUCCESS": Look("✓", "success", "success", is_finished=True),
    "RUN_FAILED": Look("✗", "failed", "error", is_finished=True),
    "RUN_CANCELED": Look("⊘", "canceled", "muted", is_finished=True),
}

STEPS = {
    "STEP_SUCCESS": Look("✓", "success", "success", is_finished=True),
    "STEP_PROGRESS": Look("▶", "progress", "primary"),
    "STEP_RETRY": Look("↻", "retry", "warning"),
    "STEP_FAILED": Look("✗", "failed", "error", is_finished=True),
    "STEP_CANCELED": Look("⊘", "canceled", "muted", is_finished=True),
}

KINDS = {
    "schedule": "◴",
    "callback": "↩",
    "failure-callback": "↯",
    "replay": "⟲",
    "dlq-retry": "⟳",
    "cloud": "☁",
}
"""Marks of messages that were not simply published."""

FINISHED = tuple(name for name, look in STATES.items() if look.is_finished)
WAITING = tuple(n for n, look in STATES.items() if not look.is_finished and n != "active")

ANSI = {
    "accent": "36",
    "primary": "34",
    "warning": "33",
    "success": "32",
    "error": "31",
    "muted": "35",
}
"""The colours of roles on a terminal without a theme."""


def look_of(state: str) -> Look:
    """The look of a row's state, of an event, a run's or a step's; an unknown one has its own word."""
    known = (table[state] for table in (STATES, EVENTS, RUNS, STEPS) if state in table)
    return next(known, Look("?", state.lower(), "muted"))


def status_role(status: int) -> str:
    """The role of an HTTP status."""
    return "success" if status < 300 else "warning" if status < 400 else "error"
