"""The JSON documents of workflow runs that QStash's API answers. Unset fields are left out."""

from typing import Any

from qstash_dev.protocol.headers import header_map
from qstash_dev.protocol.model import Attempt, Message, Response
from qstash_dev.protocol.publish.shown import labels as shown_labels
from qstash_dev.protocol.wire import present
from qstash_dev.protocol.workflow.model import Run

Document = dict[str, Any]


def failure_document(run: Run, called: Message | None, answer: Attempt | None) -> Document:
    """What an entry of the workflow DLQ says besides its message. `called` is the call of the failure
    function, `answer` how that went last (workflow docs, "DLQ").
    """
    state = run.failure.state if run.failure is not None else None
    info = None
    if state is not None:
        info = {"state": state, **answer_document(answer)}
    return present(
        {
            "workflowRunId": run.id,
            "workflowCreatedAt": run.created_at,
            "workflowUrl": run.url,
            "failureCallback": called.spec.url if called is not None else None,
            "failureCallbackInfo": info,
            "failureFunctionState": state,
            **shown_labels(run.config),
        }
    )


def answer_document(attempt: Attempt | None) -> Document:
    """What a failure function answered, if it did."""
    outcome = attempt.outcome if attempt is not None else None
    if not isinstance(outcome, Response):
        return {}
    return {
        "responseStatus": outcome.status,
        "responseBody": outcome.body.decode("utf-8", "replace"),
        "responseHeaders": header_map(outcome.headers),
    }
