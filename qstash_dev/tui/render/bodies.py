"""A body as lines to read: JSON laid out and coloured, text as it is, binary as a hex head.

Lays out at most `SHOWN_LINES` lines. Never decides whether a body is right, only where JSON breaks.
"""

import base64
import json
import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain, islice, pairwise

from qstash_dev.client import Body
from qstash_dev.protocol.json_body import TooDeep, loads
from qstash_dev.tui.render import fmt
from qstash_dev.tui.render.palette import Line, Span

SHOWN = 262_144
SHOWN_LINES = 3_000
HEX_ROWS, HEX_BYTES = 32, 8
"""So narrow that a row fits beside the list at 120 columns."""

_TOKEN = re.compile(
    r'(?P<string>"(?:[^"\\]|\\.)*")|(?P<number>-?\d[\d.eE+-]*)|(?P<word>true|false|null)'
    r"|(?P<open>[{\[])|(?P<close>[}\]])|(?P<comma>,)|(?P<colon>:)|(?P<space>\s+)"
)
_END = ("", "")
_ROLES = {"string": "json-string", "number": "json-number", "word": "json-word"}


def body_lines(body: Body, content_type: str | None) -> list[Line]:
    """The body for a reader, with notes on what is missing or broken."""
    if body.size == 0 and not body.text and not body.base64:
        return [[("(empty)", "muted")]]
    if body.text is None:
        lines = _binary(base64.b64decode(body.base64 or ""), body.size)
    else:
        lines = list(_text(body.text, content_type, body.truncated))
    if body.truncated or len(lines) > SHOWN_LINES or len(body.text or "") > SHOWN:
        del lines[SHOWN_LINES:]
        lines.append([(f"… {fmt.size(body.size)} in all; o opens the whole body", "notice")])
    return lines


def json_problem(text: str) -> str | None:
    """Why the text is not JSON, with line and column; `None` when it is."""
    try:
        loads(text)
    except json.JSONDecodeError as error:
        return f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
    except TooDeep:
        return "JSON nested too deeply to check"
    except ValueError as error:
        return f"not JSON: {error}"
    return None


def laid_out(text: str) -> Iterator[Line]:
    """JSON, or its beginning, with one value per line, made as they are asked for; every literal
    stays exactly as it was written.
    """
    line: Line = []
    depth = 0
    before = ""
    for (kind, token), (after, _) in pairwise(chain(_tokens(text), [_END])):
        if kind == "close":
            depth -= 1
            if before != "open":
                yield line
                line = [_indent(depth)]
        line.append(_span(kind, token, after))
        if kind == "open":
            depth += 1
        if kind == "comma" or (kind == "open" and after != "close"):
            yield line
            line = [_indent(depth)]
        before = kind
    yield line


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    found = ((m.lastgroup or "", m.group()) for m in _TOKEN.finditer(text))
    return (token for token in found if token[0] != "space")


def _indent(depth: int) -> Span:
    return ("  " * min(depth, 40), "")


def _span(kind: str, token: str, following: str) -> Span:
    if kind == "string" and following == "colon":
        return (fmt.safe(token), "json-key")
    if kind == "colon":
        return (": ", "muted")
    return (fmt.safe(token), _ROLES.get(kind, "muted"))


@lru_cache(maxsize=16)
def _text(text: str, content_type: str | None, truncated: bool) -> list[Line]:
    """Kept, for a page is made every second while there is something that counts down."""
    claims_json = "json" in (content_type or "").lower()
    if claims_json or text.lstrip()[:1] in ("{", "["):
        problem = None if truncated else json_problem(text)
        if problem is None:
            return list(islice(laid_out(text), SHOWN_LINES + 1))
        if claims_json:
            return [[(problem[0].upper() + problem[1:], "error")], *_pointed(text)]
    return _plain(text)


def _plain(text: str) -> list[Line]:
    return [[(fmt.safe(line), "")] for line in _split(text[:SHOWN])]


def _split(text: str) -> list[str]:
    return text.replace("\r\n", "\n").split("\n")


def _pointed(text: str) -> list[Line]:
    """The text with a mark below the place where JSON breaks."""
    lines = _plain(text)
    try:
        loads(text)
    except json.JSONDecodeError as error:
        start = text.split("\n")[error.lineno - 1][: error.colno - 1][-60:]
        row = min(error.lineno, len(lines))
        lines.insert(row, [(f"{fmt.safe(start)}", "muted"), ("▲ here", "error")])
    except ValueError:
        pass
    return lines


def _binary(head: bytes, size: int) -> list[Line]:
    lines: list[Line] = [[(f"binary, {fmt.size(size)}", "muted")]]
    for start in range(0, min(len(head), HEX_ROWS * HEX_BYTES), HEX_BYTES):
        part = head[start : start + HEX_BYTES]
        shown = "".join(chr(byte) if 32 <= byte < 127 else "·" for byte in part)
        lines.append([(f"{start:06x}  ", "muted"), (f"{part.hex(' '):<24}", ""), (shown, "accent")])
    if size > HEX_ROWS * HEX_BYTES:
        lines.append([(f"… {fmt.size(size)} in all; o opens the whole body", "muted")])
    return lines
