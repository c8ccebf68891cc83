"""How values are written on the screen: states, times, sizes, text that came from outside.

Pure functions from values to short strings; knows nothing of widgets or of the server.
"""

import re
import unicodedata
from datetime import tzinfo

from qstash_dev.devtools.documents import Row
from qstash_dev.devtools.states import Look, look_of
from qstash_dev.devtools.text import clock_time as clock_time
from qstash_dev.devtools.text import date_time as date_time
from qstash_dev.devtools.text import shorten
from qstash_dev.devtools.text import size as size
from qstash_dev.protocol.urls import below

HOST_SHOWN = 12
"""Characters of the host of a long destination."""

_NAMES = {0x1B: "␛", 0x7F: "␡", 0x85: "␤"}
_ESCAPE = re.compile(r"⟨U\+([0-9A-F]{4,6})⟩")
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_WIDE_TROUBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def state_look(state: str) -> Look:
    """As `look_of`, for states that came from outside."""
    found = look_of(state)
    return found._replace(word=safe(found.word))


def state_span(state: str) -> tuple[str, str]:
    """A state's symbol and word, and its role."""
    look = state_look(state)
    return look.shown(), look.role


def safe(text: str) -> str:
    """Text that can neither move the cursor, style, hide nor reorder what is on the screen.

    Control characters become their pictures, marks that change the direction of text or have
    no width become `·`, so that what is shown is what there is and its width is known.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(char) for char in text)


def escaped(text: str, kept: str = "\n\t") -> str:
    """As `safe`, for text that is edited: `unescaped` gives every character back.

    What `safe` would change, but for `kept`, is written `⟨U+202E⟩`, and so is the bracket itself.
    """
    return "".join(f"⟨U+{ord(c):04X}⟩" if _is_unsafe(c, kept) else c for c in text)


def unescaped(text: str) -> str:
    """The text that `escaped` stands for; what is no escape stays."""
    return _ESCAPE.sub(_unescape, text)


def _is_unsafe(char: str, kept: str) -> bool:
    if char in kept:
        return False
    # Text fields take a separator of lines for a new line, whichever it was.
    return char in "⟨\u2028\u2029" or safe(char) != char


def _unescape(escape: re.Match[str]) -> str:
    code = int(escape[1], 16)
    return chr(code) if code <= 0x10FFFF else escape[0]


def _shown(char: str) -> str:
    if char == "\t":
        return "    "
    code = ord(char)
    if code < 0x20:
        return _NAMES.get(code, chr(0x2400 + code))
    if char in _BIDI:
        return "·"
    # Terminals disagree on the width of characters that are put together from several.
    if 0xFE00 <= code <= 0xFE0F or 0x1F3FB <= code <= 0x1F3FF:
        return ""
    if 0x1F1E6 <= code <= 0x1F1FF:
        return chr(ord("A") + code - 0x1F1E6)
    if unicodedata.category(char) in _WIDE_TROUBLE:
        return _NAMES.get(code, "·")
    return char


def exact_time(ms: int, zone: tzinfo | None) -> str:
    """`2026-03-01 12:03:11.042`."""
    return f"{date_time(ms, zone)}.{ms % 1000:03d}"


def span(ms: float) -> str:
    """A duration in at most four characters or so: `0s`, `12s`, `4m`, `3h`, `6d`."""
    seconds = max(0, round(ms / 1000))
    for limit, unit, length in ((100, "s", 1), (6000, "m", 60), (172_800, "h", 3600)):
        if seconds < limit:
            return f"{seconds // length}{unit}"
    return f"{seconds // 86400}d"


def countdown(due_at: int | None, now: int) -> str:
    """`in 12s`, `now`, or a dash for what is not going to happen."""
    if due_at is None:
        return "–"
    return "now" if due_at - now < 500 else f"in {span(due_at - now)}"


def ago(ms: int, now: int) -> str:
    """`12s ago`, `just now`."""
    return "just now" if now - ms < 1000 else f"{span(now - ms)} ago"


def millis(ms: float | None) -> str:
    """A short latency: `8`, `31`, `4.1s`; a dash when there is none."""
    if ms is None:
        return "–"
    if ms < 10_000:
        return f"{ms:.0f}"
    return f"{ms / 1000:.0f}s"


def tries(row: Row) -> str:
    """`2/4`: attempts made of those allowed; one number when it went well at once."""
    if row.try_ == 0:
        return "–"
    return str(row.try_) if row.state == "delivered" else f"{row.try_}/{row.tries}"


def destination(url: str, app_url: str) -> str:
    """The destination as the list shows it: without the address of the developer's own app."""
    rest = below(url, app_url)
    return safe(url if rest is None else rest)


def called(url: str, app_url: str) -> str:
    """A message as people know it in a sentence: where it goes."""
    return shorten(short_host(destination(url, app_url)), 60)


def short_host(url: str, shown: int = HOST_SHOWN) -> str:
    """A destination of which the host is shortened first, to so many cells: the path tells more,
    and of two apps of this machine the ports.
    """
    scheme, colon, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    name, _, port = host.rpartition(":")
    if (scheme, name) == ("http", "localhost"):
        return f":{port}{slash}{path}"
    if not colon or not slash or len(url) <= shown * 2:
        return url
    if len(host) > shown:
        end = f"…:{port}" if name and port.isdecimal() else "…"
        host = f"{host[: max(0, shown - len(end))]}{end}"
    return f"{host}/{path}"
