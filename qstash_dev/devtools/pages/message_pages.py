"""The pages about one message: what is known of it, what was asked, what came back, what came of it.

Pure: a `Detail` in, parts out.
"""

from collections.abc import Callable, Iterable
from typing import Any

from qstash_dev.devtools.documents import Attempt, Body, Detail, Event, Heard, Pairs, Piece, Row
from qstash_dev.devtools.pages.message_facts import message_facts
from qstash_dev.devtools.pages.parts import BLANK, Bar, Fact, Part, line, state_piece
from qstash_dev.devtools.states import status_role
from qstash_dev.devtools.text import as_text, size
from qstash_dev.protocol.headers import first
from qstash_dev.protocol.settle import status_text
from qstash_dev.protocol.timing import format_duration
from qstash_dev.protocol.urls import below

SHOWN_OUTPUT = 20
"""Lines of the app on the overview; the page of the attempts has all."""

CLAIMS = {"iat": "issued", "nbf": "not before", "exp": "expires"}


def overview(detail: Detail, app_url: str) -> list[Part]:
    """What happened, why, what is next; then the last answer and the course of events."""
    row = detail.row
    facts = message_facts(row, detail.spec, detail.links, detail.waits)
    parts = [_headline(row), *_advice(detail)]
    parts += [BLANK, _asked(row.method, row.url), BLANK, Part(facts=facts)]
    if answered := next((a for a in reversed(detail.attempts) if a.response), None):
        parts += _answer_body(answered, "Last answer")
    heard = detail.attempts[-1].heard if detail.attempts else None
    if heard is not None and heard.lines:
        parts += [Part("The app printed"), *_heard(heard, SHOWN_OUTPUT)]
    if detail.events:
        parts += [Part("Events"), *map(_event, detail.events)]
    return parts


def request(detail: Detail, app_url: str) -> list[Part]:
    """What was published."""
    asked = detail.request
    parts = [_asked(asked.method, asked.url), BLANK, *_headers(asked.headers)]
    for name, body in asked.decoded.items():  # before that in which it is hard to read
        parts += [Part(f"{name}, decoded  {size(body.size)}"), Part(body=body)]
    return parts + _body(asked.body, asked.headers, "body")


def response(detail: Detail, app_url: str) -> list[Part]:
    """The last answer, or why there is none."""
    if detail.attempts:
        return _answer(detail.attempts[-1])
    parts = [line(Piece("Not tried yet.", "muted"))]
    if detail.waits:
        return [*parts, line(Piece(detail.waits, "accent"))]
    if (due := detail.row.due_at) is None:
        return parts
    return [*parts, line(Piece("Due ", "muted"), Piece("{in}  ({clock})", "accent", at=due))]


def attempts(detail: Detail, app_url: str) -> list[Part]:
    """Every attempt whole: what was sent, what came back, how long each part took."""
    if not detail.attempts:
        return response(detail, app_url)
    last = detail.attempts[-1]
    return [
        part
        for one in reversed(detail.attempts)
        for part in _attempt(one, detail.row.tries, "open" if one is last else "closed")
    ]


def signature(detail: Detail, app_url: str) -> list[Part]:
    """The JWT decoded: which key made it, whether it holds, and if not, why."""
    signed = detail.signature
    if signed is None:
        return [line(Piece("No signature yet: it is made anew for every attempt.", "muted"))]
    told = ("✓ would verify", "success") if signed.valid else ("✗ would fail", "error")
    by = Piece(f"  signed with the {signed.key} key", "muted")
    parts = [line(Piece(*told), by, look="headline")]
    parts += [line(Piece(f"! {problem}", "error")) for problem in signed.problems]
    parts += [Part("Claims"), Part(facts=[_claim(*claim) for claim in signed.claims.items()])]
    parts += [Part("Header"), Part(facts=[_claim(*claim) for claim in signed.header.items()])]
    return parts + ([Part("Token"), line(Piece(signed.token, "muted"))] if signed.token else [])


def tree(detail: Detail, app_url: str) -> list[Part]:
    """Where the message came from and what came of it."""
    parent, children, siblings = detail.links.parent, detail.links.children, detail.links.siblings

    def branch(row: Row, stem: str = "") -> Part:
        return _branch(row, app_url, stem, row.id == detail.row.id)

    own, stem = ("└ ", "  ") if parent is not None else ("", "")
    parts = [branch(parent)] if parent is not None else []
    parts.append(branch(detail.row, own))
    parts += [branch(child, f"{stem}├ ") for child in children[:-1]]
    parts += [branch(child, f"{stem}└ ") for child in children[-1:]]
    if siblings:
        parts += [Part("Sent together"), *map(branch, siblings)]
    if len(parts) == 1:
        parts += [BLANK, line(Piece("No callbacks, replays or siblings.", "muted"))]
    return parts


PAGES: dict[str, Callable[[Detail, str], list[Part]]] = {
    "Overview": overview,
    "Request": request,
    "Response": response,
    "Attempts": attempts,
    "Signature": signature,
    "Tree": tree,
}
"""By their names; each is made of a message and the address of the app."""


def _headline(row: Row) -> Part:
    pieces = [state_piece(row.state)]
    if row.status:
        pieces += [Piece("  "), Piece(status_text(row.status), status_role(row.status))]
    if row.duration_ms is not None:
        # Of what had no answer "in" would say when it is tried again.
        took = "in" if row.status else " took"
        pieces.append(Piece(f" {took} {format_duration(row.duration_ms)}", "muted"))
    if row.try_:
        pieces.append(Piece(f"  try {row.try_} of {row.tries}", "muted"))
    return line(*pieces, look="headline")


def _advice(detail: Detail) -> Iterable[Part]:
    error, hint = detail.row.error, detail.hint or detail.row.hint
    if error and not error.startswith(str(detail.row.status)):
        yield line(Piece(error, "error"))
    if hint:
        yield line(Piece(f"! {hint}", "warning"), look="hint")
    if detail.waits:
        yield line(Piece(f"◷ {detail.waits}", "accent"))
    for lint in detail.lints or detail.row.lints:
        yield line(Piece(f"~ {lint}", "accent"))


def _asked(method: str, url: str) -> Part:
    return line(Piece(method, "bold"), Piece(" "), Piece(url, "link"))


def _headers(headers: Pairs) -> list[Part]:
    if not headers:
        return [line(Piece("(no headers)", "muted"))]
    return [line(Piece(f"{name}: ", "json-key"), Piece(value)) for name, value in headers]


def _body(body: Body, headers: Pairs, path: str, title: str = "Body") -> list[Part]:
    media = first(headers, "content-type")
    return [Part(f"{title}  {size(body.size)}"), Part(body=body, media=media, path=path)]


def _answer_body(attempt: Attempt, title: str = "Body") -> list[Part]:
    assert attempt.response is not None
    got = attempt.response
    return _body(got.body, got.headers, f"attempts/{attempt.number}/body", title)


def _answer(attempt: Attempt) -> list[Part]:
    got, failure = attempt.response, attempt.failure
    if failure is not None and got is None:
        return [line(Piece(f"✗ {failure.reason}", "error")), line(Piece(failure.detail))]
    if got is None:
        return [line(Piece("▶ waiting for the answer", "primary"))]
    start = line(
        Piece(f"HTTP/{got.http_version} ", "muted"),
        Piece(status_text(got.status), status_role(got.status)),
        Piece(f"  in {format_duration(attempt.total_ms)}", "muted"),
    )
    return [start, BLANK, *_headers(got.headers), *_answer_body(attempt)]


def _attempt(attempt: Attempt, tries: int, look: str) -> list[Part]:
    got, failure = attempt.response, attempt.failure
    ended = f": {got.status}" if got is not None else f": {failure.reason}" if failure else ""
    parts = [
        Part(f"Attempt {attempt.number} of {tries}{ended}", look=look),
        line(Piece("{exact}", "muted", at=attempt.started_at)),
        _phases(attempt),
        BLANK,
        line(Piece("Sent", "title")),
        line(Piece("to ", "muted"), Piece(attempt.target, "link")),
        *_headers(attempt.request.headers),
        BLANK,
        line(Piece("Received", "title")),
        *_answer(attempt),
    ]
    said = printed_meanwhile(attempt)
    return parts + ([BLANK, *said] if said else [])


def printed_meanwhile(attempt: Attempt) -> list[Part]:
    """What the app printed during an attempt, if it printed anything."""
    if attempt.heard is None or not attempt.heard.lines:
        return []
    return [line(Piece("Printed meanwhile", "title")), *_heard(attempt.heard)]


def _phases(attempt: Attempt) -> Part:
    """From when each began to when it ended, since the attempt did."""
    ends = (
        ("connect", attempt.connected_ms, "accent"),
        ("first byte", attempt.first_byte_ms, "primary"),
        ("body" if attempt.response is not None else "no answer", attempt.total_ms, "success"),
    )
    bars: list[Bar] = []
    began = 0.0
    for name, at, role in ends:
        if at is not None:
            bars.append(Bar(name, began, at, role))
            began = at
    return Part(bars=bars, ended=max(1.0, attempt.total_ms), is_sum=True)


def _heard(heard: Heard, most: int | None = None) -> list[Part]:
    """What the app printed during an attempt, the last `most` lines; says if that is not certain."""
    shown = heard.lines if most is None else heard.lines[-most:]
    left_out = heard.left_out + len(heard.lines) - len(shown)
    notes = []
    if heard.others:
        many = "delivery was" if heard.others == 1 else "deliveries were"
        notes.append(f"({heard.others} more {many} under way: some of it may be theirs)")
    if left_out:
        notes.append(f"({left_out} lines before these)")
    return [*(line(Piece(note, "muted")) for note in notes), Part(output=shown)]


def _event(event: Event) -> Part:
    pieces = [Piece("{milli}  ", "muted", at=event.time), state_piece(event.state, 9)]
    if event.status:
        pieces.append(Piece(f"  {event.status}", status_role(event.status)))
    if event.error:
        pieces.append(Piece(f"  {event.error}"))
    if event.next_at:
        pieces.append(Piece("  next {clock}", "muted", at=event.next_at))
    return line(*pieces)


def _claim(name: str, value: Any) -> Fact:
    pieces = [Piece(as_text(value))]
    if name in CLAIMS and isinstance(value, int | float) and value > 0:
        pieces.append(Piece(f"  {CLAIMS[name]} {{exact}}", at=int(value * 1000)))
    return Fact(name, pieces)


def _branch(row: Row, app_url: str, stem: str, here: bool) -> Part:
    rest = below(row.url, app_url)
    return line(
        Piece(stem, "muted"),
        state_piece(row.state, 8),
        Piece(f" {row.status or '–':<3} ", "muted"),
        Piece("" if row.kind == "publish" else f"{row.kind} ", "accent"),
        Piece(row.url if rest is None else rest, "bold" if here else ""),
        Piece(f"  {row.id}", "muted", "" if here else "messages", row.id),
        Piece("  ← this" if here else "", "accent"),
    )
