"""What the control API answers, as types. Unknown fields are ignored, missing ones have defaults.

Times are epoch ms of the server's clock; durations carry their unit in the name.
"""

from typing import Any

from msgspec import Struct, field

from qstash_dev.protocol.users import DEFAULT_USER

Pairs = list[tuple[str, str]]


class Row(Struct, gc=False):
    """Summary of one message; never contains bodies. Times are epoch ms of the server's clock.
    `run`, `step` and `call_type` tell what it is in a workflow run.

    Not tracked by the garbage collector: a reader holds tens of thousands.
    """

    seq: int
    id: str
    state: str
    url: str
    method: str = "POST"
    user: str = DEFAULT_USER
    kind: str = "publish"
    parent: str | None = None
    created_at: int = 0
    updated_at: int = 0
    due_at: int | None = None
    try_: int = field(default=0, name="try")
    tries: int = 1
    status: int | None = None
    duration_ms: float | None = None
    error: str | None = None
    hint: str | None = None
    labels: tuple[str, ...] = ()
    queue: str | None = None
    topic: str | None = None
    endpoint: str | None = None
    schedule: str | None = None
    flow_key: str | None = None
    dlq_id: str | None = None
    replays: int = 0
    duplicates: int = 0
    body_size: int = 0
    content_type: str | None = None
    source: str = "local"
    lints: tuple[str, ...] = ()
    armed: bool = False
    run: str | None = None
    step: str | None = None
    call_type: str | None = None


class Printed(Struct, gc=False):
    """A line that the app printed; `number` counts them. Its colours are escape sequences in `text`."""

    number: int
    time: int
    text: str


class Heard(Struct):
    """What the app printed during an attempt: the last lines, after so many that are left out.

    `others` are the attempts that were under way at the same time: the lines may be of theirs.
    """

    lines: list[str] = []
    others: int = 0
    left_out: int = 0


class Process(Struct):
    """The app's process if this server started it: `running`, `exited` by itself, or `stopped`.

    `since` is when that began, `why` how it ended, `url` where it turned out to listen, `directory`
    where it was started.
    """

    command: str
    state: str = "running"
    since: int = 0
    pid: int | None = None
    code: int | None = None
    why: str | None = None
    url: str | None = None
    directory: str = ""


class App(Struct):
    """The developer's app: where it is, and whether it answers (`None`: not known yet). `may_restart`:
    nobody is disturbed when this server starts it again, though its command may go on.
    """

    url: str = ""
    up: bool | None = None
    process: Process | None = None
    may_restart: bool = False

    def __post_init__(self) -> None:
        process = self.process
        self.may_restart = process is not None and (process.state == "exited" or self.up is False)


class Clock(Struct):
    """The server's clock; `scale` is virtual seconds per real second. `notice` is what an order to it
    did not do, though it may be expected.
    """

    mode: str = "real"
    scale: float = 1.0
    offset_ms: int = 0
    next_event_at: int | None = None
    now: int | None = None
    wall: int | None = None
    notice: str | None = None


class CloudState(Struct):
    """The real QStash behind `--cloud`, with a sentence when it makes trouble."""

    trouble: str | None = None


class Tunnel(Struct):
    """State of the public address, with the code and a hint when it failed.

    `admitted` and `refused` count the requests that came through it.
    """

    state: str = "off"
    url: str | None = None
    code: str | None = None
    hint: str | None = None
    admitted: int = 0
    refused: int = 0
    cloud: CloudState | None = None


class Notice(Struct):
    """The last thing to tell people that belongs to no message; `number` counts them. It is no
    trouble if it is `good`.
    """

    number: int = 0
    text: str = ""
    good: bool = False


class Server(Struct):
    """What the status line shows about the server as a whole. `started_at`, by the wall clock, tells it
    from others at its address: events after those of another are no sequel.
    """

    url: str = ""
    version: str = ""
    pid: int = 0
    port: int = 0
    started_at: int = 0
    uptime_ms: int = 0
    data_dir: str | None = None
    warning: str | None = None
    app: App = field(default_factory=App)
    clock: Clock = field(default_factory=Clock)
    tunnel: Tunnel = field(default_factory=Tunnel)
    external: str = "allow"
    hold: bool = False
    paused: bool = False
    faults: int = 0
    auto_replay: str = "off"
    armed: int = 0
    env: dict[str, str] = {}
    narration: str = ""
    """What is to be seen now, said by the tour of `demo`."""
    notice: Notice = field(default_factory=Notice)


class Counts(Struct):
    """How many there are of everything."""

    messages: int = 0
    delayed: int = 0
    active: int = 0
    retry: int = 0
    held: int = 0
    delivered: int = 0
    failed: int = 0
    canceled: int = 0
    dlq: int = 0
    schedules: int = 0
    queues: int = 0
    groups: int = 0
    flow: int = 0
    workflows: int = 0


class Event(Struct, gc=False):
    """One thing that happened to a message, and what is worth a look of that.

    `attempt`, `status` and `duration_ms` are of the attempt that it tells of; `hint` explains a
    failure in one line.
    """

    seq: int
    time: int
    id: str
    state: str
    user: str = DEFAULT_USER
    error: str | None = None
    status: int | None = None
    next_at: int | None = None
    url: str = ""
    method: str = ""
    attempt: int | None = None
    duration_ms: float | None = None
    hint: str | None = None


class Piece(Struct, omit_defaults=True):
    """A text with its role. `to` says where it leads: to one of the `messages`, of the `runs`, or to
    all messages that a filter with this key finds; `name` is of what, where the text is not.

    With `at` (epoch ms) the text has marks for this moment: `{exact}`, `{date}`, `{clock}` and
    `{milli}` are it in the reader's zone, `{at}` as far as the day is not today; `{ago}`, `{in}` and
    `{near}` (either) are counted from now, and so are the bare lengths `{left}` and `{took}`.
    """

    text: str = ""
    role: str = ""
    to: str = ""
    name: str = ""
    at: int | None = None


class StatusPart(Struct):
    """One thing that there is to say of the server; the higher its `rank`, the less it is missed."""

    rank: int
    pieces: list[Piece]


class Status(Struct):
    """The server in a line; `is_alarming`: it does not behave as QStash would. `awaited` is what stands
    where the first message will.
    """

    parts: list[StatusPart] = []
    is_alarming: bool = False
    awaited: Piece = field(default_factory=Piece)


class Snapshot(Struct):
    """Everything at one moment; `rows` are the newest that match, newest first.

    `resources` and `line` are those of a tick.
    """

    seq: int
    now: int
    server: Server
    counts: Counts
    rows: list[Row]
    total: int = 0
    cursor: str | None = None
    resources: dict[str, int] = {}
    line: int = 0
    status: Status = field(default_factory=Status)


class Tick(Struct):
    """What changed since the tick before. `matched` is `None` when no filter was asked for.

    `resources` has a number for each kind of resource, which differs after a write to one of them.
    `line` is the number of the last line that the app had printed.
    """

    seq: int
    now: int
    events: list[Event] = []
    rows: list[Row] = []
    matched: list[str] | None = None
    removed: list[str] = []
    counts: Counts | None = None
    server: Server | None = None
    resources: dict[str, int] = {}
    printed: list[Printed] = []
    line: int = 0
    status: Status = field(default_factory=Status)
    reset: bool = False


class Page(Struct):
    """A page of rows in the order asked for."""

    rows: list[Row]
    cursor: str | None = None
    total: int = 0


class Body(Struct):
    """A body, or its beginning: `text` when it is UTF-8, else `base64`."""

    size: int = 0
    truncated: bool = False
    text: str | None = None
    base64: str | None = None


class Request(Struct):
    """What was published: the destination as written, the headers to deliver, the body.

    `decoded` are the parts of a callback's body that are base64 in it: `body` and `sourceBody`.
    """

    method: str = "POST"
    url: str = ""
    headers: Pairs = []
    body: Body = field(default_factory=Body)
    decoded: dict[str, Body] = {}


class SentRequest(Struct):
    """What one attempt really sent."""

    headers: Pairs = []


class Response(Struct):
    """What the destination answered."""

    status: int
    http_version: str = "1.1"
    headers: Pairs = []
    body: Body = field(default_factory=Body)


class Failure(Struct):
    """Why there was no answer."""

    reason: str
    detail: str = ""


class Attempt(Struct):
    """One delivery attempt with its whole exchange; durations in ms since its start."""

    number: int
    started_at: int = 0
    target: str = ""
    connected_ms: float | None = None
    first_byte_ms: float | None = None
    total_ms: float = 0.0
    request: SentRequest = field(default_factory=SentRequest)
    response: Response | None = None
    failure: Failure | None = None
    heard: Heard | None = None


class Signature(Struct):
    """The JWT of the last attempt, decoded, and whether it would verify."""

    token: str | None = None
    claims: dict[str, Any] = {}
    header: dict[str, Any] = {}
    key: str = "unknown"
    valid: bool = False
    problems: list[str] = []


class Links(Struct):
    """Messages that belong to this one."""

    parent: Row | None = None
    children: list[Row] = []
    siblings: list[Row] = []


class Detail(Struct):
    """One message whole; bodies are cut at the server's limit."""

    row: Row
    spec: dict[str, Any] = {}
    request: Request = field(default_factory=Request)
    attempts: list[Attempt] = []
    events: list[Event] = []
    signature: Signature | None = None
    links: Links = field(default_factory=Links)
    hint: str | None = None
    waits: str | None = None
    lints: list[str] = []


class DlqEntry(Struct):
    """A message that ran out of retries."""

    dlq_id: str
    time: int
    row: Row


class Replayed(Struct):
    """One message replayed in bulk."""

    id: str
    new: str


class NotReplayed(Struct):
    """One message that could not be replayed, and why."""

    id: str
    error: str


class BulkReplay(Struct):
    """Outcome of replaying several messages."""

    replayed: list[Replayed] = []
    failed: list[NotReplayed] = []


class Logs(Struct):
    """A page of events, newest last."""

    events: list[Event]
    seq: int = 0


class Lost(Struct):
    """The stream broke; `why` is a sentence. It is being opened again."""

    why: str


class Online(Struct):
    """The stream is open (again) and complete since the last number we saw."""


Update = Snapshot | Tick | Lost | Online
