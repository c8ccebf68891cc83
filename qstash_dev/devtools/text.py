"""How values are written for people, wherever they look: moments, sizes, texts on one short line.

Pure; durations are written by `protocol.timing`, states by `states`. Ours, nothing of it is QStash's.
"""

import json
from datetime import datetime, tzinfo
from typing import Any


def as_text(value: Any) -> str:
    """A value of a document: text as it is, all else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def clock_time(ms: int, zone: tzinfo | None = None) -> str:
    """`12:03:11` in the zone (`None`: the machine's)."""
    return f"{datetime.fromtimestamp(ms / 1000, zone):%H:%M:%S}"


def date_time(ms: int, zone: tzinfo | None = None) -> str:
    """`2026-03-01 12:03:11`."""
    return f"{datetime.fromtimestamp(ms / 1000, zone):%Y-%m-%d %H:%M:%S}"


def size(count: int) -> str:
    """`812 B`, `1.2 KB`, `3.4 MB`; powers of 1024."""
    if count < 1024:
        return f"{count} B"
    return f"{count / 1024:.1f} KB" if count < 1024**2 else f"{count / 1024**2:.1f} MB"


def counted(count: int, one: str, many: str | None = None) -> str:
    """`1 message`, `2 messages`; what does not end in an s is given: `messages wait`."""
    return f"{count} {one if count == 1 else many or f'{one}s'}"


def as_sentence(text: str) -> str:
    """What began with a small letter, as it stood within another sentence, begins with a large one."""
    return text[:1].upper() + text[1:]


def shorten(text: str, most: int = 200) -> str:
    """The text on one line, its white space single, of at most so many characters."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def printable(text: str) -> str:
    """No control character of a foreign text reaches a terminal, and a line stays a line."""
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)


def printable_lines(text: str) -> str:
    """The same for a text of several lines, which are ours."""
    return "\n".join(map(printable, text.split("\n")))
