"""The pages of the detail pane as lines of text: parts with their moments told in a time zone.

Pure: parts and the time in, lines out. Knows neither widgets nor how lines are drawn.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import tzinfo
from functools import partial
from typing import NamedTuple

from qstash_dev.devtools.ansi import coloured
from qstash_dev.devtools.documents import Detail
from qstash_dev.devtools.documents import Piece as PartPiece
from qstash_dev.devtools.pages import message_pages
from qstash_dev.devtools.pages.parts import Bar, Fact, Part
from qstash_dev.devtools.run_documents import time_of_day
from qstash_dev.protocol.timing import format_duration
from qstash_dev.tui.render import fmt
from qstash_dev.tui.render.block import Piece
from qstash_dev.tui.render.bodies import body_lines
from qstash_dev.tui.render.palette import Line, Span, rule
from qstash_dev.tui.render.step_bars import timeline


class When(NamedTuple):
    """The moment a page is for (epoch ms), the zone to write times in, the app's address."""

    now: int
    zone: tzinfo | None = None
    app_url: str = ""


BAR = 20
"""Cells of the bar of a phase: with words and numbers it fits beside the list."""

Page = Callable[[Detail, When], list[Piece]]

MARK = re.compile(r"\{(\w+)\}")
MARKS: Mapping[str, Callable[[int, When], str]] = {
    "exact": lambda at, when: fmt.exact_time(at, when.zone),
    "date": lambda at, when: fmt.date_time(at, when.zone),
    "clock": lambda at, when: fmt.clock_time(at, when.zone),
    "milli": lambda at, when: f"{fmt.clock_time(at, when.zone)}.{at % 1000:03d}",
    "at": lambda at, when: time_of_day(at, when.now, when.zone),
    "ago": lambda at, when: fmt.ago(at, when.now),
    "in": lambda at, when: fmt.countdown(at, when.now),
    "near": lambda at, when: (fmt.countdown if at > when.now else fmt.ago)(at, when.now),
    "left": lambda at, when: format_duration(max(0, at - when.now)),
    "took": lambda at, when: format_duration(max(0, when.now - at)),
}
"""What stands for a mark in the text of a piece."""


def drawn(parts: Iterable[Part], when: When) -> list[Piece]:
    """The lines of a page; a title has a space above it."""
    lines: list[Piece] = []
    for part in parts:
        if part.title and lines and lines[-1] != []:
            lines.append([])
        lines += _lines(part, when)
    return lines


def span(piece: PartPiece, when: When) -> Span:
    """A piece as text that is safe to show, its moment filled in."""
    if piece.at is None:
        return fmt.safe(piece.text), piece.role
    at = piece.at

    def fill(found: re.Match[str]) -> str:
        return MARKS[found[1]](at, when) if found[1] in MARKS else found[0]

    return fmt.safe(MARK.sub(fill, piece.text)), piece.role


def output_line(text: str) -> Line:
    """One line that the app printed. Its colours stay: a role may be an escape sequence of them."""
    return [(fmt.safe(part), colours) for part, colours in coloured(text)]


def _page(make: Callable[[Detail, str], list[Part]], detail: Detail, when: When) -> list[Piece]:
    return drawn(make(detail, when.app_url), when)


PAGES: dict[str, Page] = {name: partial(_page, make) for name, make in message_pages.PAGES.items()}


def _lines(part: Part, when: When) -> list[Piece]:
    if part.title:
        return [rule(fmt.safe(part.title))]
    if part.body is not None:
        return body_lines(part.body, part.media)
    if part.output:
        return [output_line(text) for text in part.output]
    if part.is_sum:
        return [*_phases(part.bars, part.ended or 0.0)]
    if part.bars:
        return [*timeline(part, when.now, partial(_line, when=when))]
    if part.facts:
        return [*_facts(part.facts, when)]
    return [_line(part.line, when)]


def _line(pieces: Iterable[PartPiece], when: When) -> Line:
    return [span(piece, when) for piece in pieces]


def _facts(facts: list[Fact], when: When) -> Iterable[Line]:
    width = max(len(fact.name) for fact in facts)
    for fact in facts:
        yield [(f"{fmt.safe(fact.name):<{width}}  ", "muted"), *_line(fact.pieces, when)]


def _phases(bars: list[Bar], whole: float) -> Iterable[Line]:
    """A bar for each phase, from when it began to when it ended, and how long it took."""
    for bar in bars:
        ended = whole if bar.ended is None else bar.ended
        before = min(BAR - 1, int(bar.began * BAR / whole))
        filled = max(1, min(BAR, round(ended * BAR / whole)) - before)
        drawn = " " * before + "█" * filled
        took = format_duration(max(0, round(ended) - round(bar.began)))
        yield [
            (f"{bar.name:<11}", "muted"),
            (f"{drawn:<{BAR}}", bar.role),
            (f" {took:>6}", ""),
        ]
    took = format_duration(round(whole))
    yield [(f"{'in all':<11}", "muted"), (" " * BAR, ""), (f" {took:>6}", "")]
