"""`context.invoke`: a run that another run waits for (workflow-js `steps.ts`, LazyInvokeStep)."""

from collections.abc import Mapping

import msgspec
from msgspec import Struct

from qstash_dev.protocol.destination import check_url
from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.headers import without
from qstash_dev.protocol.json_body import read_json
from qstash_dev.protocol.publish.draft import Draft, parse_draft
from qstash_dev.protocol.quota import Limits
from qstash_dev.protocol.workflow.headers import last_wins
from qstash_dev.protocol.workflow.model import Invoker


class _Body(Struct, frozen=True, rename="camel"):
    workflow_run_id: str
    workflow_url: str
    step: dict[str, msgspec.Raw]
    workflow_run_created_at: int | float | None = None
    body: str | None = None
    headers: dict[str, list[str]] = {}


class Invocation(Struct, frozen=True):
    """Who invokes, and the payload of the run that is invoked."""

    invoker: Invoker
    body: bytes


def read_invocation(body: bytes, draft: Draft, limits: Limits) -> Invocation:
    """Read the body of an invoking publish. Raises QStashError(400)."""
    found: _Body = read_json(body, _Body, "body of a workflow invocation")
    url = check_url(found.workflow_url, "workflow url")
    invoker = Invoker(
        run_id=found.workflow_run_id,
        created_at=int(found.workflow_run_created_at or 0),
        url=url,
        step=msgspec.json.encode(found.step),
        draft=resumption(url, found.headers, limits, found.workflow_run_id),
    )
    return Invocation(invoker, (found.body or "").encode())


def resumption(url: str, headers: Mapping[str, list[str]], limits: Limits, run_id: str) -> Draft:
    """How a step that waited is published when it goes on: the header map of the request that made it
    wait, without the app's own token. Raises QStashError(400).
    """
    pairs = without(last_wins(headers), ("authorization",))
    draft = parse_draft(url, pairs, limits)
    if draft.part is None or draft.part.init or draft.part.run_id != run_id:
        raise QStashError(
            400, f"the headers of a step that waits must name its run: {run_id[:100]!r} is expected"
        )
    return draft
