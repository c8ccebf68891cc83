"""What a failed response says to a person: the error in JSON, HTML error pages, plain text.

It refuses to know causes; it only finds the words. Recorded: `fixtures/failed_responses.json`.
"""

import html
import re
from http import HTTPStatus
from typing import Any

from msgspec import Struct

from qstash_dev.devtools.text import shorten
from qstash_dev.protocol.json_body import loads
from qstash_dev.protocol.model import Response, Timing

_HEAD = 65_536  # Django's error page has 60 KB, the error stands in its first tenth
_MAX_TEXT = 600
_MAX_HEADLINE = 200

# Every repetition is bounded or excludes its own beginning: no page may take quadratic time.
_NEXT_DATA = '<script id="__NEXT_DATA__"'
_INVISIBLE = re.compile(r"<(style|script|svg)\b.*?(</\1>|$)", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")
_TITLE = re.compile(r"<title>(.{0,500}?)</title>", re.DOTALL | re.IGNORECASE)
_PRE = re.compile(
    r"<pre\b[^<>]*>((?:(?!<pre\b).){0,2000}?)(?:<br|\n|</pre>)", re.DOTALL | re.IGNORECASE
)
_HTML = re.compile(r"\s*<(?:!doctype html|html|head|body)\b", re.IGNORECASE)
_MARKUP = re.compile(r"\s*<[?!]?[a-z]", re.IGNORECASE)
_PARAGRAPH = re.compile(r"<p>(.{0,500}?)</p>", re.DOTALL | re.IGNORECASE)
_STATUS_ALONE = re.compile(r"\d{3}( [A-Za-z' -]+)?")
_WERKZEUG = " // Werkzeug Debugger"
_ERROR_FIELDS = (
    *("message", "detail", "details", "error_description", "errorMessage", "exception", "error"),
    *("msg", "reason", "errors", "issues", "statusMessage", "title", "description", "cause"),
    *("stack", "trace", "traceback"),
)
"""The most telling first: Rails says "Internal Server Error" in `error`, the cause in `exception`."""

_DETAIL_FIELDS = ("errors", "issues", "details", "extra", "violations", "fields", "data")
_HAS_DETAILS = re.compile(
    r"(request |input )?(validation|bad request|invalid (request|input|body|payload|data)"
    r"|one or more validation).{0,60}",
    re.IGNORECASE,
)
"""What stands above a list that says more."""
_VAGUE = re.compile(
    r"(internal )?(server )?error( \(500\))?|bad request \(400\)|httperror|unauthori[sz]ed|forbidden"
    r"|(an |unknown |unexpected )*error( has)? occurred( while processing your request)?"
    r"|(oops|sorry)?\W*something went wrong"
    r"|the (server encountered an internal error|browser \(or proxy\) sent a request that this"
    r"|server could not verify that you are).*"
    r"|(you don't have the permission to access|we're sorry, but something went wrong).*",
    re.IGNORECASE,
)
"""What Django, Werkzeug, Litestar, h3, NestJS, Rails and ASP.NET say when they keep the error back."""

_ESCAPED = re.compile(r'\\(?:["/]|u00[2-7][0-9a-f])', re.IGNORECASE)
"""What JSON hides of a sentence: quotes, and by .NET and PHP apostrophes and slashes, too."""

_VALUE = re.compile(r'"(?:message|detail|statusMessage|error)"\s*:\s*"((?:[^"\\]|\\.){1,600})"')


class Said(Struct, frozen=True):
    """`headline` is the error in a few words, `text` the visible beginning of the body. The headline
    is vague when it says no more than the status does.
    """

    headline: str
    text: str
    is_html: bool
    is_vague: bool = False


def read_response(response: Response) -> Said:
    """Never raises: a body that is neither JSON nor text says nothing."""
    said = _read(response.body[:_HEAD].decode("utf-8", "replace"))
    headline = _without_status(said.headline, response.status)
    is_vague = not headline or _VAGUE.fullmatch(headline.rstrip(".! ")) is not None
    return Said(headline or said.headline, said.text, said.is_html, is_vague)


def _without_status(text: str, status: int) -> str:
    """`415 Unsupported Media Type: no JSON` says what it is about behind the colon, or nothing."""
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    whole = f"{status} {phrase}"
    for beginning in (whole, phrase, str(status)):
        if beginning and text[: len(beginning)].lower() == beginning.lower():
            rest = text[len(beginning) :]
            ends = ("", ":", ".", " ") if beginning == whole else ("", ":", ".")
            return rest.lstrip(":. ") if rest[:1] in ends else text
    return text


def _read(body: str) -> Said:
    if _HTML.match(body):
        return _html(body)
    value = _json(body)
    text = body if _is_text(body) else ""
    headline = _error_in(value) if isinstance(value, dict | list) else _in_part_of_json(text)
    if _MARKUP.match(text):
        text = _visible(text)
    elif isinstance(value, dict | list):
        text = _ESCAPED.sub(lambda found: str(_json(f'"{found[0]}"') or found[0]), text)
    return Said(shorten(headline or _line_of(text), _MAX_HEADLINE), shorten(text, _MAX_TEXT), False)


def headline(body: str) -> str:
    """The error in a body, in a few words; empty when it says none."""
    return read_response(Response(500, (), body.encode(), Timing(0))).headline


def _in_part_of_json(text: str) -> str:
    """The message of a document that was cut off."""
    found = _VALUE.search(text) if text.lstrip()[:1] in ("{", "[") else None
    return str(_json(f'"{found[1]}"') or "") if found else ""


def _line_of(text: str) -> str:
    """The line that tells: of a document all in one, of a Python traceback the last, else the first."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        return ""
    if lines[0][-1:] in "{[(":
        return text
    if lines[0].startswith("Traceback (most recent call last)"):
        return lines[-1]
    return " ".join(lines[:6]) if lines[0].endswith(":") else lines[0]  # Prisma's


def _json(text: str) -> Any:
    try:
        return loads(text)
    except ValueError:
        return None


def _is_text(text: str) -> bool:
    return "\x00" not in text and text.count("\ufffd") < 3


def _error_in(value: Any, depth: int = 0) -> str:
    """The message in `{"error": {"message": ...}}`, `{"detail": [{"loc", "msg"}]}` and the like."""
    if isinstance(value, str):
        return _of_text(value, depth)
    if isinstance(value, list):
        return _error_in(value[0], depth + 1) if value and depth < 6 else ""
    if not isinstance(value, dict) or depth > 6:
        return ""
    fields = (_error_in(value.get(name), depth + 1) for name in _ERROR_FIELDS)
    found = next((text for text in fields if text), "") or _of_fields(value, depth)
    where = value.get("loc") or value.get("path")  # FastAPI, Zod
    if found and isinstance(where, list) and where:
        return f"{'.'.join(map(str, where))}: {found}"
    if found and "location" in value and (name := value.get("path") or value.get("param")):
        return f"{name}: {found}"  # express-validator
    if _HAS_DETAILS.fullmatch(found):
        more = (_error_in(value.get(name), depth + 1) for name in _DETAIL_FIELDS)
        detail = next((text for text in more if text and text != found), "")
        return f"{found}: {detail}" if detail else found
    return found


def _of_text(text: str, depth: int) -> str:
    """A message may be a document itself (Zod's is), or a stack: its first line counts."""
    inner = _json(text) if text.lstrip()[:1] in ("{", "[") and depth < 6 else None
    if isinstance(inner, dict | list) and (found := _error_in(inner, depth + 1)):
        return found
    return _line_of(text)


def _of_fields(value: dict[str, Any], depth: int) -> str:
    """`{"email": ["This field is required."]}` as Django REST framework and ASP.NET have it."""
    for name, inner in value.items():
        if isinstance(inner, list) and inner and isinstance(inner[0], str) and depth < 6:
            return f"{name}: {inner[0]}"
    only = next(iter(value.values())) if len(value) == 1 else None  # tRPC's `json`
    return _error_in(only, depth + 1) if isinstance(only, dict) else ""


def _html(page: str) -> Said:
    if said := _next_error(page):
        return Said(shorten(said, _MAX_HEADLINE), shorten(said, _MAX_TEXT), True)
    visible = _visible(page)
    title, detail = _found(_TITLE, page), _found(_PRE, page)
    if title.endswith(_WERKZEUG):
        title, detail = title.removesuffix(_WERKZEUG), ""
    if not detail and _STATUS_ALONE.fullmatch(title):
        detail = _found(_PARAGRAPH, page)
    headline = ": ".join(part for part in (title, detail) if part not in ("", "Error"))
    return Said(shorten(headline or visible, _MAX_HEADLINE), shorten(visible, _MAX_TEXT), True)


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
