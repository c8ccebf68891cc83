"""What workflow logs say of one step, by its type. Unset fields are left out, redacted ones hashed.

Source: workflow docs, "List workflow run logs"; workflow-js `client/types.ts`.
"""

from base64 import b64decode
from binascii import Error as NotBase64
from typing import Any

import msgspec
from msgspec import Struct

from qstash_dev.protocol.callback import NO_ANSWER
from qstash_dev.protocol.headers import header_map
from qstash_dev.protocol.model import Message, Response
from qstash_dev.protocol.redact import redact_body, redact_headers
from qstash_dev.protocol.timing import parse_duration
from qstash_dev.protocol.wire import present
from qstash_dev.protocol.workflow.model import Run
from qstash_dev.protocol.workflow.steps import SLEEPS, WAITS, StepDocument, read_document
from qstash_dev.protocol.workflow.timeline import Line, Record, Trouble

Document = dict[str, Any]


class View(Struct, frozen=True):
    """How logs are shown: at what time, and how many bytes of each body (`None` is all)."""

    now: int
    trim: int | None = None


class _Answer(Struct, frozen=True):
    """What is read of the callback that tells how a call ended."""

    status: int = NO_ANSWER
    body: str = ""
    header: dict[str, list[str]] = {}


_decode_answer = msgspec.json.Decoder(_Answer).decode


def named(line: Line) -> Document:
    """Which step it is."""
    step = line.step
    return {
        **({"stepId": step.id} if step.id else {}),
        "stepName": step.name,
        "stepType": step.type,
        "concurrent": step.concurrent,
    }


def sent(message: Message) -> Document:
    """How a message of a step is sent."""
    spec = message.spec
    return {
        "messageId": message.id,
        "createdAt": message.created_at,
        "headers": header_map(redact_headers(spec.headers, spec.redact)),
        "retries": spec.max_retries,
        **present({"retryDelay": spec.retry_delay}),
    }


def out_field(line: Line, result: Message, view: View, is_init: bool) -> Document:
    """The payload, or what the step gave; a step that has nothing to show has no `out`."""
    if is_init:
        found: bytes | None = result.body
    else:
        found = _told(line, read_document(result.body))
    if found is None:
        return {}
    return {"out": shown(redact_body(found, result.spec.redact), view)}


def call_fields(line: Line, view: View) -> Document:
    """A call of a third party, and its answer once that is known."""
    call, answer = line.call, line.answer
    if call is None:
        return {}
    spec = call.spec
    document = {
        "callUrl": spec.url,
        "callMethod": spec.method,
        "callBody": shown(redact_body(call.body, spec.redact), view),
        "callHeaders": header_map(redact_headers(spec.headers, spec.redact)),
    }
    if answer is None:
        return document
    try:
        told = _decode_answer(answer.body)
        body = b64decode(told.body)
    except (msgspec.MsgspecError, NotBase64, ValueError):
        return document
    redact = answer.spec.redact
    pairs = tuple((name, value) for name, values in told.header.items() for value in values)
    return document | {
        "callResponseStatus": told.status,
        "callResponseBody": shown(redact_body(body, redact), view),
        "callResponseHeaders": header_map(redact_headers(pairs, redact)),
    }


def wait_fields(line: Line) -> Document:
    """What a step waits for, until when, and whether the time was over first."""
    if line.step.type not in WAITS:
        return {}
    document: Document = msgspec.json.decode(line.wait.detail) if line.wait is not None else {}
    told = read_document(line.result.body) if line.result is not None else None
    if told is not None and isinstance(told.wait_event_id, str):
        document["waitEventId"] = told.wait_event_id
    return {**document, "waitTimeout": told is not None and told.wait_timeout is True}


def invocation_fields(line: Line, record: Record, view: View) -> Document:
    """The run that a step invoked."""
    if line.invocation is None:
        return {}
    document = invoked_names(msgspec.json.decode(line.invocation.detail))
    child = record.invoked.get(line.invocation.invoked)
    if child is None:
        return document
    spec = child.spec
    return document | {
        "invokedWorkflowRunBody": shown(redact_body(child.body, spec.redact), view),
        "invokedWorkflowRunHeaders": header_map(redact_headers(spec.headers, spec.redact)),
    }


def sleep_fields(line: Line) -> Document:
    """How long, in milliseconds; until when, in seconds as the SDK says it."""
    message = line.plan or line.result
    if line.step.type not in SLEEPS or message is None:
        return {}
    document = read_document(message.body)
    return present({"sleepFor": _ms(document.sleep_for), "sleepUntil": document.sleep_until})


def invoked_names(detail: Document) -> Document:
    """A run as the log has it, in the words of a step."""
    return {
        "invokedWorkflowRunId": detail.get("runId"),
        "invokedWorkflowUrl": detail.get("url"),
        "invokedWorkflowCreatedAt": detail.get("createdAt"),
    }


def error_document(trouble: Trouble, view: View) -> Document:
    """A failed attempt."""
    status, body, headers = exchange(trouble)
    return {
        "error": trouble.error,
        "status": status,
        "body": shown(body, view),
        "headers": headers,
        "time": trouble.time,
    }


def exchange(trouble: Trouble | None) -> tuple[int, bytes, dict[str, list[str]]]:
    """Status, body and headers of the answer, -1 and nothing if there was none."""
    attempt = trouble.attempt if trouble is not None else None
    outcome = attempt.outcome if attempt is not None else None
    if isinstance(outcome, Response):
        return outcome.status, outcome.body, header_map(outcome.headers)
    return NO_ANSWER, b"", {}


def response_text(run: Run, view: View) -> str | None:
    """What the run returned."""
    if run.result is None:
        return None
    return shown(redact_body(run.result, run.config.redact), view)


def shown(body: bytes, view: View) -> str:
    """A body as text, cut to what is asked for."""
    return (body if view.trim is None else body[: view.trim]).decode("utf-8", "replace")


def _told(line: Line, document: StepDocument) -> bytes | None:
    out = document.out
    if out is None:
        return None
    if not isinstance(out, str):
        return msgspec.json.encode(out)
    if line.step.type not in WAITS:
        return out.encode("utf-8", "replace")
    try:
        return b64decode(out, validate=True)
    except (NotBase64, ValueError):
        return out.encode("utf-8", "replace")


def _ms(value: Any) -> int | None:
    if isinstance(value, str):
        try:
            return parse_duration(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value * 1000)
