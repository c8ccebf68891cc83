"""The JSON of a step: what is read of it, and what the server writes when it submits one itself.

Runs go on without any of this: a body that is no step is stored and delivered as it came.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from qstash_dev.protocol.headers import by_name
from qstash_dev.protocol.json_body import read_json, whole_number
from qstash_dev.protocol.model import CallType, Headers, Spec, Step

INIT = Step(name="init", type="Initial")
"""The first entry of a run in its log (workflow docs, logs)."""

SLEEPS = frozenset(("SleepFor", "SleepUntil"))
WAITS = frozenset(("Wait", "WaitForWebhook"))
_MAX_NAME = 1_000


class StepDocument(Struct, frozen=True, rename="camel"):
    """A step as an SDK writes it; of any type, since nothing depends on it but what is shown."""

    step_id: Any = None
    step_name: Any = None
    step_type: Any = None
    concurrent: Any = None
    target_step: Any = None
    out: Any = None
    sleep_for: Any = None
    sleep_until: Any = None
    wait_event_id: Any = None
    wait_timeout: Any = None
    timeout: Any = None


_NO_DOCUMENT = StepDocument()
_decode = msgspec.json.Decoder(StepDocument).decode


def read_document(body: bytes) -> StepDocument:
    """The step in a body; one that says nothing if there is none."""
    try:
        return _decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return _NO_DOCUMENT


def step_of(call_type: CallType, spec: Spec, body: bytes) -> Step | None:
    """The step that a submission belongs to, as far as it says."""
    if call_type == CallType.TO_CALLBACK:
        return _of_headers(spec.callback.headers) if spec.callback is not None else None
    if call_type == CallType.FROM_CALLBACK:
        return _of_headers(spec.headers)
    document = read_document(body)
    if document is _NO_DOCUMENT:
        return None
    if call_type == CallType.STEP_CONFIG:
        return Step(target=_optional(document.target_step))
    return Step(
        id=_number(document.step_id),
        name=_text(document.step_name),
        type=_text(document.step_type),
        concurrent=_number(document.concurrent) or 1,
        target=_optional(document.target_step),
    )


def is_plan(step: Step | None) -> bool:
    """Whether this only plans a branch of parallel steps."""
    return step is not None and step.id == 0 and step.target is not None


def is_result(step: Step | None) -> bool:
    """Whether this tells that a step is done."""
    return step is not None and step.id > 0


def resumed(step: bytes, event_id: str, data: bytes | None) -> bytes:
    """A waiting step that goes on: with the event's data, or without when the time was over.

    The SDK takes a step without `out`, which is base64, for one that timed out (workflow-js
    `context/steps.ts`).
    """
    changes: dict[str, Any] = {"waitEventId": event_id, "waitTimeout": data is None}
    if data is not None:
        changes["out"] = data
    return merged(step, changes)


def invoked(
    step: bytes, run_id: str, *, result: bytes | None, is_failed: bool, is_canceled: bool
) -> bytes:
    """An invoking step that goes on: how the invoked run ended, and its result if it has one."""
    ended: dict[str, Any] = {
        "isFailed": is_failed,
        "isCanceled": is_canceled,
        "workflowRunId": run_id,
    }
    if result is not None:
        ended = {"body": result.decode("utf-8", "replace"), **ended}
    return merged(step, {"out": msgspec.json.encode(ended).decode()})


def merged(step: bytes, changes: Mapping[str, Any]) -> bytes:
    """A step's JSON with other fields; all that it had stays."""
    document = read_json(step, dict[str, msgspec.Raw])
    return msgspec.json.encode(document | dict(changes))


def _of_headers(headers: Headers) -> Step | None:
    found = by_name(headers)
    prefix = "upstash-workflow-"
    if prefix + "stepid" not in found:
        return None
    return Step(
        id=_number(found[prefix + "stepid"]),
        name=_text(found.get(prefix + "stepname")),
        type=_text(found.get(prefix + "steptype")) or "Call",
        concurrent=_number(found.get(prefix + "concurrent")) or 1,
    )


def _number(value: Any) -> int:
    """A whole number; 0 for anything else. Booleans are numbers in Python, not in a step."""
    if isinstance(value, str):
        return whole_number(value, 9) or 0
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0
    return int(value) if 0 <= value < 10**9 else 0


def _optional(value: Any) -> int | None:
    return None if value is None else _number(value)


def _text(value: Any) -> str:
    """Text that can be stored and shown."""
    if not isinstance(value, str):
        return ""
    return value[:_MAX_NAME].encode("utf-8", "replace").decode()
