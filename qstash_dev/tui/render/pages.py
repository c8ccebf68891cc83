"""The pages of the detail pane as lines of text: what is known about one message.

Pure: a `Detail` and the time in, lines out. Knows neither widgets nor how lines are drawn.
"""

from collections.abc import Callable
from datetime import tzinfo
from typing import Any, NamedTuple

from qstash_dev.devtools.documents import Attempt, Detail, Row
from qstash_dev.devtools.documents import Piece as FactPiece
from qstash_dev.devtools.message_facts import message_facts
from qstash_dev.devtools.text import as_text
from qstash_dev.protocol.headers import first
from qstash_dev.protocol.settle import status_text
from qstash_dev.protocol.timing import format_duration
from qstash_dev.tui.render import fmt
from qstash_dev.tui.render.app_output import heard_lines
from qstash_dev.tui.render.block import Piece
from qstash_dev.tui.render.bodies import body_lines
from qstash_dev.tui.render.palette import Line, Span, rule


class When(NamedTuple):
    """The moment a page is for (epoch ms), the zone to write times in, the app's address."""

    now: int
    zone: tzinfo | None = None
    app_url: str = ""


BAR = 20
"""Cells of the bar of a phase: with words and numbers it fits beside the list."""

SHOWN_OUTPUT = 20
"""Lines of the app on the overview; the page of the attempts has all."""

Page = Callable[[Detail, When], list[Piece]]


def overview(detail: Detail, when: When) -> list[Piece]:
    """What happened, why, what is next; then the last answer and the course of events."""
    row = detail.row
    lines = [_headline(row), *_advice(detail)]
    lines += [[], [(row.method, "bold"), (" ", ""), (fmt.safe(row.url), "link")], []]
    lines += _facts(_summary(detail, when))
    answer = next((a.response for a in reversed(detail.attempts) if a.response), None)
    if answer is not None:
        lines += [[], rule("Last answer")]
        lines += body_lines(answer.body, first(answer.headers, "content-type"))
    heard = detail.attempts[-1].heard if detail.attempts else None
    if heard is not None and heard.lines:
        lines += [[], rule("The app printed"), *heard_lines(heard, SHOWN_OUTPUT)]
    if detail.events:
        lines += [[], rule("Events")]
        lines += [_event(event, when) for event in detail.events]
    return lines


def request(detail: Detail, when: When) -> list[Piece]:
    """What was published."""
    asked = detail.request
    start: Line = [(asked.method, "bold"), (" ", ""), (fmt.safe(asked.url), "link")]
    lines = [start, [], *_headers(asked.headers)]
    for name, body in asked.decoded.items():  # before that in which it is hard to read
        lines += [[], rule(f"{name}, decoded  {fmt.size(body.size)}"), *body_lines(body, "")]
    lines += [[], rule(f"Body  {fmt.size(asked.body.size)}")]
    return lines + body_lines(asked.body, first(asked.headers, "content-type"))


def response(detail: Detail, when: When) -> list[Piece]:
    """The last answer, or why there is none."""
    if not detail.attempts:
        return [[("Not tried yet.", "muted")], *_waiting(detail.row, when)]
    return _answer(detail.attempts[-1])


def attempts(detail: Detail, when: When) -> list[Piece]:
    """Every attempt whole: what was sent, what came back, how long each part took."""
    if not detail.attempts:
        return response(detail, when)
    lines: list[Piece] = []
    for attempt in reversed(detail.attempts):
        title = f"Attempt {attempt.number} of {detail.row.tries}"
        lines += [rule(title), _attempt_line(attempt, when), *_timing(attempt)]
        lines += [
            [],
            [("Sent", "title")],
            [("to ", "muted"), (fmt.safe(attempt.target), "link")],
        ]
        lines += _headers(attempt.request.headers)
        lines += [[], [("Received", "title")], *_answer(attempt), []]
        if attempt.heard is not None and attempt.heard.lines:
            lines += [[("Printed meanwhile", "title")], *heard_lines(attempt.heard), []]
    return lines


def signature(detail: Detail, when: When) -> list[Piece]:
    """The JWT decoded: which key made it, whether it holds, and if not, why."""
    signed = detail.signature
    if signed is None:
        return [[("No signature yet: it is made anew for every attempt.", "muted")]]
    verdict: Span = ("✓ would verify", "success") if signed.valid else ("✗ would fail", "error")
    lines: list[Piece] = [[verdict, (f"  signed with the {fmt.safe(signed.key)} key", "muted")]]
    lines += [[("! ", "error"), (fmt.safe(problem), "error")] for problem in signed.problems]
    lines += [[], rule("Claims"), *_facts(_claims(signed.claims, when))]
    lines += [[], rule("Header"), *_facts([(k, as_text(v)) for k, v in signed.header.items()])]
    if signed.token:
        lines += [[], rule("Token"), [(fmt.safe(signed.token), "muted")]]
    return lines


def tree(detail: Detail, when: When) -> list[Piece]:
    """Where the message came from and what came of it."""
    links, row = detail.links, detail.row
    depth = 0
    lines: list[Piece] = []
    if links.parent is not None:
        lines.append(_branch(links.parent, when, "", False))
        depth = 1
    lines.append(_branch(row, when, "└ " if depth else "", True))
    for place, child in enumerate(links.children):
        last = place == len(links.children) - 1
        lines.append(_branch(child, when, "  " * depth + ("└ " if last else "├ "), False))
    if links.siblings:
        lines += [[], rule("Sent together")]
        lines += [_branch(sibling, when, "", False) for sibling in links.siblings]
    if len(lines) == 1:
        lines += [[], [("No callbacks, replays or siblings.", "muted")]]
    return lines


PAGES: dict[str, Page] = {
    "Overview": overview,
    "Request": request,
    "Response": response,
    "Attempts": attempts,
    "Signature": signature,
    "Tree": tree,
}


def status_role(status: int) -> str:
    """The colour of an HTTP status."""
    return "success" if status < 300 else "warning" if status < 400 else "error"


def _headline(row: Row) -> Line:
    line: Line = [fmt.state_span(row.state)]
    if row.status:
        line += [("  ", ""), (status_text(row.status), status_role(row.status))]
    if row.duration_ms is not None:
        line.append((f" in {format_duration(row.duration_ms)}", "muted"))
    if row.try_:
        line.append((f"  try {row.try_} of {row.tries}", "muted"))
    return line


def _advice(detail: Detail) -> list[Piece]:
    lines: list[Piece] = []
    hint = detail.hint or detail.row.hint
    if detail.row.error and not detail.row.error.startswith(str(detail.row.status)):
        lines.append([(fmt.safe(detail.row.error), "error")])
    if hint:
        lines.append([("! ", "warning"), (fmt.safe(hint), "warning")])
    if detail.waits:
        lines.append([("◷ ", "accent"), (fmt.safe(detail.waits), "accent")])
    lints = detail.lints or detail.row.lints
    return lines + [[("~ ", "accent"), (fmt.safe(lint), "accent")] for lint in lints]


def _summary(detail: Detail, when: When) -> list[tuple[str, str]]:
    facts = message_facts(detail.row, detail.spec, detail.links, detail.waits)
    return [(one.name, "".join(_piece(piece, when) for piece in one.pieces)) for one in facts]


def _piece(piece: FactPiece, when: When) -> str:
    if piece.past is not None:
        return f"{fmt.exact_time(piece.past, when.zone)}  {fmt.ago(piece.past, when.now)}"
    return piece.text if piece.due is None else _due(piece.due, when)


def _due(at: int, when: When) -> str:
    return f"{fmt.countdown(at, when.now)}  ({fmt.clock_time(at, when.zone)})"


def _waiting(row: Row, when: When) -> list[Piece]:
    if row.due_at is None:
        return []
    return [[("Due ", "muted"), (_due(row.due_at, when), "accent")]]


def _facts(facts: list[tuple[str, str]]) -> list[Piece]:
    width = max((len(name) for name, _ in facts), default=0)
    return [
        [(f"{fmt.safe(name):<{width}}  ", "muted"), (fmt.safe(value), "")] for name, value in facts
    ]


def _headers(headers: list[tuple[str, str]]) -> list[Piece]:
    if not headers:
        return [[("(no headers)", "muted")]]
    return [[(f"{fmt.safe(name)}: ", "json-key"), (fmt.safe(value), "")] for name, value in headers]


def _answer(attempt: Attempt) -> list[Piece]:
    if attempt.response is None:
        failure = attempt.failure
        if failure is None:
            return [[("▶ waiting for the answer", "primary")]]
        return [
            [(f"✗ {fmt.safe(failure.reason)}", "error")],
            [(fmt.safe(failure.detail), "")],
        ]
    got = attempt.response
    start: Line = [
        (f"HTTP/{fmt.safe(got.http_version)} ", "muted"),
        (status_text(got.status), status_role(got.status)),
        (f"  in {format_duration(attempt.total_ms)}", "muted"),
    ]
    lines = [start, [], *_headers(got.headers)]
    lines += [[], rule(f"Body  {fmt.size(got.body.size)}")]
    return lines + body_lines(got.body, first(got.headers, "content-type"))


def _attempt_line(attempt: Attempt, when: When) -> Line:
    return [(fmt.exact_time(attempt.started_at, when.zone), "muted")]


def _timing(attempt: Attempt) -> list[Piece]:
    """A bar for each phase, from when it began to when it ended, and how long it took."""
    whole = max(1, attempt.total_ms)
    ends = (
        ("connect", attempt.connected_ms, "accent"),
        ("first byte", attempt.first_byte_ms, "primary"),
        ("body" if attempt.response is not None else "no answer", attempt.total_ms, "success"),
    )
    lines: list[Piece] = []
    began = 0.0
    for name, at, role in ends:
        if at is not None:
            before = min(BAR - 1, int(began * BAR / whole))
            filled = max(1, min(BAR, round(at * BAR / whole)) - before)
            bar = " " * before + "█" * filled
            took = format_duration(max(0, round(at) - round(began)))
            lines.append([(f"{name:<11}", "muted"), (f"{bar:<{BAR}}", role), (f" {took:>6}", "")])
            began = at
    lines.append(
        [
            (f"{'in all':<11}", "muted"),
            (" " * BAR, ""),
            (f" {format_duration(round(whole)):>6}", ""),
        ]
    )
    return lines


def _event(event: Any, when: When) -> Line:
    line: Line = [
        (f"{fmt.clock_time(event.time, when.zone)}.{event.time % 1000:03d}  ", "muted"),
        fmt.state_span(event.state, 9),
    ]
    if event.status:
        line.append((f"  {event.status}", status_role(event.status)))
    if event.error:
        line.append((f"  {fmt.safe(event.error)}", ""))
    if event.next_at:
        line.append((f"  next {fmt.clock_time(event.next_at, when.zone)}", "muted"))
    return line


def _claims(claims: dict[str, Any], when: When) -> list[tuple[str, str]]:
    named = {"iat": "issued", "nbf": "not before", "exp": "expires"}
    facts = []
    for name, value in claims.items():
        shown = as_text(value)
        if name in named and isinstance(value, int | float) and value > 0:
            shown += f"  {named[name]} {fmt.exact_time(int(value * 1000), when.zone)}"
        facts.append((name, shown))
    return facts


def _branch(row: Row, when: When, stem: str, here: bool) -> Line:
    kind = "" if row.kind == "publish" else f"{row.kind} "
    return [
        (stem, "muted"),
        fmt.state_span(row.state, 8),
        (f" {row.status or '–':<3} ", "muted"),
        (fmt.safe(kind), "accent"),
        (fmt.destination(row.url, when.app_url), "bold" if here else ""),
        (f"  {row.id}", "muted"),
        ("  ← this" if here else "", "accent"),
    ]
