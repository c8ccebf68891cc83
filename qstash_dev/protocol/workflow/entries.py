"""From submissions to runs and their entries: starting a run, appending to it, starting it anew
(workflow-js `qstash/submit-steps.ts`, `context/auto-executor.ts`).

Several submissions of one request are one decision: all of them are accepted, or none. Which runs exist
comes in as a function.
"""

from collections.abc import Callable, Sequence

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from qstash_dev.protocol.creation import due_at, new_message
from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.headers import all_of
from qstash_dev.protocol.json_body import whole_number
from qstash_dev.protocol.model import CallType, Kind, Message, Place, Spec, Step
from qstash_dev.protocol.publish.draft import Draft
from qstash_dev.protocol.quota import Limits, exceeds
from qstash_dev.protocol.settle import created_event
from qstash_dev.protocol.urls import origin_of
from qstash_dev.protocol.workflow import config
from qstash_dev.protocol.workflow.headers import DETECT_TRIGGER, LAZY_FETCH, STEP_CONFIG, Part
from qstash_dev.protocol.workflow.invoke import read_invocation
from qstash_dev.protocol.workflow.model import (
    REFUSED,
    Invoker,
    Run,
    RunChange,
    RunEvent,
    RunState,
    is_live,
    joined,
    key_of,
)
from qstash_dev.protocol.workflow.steps import INIT, is_result, step_of

OVER = "failed to publish to url: can not append to a a cancelled workflow"
"""QStash's own words, doubled `a` and all: old SDKs match on them (workflow-js issue 198)."""

NOT_SCHEDULED = (
    "Upstash-Cron cannot be used with Upstash-Workflow headers: every firing would have the "
    "same run id; schedule the plain URL of the workflow"
)

_VERSION = "upstash-workflow-sdk-version"
_INVOKE_COUNT = "upstash-workflow-invoke-count"

FindRun = Callable[[str], Run | None]
"""The newest run of an id."""


class Moment(Struct, frozen=True):
    """When a decision is made, what the plan allows, and how new ids come about."""

    now: int
    limits: Limits
    new_id: Callable[[str], str]


class Submission(Struct, frozen=True):
    """One message of a run, as it was asked for. `original` is the message that it is a duplicate of.

    `triggered`: the server starts the run, not an SDK.
    """

    draft: Draft
    body: bytes
    original: str | None = None
    triggered: bool = False


class Accepted(Struct, frozen=True):
    """What a submission came to: a message of a run, or the original of a duplicate."""

    message_id: str
    url: str
    run_id: str
    created_at: int
    deduplicated: bool = False


def accept(
    user: str, submissions: Sequence[Submission], find: FindRun, moment: Moment
) -> tuple[RunChange, list[Accepted]]:
    """Accept submissions in their order, adjacent in their runs.

    Raises QStashError: 400 for a run that is over or does not exist, 412 for a quota.
    """
    known: dict[str, Run] = {}

    def current(run_id: str) -> Run | None:
        return known.get(run_id) or find(run_id)

    changes: list[RunChange] = []
    answers: list[Accepted] = []
    for submission in submissions:
        change, answer = _accept(user, submission, current, moment)
        known |= {run.id: run for run in change.runs}
        changes.append(change)
        answers.append(answer)
    return joined(moment.now, changes), answers


def append(
    run: Run,
    draft: Draft,
    body: bytes,
    moment: Moment,
    *,
    kind: Kind = Kind.PUBLISH,
    parent_id: str | None = None,
) -> RunChange:
    """One more entry of a live run, to be delivered. Raises QStashError(412)."""
    call_type = draft.part.call_type if draft.part is not None else CallType.STEP
    place = Place(
        run.id,
        run.created_at,
        call_type,
        index=run.size,
        step=step_of(call_type, draft.spec, body),
        features=_features(draft),
    )
    spec = config.effective(run, draft, place)
    spec = replace(_with_origin(run, spec), kind=kind, parent_id=parent_id)
    grown = _grown(run, place, body, moment.limits)
    message = _message(run.user, spec, body, draft, moment)
    return RunChange(
        moment.now, (message,), events=(created_event(message, moment.now),), runs=(grown,)
    )


def elsewhere_notice(spec: Spec) -> str:
    """What is told of a step that goes to another address than its run; nothing of others."""
    if spec.place is None or not spec.place.started_at:
        return ""
    return (
        f"the run was started at {spec.place.started_at}, and its app submits steps for "
        f"{origin_of(spec.url)}: behind a proxy or a tunnel, set baseUrl in serve(), or "
        "UPSTASH_WORKFLOW_URL"
    )


def _with_origin(run: Run, spec: Spec) -> Spec:
    """A step that goes to another address than its run says so: an app behind a proxy takes the
    address that the proxy calls for its own.
    """
    place = spec.place
    if place is None or place.call_type == CallType.TO_CALLBACK or not run.url:
        return spec
    started_at = origin_of(run.url)
    if started_at == origin_of(spec.url):
        return spec
    spec = replace(spec, place=replace(place, started_at=started_at))
    return replace(spec, notices=(*spec.notices, elsewhere_notice(spec)))


def live_run(run: Run | None, created_at: int | None = None) -> Run:
    """The run, if it still accepts entries. Raises QStashError(400)."""
    if run is None or not is_live(run) or created_at not in (None, run.created_at):
        raise QStashError(400, OVER)
    return run


def _accept(
    user: str, submission: Submission, find: FindRun, moment: Moment
) -> tuple[RunChange, Accepted]:
    draft = submission.draft
    part = draft.part
    assert part is not None, "a submission has a part in a run"
    _check(draft, part)
    if part.init:
        return _start(user, submission, part, find, moment)
    run = live_run(find(part.run_id), part.created_at)
    if submission.original is not None:
        return RunChange(moment.now), _duplicate(run, draft.spec, submission.original)
    if part.call_type == CallType.STEP_CONFIG and run.configured:
        raise QStashError(400, f"run {run.id}: two step configurations in a row")
    change = append(run, draft, submission.body, moment)
    message = change.created[0]
    return change, Accepted(message.id, message.spec.url, run.id, run.created_at)


def _check(draft: Draft, part: Part) -> None:
    if draft.cron is not None:
        raise QStashError(400, NOT_SCHEDULED)
    if draft.spec.queue is not None:
        raise QStashError(400, "workflow messages cannot be enqueued")
    if not draft.spec.url:
        raise QStashError(400, "a workflow message needs a URL, not a URL group, as destination")
    if part.call_type in (CallType.FROM_CALLBACK, CallType.FAILURE_CALL):
        raise QStashError(
            400, f"invalid Upstash-Workflow-CallType header: only QStash sends a {part.call_type}"
        )
    if part.call_type == CallType.TO_CALLBACK and draft.spec.callback is None:
        raise QStashError(400, "a toCallback message needs an Upstash-Callback header")


def _start(
    user: str, submission: Submission, part: Part, find: FindRun, moment: Moment
) -> tuple[RunChange, Accepted]:
    draft, latest = submission.draft, find(part.run_id) if part.run_id else None
    _check_depth(draft.spec, moment.limits)
    invocation = read_invocation(submission.body, draft, moment.limits) if part.invoke else None
    invoker, parent = None, None
    if invocation is not None:
        invoker = invocation.invoker
        parent = live_run(find(invoker.run_id), invoker.created_at or None)
        invoker = replace(invoker, created_at=parent.created_at)
    if latest is not None and is_live(latest):
        if part.by_sdk:
            return _start_anew(latest, submission, part, moment)
        warned = (_warned(parent, latest),) if parent is not None else ()
        answer = _duplicate(latest, draft.spec, latest.message_id)
        return RunChange(moment.now, runs=warned), answer
    if submission.original is not None:
        answer = Accepted(submission.original, draft.spec.url, part.run_id, moment.now, True)
        return RunChange(moment.now), answer
    run = Run(
        user=user,
        id=part.run_id or moment.new_id("wfr_"),
        created_at=max(moment.now, latest.created_at + 1 if latest is not None else 0),
        url=part.url or draft.spec.url,
        config=draft.spec,
        message_id="",
        features=part.features,
        triggered=submission.triggered,
        invoker=invoker,
    )
    body = submission.body if invocation is None else invocation.body
    change, answer = _begin(run, draft, body, moment)
    if invoker is not None:
        change = replace(change, run_events=(*change.run_events, _invoked(invoker, run)))
    return change, answer


def _start_anew(
    run: Run, submission: Submission, part: Part, moment: Moment
) -> tuple[RunChange, Accepted]:
    """The app's SDK takes over a run that `/v2/trigger` started: the same run, a new first entry."""
    draft = submission.draft
    merged = config.merged(run.config, draft)
    run = replace(
        run, config=merged, features=part.features, first=run.size, state_bytes=0, steps=0
    )
    return _begin(run, replace(draft, spec=merged), submission.body, moment)


def _begin(run: Run, draft: Draft, body: bytes, moment: Moment) -> tuple[RunChange, Accepted]:
    place = Place(
        run.id, run.created_at, index=run.size, step=INIT, features=_features(draft, DETECT_TRIGGER)
    )
    spec = config.effective(run, draft, place)
    message = _message(run.user, spec, body, draft, moment)
    is_new = run.size == 0
    run = replace(_grown(run, place, body, moment.limits), message_id=message.id)
    started = RunEvent(key_of(run), moment.now, RunState.STARTED)
    change = RunChange(
        moment.now,
        (message,),
        events=(created_event(message, moment.now),),
        runs=(run,),
        run_events=(started,) if is_new else (),
    )
    return change, Accepted(message.id, spec.url, run.id, run.created_at)


def _message(user: str, spec: Spec, body: bytes, draft: Draft, moment: Moment) -> Message:
    at = due_at(draft, moment.limits, moment.now)
    return new_message(spec, user, body, moment.now, at, moment.new_id("msg_"))


def _grown(run: Run, place: Place, body: bytes, limits: Limits) -> Run:
    is_step = place.call_type == CallType.STEP and is_result(place.step)
    steps, size = run.steps + is_step, run.state_bytes + len(body)
    if exceeds(steps, limits.max_run_steps):
        raise QStashError(
            412, f"quota maxSteps exceeded: a workflow run has at most {limits.max_run_steps} steps"
        )
    if exceeds(size, limits.max_run_bytes):
        raise QStashError(
            412,
            f"quota maxState exceeded: the steps of a run have at most {limits.max_run_bytes} bytes",
        )
    configured = place.call_type == CallType.STEP_CONFIG
    return replace(
        run,
        size=run.size + 1,
        steps=steps,
        state_bytes=size,
        configured=configured,
        notices=_notices(run, place.step),
    )


def _notices(run: Run, step: Step | None) -> tuple[str, ...]:
    """A step that stands alone comes when all before it are done: nothing refused stops them now."""
    if step is None or not is_result(step) or step.concurrent > 1:
        return run.notices
    return tuple(notice for notice in run.notices if not notice.startswith(REFUSED))


def _features(draft: Draft, *also: str) -> tuple[str, ...]:
    """What is read for each message, and these. The Python SDK says that it fetches lists, and
    cannot: it sends no version either.
    """
    asked = draft.part.features if draft.part is not None else ()
    wanted = {STEP_CONFIG} | ({LAZY_FETCH} if _VERSION in draft.given else set())
    return tuple(feature for feature in asked if feature in wanted or feature in also)


def _check_depth(spec: Spec, limits: Limits) -> None:
    counts = all_of(spec.headers, _INVOKE_COUNT)
    depth = whole_number(counts[-1], 9) if counts else None
    if depth is not None and depth > limits.max_run_depth:
        raise QStashError(
            412,
            "quota maxInvokeDepth exceeded: workflows invoke each other at most "
            f"{limits.max_run_depth} deep",
        )


def _duplicate(run: Run, spec: Spec, original: str) -> Accepted:
    return Accepted(original, spec.url, run.id, run.created_at, deduplicated=True)


def _warned(parent: Run, child: Run) -> Run:
    text = f"invoked run {child.id}, which runs already: its result will not come to this run"
    return replace(parent, notices=(*parent.notices, text))


def _invoked(invoker: Invoker, child: Run) -> RunEvent:
    detail = msgspec.json.encode(
        {"runId": child.id, "createdAt": child.created_at, "url": child.url}
    )
    step = step_of(CallType.STEP, child.config, invoker.step)
    key = child.user, invoker.run_id, invoker.created_at
    return RunEvent(key, child.created_at, "INVOKED", step, detail)
