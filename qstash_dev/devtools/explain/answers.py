"""Causes within the app: routes, bodies, errors; at last, whatever it said itself."""

import re

from qstash_dev.devtools.body_label import mislabelled
from qstash_dev.devtools.explain.evidence import Cause, Evidence, says
from qstash_dev.devtools.explain.refusals import silent_refusal
from qstash_dev.devtools.route_files import misnamed, nearest, serving
from qstash_dev.protocol.retry import is_non_retryable, retry_after_ms
from qstash_dev.protocol.timing import format_duration

_JSON_ERROR = re.compile(
    r"is not valid JSON|Unexpected end of JSON|JSONDecodeError|json_invalid|JSON decode error"
    r"|^Invalid JSON"
)
_OF_SIGNATURES = re.compile(r"signature|jwt|jws", re.IGNORECASE)
_COMPILE_ERROR = re.compile(
    r"(ModuleParseError|Module not found|Failed to compile|Build Error|Syntax Error"
    r"|Transform failed|Cannot find module|ModuleNotFoundError).*?(?= > |$)"  # source: "> 1 |"
)


def _misnamed(e: Evidence) -> str | None:
    if e.status not in (404, 405) or serving(e.path, e.facts.routes):
        return None
    file = misnamed(e.path, e.facts.routes)
    if not file:
        return None
    root, app, _ = f"/{file}".partition("/app/")
    wanted = f"{root}/app{e.path}/route.ts" if app else f"pages{e.path}.ts"
    return f"{file} makes no route for {e.path}: name it {wanted.lstrip('/')}."


def _near(e: Evidence) -> str | None:
    if e.status != 404 or serving(e.path, e.facts.routes):
        return None
    near = nearest(e.path, e.facts.routes)
    return f"No route {e.path}: did you mean {near.path} ({near.file})?" if near else None


def _own_404(e: Evidence) -> str | None:
    file = serving(e.path, e.facts.routes) if e.status == 404 else None
    if not file:
        return None
    return f"{file} serves {e.path}, so this 404{e.quoted} is the handler's own answer."


def _no_route(e: Evidence) -> str | None:
    if e.status != 404:
        return None
    return (
        f"No route for {e.facts.method} {e.path} in the app at {e.place}{e.quoted}: check the "
        "path, the port, and that the file is where the framework looks."
    )


def _no_method(e: Evidence) -> str | None:
    if e.status != 405:
        return None
    method, file = e.facts.method, serving(e.path, e.facts.routes)
    if file and "/route." in f"/{file}":
        return f"{file} exports no {method}: add `export async function {method}`."
    takes = f", only {e.header('allow')}" if e.header("allow") else ""
    return f"{e.path} takes no {method}{takes}: add a handler for it, or set Upstash-Method."


def _too_large(e: Evidence) -> str | None:
    if e.status != 413:
        return None
    fix = "raise the limit of the app or of the proxy before it, or publish a reference"
    if "Body exceeded" in e.said.text:
        fix = "raise `config.api.bodyParser.sizeLimit`, or set bodyParser to false"
    elif "request entity too large" in e.said.text:
        fix = "raise it: express.json({ limit: '10mb' })"
    return f"A body of {len(e.facts.body)} bytes is over the app's limit: {fix}."


def _label(e: Evidence) -> str | None:
    """A body and a label that disagree come before what the app made of them."""
    if e.status not in (400, 415, 422, 500):
        return None
    found = mislabelled(e.sent("content-type"), e.facts.body)
    return f"{found} The app answered {e.status}{e.quoted}." if found else None


def _json_error(e: Evidence) -> str | None:
    if not _JSON_ERROR.search(e.said.text):
        return None
    return f"The app could not parse some JSON{e.quoted}: the message's body, or what it fetched."


def _validation(e: Evidence) -> str | None:
    if e.status != 422 or not e.said.headline:
        return None
    return f"The body has another shape than the handler expects: {e.said.headline}"


def _headers_too_large(e: Evidence) -> str | None:
    if e.status != 431:
        return None
    return "The headers are too large for the app: forward fewer (Node: --max-http-header-size)."


def _compile_error(e: Evidence) -> str | None:
    found = _COMPILE_ERROR.search(e.said.headline) if e.status == 500 else None
    if not found:
        return None
    return f"The app does not compile, so the handler never ran: {found[0]}"


def _printed(e: Evidence) -> str | None:
    """The stack trace of the app's own terminal, where the answer hides it: a fact before guesses."""
    error = e.printed_error
    if e.status < 500 or not e.is_opaque or error is None or _OF_SIGNATURES.search(error):
        return None
    if mislabelled(e.sent("content-type"), e.facts.body):
        return None
    return f"The handler threw: {error}"


def _next_threw(e: Evidence) -> str | None:
    """A thrown error in an app-router handler: 500, no body, and `Vary` names the router."""
    if e.status != 500 or not e.is_opaque or "next-router" not in e.header("vary"):
        return None
    return (
        "The route handler threw (or returned no Response), and Next.js sends no text: see the "
        f"terminal of `next dev`.{silent_refusal(e)}"
    )


def _hidden_error(e: Evidence) -> str | None:
    if e.status != 500 or not e.is_opaque:
        return None
    return (
        "The handler raised an error that the server hides: see the app's terminal."
        f"{silent_refusal(e)}"
    )


def _non_retryable(e: Evidence) -> str | None:
    if e.status != 489:
        return None
    if is_non_retryable(e.response):
        return f"The app asked for no retry (489){e.quoted}: it goes to the DLQ at once."
    return "489 without `Upstash-NonRetryable-Error: true` is an ordinary failure: send the header."


def _rate_limited(e: Evidence) -> str | None:
    if e.status != 429:
        return None
    wait = retry_after_ms(e.response.headers, 0)
    until = f", now for {format_duration(wait)}" if wait else ""
    return f"The app limits its rate{until}: publish with flow control (rate, parallelism)."


def _gave_up(e: Evidence) -> str | None:
    if e.status not in (408, 504, 524):
        return None
    return f"{e.status_text}: something before the app gave up waiting; the handler may still run."


def _unavailable(e: Evidence) -> str | None:
    if e.status != 503:
        return None
    return f"{e.status_text}{e.quoted}: the app is starting, overloaded or in maintenance."


def _said(e: Evidence) -> str | None:
    return f"The app answered {e.status_text}: {e.said.headline}" if e.said.headline else None


def _silent(e: Evidence) -> str:
    return f"The app answered {e.status_text} without a text: see its terminal."


PRINTED = (Cause("handler-printed", _printed),)
ANSWERS = (
    Cause("route-misnamed", _misnamed),
    Cause("route-near", _near),
    Cause("route-own-404", _own_404),
    Cause("route-missing", _no_route),
    Cause("method-not-allowed", _no_method),
    Cause(
        "append-slash-django",
        says(
            "APPEND_SLASH",
            "Django wants a slash at the end of the path and cannot redirect a POST: publish "
            "with the slash.",
            500,
        ),
    ),
    Cause("body-too-large", _too_large),
    Cause("body-mislabelled", _label),
    Cause("json-error", _json_error),
    Cause("validation", _validation),
    Cause("headers-too-large", _headers_too_large),
    Cause("compile-error", _compile_error),
    Cause(
        "not-a-workflow",
        says(
            "non-workflow destination",
            "The URL answers, but it is no workflow: its handler must be made by serve() of the "
            "workflow SDK.",
        ),
    ),
    Cause("next-handler-threw", _next_threw),
    Cause("hidden-error", _hidden_error),
    Cause("non-retryable", _non_retryable),
    Cause("rate-limited", _rate_limited),
    Cause("gave-up-waiting", _gave_up),
    Cause("unavailable", _unavailable),
    Cause("app-error", _said),
    Cause("app-error-silent", _silent),
)
