"""A workflow run for readers: its state, what it waits for, and its steps on a time line. Pure."""

from datetime import tzinfo
from typing import Any

from rich.cells import cell_len, set_cell_size

from qstash_dev.devtools.explain.error_text import headline
from qstash_dev.devtools.run_documents import (
    MINUTE_MS,
    RunDetail,
    RunRow,
    RunStep,
    Waiting,
    left_as,
    time_of_day,
    words,
)
from qstash_dev.devtools.text import counted, shorten
from qstash_dev.protocol.timing import format_duration
from qstash_dev.tui.model.walk import Link, Place, message_place, quoted, run_place
from qstash_dev.tui.render import fmt
from qstash_dev.tui.render.block import Piece
from qstash_dev.tui.render.bodies import text_lines
from qstash_dev.tui.render.pages import When
from qstash_dev.tui.render.palette import Line, Span, rule

BAR = 16
"""Cells of the time line beside each step."""
NAMES = 14, 28
"""Cells of the names before it, at least and at most."""
FACTS = (
    ("callUrl", "calls"),
    ("callMethod", "method"),
    ("callResponseStatus", "answer"),
    ("waitEventId", "event"),
    ("invokedWorkflowRunId", "invoked run"),
    ("retries", "retries"),
)
"""What the log says of a step besides its input, output and errors."""


def now_span(row: RunRow, now: int, zone: tzinfo | None) -> Span:
    """What a run waits for, or how it was left, in a few words."""
    if row.waits:
        if told := next((one.why for one in row.waits if one.why), ""):
            return f"! {fmt.safe(told)}", "warning"
        more = f" (+{len(row.waits) - 1})" if len(row.waits) > 1 else ""
        return fmt.safe(words(row.waits[0], now, zone)) + more, _role(row.waits[0])
    return fmt.safe(left_as(row)), "muted" if row.successor is None else "accent"


def run_page(found: RunDetail | RunRow, when: When) -> list[Piece]:
    """What a run is, what it waits for, its steps, what went in and what came out."""
    whole = found if isinstance(found, RunDetail) else None
    row = found.row if isinstance(found, RunDetail) else found
    lines = [_headline(row, when), [(fmt.safe(row.url), "link")], *_facts(row, when)]
    lines += [[("! ", "warning"), (fmt.safe(notice), "warning")] for notice in row.notices]
    if row.waits:
        lines += [
            [],
            rule("Waits for"),
            *(line for one in row.waits for line in _waiting(one, row, when)),
        ]
    if whole is None:
        return lines
    lines += [[("webhook ", "muted"), (fmt.safe(url), "link")] for url in whole.hooks.values()]
    lines += [[], rule("Steps"), *_timeline(whole, when)]
    for pending in whole.pending:
        lines += _errors(pending, when, "  ", whole.hints)
    if whole.failure is not None:
        lines += [[], rule("Failure function"), *_failure(whole.failure, when, whole.hints)]
    if whole.response:
        lines += [[], rule("Result"), *text_lines(whole.response)]
    lines += [[], rule("Payload"), *text_lines(whole.payload)]
    if whole.children:
        lines += [[], rule("Invoked runs"), *(_child(child) for child in whole.children)]
    return lines


def run_links(found: RunDetail | RunRow) -> list[Link]:
    """Where a run leads: its messages, the run that invoked it, those it invoked, its successor."""
    row = found.row if isinstance(found, RunDetail) else found
    links = [Link("all its messages", Place("Messages", quoted("run", row.id)))]
    for word, other in (("invoked by", row.parent), ("resumed as", row.successor)):
        if other:
            links.append(Link(f"{word} {fmt.safe(other)}", run_place(other)))
    if isinstance(found, RunDetail):
        links += [Link(f"invoked {fmt.safe(c.id)}", run_place(c.id)) for c in found.children]
        links += [
            Link(f"step {fmt.safe(step.name)}  {step.type}"[:80], message_place(step.message))
            for step in found.steps
            if step.message
        ]
        links += [
            Link("failed delivery" if one.get("errors") else "delivery", message_place(id))
            for one in found.pending
            if (id := one.get("messageId"))
        ]
        if found.failure is not None:
            links.append(Link("failure function", message_place(found.failure["messageId"])))
    return links


def _headline(row: RunRow, when: When) -> Line:
    took = (row.completed_at or when.now) - row.created_at
    steps = counted(row.steps, "step")
    return [
        fmt.state_span(row.state),
        (f"  {steps}  {format_duration(max(0, took))}", "muted"),
    ]


def _facts(row: RunRow, when: When) -> list[Piece]:
    facts = [
        ("id", row.id),
        ("started", fmt.date_time(row.created_at, when.zone)),
        ("ended", fmt.date_time(row.completed_at, when.zone) if row.completed_at else None),
        ("labels", ", ".join(row.labels)),
        ("flow control", row.flow_key),
        ("invoked by", row.parent),
        ("resumed as", row.successor),
        ("DLQ entry", row.dlq_id),
        ("user", None if row.user == "defaultUser" else row.user),
    ]
    return [
        [(f"{name:<13}", "muted"), (fmt.safe(value), "")] for name, value in facts if value
    ]  # fmt: skip


def _waiting(one: Waiting, row: RunRow, when: When) -> list[Piece]:
    at = ""
    is_far = one.until is not None and one.until - when.now >= MINUTE_MS
    if one.until is not None and is_far and one.kind != "sleep":
        at = f"  until {time_of_day(one.until, when.now, when.zone)}"
    word = "after step" if _brings_result(one, row) else "step"
    name = f"  {word} {fmt.safe(one.name)}" if one.name and one.kind != "step" else ""
    text = fmt.safe(words(one, when.now, when.zone))
    line: Line = [("◷ ", "accent"), (text, _role(one)), (f"{at}{name}", "muted")]
    if one.why:
        return [line, [("! ", "warning"), (fmt.safe(one.why), "warning")]]
    if not one.event:
        return [line]
    how = (
        "nobody has called it yet"
        if one.kind == "webhook"
        else "nobody has notified it yet; N does"
    )
    return [line, [(f"  {how}", "muted")]]


def _brings_result(one: Waiting, row: RunRow) -> bool:
    """Whether a message brings the result of its step to the app, which then runs the next ones."""
    own, its = (url.partition("://")[2].partition("/")[2] for url in (row.url, one.url or ""))
    return one.kind in ("retry", "held", "queued") and own == its


def _role(one: Waiting) -> str:
    return {"retry": "warning", "held": "warning", "step": "primary", "call": "primary"}.get(
        one.kind, "accent"
    )


def _timeline(whole: RunDetail, when: When) -> list[Piece]:
    start = whole.row.created_at
    end = max(whole.row.completed_at or when.now, start + 1)
    stems = [_stem([o for o in whole.steps if o.group == s.group], s) for s in whole.steps]
    pairs = list(zip(whole.steps, stems, strict=True))
    least, most = NAMES
    names = [cell_len(stem + fmt.safe(step.name)) for step, stem in pairs]
    room = min(most, max([least, *names]))
    lines: list[Piece] = []
    for step, stem in pairs:
        lines += _step(step, stem, room, (start, end), when, whole.hints)
    return lines


def _stem(group: list[RunStep], step: RunStep) -> str:
    """Steps side by side stand behind one line."""
    if not step.parallel:
        return ""
    return "┌ " if step is group[0] else "└ " if step is group[-1] else "├ "


def _step(
    step: RunStep, stem: str, room: int, run: tuple[int, int], when: When, hints: dict[str, str]
) -> list[Piece]:
    look = fmt.state_look(step.state)
    took = max(0, (step.ended_at or when.now) - step.began_at)
    name, room = fmt.safe(step.name), room - len(stem)
    is_long = cell_len(name) > room
    shown = set_cell_size(name, room - 1) + "…" if is_long else set_cell_size(name, room)
    indent = "│ " if stem and stem != "└ " else "  "
    lines: list[Piece] = [
        [
            (stem, "muted"),
            (f"{look.symbol} ", look.role),
            (f"{shown} ", "bold"),
            (_bar(step, *run), look.role),
            (f" {format_duration(took)}", "muted"),
        ],
        *([[(indent, "muted"), (name, "bold")]] if is_long else []),
    ]
    kind = "" if step.type in ("Run", "Initial") else f"{fmt.safe(step.type)}  "
    facts = [
        f"{word} {fmt.safe(str(step.log[key]))}"
        for key, word in FACTS
        if step.log.get(key) not in (None, "", 0, [])
        and (key != "retries" or step.log.get("errors"))
    ]
    if kind or facts:
        lines.append([(f"{indent}{kind}{'  '.join(facts)}".rstrip(), "muted")])
    for key, word in (("callBody", "in"), ("out", "out"), ("callResponseBody", "answer")):
        is_twice = key == "out" and step.log.get("callResponseBody") is not None
        if step.type != "Initial" and not is_twice and step.log.get(key) not in (None, ""):
            lines.append([(f"{indent}{word:<4} ", "muted"), (_short(step.log[key]), "")])
    errors = _errors(step.log, when, indent, hints)
    if errors and step.state == "STEP_SUCCESS":
        lines.append([(f"{indent}what follows it failed:", "muted")])
    return lines + errors


def _bar(step: RunStep, start: int, end: int) -> str:
    """Where in the run the step was, and for how long."""
    scale = BAR / (end - start)
    left = min(BAR - 1, int((step.began_at - start) * scale))
    right = min(BAR, max(left + 1, round(((step.ended_at or end) - start) * scale)))
    return f"{'·' * left}{'█' * (right - left)}{'·' * (BAR - right)}"


def _errors(log: dict[str, Any], when: When, indent: str, hints: dict[str, str]) -> list[Piece]:
    lines: list[Piece] = []
    for error in log.get("errors", []):
        text = f"{fmt.clock_time(int(error['time']), when.zone)} {error.get('error', '')}"
        lines.append([(f"{indent}✗ {fmt.safe(text)}", "error")])
        if error.get("body"):
            lines.append([(f"{indent}  {_short(headline(error['body']) or error['body'])}", "")])
    if log.get("errors") and (hint := hints.get(log.get("messageId", ""))):
        lines.append([(f"{indent}→ {fmt.safe(hint)}", "warning")])
    if (due := log.get("nextDeliveryTime")) and log.get("errors"):
        lines.append([(f"{indent}next try {fmt.countdown(int(due), when.now)}", "warning")])
    return lines


def _failure(failure: dict[str, Any], when: When, hints: dict[str, str]) -> list[Piece]:
    state = fmt.safe(str(failure.get("state", "")).removeprefix("CALLBACK_").lower())
    return [[(state, "bold"), (f"  {fmt.safe(failure['messageId'])}", "muted")],
            *_errors(failure, when, "", hints)]  # fmt: skip


def _child(row: RunRow) -> Line:
    return [fmt.state_span(row.state, 9), (fmt.safe(row.id), "link")]


def _short(value: object) -> str:
    return fmt.safe(shorten(str(value)))
