"""Answers of the control API that are more than a row or an event of `devtools.documents`."""

from msgspec import Struct

from qstash_dev.devtools.documents import DlqEntry
from qstash_dev.devtools.faults import Fault


class Health(Struct):
    """Who answers, and for how long."""

    version: str
    pid: int
    url: str
    uptime_ms: int = 0


class Complaint(Struct):
    """How the server says no."""

    error: str


class Made(Struct):
    """What is new."""

    id: str


class Undoable(Struct):
    """What was done, with the order that `undo` takes."""

    undo: str | None = None


class Deleted(Undoable, kw_only=True):
    """How many are gone."""

    deleted: int


class Restored(Struct):
    """How many are there again."""

    restored: int


class Fired(Struct):
    """The messages that a schedule made."""

    ids: list[str]


class Dlq(Struct):
    """A page of dead letters."""

    entries: list[DlqEntry]


class Faults(Struct):
    """All rules."""

    faults: list[Fault]
