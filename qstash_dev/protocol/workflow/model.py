"""The nouns of workflows: runs, what waits in them, and what one decision writes of both.

An entry of a run is a message plus its place (`protocol.model.Place`), so it has no noun of its own.
"""

from collections.abc import Iterable
from enum import StrEnum
from itertools import chain

import msgspec
from msgspec import Struct

from qstash_dev.protocol.model import Change, Message, Spec, Step
from qstash_dev.protocol.publish.draft import Draft


class RunState(StrEnum):
    """Where a run is (workflow docs, "Run states")."""

    STARTED = "RUN_STARTED"
    SUCCESS = "RUN_SUCCESS"
    FAILED = "RUN_FAILED"
    CANCELED = "RUN_CANCELED"


REFUSED = "a step of it was refused"
"""How a notice of a run begins that tells why the run does not go on."""


class FailureState(StrEnum):
    """How the call of the failure function went (workflow docs, "Failure function states")."""

    INPROGRESS = "CALLBACK_INPROGRESS"
    SUCCESS = "CALLBACK_SUCCESS"
    FAIL = "CALLBACK_FAIL"
    CANCELED = "CALLBACK_CANCELED"


class Invoker(Struct, frozen=True):
    """Who waits for the end of a run: the step of another run, and how to publish its result there.

    `step` is the step's JSON as it was submitted.
    """

    run_id: str
    created_at: int
    url: str
    step: bytes
    draft: Draft


class Failure(Struct, frozen=True):
    """Why a run failed: the message, its dead letter, and the call of the failure function if any.

    `not_found` tells that the app has no failure function.
    """

    message_id: str
    dlq_id: str
    state: FailureState | None = None
    callback_id: str | None = None
    not_found: bool = False


class Run(Struct, frozen=True):
    """One workflow run. `(user, id, created_at)` names it: ids come back after a run has ended.

    `config` is what the run was started with, `message_id` the message that starts it. `size` counts
    its entries, `steps` the finished steps, `state_bytes` the bodies. Entries before `first` were
    replaced when the app's SDK started the run anew. `configured` tells that the last entry is a
    step's configuration, `triggered` that the server started it for `/v2/trigger`. `successor` is the
    id of the run that resumed it. `seq` is given by the store, 0 before.
    """

    user: str
    id: str
    created_at: int
    url: str
    config: Spec
    message_id: str
    state: RunState = RunState.STARTED
    features: tuple[str, ...] = ()
    first: int = 0
    size: int = 0
    steps: int = 0
    state_bytes: int = 0
    configured: bool = False
    triggered: bool = False
    invoker: Invoker | None = None
    completed_at: int | None = None
    result: bytes | None = None
    failure: Failure | None = None
    successor: str | None = None
    notices: tuple[str, ...] = ()
    seq: int = 0

    @property
    def dlq_id(self) -> str | None:
        """Its entry in the DLQ, if it failed."""
        return self.failure.dlq_id if self.failure is not None else None


RunKey = tuple[str, str, int]
"""User, id and creation time of a run."""


class Waiter(Struct, frozen=True):
    """A step that waits for an event until `due_at`. `step` is its JSON as it was submitted.

    `draft` publishes the step when the event comes, `timeout` when it does not; `headers` are what both
    were made of, to be shown.
    """

    run: RunKey
    event_id: str
    due_at: int
    step: bytes
    draft: Draft
    timeout: Draft
    headers: dict[str, list[str]] = {}
    seq: int = 0


class Notice(Struct, frozen=True):
    """An event that came before its run waited for it: `body` as it will stand in the step's `out`."""

    run: RunKey
    event_id: str
    body: bytes
    created_at: int
    seq: int = 0


class RunEvent(Struct, frozen=True):
    """A line of a run's log that is about no delivery. `detail` is JSON for that state.

    States are those of runs, `WAITER_ADDED` and `INVOKED`.
    """

    run: RunKey
    time: int
    state: str
    step: Step | None = None
    detail: bytes = b""

    @property
    def invoked(self) -> tuple[str, int]:
        """Id and creation time of the run that `INVOKED` tells of."""
        detail = msgspec.json.decode(self.detail)
        return detail["runId"], detail["createdAt"]


class Copy(Struct, frozen=True):
    """An entry of a resumed run: it has the contents of another run's message and an id of its own."""

    run: RunKey
    index: int
    message_id: str
    source: Message


class RunChange(Change, frozen=True):
    """A Change that is about runs, too. Ended runs lose their waiters and notices.

    `served` and `used` are the numbers of waiters and notices that are gone.
    """

    runs: tuple[Run, ...] = ()
    waiters: tuple[Waiter, ...] = ()
    served: tuple[int, ...] = ()
    notices: tuple[Notice, ...] = ()
    used: tuple[int, ...] = ()
    copies: tuple[Copy, ...] = ()
    run_events: tuple[RunEvent, ...] = ()


def key_of(run: Run) -> RunKey:
    """What tells a run from all others."""
    return run.user, run.id, run.created_at


def is_live(run: Run) -> bool:
    """Whether it still accepts steps."""
    return run.state == RunState.STARTED


def joined(at: int, changes: Iterable[Change]) -> RunChange:
    """Several decisions as one, in their order; of a run, the last one counts."""
    changes = list(changes)
    about_runs = [change for change in changes if isinstance(change, RunChange)]
    fields = {
        name: tuple(chain.from_iterable(getattr(change, name) for change in changes))
        for name in Change.__struct_fields__
        if name != "at"
    }
    own = set(RunChange.__struct_fields__) - set(Change.__struct_fields__) - {"runs"}
    fields |= {
        name: tuple(chain.from_iterable(getattr(change, name) for change in about_runs))
        for name in own
    }
    runs = {key_of(run): run for change in about_runs for run in change.runs}
    return RunChange(at, **fields, runs=tuple(runs.values()))
