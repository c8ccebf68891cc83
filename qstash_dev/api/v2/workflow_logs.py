"""`/v2/workflows/events`, `/v2/workflows/logs`, `/v2/workflows/messageLogs`: what happened in runs.

`events` with `groupBy=workflowRunId` is what SDKs call, `logs` its documented name; without it, and
under the old name `messageLogs`, there is one line for whatever happened.
"""

from typing import Any

from msgspec import Raw

from qstash_dev.api import web
from qstash_dev.api.call import Call, that_fill
from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.query import format_cursor
from qstash_dev.protocol.workflow.log_fields import View
from qstash_dev.protocol.workflow.log_lines import message_line, run_line
from qstash_dev.protocol.workflow.logs import run_document
from qstash_dev.protocol.workflow.query import LOGGED, parse_runs
from qstash_dev.store.lists.run_logs import LogLine

MAX_RUNS = 10
MAX_LINES = 1000
_GROUPS = ("workflowRunId", "")


async def events(call: Call) -> web.Response:
    """Runs with their steps if they are to be grouped, else lines."""
    group = call.arg("groupBy")
    if group is None:
        return await lines(call)
    if group not in _GROUPS:
        raise QStashError(400, f"invalid groupBy: {group[:100]!r} is not workflowRunId")
    return await (runs(call) if group else lines(call))


async def runs(call: Call) -> web.Response:
    """Runs with their steps, the newest first."""
    query = parse_runs(call.pairs(), LOGGED, count=MAX_RUNS, max_count=MAX_RUNS)
    view = _view(call)
    found = call.store.workflows.select(call.user, query)
    documents = that_fill(
        run_document(run, call.store.run_logs.record(run), view) for run in found[: query.count]
    )
    places = [(run.created_at, run.seq) for run in found]
    return await call.answer({**_cursor(documents, places), "runs": documents})


async def lines(call: Call) -> web.Response:
    """One line for whatever happened, the newest first."""
    query = parse_runs(call.pairs(), LOGGED, count=MAX_LINES, max_count=MAX_LINES)
    view = _view(call)
    found = call.store.run_logs.lines(call.user, query)
    documents = that_fill(line_document(line, view) for line in found[: query.count])
    places = [(line.time, line.seq) for line in found]
    return await call.answer({**_cursor(documents, places), "events": documents})


def _cursor(shown: list[Raw], places: list[tuple[int, int]]) -> dict[str, str]:
    """Where the list goes on, if not all of these places are shown."""
    if len(shown) == len(places):
        return {}
    return {"cursor": format_cursor(*places[len(shown) - 1])}


def line_document(line: LogLine, view: View) -> dict[str, Any]:
    """A line about a message of a run, or about the run itself."""
    if line.event is not None and line.message is not None:
        return message_line(line.run, line.event, line.message, line.trouble, view)
    assert line.run_event is not None, "a line is about a message or a run"
    return run_line(line.run, line.run_event, view)


def _view(call: Call) -> View:
    """`trimBody` is how many bytes of each body are shown; -1 is all (workflow docs, logs)."""
    text = call.arg("trimBody") or "-1"
    if text == "-1":
        return View(call.engine.clock.now())
    return View(call.engine.clock.now(), call.number("trimBody", 0))
