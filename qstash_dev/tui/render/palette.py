"""Roles of text (`success`, `muted`, `key`...) and the styles that the theme gives them.

The only place that turns a meaning into a colour.
"""

from collections.abc import Iterable, Mapping
from functools import cache, lru_cache

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.color import Color
from textual.content import Content
from textual.strip import Strip
from textual.style import Style as ThemeStyle
from textual.theme import Theme

CONTRAST = 4.5
"""The least between text and its ground (WCAG 2.2, level AA)."""

Span = tuple[str, str]
"""Text that is safe to show, and its role; or an escape sequence of colours that a program chose."""

Line = list[Span]

ROLES = {
    "": "",
    "muted": "$dim",
    "bold": "bold",
    "title": "bold $text-primary",
    "primary": "$text-primary",
    "accent": "$text-accent",
    "success": "$text-success",
    "warning": "$text-warning",
    "error": "$text-error",
    "alarm": "bold reverse $text-error",
    "notice": "bold reverse $text-warning",
    "key": "bold $text-accent",
    "link": "underline $text-primary",
    "json-key": "$text-primary",
    "json-string": "$text-success",
    "json-number": "$text-accent",
    "json-word": "bold $text-warning",
    "added": "$text-success",
    "gone": "$text-error",
    "tab": "$dim",
    "tab-on": "bold reverse $text-primary",
}


class Palette:
    """The styles of one theme, for widgets that draw lines themselves."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self.styles = _styles(tuple(variables.items()))

    def strip(self, line: Line, base: Style, legible: bool = False) -> Strip:
        """One drawn line; `legible`: on a ground for which its colours were not made."""
        styles = [base + self._style(role) for _, role in line]
        if legible:
            styles = [_legible(style) for style in styles]
        return Strip([Segment(text, s) for (text, _), s in zip(line, styles, strict=True)])

    def _style(self, role: str) -> Style:
        return _own_colours(role) if role.startswith("\x1b") else self.styles[role]


@lru_cache(maxsize=8)  # a start asks twice for the same, and to read all takes it 20 ms
def _styles(variables: tuple[tuple[str, str], ...]) -> dict[str, Style]:
    known = dict(variables)
    return {
        role: ThemeStyle.parse(text, known).rich_style if text else Style()
        for role, text in ROLES.items()
    }


@cache
def _legible(style: Style) -> Style:
    """The same, lighter or darker until it has the contrast that text needs."""
    if style.color is None or style.bgcolor is None or style.reverse:
        return style
    front, ground = Color.from_rich_color(style.color), Color.from_rich_color(style.bgcolor)
    end = max(Color(255, 255, 255), Color(0, 0, 0), key=lambda end: contrast(end, ground))
    steps = (front.blend(end, share / 10) for share in range(11))
    found = next((color for color in steps if contrast(color, ground) >= CONTRAST), end)
    return style + Style(color=found.rich_color)


def contrast(one: Color, other: Color) -> float:
    """From 1 to 21 (WCAG 2.2, "contrast ratio")."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(color: Color) -> float:
    parts = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in color.normalized)
    return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), parts, strict=True))


@cache
def _own_colours(sequence: str) -> Style:
    """The style of an escape sequence (SGR)."""
    spans = Text.from_ansi(f"{sequence}x").spans
    return spans[0].style if spans and isinstance(spans[0].style, Style) else Style()


def difference(old: Line, new: Line) -> tuple[int, int] | None:
    """Where two lines differ, in cells: the first and how many; to the end if one is longer."""
    before, after = ([(char, role) for text, role in line for char in text] for line in (old, new))
    if before == after:
        return None
    start = 0
    while start < min(len(before), len(after)) and before[start] == after[start]:
        start += 1
    end = 0
    if len(before) == len(after):
        while before[-1 - end] == after[-1 - end]:
            end += 1
    cells = [[cell_len(char) for char, _ in line] for line in (before, after)]
    if end and sum(cells[0]) != sum(cells[1]):
        end = 0
    last = max(len(before), len(after)) - end
    return sum(cells[1][:start]), max(sum(line[start:last]) for line in cells) + 1


def rule(title: str) -> Line:
    """A title between two strokes."""
    return [("── ", "muted"), (title, "title"), (" ──", "muted")]


def content(line: Iterable[Span]) -> Content:
    """The same for widgets that render `Content`; the text is never read as markup."""
    return Content.assemble(*((text, ROLES[role]) for text, role in line))


@cache
def themes() -> tuple[Theme, Theme]:
    """Our own dark and light theme."""
    dark = Theme(
        name="qstash-dark",
        primary="#5cc8b0",
        secondary="#4a9d8f",
        accent="#e8b45c",
        warning="#e8a24c",
        error="#f0717a",
        success="#7bcf8a",
        foreground="#d8dee6",
        background="#11151a",
        surface="#161b21",
        panel="#232b34",
        dark=True,
        variables={
            "text-primary": "#6fd6c0",
            "text-accent": "#e8b45c",
            "text-warning": "#f0a95a",
            "text-error": "#ff858d",
            "text-success": "#86d996",
        },
    )
    light = Theme(
        name="qstash-light",
        primary="#0b7a66",
        secondary="#1f9a84",
        accent="#8a5a00",
        warning="#a65300",
        error="#b3202c",
        success="#1d7a34",
        foreground="#1d242c",
        background="#f6f7f8",
        surface="#ffffff",
        panel="#e3e7eb",
        dark=False,
        variables={
            "text-primary": "#0b6b5a",
            "text-accent": "#7a4f00",
            "text-warning": "#954a00",
            "text-error": "#a81b27",
            "text-success": "#17692c",
        },
    )
    return dark, light


def mixed(front: str, ground: str, share: float) -> str:
    """A colour between two: `share` of the front one."""
    return Color.parse(ground).blend(Color.parse(front), share).hex6


def prefers_light(environment: Mapping[str, str]) -> bool:
    """Whether the terminal says that its background is light (`COLORFGBG`, set by many)."""
    last = environment.get("COLORFGBG", "").rpartition(";")[2]
    return last in {"7", "15"}
