"""Breaks styled lines into rows of a width; knows nothing of what they say."""

from rich.cells import cell_len, chop_cells

from qstash_dev.tui.render.palette import Line

_NAMES = ("muted", "json-key")
"""Roles of what is said before a value."""


def wrap(line: Line, width: int) -> list[Line]:
    """Break one line into lines of at most `width` cells, after a word where one is near.

    Nothing is lost but the spaces where it was broken; what follows hangs below what the line says.
    """
    if sum(cell_len(text) for text, _ in line) <= width:
        return [line]
    indent = _indent(line, width)
    rows: list[Line] = [[]]
    used = 0
    for text, role in line:
        rest = text
        while rest:
            part, rest = _at_word(*_fitting(rest, width - used, fresh=used <= indent))
            if part:
                rows[-1].append((part, role))
                used += cell_len(part)
            if rest:
                rows.append([(" " * indent, "")] if indent else [])
                used = indent
                rest = rest.lstrip(" ")
    return rows


def _indent(line: Line, width: int) -> int:
    """As far in as the value of a `name: value` begins, else as the line does; there is room for
    something, be it of two cells.
    """
    text = "".join(text for text, _ in line[:2])
    spaces = len(text) - len(text.lstrip(" "))
    named = _name_width(line)
    hanging = named if named <= width // 3 else spaces + 2 * bool(named)
    return min(hanging or spaces, width // 2, max(0, width - 2))


def _name_width(line: Line) -> int:
    """How wide the name is that stands before a value; 0 without one."""
    width = 0
    for text, role in line[:3]:
        width += cell_len(text)
        if role in _NAMES and text.endswith((": ", "  ")) and text.strip():
            return width
        if text.strip() and role not in _NAMES:
            return 0
    return 0


def _at_word(part: str, rest: str) -> tuple[str, str]:
    """Break after a space rather than inside a short word."""
    space = part.rfind(" ", -24)
    if rest and space >= 0 and part.strip() and rest[0] != " ":
        return part[: space + 1], part[space + 1 :] + rest
    return part, rest


def _fitting(text: str, room: int, fresh: bool) -> tuple[str, str]:
    """As much as fits into `room` cells, and the rest; on a fresh line at least one character."""
    if text.isascii():
        cut = max(room, 1) if fresh else room
        return text[:cut], text[cut:]
    # A beginning is enough to look at: no character is narrower than nothing for long.
    beginning = text[: max(room, 0) * 4]
    if len(beginning) == len(text) and cell_len(text) <= room:
        return text, ""
    if room <= 0:
        return (text[0], text[1:]) if fresh else ("", text)
    start = next(iter(chop_cells(beginning, room)), "")
    if not start or cell_len(start) > room:
        return (text[0], text[1:]) if fresh else ("", text)
    return start, text[len(start) :]
