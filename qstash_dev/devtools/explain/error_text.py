"""What a failed response says to a person: the error in JSON, HTML error pages, plain text.

It refuses to know causes; it only finds the words. Recorded: `fixtures/failed_responses.json`.
"""

import html
import json
import re
from typing import Any

from msgspec import Struct

from qstash_dev.protocol.model import Response

_HEAD = 65_536  # Django's error page has 60 KB, the error stands in its first tenth
_MAX_TEXT = 600
_MAX_HEADLINE = 200

# Every repetition is bounded or excludes its own beginning: no page may take quadratic time.
_NEXT_DATA = '<script id="__NEXT_DATA__"'
_INVISIBLE = re.compile(r"<(style|script|svg)\b.*?(</\1>|$)", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")
_TITLE = re.compile(r"<title>(.{0,500}?)</title>", re.DOTALL | re.IGNORECASE)
_PRE = re.compile(r"<pre\b[^<>]*>(.{0,2000}?)(?:<br|\n|</pre>)", re.DOTALL | re.IGNORECASE)
_HTML = re.compile(r"\s*<(?:!doctype html|html|head|body)\b", re.IGNORECASE)
_WERKZEUG = " // Werkzeug Debugger"
_ERROR_FIELDS = ("message", "error", "detail", "msg", "title", "errors", "description")


class Said(Struct, frozen=True):
    """`headline` is the error in a few words, `text` the visible beginning of the body."""

    headline: str
    text: str
    is_html: bool


def read_response(response: Response) -> Said:
    """Never raises: a body that is neither JSON nor text says nothing."""
    body = response.body[:_HEAD].decode("utf-8", "replace")
    if _HTML.match(body):
        return _html(body)
    value = _json(body)
    headline = _error_in(value) if isinstance(value, dict | list) else ""
    text = body if _is_text(body) else ""
    return Said(_clip(headline or _first_line(text), _MAX_HEADLINE), _clip(text, _MAX_TEXT), False)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _is_text(text: str) -> bool:
    return "\x00" not in text and text.count("\ufffd") < 3


def _first_line(text: str) -> str:
    return next((line for line in text.splitlines() if line.strip()), "")


def _clip(text: str, limit: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _error_in(value: Any, depth: int = 0) -> str:
    """The message in `{"error": {"message": ...}}`, `{"detail": [{"loc", "msg"}]}` and the like."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return _error_in(value[0], depth + 1) if value and depth < 4 else ""
    if not isinstance(value, dict) or depth > 4:
        return ""
    found = next(
        (text for name in _ERROR_FIELDS if (text := _error_in(value.get(name), depth + 1))), ""
    )
    where = value.get("loc")  # FastAPI
    if found and isinstance(where, list):
        return f"{'.'.join(map(str, where))}: {found}"
    return found


def _html(page: str) -> Said:
    if said := _next_error(page):
        return Said(_clip(said, _MAX_HEADLINE), _clip(said, _MAX_TEXT), True)
    visible = _visible(page)
    title, detail = _found(_TITLE, page), _found(_PRE, page)
    if title.endswith(_WERKZEUG):
        title, detail = title.removesuffix(_WERKZEUG), ""
    headline = ": ".join(part for part in (title, detail) if part not in ("", "Error"))
    return Said(_clip(headline or visible, _MAX_HEADLINE), _clip(visible, _MAX_TEXT), True)


def _found(pattern: re.Pattern[str], page: str) -> str:
    found = pattern.search(page)
    return _visible(found[1]) if found else ""


def _next_error(page: str) -> str:
    """`next dev` keeps the error of a pages route as JSON inside its error page."""
    script = page.partition(_NEXT_DATA)[2].partition(">")[2].partition("</script>")[0]
    data = _json(script) if script else None
    error = data.get("err") if isinstance(data, dict) else None
    if not isinstance(error, dict):
        return ""
    return f"{error.get('name') or 'Error'}: {error.get('message') or ''}"


def _visible(page: str) -> str:
    return " ".join(html.unescape(_TAG.sub(" ", _INVISIBLE.sub(" ", page))).split())
