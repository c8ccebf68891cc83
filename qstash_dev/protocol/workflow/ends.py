"""How runs end: finished, cancelled, failed. What waited in them is dropped, their invokers are told
(workflow docs, `howto/cancel` and `features/invoke`; workflow-js `workflow-requests.ts`).

What is under way ends by itself: see `protocol.workflow.settle`.
"""

from collections.abc import Iterable
from itertools import chain

from msgspec.structs import replace

from qstash_dev.protocol import settle
from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.model import Change, Message, State
from qstash_dev.protocol.workflow.entries import Moment, append
from qstash_dev.protocol.workflow.model import (
    Invoker,
    Run,
    RunChange,
    RunEvent,
    RunState,
    is_live,
    joined,
    key_of,
)
from qstash_dev.protocol.workflow.steps import invoked


def finish(
    run: Run, result: bytes, waiting: Iterable[Message], parent: Run | None, moment: Moment
) -> RunChange:
    """The app has returned. `result` is the JSON text of what its route returned, empty for nothing."""
    done = replace(run, result=result if result else None)
    return end(done, RunState.SUCCESS, waiting, parent, moment)


def cancel(run: Run, waiting: Iterable[Message], parent: Run | None, moment: Moment) -> RunChange:
    """Somebody cancels the run: no failure function, no dead letter."""
    return end(run, RunState.CANCELED, waiting, parent, moment)


def end(
    run: Run,
    state: RunState,
    waiting: Iterable[Message],
    parent: Run | None,
    moment: Moment,
) -> RunChange:
    """A live run ends. `waiting` are its messages that are not under way; `parent` is the run that
    invoked it, as it is now.
    """
    ended = replace(run, state=state, completed_at=moment.now)
    changes: list[Change] = [dropped(message, moment.now) for message in waiting]
    changes.append(
        RunChange(moment.now, runs=(ended,), run_events=(RunEvent(key_of(run), moment.now, state),))
    )
    if run.invoker is not None and parent is not None:
        changes.append(_told(ended, run.invoker, parent, moment))
    return joined(moment.now, changes)


def dropped(message: Message, now: int) -> Change:
    """A message of a run that is over is not delivered any more."""
    change = settle.cancel(message, now)
    # Nobody asked for this one: the run's end did.
    ended = tuple(replace(m, cancel_requested=message.cancel_requested) for m in change.changed)
    asked = State.CANCEL_REQUESTED
    return replace(
        change, changed=ended, events=tuple(e for e in change.events if e.state != asked)
    )


def _told(child: Run, invoker: Invoker, parent: Run, moment: Moment) -> Change:
    """The invoking step gets its result. A parent that failed meanwhile only records it (workflow-js
    CI, `invoke-parent-failure`); one that ended otherwise does not care.
    """
    is_over = not is_live(parent)
    if parent.created_at != invoker.created_at or (is_over and parent.state != RunState.FAILED):
        return Change(moment.now)
    body = invoked(
        invoker.step,
        child.id,
        result=child.result if child.state == RunState.SUCCESS else None,
        is_failed=child.state == RunState.FAILED,
        is_canceled=child.state == RunState.CANCELED,
    )
    try:
        change = append(parent, invoker.draft, body, moment)
    except QStashError as error:  # the parent is full: it must not keep its child from ending
        warned = replace(parent, notices=(*parent.notices, f"run {child.id}: {error.message}"))
        return RunChange(moment.now, runs=(warned,))
    return _recorded(change, moment.now) if is_over else change


def _recorded(change: RunChange, now: int) -> RunChange:
    """An entry that is not delivered any more."""
    ended = [dropped(message, now) for message in change.created]
    return replace(
        change,
        created=tuple(chain.from_iterable(e.changed for e in ended)),
        events=tuple(chain.from_iterable(e.events for e in ended)),
    )
