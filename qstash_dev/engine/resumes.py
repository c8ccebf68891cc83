"""Failed runs, taken up again: resume, restart, and the failure function once more.

Knows no rule of them: those are in `protocol.workflow.resume`.
"""

from qstash_dev.engine.workflows import Workflows
from qstash_dev.protocol.errors import QStashError, there
from qstash_dev.protocol.model import Headers, Message
from qstash_dev.protocol.workflow import resume
from qstash_dev.protocol.workflow.entries import Accepted
from qstash_dev.protocol.workflow.model import Failure, FailureState, Run, RunChange
from qstash_dev.store.store import Store


class Resumes:
    """What can still be done about runs that failed."""

    def __init__(self, store: Store, workflows: Workflows) -> None:
        self._store = store
        self._workflows = workflows

    def find(self, user: str, dlq_id: str) -> Run:
        """The run of an entry in the DLQ. Raises QStashError(404)."""
        found = self._store.search.dead_letter(user, dlq_id)
        message = self._store.messages.load(found[1]) if found is not None else None
        run = self._store.workflows.of_message(message) if message is not None else None
        failed = run if run is not None and run.failure is not None else None
        return there(failed, "workflow dlq message", dlq_id)

    def resume(self, run: Run, headers: Headers) -> Accepted:
        """Go on with a failed run from its failed step, as a new run."""
        moment = self._workflows.moment()
        order = resume.read_order(run, headers, moment)
        latest = self._store.workflows.newest(run.user, order.run_id)
        entries = self._store.messages.entries_of_run(run.seq, run.first)
        failed = self._message(run, self._failure(run).message_id)
        return self._begin(resume.resume(run, entries, failed, order, latest, moment))

    def restart(self, run: Run, headers: Headers) -> Accepted:
        """Start a new run with the payload and the settings of this one."""
        moment = self._workflows.moment()
        order = resume.read_order(run, headers, moment)
        latest = self._store.workflows.newest(run.user, order.run_id)
        first = self._store.messages.entries_of_run(run.seq, run.first)[0]
        return self._begin(resume.restart(run, first, order, latest, moment))

    def call_again(self, run: Run) -> None:
        """Call the failure function once more. Raises QStashError(400) unless that failed."""
        call_id = self._failure(run).callback_id
        if call_id is None:
            raise QStashError(400, f"workflow run {run.id} has no failure callback")
        call = self._message(run, call_id)
        self._write(resume.call_again(run, call, self._workflows.moment()))

    def cancel_call(self, run: Run) -> Message:
        """The call of the failure function that is in progress, to be cancelled. Raises
        QStashError(400).
        """
        failure = self._failure(run)
        if failure.state != FailureState.INPROGRESS or failure.callback_id is None:
            raise QStashError(400, f"workflow run {run.id} has no failure callback in progress")
        return self._message(run, failure.callback_id)

    def _begin(self, change: RunChange) -> Accepted:
        self._write(change)
        new = next(run for run in change.runs if run.failure is None)
        return Accepted(new.message_id, new.url, new.id, new.created_at)

    def _write(self, change: RunChange) -> None:
        self._workflows.check(message.spec for message in change.created)
        self._workflows.add(change)

    def _failure(self, run: Run) -> Failure:
        if run.failure is None:
            raise QStashError(400, f"workflow run {run.id} has not failed")
        return run.failure

    def _message(self, run: Run, message_id: str) -> Message:
        message = self._store.messages.get(run.user, message_id)
        assert message is not None, "messages of a run are kept as long as it"
        return message
