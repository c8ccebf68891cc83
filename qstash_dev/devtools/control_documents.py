"""Answers of the control API that are more than a row or an event of `devtools.documents`.

Unknown fields are ignored, missing ones have defaults.
"""

from typing import Any

from msgspec import Struct

from qstash_dev.devtools.documents import DlqEntry, Printed, Process, Row, Tunnel
from qstash_dev.devtools.faults import Fault
from qstash_dev.devtools.pages.parts import Part
from qstash_dev.devtools.text import counted
from qstash_dev.protocol.signature import Inspection


class Alive(Struct):
    """That the server answers."""

    ok: bool = True


class Health(Struct):
    """Who answers, and for how long; `warning` is what people should know of its data."""

    version: str
    pid: int
    url: str
    uptime_ms: int = 0
    ok: bool = True
    warning: str | None = None


class About(Struct):
    """One page about something, and the commands that it allows; `pages` are all, if there are several.
    `row` is the row of a message or run.
    """

    parts: list[Part]
    verbs: list[str] = []
    pages: list[str] = []
    row: Any = None


class Complaint(Struct):
    """How the server says no: a full sentence."""

    error: str


class Made(Struct):
    """What is new, or what the order was about."""

    id: str


class FixtureFile(Struct):
    """A message as a file to be kept: its name and what is in it."""

    name: str
    text: str


class WrittenMessage(Struct):
    """A message as a person writes it: `headers` are lines `Name: value`, and what is no `Upstash-`
    header is for the destination, which may be a path of the app.
    """

    url: str
    method: str
    headers: str
    body: str


class BatchItem(Struct):
    """A message as an item of `/v2/batch`."""

    destination: str
    headers: dict[str, str]
    body: str
    queue: str | None = None


class AppOutput(Struct):
    """The app that the server started, if it did, and lines that it printed; `count` is the last
    one's number.
    """

    process: Process | None = None
    lines: list[Printed] = []
    count: int = 0


class MadeRun(Made):
    """A new workflow run."""

    created_at: int


class StartedRun(Made):
    """A run in which so much was started."""

    started: int


class Notified(Struct):
    """Runs that go on with an event; it is `kept` for a run that does not wait for it yet."""

    resumed: list[str]
    kept: bool = False


class Armed(Made):
    """Whether a message is delivered again on save."""

    armed: bool


class Paused(Struct):
    """Whether deliveries are started."""

    paused: bool


class Undoable(Struct):
    """What was done, with the order that `undo` takes."""

    undo: str | None = None


class Cancelled(Undoable, kw_only=True):
    """A message that is cancelled."""

    id: str


class Deleted(Undoable, kw_only=True):
    """How many are gone."""

    deleted: int


class Restored(Struct):
    """How many messages are as before, which other things are there again, such as `queue mail`, and
    both in a sentence.
    """

    restored: int
    things: list[str] = []
    told: str = ""

    def __post_init__(self) -> None:
        """Say it. A thing that was made anew since stays as it is."""
        found = [*self.things, *([counted(self.restored, "message")] if self.restored else [])]
        verb = "are" if len(found) > 1 or self.restored > 1 else "is"
        nothing = "Nothing was undone: all is there again, made anew or changed since."
        self.told = f"Undone: {' and '.join(found)} {verb} as before." if found else nothing


class Fired(Struct):
    """The messages that a schedule made."""

    ids: list[str]


class Waited(Struct):
    """Whether enough messages matched in time, those that do, and else what nearly does."""

    met: bool
    rows: list[Row]
    nearest: str = ""


class Dlq(Struct):
    """A page of dead letters."""

    entries: list[DlqEntry]
    cursor: str | None = None


class FaultRow(Fault, frozen=True, kw_only=True):
    """A rule, and whether it may be applied once more."""

    active: bool = False


class Faults(Struct):
    """All rules."""

    faults: list[FaultRow]


class Verified(Struct):
    """An attempt's signature, judged as of then, and what the app may have seen instead.

    `rewritten` is the body as JavaScript writes it again, if that differs.
    """

    id: str
    attempt: int
    at: int
    status: int | None
    user: str
    token: str
    url: str
    target: str
    host: str
    rewritten: str | None
    inspection: Inspection


class RunLog(Struct):
    """What happened in a run, in the words of QStash's log."""

    events: list[dict[str, Any]]


class RefusedRequest(Struct, frozen=True):
    """A request that was not let in. `time` is epoch milliseconds."""

    time: int
    method: str
    target: str
    status: int
    reason: str
    caller: str


class CloudCalls(Struct):
    """The real QStash behind `--cloud`: how many calls went on to it, and what is wrong."""

    url: str
    calls: int
    trouble: str | None = None


class TunnelDetail(Tunnel):
    """All that faces the internet, with the address for webhooks."""

    ingress: str | None = None
    open: bool = False
    keys_known: bool = False
    webhook: str | None = None
    refusals: tuple[RefusedRequest, ...] = ()
    cloud: CloudCalls | None = None  # type: ignore[assignment]  # more than the status line shows


class DeduplicationRow(Struct, rename={"expires_time": "expiresTime"}):
    """An id that is in force, and the message that has it."""

    id: str
    user: str
    original: str
    expires_time: int


class Deduplications(Struct):
    """All ids that are in force, the newest first."""

    deduplication: list[DeduplicationRow]
