"""What the control API says of workflow runs, as types, and what a run waits for in words.

Unknown fields are ignored, missing ones have defaults. Times are epoch ms of the server's clock.
"""

from datetime import datetime, tzinfo
from typing import Any

from msgspec import Struct, field

from qstash_dev.devtools.documents import Piece
from qstash_dev.protocol.timing import DAY_MS, format_duration
from qstash_dev.protocol.users import DEFAULT_USER

MINUTE_MS = 60_000
LEFT, AT = "{left}", "{at}"
TURN = "waits for its turn"


class Waiting(Struct, frozen=True):
    """One thing that a live run waits for. `kind` is `step` (the app is at it), `call`, `retry`,
    `sleep`, `delayed` (the start), `queued`, `held`, `event`, `webhook`, `invoke`, or `nothing`.

    `until` is when it goes on by itself. `name` is the step's, `event` what is to be notified; `run` is
    the invoked one; `tried` counts retries, `tries` how many there may be. `why` tells what came
    instead of the event, or how it came that nothing is waited for. `text` says it all, with `{left}`
    for the time until then, `{at}` for the time of day.
    """

    kind: str
    name: str = ""
    until: int | None = None
    message: str | None = None
    event: str | None = None
    run: str | None = None
    url: str | None = None
    tried: int = 0
    tries: int = 0
    why: str = ""
    text: str = ""


class RunRow(Struct, frozen=True):
    """One run in a list; no bodies in here. `steps` counts the finished ones, `parent` is the run that
    invoked it, `successor` the one that it was resumed as; `why` explains the delivery that it failed
    by, `left` says in a few words what became of one that is over, and `told` either that or what it
    waits for.
    """

    id: str
    created_at: int
    state: str
    url: str
    user: str = DEFAULT_USER
    seq: int = 0
    completed_at: int | None = None
    steps: int = 0
    labels: tuple[str, ...] = ()
    flow_key: str | None = None
    parent: str | None = None
    parent_created_at: int | None = None
    successor: str | None = None
    dlq_id: str | None = None
    failure_state: str | None = None
    waits: tuple[Waiting, ...] = ()
    notices: tuple[str, ...] = ()
    why: str = ""
    left: str = ""
    told: Piece = field(default_factory=Piece)


class RunStep(Struct, frozen=True):
    """A step on the time line of its run. Steps of one `group` stand side by side.

    `ended_at` is `None` while it is under way. `messages` are the ids of its messages in their order:
    plan, call, the call's answer, result; `message` is that which tells most. `log` is what QStash's
    log says of the step, in the log's words: input, output, errors, what it waits for.
    """

    group: int
    parallel: bool
    name: str
    type: str
    state: str
    began_at: int
    ended_at: int | None = None
    id: int | None = None
    message: str | None = None
    messages: tuple[str, ...] = ()
    log: dict[str, Any] = {}


class RunPage(Struct, frozen=True):
    """A page of runs, newest first."""

    runs: list[RunRow]
    cursor: str | None = None


class RunDetail(Struct, frozen=True):
    """One run, whole. `pending` are deliveries beside the steps, `failure` is the failure function,
    both in the words of QStash's log; `hints` explain failed deliveries, by message; `children` are
    the runs that it invoked; `hooks` are the addresses of webhooks that it waits for.
    """

    row: RunRow
    steps: list[RunStep]
    payload: str = ""
    headers: list[list[str]] = []
    response: str | None = None
    pending: list[dict[str, Any]] = []
    failure: dict[str, Any] | None = None
    hints: dict[str, str] = {}
    children: list[RunRow] = []
    hooks: dict[str, str] = {}


def words(waiting: Waiting, now: int, zone: tzinfo | None = None) -> str:
    """What a run waits for, in a few words; times of day in the zone (`None`: the machine's)."""
    text = template(waiting, now)
    if waiting.until is None:
        return text
    at = time_of_day(waiting.until, now, zone)
    return text.replace(LEFT, format_duration(max(0, waiting.until - now))).replace(AT, at)


def time_of_day(at: int, now: int, zone: tzinfo | None = None) -> str:
    """`12:04` today, `Mon 12:04` within a week, else with the date."""
    then, today = (datetime.fromtimestamp(ms / 1000, zone) for ms in (at, now))
    if then.date() == today.date():
        return f"{then:%H:%M}"
    return f"{then:%a %H:%M}" if 0 < at - now < 6 * DAY_MS else f"{then:%Y-%m-%d %H:%M}"


def left_as(row: RunRow) -> str:
    """What became of a run that is over, in a few words; nothing of most."""
    if row.successor is not None:
        return f"resumed as {row.successor}"
    called = failure_words(row.failure_state) if row.failure_state else ""
    return "; ".join(filter(None, (row.why, called)))


def failure_words(state: str) -> str:
    """How far a failure function is, from its state in QStash's log."""
    return f"failure function: {state.removeprefix('CALLBACK_').lower()}"


def template(waiting: Waiting, now: int) -> str:
    """The same for those who count the time down themselves, in a zone that they know."""
    match waiting.kind:
        case "sleep":
            is_near = (waiting.until or 0) - now < MINUTE_MS
            return f"sleeps, {LEFT} left" if is_near else f"sleeps until {AT}"
        case "delayed":
            return f"starts in {LEFT}"
        case "retry":
            return f"retry {waiting.tried}/{waiting.tries} in {LEFT}"
        case "event":
            return f"waits for event {waiting.event}, {LEFT} left"
        case "webhook":
            return f"waits for a call of webhook {waiting.event}, {LEFT} left"
        case "invoke":
            return f"waits for run {waiting.run}"
        case "call":
            return f"calls {waiting.url}"
        case "held":
            return "held"
        case "queued":
            return TURN
        case "nothing":
            return "waits for nothing"
    return f"runs after {waiting.name}" if waiting.name else "runs"
