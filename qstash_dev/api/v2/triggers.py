"""`POST /v2/trigger` and `/v2/batch/trigger`: the server starts workflow runs."""

from typing import Any

import msgspec

from qstash_dev.api import web
from qstash_dev.api.call import Call
from qstash_dev.api.refused import tell_items
from qstash_dev.api.v2.publish import all_good, try_item
from qstash_dev.api.v2.submission import originals_known, read_draft
from qstash_dev.protocol.destination import parse_destination
from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.publish.draft import Draft
from qstash_dev.protocol.workflow.entries import Accepted, Submission
from qstash_dev.protocol.workflow.headers import UNKNOWN_SDK
from qstash_dev.protocol.workflow.trigger import triggered


async def trigger(call: Call) -> web.Response:
    """Start a run of the workflow at a URL; an id that is not given is made up."""
    destination = parse_destination(call.rest, call.query)
    call.context.faults.check_publish(destination.url or destination.group or "")
    draft = read_draft(call, destination, None)
    body = await call.body(call.engine.policy.limits.max_message_size)
    await originals_known(call, [draft])
    [accepted], answer = call.engine.workflows.submit(call.user, [_submission(call, draft, body)])
    document = _document(accepted)
    return await call.answer(document, then=answer)


async def batch(call: Call) -> web.Response:
    """Start many runs, all of them or none; the answers are in the order of the items."""
    items = await call.json(list[msgspec.Raw])
    orders = [try_item(call, raw) for raw in items]
    tell_items(call, items, orders)
    submissions = [_submission(call, one.enqueued, one.body) for one in all_good(orders)]
    await originals_known(call, [one.draft for one in submissions])
    accepted, answer = call.engine.workflows.submit(call.user, submissions)
    documents = [{**_document(one), "deduplicated": one.deduplicated} for one in accepted]
    return await call.answer(documents, 201, then=answer)


def _submission(call: Call, draft: Draft, body: bytes) -> Submission:
    if not draft.spec.url:
        raise QStashError(400, "a workflow is triggered at a URL, not at a URL group")
    run_id = draft.part.run_id if draft.part is not None else ""
    asked = UNKNOWN_SDK.lower() in draft.given
    return Submission(triggered(draft, run_id, call.engine.new_id, asked), body, triggered=True)


def _document(accepted: Accepted) -> dict[str, Any]:
    return {"workflowRunId": accepted.run_id, "workflowCreatedAt": accepted.created_at}
