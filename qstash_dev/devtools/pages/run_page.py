"""The page about a workflow run: its state, what it waits for, and its steps on a time line. Pure."""

from collections.abc import Iterable
from typing import Any

from qstash_dev.devtools.documents import Body, Piece
from qstash_dev.devtools.explain.error_text import headline
from qstash_dev.devtools.pages.parts import Bar, Fact, Part, line, state_piece
from qstash_dev.devtools.run_documents import (
    MINUTE_MS,
    RunDetail,
    RunRow,
    RunStep,
    Waiting,
    template,
)
from qstash_dev.devtools.states import look_of
from qstash_dev.devtools.text import as_text, counted, shorten
from qstash_dev.protocol.timing import format_duration
from qstash_dev.protocol.users import DEFAULT_USER

FACTS = (
    ("callUrl", "calls"),
    ("callMethod", "method"),
    ("callResponseStatus", "answer"),
    ("waitEventId", "event"),
    ("invokedWorkflowRunId", "invoked run"),
    ("retries", "retries"),
)
"""What the log says of a step besides its input, output and errors."""
VALUES = (("callBody", "in"), ("out", "out"), ("callResponseBody", "answer"))
ROLES = {"retry": "warning", "held": "warning", "step": "primary", "call": "primary"}
"""Of what a run waits for, where it is another than most have."""

Pieces = list[Piece]


def run_parts(found: RunDetail | RunRow, now: int) -> list[Part]:
    """What a run is, why it failed or what it waits for, its steps, what went in and what came out."""
    row = found.row if isinstance(found, RunDetail) else found
    why = [line(Piece(f"! {row.why}", "warning"), look="hint")] if row.why else []
    parts = [_headline(row), *why, line(Piece(row.url, "link")), Part(facts=list(_facts(row)))]
    parts += [line(Piece(f"! {notice}", "warning")) for notice in row.notices]
    if row.waits:
        parts += [
            Part("Waits for"),
            *(part for one in row.waits for part in _waiting(one, row, now)),
        ]
    return parts + (_whole(found) if isinstance(found, RunDetail) else [])


def _whole(found: RunDetail) -> list[Part]:
    row, failure = found.row, found.failure
    hints = {id: hint for id, hint in found.hints.items() if hint != row.why}  # that is said above
    parts = [line(Piece("webhook ", "muted"), Piece(url, "link")) for url in found.hooks.values()]
    bars = [_bar(step, found.steps, hints) for step in found.steps]
    parts += [Part("Steps"), Part(bars=bars, began=row.created_at, ended=row.completed_at)]
    for pending in found.pending:
        parts += [line(Piece("  "), *pieces) for pieces in _errors(pending, hints)]
    if failure is not None:
        state = str(failure.get("state", "")).removeprefix("CALLBACK_").lower()
        id = failure["messageId"]
        told = line(Piece(state, "bold"), Piece(f"  {id}", "muted", "messages", id))
        parts += [Part("Failure function"), told]
        parts += [line(*pieces) for pieces in _errors(failure, hints)]
    if found.response:
        parts += [Part("Result"), _body(found.response)]
    parts += [Part("Payload"), _body(found.payload)]
    if found.children:
        parts += [Part("Invoked runs"), *map(_child, found.children)]
    return parts


def _headline(row: RunRow) -> Part:
    took = Piece("{took}", "muted", at=row.created_at)
    if row.completed_at:
        took = Piece(format_duration(max(0, row.completed_at - row.created_at)), "muted")
    steps = Piece(f"  {counted(row.steps, 'step')}  ", "muted")
    return line(state_piece(row.state), steps, took, look="headline")


def _facts(row: RunRow) -> Iterable[Fact]:
    facts = {
        "id": Piece(row.id),
        "started": Piece("{date}", at=row.created_at),
        "ended": Piece("{date}", at=row.completed_at) if row.completed_at else None,
        "labels": Piece(", ".join(row.labels)) if row.labels else None,
        "flow control": Piece(row.flow_key) if row.flow_key else None,
        "invoked by": Piece(row.parent, to="runs") if row.parent else None,
        "resumed as": Piece(row.successor, to="runs") if row.successor else None,
        "DLQ entry": Piece(row.dlq_id) if row.dlq_id else None,
        "user": Piece(row.user) if row.user != DEFAULT_USER else None,
    }
    return (Fact(name, [piece]) for name, piece in facts.items() if piece is not None)


def now_piece(row: RunRow, now: int) -> Piece:
    """What a run waits for, or how it was left, in a few words."""
    if not row.waits:
        return Piece(row.left, "muted" if row.successor is None else "accent")
    if told := next((one.why for one in row.waits if one.why), ""):
        return Piece(f"! {told}", "warning")
    first, more = row.waits[0], f" (+{len(row.waits) - 1})" if len(row.waits) > 1 else ""
    return Piece(template(first, now) + more, _role(first), at=first.until)


def _role(one: Waiting) -> str:
    return ROLES.get(one.kind, "accent")


def _waiting(one: Waiting, row: RunRow, now: int) -> list[Part]:
    is_far = one.until is not None and one.until - now >= MINUTE_MS and one.kind != "sleep"
    at = [Piece("  until {at}", "muted", at=one.until)] if is_far else []
    word = "after step" if _brings_result(one, row) else "step"
    name = f"  {word} {one.name}" if one.name and one.kind != "step" else ""
    text = Piece(template(one, now), _role(one), at=one.until)
    told = line(Piece("◷ ", "accent"), text, *at, Piece(name, "muted"))
    if one.why:
        return [told, line(Piece(f"! {one.why}", "warning"))]
    if not one.event:
        return [told]
    is_hook = one.kind == "webhook"
    how = "nobody has called it yet" if is_hook else "nobody has notified it yet; N does"
    return [told, line(Piece(f"  {how}", "muted"))]


def _brings_result(one: Waiting, row: RunRow) -> bool:
    """Whether a message brings the result of its step to the app, which then runs the next ones."""
    own, its = (url.partition("://")[2].partition("/")[2] for url in (row.url, one.url or ""))
    return one.kind in ("retry", "held", "queued") and own == its


def _bar(step: RunStep, steps: Iterable[RunStep], hints: dict[str, str]) -> Bar:
    look, group = look_of(step.state), [one for one in steps if one.group == step.group]
    stem = "┌ " if step is group[0] else "└ " if step is group[-1] else "├ "
    return Bar(
        step.name,
        step.began_at,
        step.ended_at,
        role=look.role,
        symbol=look.symbol,
        stem=stem if step.parallel else "",
        to=step.message or "",
        lines=_lines(step, hints),
    )


def _lines(step: RunStep, hints: dict[str, str]) -> list[Pieces]:
    log = step.log
    kind = "" if step.type in ("Run", "Initial") else f"{step.type}  "
    facts = [
        f"{word} {log[key]}"
        for key, word in FACTS
        if log.get(key) not in (None, "", 0, []) and (key != "retries" or log.get("errors"))
    ]
    lines = [[Piece(f"{kind}{'  '.join(facts)}".rstrip(), "muted")]] if kind or facts else []
    for key, word in VALUES:
        is_twice = key == "out" and log.get("callResponseBody") is not None
        if step.type != "Initial" and not is_twice and log.get(key) not in (None, ""):
            lines.append([Piece(f"{word:<4} ", "muted"), Piece(shorten(as_text(log[key])))])
    errors = list(_errors(log, hints))
    if errors and step.state == "STEP_SUCCESS":
        lines.append([Piece("what follows it failed:", "muted")])
    return lines + errors


def _errors(log: dict[str, Any], hints: dict[str, str]) -> Iterable[Pieces]:
    errors = log.get("errors") or []
    for error in errors:
        at = Piece("✗ {clock} ", "error", at=int(error["time"]))
        yield [at, Piece(error.get("error", ""), "error")]
        if error.get("body"):
            yield [Piece(f"  {shorten(str(headline(error['body']) or error['body']))}")]
    if errors and (hint := hints.get(log.get("messageId", ""))):
        yield [Piece(f"→ {hint}", "warning")]
    if errors and (due := log.get("nextDeliveryTime")):
        yield [Piece("next try {in}", "warning", at=int(due))]


def _child(row: RunRow) -> Part:
    look = look_of(row.state)
    return line(Piece(f"{look.shown(8)} ", look.role), Piece(row.id, "link", "runs"))


def _body(text: str) -> Part:
    return Part(body=Body(size=len(text.encode()), text=text))
