"""`context.call`: what a run is told of its third party (workflow-js `workflow-requests.ts`)."""

from typing import Any

import msgspec
from msgspec.structs import replace

from qstash_dev.protocol.callback import Result, callback_document
from qstash_dev.protocol.model import Message, Outcome, Reason, Response, SendFailure, Timing

NO_ANSWER: dict[str, Any] = {"status": -1, "header": {}, "body": ""}
"""What the step's result shows when nobody answered: a status, and a body that is text."""


def call_result(message: Message, outcome: Outcome | None) -> bytes:
    """The callback body for the last attempt of a call; `None` is a call that was cancelled.

    The SDK waits for another callback where `retried` is not `maxRetries`: of a call that failed for
    good before its last retry, the limit is told as reached.
    """
    if outcome is None:
        outcome = SendFailure(Reason.INTERRUPTED, "the call was cancelled", Timing(message.due_at))
    if not (isinstance(outcome, Response) and 200 <= outcome.status < 300):
        message = replace(message, spec=replace(message.spec, max_retries=message.retried))
    document = callback_document(message, Result(outcome))
    if not isinstance(outcome, Response):
        document |= NO_ANSWER
    return msgspec.json.encode(document)
