"""`/_dev/workflows`: runs of all users, their steps on a time line, and what people do to them."""

from msgspec import Struct
from msgspec.structs import replace

from qstash_dev.api import web
from qstash_dev.api.call import Call, readable
from qstash_dev.api.control.messages import BodyOrder, body_bytes
from qstash_dev.api.parameters import CREATED_AT, CURSOR, LABEL, LIMIT, RUN, URL
from qstash_dev.api.parameters import STATES as STATES_WANTED
from qstash_dev.api.router import Route
from qstash_dev.api.v2.workflow_logs import line_document
from qstash_dev.devtools.control_documents import Made, MadeRun, Notified, RunLog, StartedRun
from qstash_dev.devtools.missed_events import why_unheard
from qstash_dev.devtools.pages.run_page import now_piece
from qstash_dev.devtools.run_documents import RunDetail, RunPage, RunRow, Waiting, template
from qstash_dev.devtools.states import RUNS
from qstash_dev.devtools.text import as_sentence
from qstash_dev.protocol.errors import QStashError, there
from qstash_dev.protocol.model import Headers
from qstash_dev.protocol.query import format_cursor, parse_cursor
from qstash_dev.protocol.workflow.log_fields import View
from qstash_dev.protocol.workflow.model import Run, RunState, is_live
from qstash_dev.protocol.workflow.query import RunQuery

STATES = {look.word: RunState(state) for state, look in RUNS.items()}
"""Words for people, and the states that they mean."""
MAX_LINES = 2_000


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """`Upstash-*` headers with which a run is taken up again; what they do not say stays."""

    headers: dict[str, str] = {}


class EventOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """An event, and its data: text or `{"base64": "..."}`."""

    event: str
    body: BodyOrder = ""


async def list_(call: Call) -> web.Response:
    """Runs, newest first; `state`, `run` (how its id begins), `url` (a part of it), `label`."""
    limit = call.whole(LIMIT)
    query = RunQuery(
        conditions=_conditions(call),
        id_prefix=call.arg("run") or "",
        url_part=call.arg("url") or "",
        count=limit,
        cursor=parse_cursor(call.arg("cursor") or ""),
    )
    rows = call.store.run_rows.select(query, call.engine.clock.now())
    last = rows[limit - 1] if len(rows) > limit else None
    cursor = format_cursor(last.created_at, last.seq) if last is not None else None
    return await call.answer(RunPage([_explained(call, row) for row in rows[:limit]], cursor))


async def get(call: Call) -> web.Response:
    """One run, whole."""
    return await call.answer(whole(call))


def whole(call: Call) -> RunDetail:
    """All that is known of a run. Raises QStashError(404)."""
    found = call.store.run_rows.detail(_find(call), call.engine.clock.now())
    return _with_hooks(call, replace(found, row=_explained(call, found.row)))


async def logs(call: Call) -> web.Response:
    """What happened in a run, line by line, the oldest first."""
    run = _find(call)
    query = RunQuery(among=((run.id, run.created_at),), count=MAX_LINES)
    view = View(call.engine.clock.now())
    lines = call.store.run_logs.lines(run.user, query)[:MAX_LINES]
    return await call.answer(RunLog([line_document(line, view) for line in reversed(lines)]))


async def cancel(call: Call) -> web.Response:
    """Cancel a live run."""
    run = _find(call)
    if not call.engine.workflows.cancel(run):
        raise QStashError(409, f"workflow run {run.id} cannot be cancelled: it is over")
    return await call.answer(Made(run.id))


async def resume(call: Call) -> web.Response:
    """Go on with a failed run from its failed step, as a new run."""
    run = _find(call)
    if run.failure is None:
        raise _refused(call, run, "cannot be resumed: it has not failed")
    accepted = call.engine.resumes.resume(run, await _settings(call))
    return await call.answer(MadeRun(accepted.run_id, accepted.created_at))


async def restart(call: Call) -> web.Response:
    """A new run with the payload of one that is over."""
    run = _find(call)
    if is_live(run):
        raise _refused(call, run, "is live: cancel it first")
    accepted = call.engine.resumes.restart(run, await _settings(call))
    return await call.answer(MadeRun(accepted.run_id, accepted.created_at))


async def call_again(call: Call) -> web.Response:
    """Call the failure function of a run once more."""
    run = _find(call)
    call.engine.resumes.call_again(run)
    return await call.answer(Made(run.id))


async def run_now(call: Call) -> web.Response:
    """End the sleeps, delays and retries of a run; without any, time out what it waits for."""
    run = _find(call)
    if not is_live(run):
        raise QStashError(409, f"workflow run {run.id} cannot be run now: it is over")
    done = call.engine.waits.run_now(run)
    if not done:
        raise _refused(call, run, "waits for nothing that has a time")
    return await call.answer(StartedRun(run.id, done))


async def notify_run(call: Call) -> web.Response:
    """An event for one run; if that does not wait for it yet, it is kept."""
    run = _find(call)
    notice: EventOrder = await call.order()
    if not is_live(run):
        raise QStashError(409, f"workflow run {run.id} is over: nobody waits in it")
    served, answer = call.engine.waits.notify_run(run, notice.event, body_bytes(notice.body))
    runs = [one.run.id for one in served]
    return await call.answer(Notified(runs, kept=not runs), then=answer)


async def notify(call: Call) -> web.Response:
    """An event for all runs of all users that wait for it."""
    notice: EventOrder = await call.order()
    served, answer = call.engine.waits.notify(None, notice.event, body_bytes(notice.body))
    return await call.answer(Notified([one.run.id for one in served]), then=answer)


def _find(call: Call) -> Run:
    """The newest run of an id, or that which was created at a time. Raises QStashError(404)."""
    run_id = call.params["id"]
    created_at = call.whole(CREATED_AT) or None
    return there(call.store.workflows.of_any_user(run_id, created_at), "workflow run", run_id)


def _refused(call: Call, run: Run, why: str) -> QStashError:
    """The answer to who wants what a run does not allow: also what carries it on, if it is stuck."""
    waits = call.store.run_rows.row(run, call.engine.clock.now()).waits
    stuck = "".join(f". {as_sentence(one.why)}" for one in waits if one.kind == "nothing")
    return QStashError(409, f"workflow run {run.id} {why}{stuck}")


def _conditions(call: Call) -> dict[str, tuple[str, ...]]:
    conditions: dict[str, tuple[str, ...]] = {}
    words = [word for word in (call.arg("state") or "").lower().split(",") if word]
    for word in words:
        if word not in STATES:
            expected = ", ".join(STATES)
            raise QStashError(400, f"unknown state {word[:50]!r}: expected one of {expected}")
    if words:
        conditions["state"] = tuple(STATES[word] for word in words)
    if label := call.arg("label"):
        conditions["label"] = (label,)
    return conditions


async def _settings(call: Call) -> Headers:
    order: Settings = await call.order()
    return tuple(order.headers.items())


def _explained(call: Call, row: RunRow) -> RunRow:
    """With words for what it waits for; for an event, with what came instead of it."""
    key, missed = (row.user, row.id, row.created_at), list(call.engine.waits.missed)
    now = call.engine.clock.now()

    def told(one: Waiting) -> Waiting:
        why = why_unheard(one.event, key, missed) if one.event else one.why
        return replace(one, why=why, text=template(one, now))

    found = replace(row, waits=tuple(map(told, row.waits)))
    return replace(found, told=now_piece(found, now))


def _with_hooks(call: Call, found: RunDetail) -> RunDetail:
    host = readable(call.request.headers.get("Host", "localhost"))
    base = call.context.advertised or f"http://{host}"
    return replace(found, hooks={event: base + path for event, path in found.hooks.items()})


OF_RUN = (CREATED_AT,)
ROUTES = (
    Route(
        "GET",
        "/_dev/workflows",
        list_,
        RunPage,
        query=(STATES_WANTED, RUN, URL, LABEL, LIMIT, CURSOR),
    ),
    Route("POST", "/_dev/notify", notify, Notified, EventOrder),
    Route("GET", "/_dev/workflows/{id}", get, RunDetail, query=OF_RUN),
    Route("GET", "/_dev/workflows/{id}/logs", logs, RunLog, query=OF_RUN),
    Route("POST", "/_dev/workflows/{id}/cancel", cancel, Made, query=OF_RUN),
    Route("POST", "/_dev/workflows/{id}/resume", resume, MadeRun, Settings, OF_RUN),
    Route("POST", "/_dev/workflows/{id}/restart", restart, MadeRun, Settings, OF_RUN),
    Route("POST", "/_dev/workflows/{id}/callback", call_again, Made, query=OF_RUN),
    Route("POST", "/_dev/workflows/{id}/run", run_now, StartedRun, query=OF_RUN),
    Route("POST", "/_dev/workflows/{id}/notify", notify_run, Notified, EventOrder, OF_RUN),
)
