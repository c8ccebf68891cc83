"""The nouns: what is stored, decided on and reported. Frozen values without behaviour of their own.

Times are epoch milliseconds on the server's clock; durations carry their unit in the name.
`msgspec.Struct` is used for its cheap construction and because the store needs its codec.
"""

from enum import StrEnum

from msgspec import Struct

Headers = tuple[tuple[str, str], ...]
"""Names in canonical case, in order of arrival; a name may stand more than once."""


class State(StrEnum):
    """Life of a message, and the names of log events (QStash docs, "Debug Logs")."""

    CREATED = "CREATED"
    ACTIVE = "ACTIVE"
    RETRY = "RETRY"
    ERROR = "ERROR"  # an event only: an attempt failed
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"
    CANCEL_REQUESTED = "CANCEL_REQUESTED"
    CANCELED = "CANCELED"


FINISHED = frozenset({State.DELIVERED, State.FAILED, State.CANCELED})


class Kind(StrEnum):
    """Where a message came from."""

    PUBLISH = "publish"
    SCHEDULE = "schedule"
    CALLBACK = "callback"
    FAILURE_CALLBACK = "failure-callback"
    REPLAY = "replay"
    DLQ_RETRY = "dlq-retry"
    CLOUD = "cloud"


class CallType(StrEnum):
    """What a message of a workflow run is for (`Upstash-Workflow-CallType`)."""

    STEP = "step"
    TO_CALLBACK = "toCallback"  # to the third party of `context.call`
    FROM_CALLBACK = "fromCallback"  # with its answer to the app
    FAILURE_CALL = "failureCall"  # to the failure function
    STEP_CONFIG = "stepConfig"  # says how the next step is to be delivered


class Step(Struct, frozen=True, omit_defaults=True):
    """A step of a run as its submission names it; the plan of a parallel one has id 0 and a target."""

    id: int = 0
    name: str = ""
    type: str = ""
    concurrent: int = 1
    target: int | None = None


class Place(Struct, frozen=True, omit_defaults=True):
    """Where a message stands in a workflow run.

    `created_at` tells the runs of one id apart. `index` is the position among the run's entries; the
    call of a failure function has none. `started_at` is the origin of the run's URL where that is not
    the message's.
    """

    run_id: str
    created_at: int
    call_type: CallType = CallType.STEP
    index: int | None = None
    step: Step | None = None
    features: tuple[str, ...] = ()
    started_at: str = ""


class FlowControl(Struct, frozen=True, omit_defaults=True):
    """Limits of a flow-control key as one message carries them; `None` is "not limited"."""

    key: str
    parallelism: int | None = None
    rate: int | None = None
    period_s: int = 1


class Callback(Struct, frozen=True, omit_defaults=True):
    """A callback to send, with the configuration of its `Upstash-[Failure-]Callback-*` family.

    `retries` is `None` when the family does not say: then the source message's limit holds.
    """

    url: str
    method: str = "POST"
    headers: Headers = ()
    retries: int | None = None
    retry_delay: str | None = None
    timeout_ms: int | None = None
    delay_ms: int = 0
    flow: FlowControl | None = None
    failure_callback: "Callback | None" = None


class Spec(Struct, frozen=True, omit_defaults=True):
    """What to deliver and how, as it was asked for. Never changes after it was accepted.

    `url` is the published text, byte for byte. `headers` are those that are delivered
    (`Upstash-Forward-*` without the prefix, and `Content-Type`). `redact` holds `body`, `header`
    and `header[Name]` as in `Upstash-Redact-Fields`. `notices` are sentences for the developer: what
    was accepted and has no effect. `unforwarded` names plain headers of the publish that may have been
    meant for the destination.
    """

    url: str
    method: str = "POST"
    headers: Headers = ()
    max_retries: int = 3
    retry_delay: str | None = None
    timeout_ms: int | None = None
    callback: Callback | None = None
    failure_callback: Callback | None = None
    labels: tuple[str, ...] = ()
    flow: FlowControl | None = None
    redact: tuple[str, ...] = ()
    queue: str | None = None
    topic: str | None = None
    endpoint: str | None = None
    schedule_id: str | None = None
    caller_ip: str | None = None
    kind: Kind = Kind.PUBLISH
    parent_id: str | None = None
    notices: tuple[str, ...] = ()
    unforwarded: tuple[str, ...] = ()
    place: Place | None = None


class Message(Struct, frozen=True):
    """One message and where it is. `due_at` is when it may be tried next; `retried` counts retries.

    `seq` is given by the store, 0 before. `held` is what it waits for outside of time (see
    `protocol.hold`). `line` names the message whose place in the queue `line_queue` a callback
    prolongs, also when that message is forgotten.
    """

    id: str
    user: str
    spec: Spec
    body: bytes
    created_at: int
    not_before: int
    state: State
    due_at: int
    retried: int = 0
    seq: int = 0
    attempts: int = 0
    held: str | None = None
    cancel_requested: bool = False
    finished_at: int | None = None
    line: str | None = None
    line_queue: str | None = None


class Timing(Struct, frozen=True):
    """When an attempt began, and the milliseconds until its stages (`None`: not reached).

    `written_ms` is when the kernel had taken all of the request.
    """

    started_at: int
    connected_ms: float | None = None
    first_byte_ms: float | None = None
    total_ms: float = 0.0
    written_ms: float | None = None


class Response(Struct, frozen=True):
    """What the destination answered. `body` is decoded and at most the stored limit long."""

    status: int
    headers: Headers
    body: bytes
    timing: Timing
    truncated: bool = False
    http_version: str = "1.1"


class Reason(StrEnum):
    """Why there was no answer."""

    REFUSED = "refused"
    RESET = "reset"
    DNS = "dns"
    TLS = "tls"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    BAD_RESPONSE = "bad-response"
    EXTERNAL_DENIED = "external-denied"
    OWN_SERVER = "own-server"
    INTERRUPTED = "interrupted"
    NO_DESCRIPTORS = "no-descriptors"


class SendFailure(Struct, frozen=True):
    """No answer: the reason, and the text that logs and the DLQ show (Go style, as QStash's)."""

    reason: Reason
    detail: str
    timing: Timing


Outcome = Response | SendFailure


class Request(Struct, frozen=True):
    """One HTTP request to make. `url` is signed and shown; `target` is where it really goes."""

    method: str
    url: str
    target: str
    headers: Headers
    body: bytes
    timeout_ms: int


class Attempt(Struct, frozen=True):
    """One try of a message, whole: what was sent, what came back. `number` counts from 1.

    `hint` explains a failure in one line; only the last attempt's is kept.
    """

    message_id: str
    number: int
    target: str
    request_headers: Headers
    outcome: Outcome
    hint: str | None = None


class Event(Struct, frozen=True):
    """One line of the log. `attempt` and `status` are of the attempt it tells of, if any."""

    time: int
    user: str
    message_id: str
    state: State
    error: str | None = None
    next_at: int | None = None
    attempt: int | None = None
    status: int | None = None
    seq: int = 0


class DeadLetter(Struct, frozen=True):
    """An entry of the dead letter queue; the message and its last attempt are looked up by id."""

    id: str
    user: str
    message_id: str
    time: int


class Change(Struct, frozen=True):
    """What one decision at the time `at` writes: whole or not at all; then its events are published.

    `revived` are ids of dead letters that leave the DLQ.
    """

    at: int
    created: tuple[Message, ...] = ()
    changed: tuple[Message, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    dead: tuple[DeadLetter, ...] = ()
    revived: tuple[str, ...] = ()
    events: tuple[Event, ...] = ()

    @property
    def is_untold(self) -> bool:
        """Whether messages look different after it and no event says so: the log has a gap there, and
        its readers have to be told.
        """
        return bool(self.changed or self.revived) and not self.events


class Endpoint(Struct, frozen=True):
    """One destination of a URL group."""

    url: str
    name: str | None = None


class Group(Struct, frozen=True):
    """A URL group (`topics` on the wire). `headers` are default `upstash-*` headers of a publish."""

    user: str
    name: str
    endpoints: tuple[Endpoint, ...]
    created_at: int
    updated_at: int
    headers: dict[str, str] = {}


class Queue(Struct, frozen=True):
    """A queue: messages are delivered in order, `parallelism` at a time."""

    user: str
    name: str
    created_at: int
    updated_at: int
    parallelism: int = 1
    paused: bool = False


class Schedule(Struct, frozen=True):
    """A cron schedule and the message it makes. `destination` is a URL or the name of a URL group.

    `next_at` is `None` for a cron expression that has no more times. `error` tells of the last firing.
    `asked` are the headers it was created with, when its group's defaults come to them at each firing.
    """

    user: str
    id: str
    cron: str
    destination: str
    spec: Spec
    body: bytes
    created_at: int
    next_at: int | None
    delay_ms: int = 0
    paused: bool = False
    last_at: int | None = None
    error: str | None = None
    asked: Headers = ()


class Query(Struct, frozen=True):
    """What to list. `cursor` is the sequence number after which to go on; dates are inclusive.

    `count` is the size of a page; `at_most`, that of a call that works through all pages: how many it
    takes.
    """

    conditions: dict[str, tuple[str, ...]] = {}
    from_date: int | None = None
    to_date: int | None = None
    count: int = 100
    cursor: int | None = None
    latest_first: bool = True
    at_most: int | None = None


class BulkAction(Struct, frozen=True):
    """A cancellation of many messages that runs in the background, or of many workflow runs."""

    user: str
    id: str
    query: Query
    total: int
    created_at: int
    processed: int = 0
    completed_at: int | None = None
    of_runs: bool = False


class Pins(Struct, frozen=True):
    """Limits that hold whatever messages carry. `rate` and `period_s` are pinned together."""

    parallelism: int | None = None
    rate: int | None = None
    period_s: int = 1


class FlowState(Struct, frozen=True):
    """What of a flow-control key survives a restart. `period_start` is epoch milliseconds.

    `kept` are values that were unpinned: they hold until a message with others arrives.
    """

    last: FlowControl
    pins: Pins = Pins()
    paused: bool = False
    started: int = 0
    period_start: int = 0
    kept: Pins = Pins()
