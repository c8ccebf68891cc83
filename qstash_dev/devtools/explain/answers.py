"""Causes within the app: bodies, errors; at last, whatever it said itself."""

import re

from qstash_dev.devtools.body_label import CHECKED, is_json
from qstash_dev.devtools.explain.evidence import Cause, Evidence, says
from qstash_dev.devtools.explain.refusals import silent_refusal
from qstash_dev.devtools.explain.unrouted import UNROUTED
from qstash_dev.devtools.text import shorten
from qstash_dev.protocol.retry import is_non_retryable, retry_after_ms
from qstash_dev.protocol.timing import format_duration

_JSON_ERROR = re.compile(
    r"is not valid JSON|Unexpected end of JSON|JSONDecodeError|json_invalid|JSON (decode|parse) error"
    r"|(Invalid|Malformed) JSON(?! Web)|Expecting value: line 1|invalid character .* looking for"
)
_PART = re.compile(r"(query|path|header|cookie)\.([^:]+): (.*)")
_SHAPE = re.compile(
    r"required|missing|expected|should|must|\b(un)?known\b|valid|not an? |of type"
    r"|can(not|'t) be (null|blank)|additional propert|extra ",
    re.IGNORECASE,
)
_LIMITS = (
    ("Body exceeded", "raise `config.api.bodyParser.sizeLimit`, or set bodyParser to false"),
    ("request entity too large", "raise it: express.json({ limit: '10mb' })"),
    ("DATA_UPLOAD_MAX_MEMORY_SIZE|RequestDataTooBig", "raise Django's DATA_UPLOAD_MAX_MEMORY_SIZE"),
    ("exceeds the capacity limit", "raise Flask's MAX_CONTENT_LENGTH"),
    ("Request body is too large", "raise Fastify's bodyLimit"),
    ("<center>nginx", "raise nginx' client_max_body_size"),
)
_OF_SIGNATURES = re.compile(r"signature|jwt|jws", re.IGNORECASE)
_COMPILE_ERROR = re.compile(
    r"(ModuleParseError|Module not found|Failed to compile|Build Error|Syntax Error"
    r"|Transform failed|Cannot find module|ModuleNotFoundError).*?(?= > |$)"  # source: "> 1 |"
)
_TURBOPACK = re.compile(
    r"(?:Error: )?\./(?P<place>\S+?:\d+):\d+ (?:Error: )?(?P<what>.+?)(?=(?: >)? \d+ \| |$)"
)
"""Every error of a build with Turbopack begins with its place (Next.js 16, `next dev`)."""


def _too_large(e: Evidence) -> str | None:
    """413, or what says so under another status: Django's 400."""
    fix = next((fix for words, fix in _LIMITS if re.search(words, e.said.text)), None)
    if e.status == 413:
        fix = fix or "raise the limit of the app or of the proxy before it, or publish a reference"
    elif fix is None or "nginx" in fix:
        return None
    what = (
        "list of the run's steps" if e.facts.has_entries else f"body of {len(e.facts.body)} bytes"
    )
    return f"A {what} is over the app's limit: {fix}."


def _label(e: Evidence) -> str | None:
    """A body and a label that disagree come before what the app made of them."""
    found = e.mislabelled
    return f"{found} The app answered {e.status}{e.quoted}." if found else None


def _json_error(e: Evidence) -> str | None:
    if not _JSON_ERROR.search(e.said.text):
        return None
    if "[object Object]" in e.said.text:
        return (
            f"The handler parses what its framework has parsed already{e.quoted}: take the body as "
            "it is (req.body), without JSON.parse."
        )
    if e.facts.has_entries or is_json(e.facts.body[: CHECKED + 1]):
        return (
            f"The app could not parse some JSON{e.quoted}. The message's body is JSON: look at what "
            "the handler makes of it, or fetches."
        )
    begins = shorten(e.facts.body[:24].decode("utf-8", "replace"), 24)
    return (
        f"The handler reads the body as JSON, which it is not ({begins!r}){e.quoted}: publish JSON."
    )


def _content_type(e: Evidence) -> str | None:
    kind = e.sent("content-type")[:60] or "body without a Content-Type"
    takes = e.header("accept-post") or e.header("accept")
    only = f", only {takes}" if takes else ""
    return (
        f"The handler takes no {kind}{only}{e.quoted}: publish with the Content-Type that it reads."
    )


def _validation(e: Evidence) -> str | None:
    if e.is_opaque:
        return None
    if part := _PART.match(e.said.headline):
        where, name, text = part.groups()
        fix = f": send it as Upstash-Forward-{name}" if where == "header" else ""
        place = {"query": "query of the URL", "path": "path of the URL"}.get(where, where)
        return f"The handler expects another {name} in the {place} ({text}){fix}."
    if not _SHAPE.search(e.said.headline):
        return (
            f"The handler understood the request and refused its content (422): {e.said.headline}"
        )
    return f"The body has another shape than the handler expects: {e.said.headline}"


def _compile_error(e: Evidence) -> str | None:
    if e.status != 500:
        return None
    if found := _TURBOPACK.match(e.said.headline):
        what = f"{found['what']} (at {found['place']})."
    elif found := _COMPILE_ERROR.search(e.said.headline):
        what = found[0]
    else:
        return None
    return f"The app does not compile, so the handler never ran: {what}"


def _printed(e: Evidence) -> str | None:
    """The stack trace of the app's own terminal, where the answer hides it: a fact before guesses."""
    error = e.printed_error
    if e.status < 500 or not e.is_opaque or error is None or _OF_SIGNATURES.search(error):
        return None
    if e.mislabelled:
        return None
    return f"The handler threw: {error}"


def _next_threw(e: Evidence) -> str | None:
    """A thrown error in an app-router handler: 500, no body, and `Vary` names the router."""
    if not e.is_opaque or "next-router" not in e.header("vary"):
        return None
    if told := _thrown(e):
        return told
    return (
        "The route handler threw (or returned no Response), and Next.js sends no text: see "
        f"{_what_it_printed(e, 'the terminal of `next dev`')}.{silent_refusal(e)}"
    )


def _hidden_error(e: Evidence) -> str | None:
    if not e.is_opaque:
        return None
    if told := _thrown(e):
        return told
    where = _what_it_printed(e, "the app's terminal")
    return f"The handler raised an error that the server hides: see {where}.{silent_refusal(e)}"


def _thrown(e: Evidence) -> str | None:
    if e.printed_error:
        return f"The handler threw: {e.printed_error}.{silent_refusal(e)}"
    if e.likely_error:
        return (
            f"The handler threw, it seems: {e.likely_error}. Other deliveries were under way: what the "
            "app printed may be theirs."
        )
    return None


def _what_it_printed(e: Evidence, terminal: str) -> str:
    """Where to look: what our child printed stands beside the attempt."""
    return "what the app printed, beside this attempt" if e.facts.heard else terminal


def _non_retryable(e: Evidence) -> str | None:
    if is_non_retryable(e.response):
        return f"The app asked for no retry (489){e.quoted}: it goes to the DLQ at once."
    return "489 without `Upstash-NonRetryable-Error: true` is an ordinary failure: send the header."


def _rate_limited(e: Evidence) -> str | None:
    wait = retry_after_ms(e.response.headers, 0)
    until = f", now for {format_duration(wait)}" if wait else ""
    return f"The app limits its rate{until}: publish with flow control (rate, parallelism)."


def _silent(e: Evidence) -> str:
    if e.printed_error:
        return f"The app answered {e.status_text}, and printed: {e.printed_error}"
    what = "reason" if e.said.headline else "text"
    return f"The app answered {e.status_text} without a {what}: see its terminal."


PRINTED = (Cause("handler-printed", _printed),)
ANSWERS = (
    *UNROUTED,
    Cause(
        "append-slash-django",
        "Django wants a slash at the end of the path and cannot redirect a POST: publish "
        "with the slash.",
        (500,),
        holds=says("APPEND_SLASH"),
    ),
    Cause("body-too-large", _too_large, (400, 413, 500)),
    Cause("body-mislabelled", _label, (400, 415, 422, 500)),
    Cause("json-error", _json_error),
    Cause("content-type-refused", _content_type, (415,)),
    Cause("validation", _validation, (422,)),
    Cause(
        "headers-too-large",
        "The headers are too large for the app: forward fewer (Node: --max-http-header-size).",
        (431,),
    ),
    Cause("compile-error", _compile_error),
    Cause("next-handler-threw", _next_threw, (500,)),
    Cause("hidden-error", _hidden_error, (500,)),
    Cause("non-retryable", _non_retryable, (489,)),
    Cause("rate-limited", _rate_limited, (429,)),
    Cause(
        "gave-up-waiting",
        "{e.status_text}: something before the app gave up waiting; the handler may still run.",
        (408, 504, 524),
    ),
    Cause(
        "unavailable",
        "{e.status_text}{e.quoted}: the app is starting, overloaded or in maintenance.",
        (503,),
    ),
    Cause(
        "app-error",
        "The app answered {e.status_text}: {e.said.headline}",
        holds=lambda e: not e.is_opaque,
    ),
    Cause("app-error-silent", _silent),
)
