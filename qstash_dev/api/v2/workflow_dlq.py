"""`/v2/workflows/dlq`: runs that failed, and the ways to take them up again."""

from collections.abc import Callable
from typing import Any

from qstash_dev.api import web
from qstash_dev.api.call import Call, that_fill
from qstash_dev.api.v2.submission import request_settings
from qstash_dev.protocol.headers import not_beginning
from qstash_dev.protocol.model import DeadLetter, Headers
from qstash_dev.protocol.query import format_cursor, json_pairs
from qstash_dev.protocol.wire import dead_letter_document
from qstash_dev.protocol.workflow.entries import Accepted
from qstash_dev.protocol.workflow.model import Run
from qstash_dev.protocol.workflow.query import DEAD, RunQuery, parse_runs
from qstash_dev.protocol.workflow.wire import failure_document

MAX_COUNT = 100
MAX_RESUMED = 50
TakeUp = Callable[[Run, Headers], Accepted]


async def list_(call: Call) -> web.Response:
    """Entries, the newest first."""
    query = parse_runs(call.pairs(), DEAD, count=MAX_COUNT, max_count=MAX_COUNT)
    runs, cursor = _page(call, query)
    documents = that_fill(_document(call, run) for run in runs)
    if len(documents) < len(runs):
        cursor = _cursor(runs[len(documents) - 1])
    return await call.answer({"messages": documents, **cursor})


async def get(call: Call) -> web.Response:
    return await call.answer(_document(call, _find(call)))


async def delete(call: Call) -> web.Response:
    """Remove one entry; the run stays failed."""
    _remove(call, [_find(call)])
    return await call.done()


async def delete_many(call: Call) -> web.Response:
    """Remove by ids or filters, from the query or a JSON body; unknown ids are ignored."""
    query = await _chosen(call, MAX_COUNT)
    runs, cursor = _page(call, query)
    _remove(call, runs)
    return await call.answer({"deleted": len(runs), **cursor})


async def resume(call: Call) -> web.Response:
    """Go on with one run from its failed step; headers of this request override its settings."""
    return await _take_up(call, call.engine.resumes.resume)


async def restart(call: Call) -> web.Response:
    """Start one run from the beginning."""
    return await _take_up(call, call.engine.resumes.restart)


async def resume_many(call: Call) -> web.Response:
    """Go on with many runs."""
    return await _take_up_many(call, call.engine.resumes.resume)


async def restart_many(call: Call) -> web.Response:
    """Start many runs from the beginning."""
    return await _take_up_many(call, call.engine.resumes.restart)


async def call_again(call: Call) -> web.Response:
    """Call the failure function of a run once more."""
    run = _find(call)
    call.engine.resumes.call_again(run)
    return await call.answer(_named(run.id, run.created_at))


async def cancel_call(call: Call) -> web.Response:
    """Do not call the failure function any more."""
    run = _find(call)
    call.engine.cancel([call.engine.resumes.cancel_call(run)])
    return await call.answer(_named(run.id, run.created_at))


async def _take_up(call: Call, take_up: TakeUp) -> web.Response:
    accepted = take_up(_find(call), request_settings(call))
    return await call.answer(_named(accepted.run_id, accepted.created_at))


async def _take_up_many(call: Call, take_up: TakeUp) -> web.Response:
    runs, cursor = _page(call, await _chosen(call, MAX_RESUMED))
    settings = request_settings(call)
    made = [take_up(run, settings) for run in runs]
    documents = [_named(accepted.run_id, accepted.created_at) for accepted in made]
    return await call.answer({"workflowRuns": documents, **cursor})


def _named(run_id: str, created_at: int) -> dict[str, Any]:
    return {"workflowRunId": run_id, "workflowCreatedAt": created_at}


async def _chosen(call: Call, most: int) -> RunQuery:
    pairs = (*not_beginning(call.pairs(), "upstash-"), *json_pairs(await call.body()))
    return parse_runs(pairs, DEAD, count=most, max_count=most, changes=True)


def _page(call: Call, query: RunQuery) -> tuple[list[Run], dict[str, str]]:
    found = call.store.workflows.select(call.user, query, dead=True)
    page = found[: query.count]
    return page, _cursor(page[-1]) if len(found) > len(page) else {}


def _cursor(last: Run) -> dict[str, str]:
    return {"cursor": format_cursor(last.created_at, last.seq)}


def _find(call: Call) -> Run:
    return call.engine.resumes.find(call.user, call.params["id"])


def _remove(call: Call, runs: list[Run]) -> None:
    call.engine.remove_dead(_letter(run) for run in runs)


def _letter(run: Run) -> DeadLetter:
    assert run.failure is not None, "only failed runs are in the DLQ"
    at = run.completed_at or run.created_at
    return DeadLetter(run.failure.dlq_id, run.user, run.failure.message_id, at)


def _document(call: Call, run: Run) -> dict[str, Any]:
    """The entry of a run."""
    letter = _letter(run)
    message = call.engine.workflows.outgoing_of(run, call.engine.find(call.user, letter.message_id))
    last = call.store.attempts.last(message.id, message.seq)
    called_id = run.failure.callback_id if run.failure is not None else None
    called = call.engine.find(call.user, called_id) if called_id is not None else None
    answer = call.store.attempts.last(called.id, called.seq) if called is not None else None
    return dead_letter_document(letter, message, last) | failure_document(run, called, answer)
