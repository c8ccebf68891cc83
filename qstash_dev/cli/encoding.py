"""What is written where the terminal, or a pipe, cannot take a character, or nothing at all.

An encoding that has no symbols gets words and signs for them; everything else is escaped.
"""

import codecs
import io
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TextIO
from unicodedata import combining, east_asian_width

WORDS = {
    "✓": "[ok]",
    "✗": "[no]",
    "▶": "[>>]",
    "↻": "[<>]",
    "◷": "[..]",
    "⊘": "[--]",
    "·": "-",
    "…": "...",
    "→": "->",
    "│": "|",
}
"""Of lines: beside most of them stands a word, so that they need only differ."""

SIGNS = dict(zip("✓✗▶↻◷⊘·…–●‖⟲⟳⚑◌↓↑←•☁◴○▲␤␡␛≡∞↯↩", "+x>~.o-.-*=~~!o_^<*@.o^$?e=8!<", strict=True))
"""Of a full screen: as wide as what they stand for."""

PLAIN_ASCII = "plain_ascii"
"""ASCII by another name: click takes a stream that says "ascii" for one that means UTF-8."""


def for_lines(*streams: TextIO) -> None:
    """From now on these streams take every text."""
    _tolerate(streams, "qstash-dev-words", _word)


def for_screen(stream: TextIO) -> None:
    """From now on this stream takes every text, and columns stay where they are."""
    _tolerate((stream,), "qstash-dev-cells", _cells)


def has_symbols(stream: TextIO) -> bool:
    """Whether it takes every character that there is."""
    return (stream.encoding or "").lower().replace("_", "-").startswith(("utf-8", "utf8"))


def as_written(text: str, stream: TextIO) -> str:
    """The text as this stream writes it."""
    if not stream.encoding or has_symbols(stream):
        return text
    return text.encode(stream.encoding, stream.errors or "strict").decode(stream.encoding)


def give_up(stream: TextIO) -> None:
    """Write nothing more, also not what is left of before: its reader is gone, or its disk full."""
    with suppress(OSError, ValueError):
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, stream.fileno())
        os.close(nothing)


def give_streams() -> None:
    """A program that was started without stdin (`<&-`, as some supervisors do) reads nothing, and
    without stdout or stderr it writes to nobody.
    """
    sys.stdin = sys.stdin or open(os.devnull, encoding="utf-8")  # noqa: SIM115
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115


def _tolerate(streams: tuple[TextIO, ...], name: str, stand_in: Callable[[str], str]) -> None:
    def replaced(error: UnicodeError) -> tuple[str, int]:
        assert isinstance(error, UnicodeEncodeError)
        text = error.object[error.start : error.end]
        return "".join(map(stand_in, text)), error.end

    codecs.register_error(name, replaced)
    codecs.register(_plain_ascii)
    for stream in streams:
        if isinstance(stream, io.TextIOWrapper):
            is_ascii = codecs.lookup(stream.encoding).name == "ascii"
            stream.reconfigure(encoding=PLAIN_ASCII if is_ascii else None, errors=name)


def _plain_ascii(name: str) -> codecs.CodecInfo | None:
    if name.replace("-", "_") != PLAIN_ASCII:
        return None
    found = codecs.lookup("ascii")
    return codecs.CodecInfo(
        found.encode,
        found.decode,
        found.streamreader,
        found.streamwriter,
        found.incrementalencoder,
        found.incrementaldecoder,
        PLAIN_ASCII,
    )


def _word(char: str) -> str:
    return WORDS.get(char) or char.encode("ascii", "backslashreplace").decode()


def _cells(char: str) -> str:
    if char in SIGNS:
        return SIGNS[char]
    if "─" <= char <= "╿":  # lines and corners of boxes
        return {"─": "-", "━": "-", "│": "|", "┃": "|"}.get(char, "+")
    if combining(char):
        return ""
    return "??" if east_asian_width(char) in "WF" else "?"
