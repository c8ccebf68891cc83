"""A body as pieces of a page: JSON laid out and coloured, text as it is, binary as hex.

Never decides whether a body is right, only where JSON breaks.
"""

import base64
import json
from functools import lru_cache

from qstash_dev.devtools.documents import Body
from qstash_dev.protocol.json_body import TooDeep, loads
from qstash_dev.tui.render import fmt
from qstash_dev.tui.render.block import Block, Piece
from qstash_dev.tui.render.palette import Line

CHECKED = 1_000_000
"""Longer JSON is laid out until it breaks: to read all of it takes longer than a look."""


def body_lines(body: Body, content_type: str | None) -> list[Piece]:
    """The body for a reader, with notes on what is missing or broken."""
    if body.size == 0 and not body.text and not body.base64:
        return [[("(empty)", "muted")]]
    if body.text is None:
        pieces = _binary(body.base64 or "", body.size)
    else:
        pieces = list(_text(body.text, content_type, body.truncated))
    if body.truncated:
        pieces.append([(f"… {fmt.size(body.size)} in all; o opens the whole body", "notice")])
    return pieces


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


@lru_cache(maxsize=8)
def _text(text: str, content_type: str | None, truncated: bool) -> list[Piece]:
    """Kept, with what is folded: a page is made every second while something counts down."""
    claims_json = "json" in (content_type or "").lower()
    if claims_json or text[:100].lstrip()[:1] in ("{", "["):
        problem = None if truncated or len(text) > CHECKED else json_problem(text)
        if problem is None:
            return [Block(text, is_json=True, is_cut=truncated)]
        if claims_json:
            return [[(problem[0].upper() + problem[1:], "error")], *_pointed(text)]
    return [Block(text)]


def _pointed(text: str) -> list[Piece]:
    """The text with a mark below the place where JSON breaks."""
    try:
        loads(text)
    except json.JSONDecodeError as error:
        end = text.find("\n", error.pos)
        before, after = (text, "") if end < 0 else (text[:end], text[end + 1 :])
        start = text[: error.pos].rpartition("\n")[2][-60:]
        mark: Line = [(fmt.safe(start), "muted"), ("▲ here", "error")]
        return [Block(before), mark, *([Block(after)] if after else [])]
    except ValueError:
        pass
    return [Block(text)]


@lru_cache(maxsize=8)
def _binary(head: str, size: int) -> list[Piece]:
    return [[(f"binary, {fmt.size(size)}", "muted")], Block(base64.b64decode(head))]
