"""Lines of a program for a terminal: what is safe to show of them, and their colours. Pure.

Of all escape sequences only colours (SGR) stay; nothing moves the cursor or writes a title.
"""

import re
from collections.abc import Iterator

LONGEST_LINE = 4_000
RESET = "\x1b[0m"

# Compiled by `re` when first used: most starts use none of them.
_ESCAPE = (
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_].*?(?:\x07|\x1b\\|$)|[ -/]*[0-~]?)|\x9b[0-?]*[ -/]*[@-~]"
)
_COLOUR = r"\x1b\[([0-9;:]*)m"
_CONTROL = r"[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f]"


def shown(text: str) -> str:
    """A line as a terminal would show it at last, colours kept."""
    text = text.rstrip("\r").rpartition("\r")[2]
    text = re.sub(_ESCAPE, lambda found: found[0] if re.fullmatch(_COLOUR, found[0]) else "", text)
    text = re.sub(_CONTROL, "", text.replace("\t", "    "))
    if len(text) <= LONGEST_LINE:
        return text
    return f"{text[:LONGEST_LINE]}{RESET} … {len(text) - LONGEST_LINE:,} more characters"


def plain(text: str) -> str:
    """A line without colours."""
    return re.sub(_COLOUR, "", text)


def coloured(text: str) -> Iterator[tuple[str, str]]:
    """The parts of a line with the colours of each, as one escape sequence (`""`: none)."""
    codes: list[str] = []
    place = 0
    for found in re.finditer(_COLOUR, text):
        if found.start() > place:
            yield text[place : found.start()], _sequence(codes)
        place = found.end()
        codes = [] if found[1].strip("0") == "" else [*codes, found[1]]
    if place < len(text):
        yield text[place:], _sequence(codes)


def _sequence(codes: list[str]) -> str:
    return f"\x1b[{';'.join(codes)}m" if codes else ""
