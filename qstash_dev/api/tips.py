"""What a refused request meant, for the log and the UI: the answer itself keeps QStash's words.

Pure: reads the request's text and the sentence it was refused with. Never repeats a token.
"""

import re
from base64 import b64decode
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote

from msgspec import Struct

from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.hosts import is_empty_variable
from qstash_dev.protocol.json_body import loads, read_json

_BASE_WITH_PATH = re.compile(
    r"(?!/v2/[^/]*/https?:)/[^?]*?(?=/v2/(?:publish|enqueue|batch|messages|schedules|queues|topics"
    r"|events|logs|dlq|keys|flowControl)(?:/|$))",
    re.IGNORECASE,
)
_DESTINATION = re.compile(
    r"/v2/(publish|trigger|schedules|enqueue/[^/]+)(?:/(.*))?", re.IGNORECASE | re.DOTALL
)
_BARE = re.compile(r"/(publish|enqueue|batch|schedules|messages|queues|topics|dlq)(/|$)", re.I)
_CANCELS = re.compile(r"/(cancel|delete|remove)$", re.IGNORECASE)
_MESSAGE_LOG = re.compile(r"(/v2/(?:events|logs))/(msg_\w+)", re.IGNORECASE)
_BATCH = re.compile(r"/v2/batch(/trigger)?/?", re.IGNORECASE)
_DLQ_ID = re.compile(r"/v2/dlq/([^/]+)/?", re.IGNORECASE)
_GO_ID = re.compile(r"\d+-\d+")
_OTHER_NAMES = {
    **dict.fromkeys(
        ["url-groups", "urlgroups", "url_groups", "groups", "endpoints", "topic"], "topics"
    ),
    **dict.fromkeys(["dead-letter-queue", "deadletterqueue", "dead-letters", "failed"], "dlq"),
    **dict.fromkeys(["cron", "crons", "jobs"], "schedules"),
    **dict.fromkeys(["signing-keys", "signingkeys", "signing_keys"], "keys"),
    **dict.fromkeys(["flow-control", "flow_control", "flowcontrols"], "flowControl"),
}
"""What the documentation, the SDKs and other services call a resource; the path has the other name."""
_DLQ_ENTRY = re.compile(r"/v2/dlq/(?:messages|entries|items|list)/([^/]+)", re.IGNORECASE)
_WHERE = ("destination", "url", "urlGroup", "topic", "topicName", "endpoint", "api")


class Refused(Struct, frozen=True):
    """A request as it came. `path` is raw, `body` its beginning, `authorization` the header."""

    method: str
    path: str
    query: str = ""
    authorization: str | None = None
    body: bytes = b""


def is_of_qstash(path: str) -> bool:
    """Whether somebody wanted QStash's API, perhaps at an address of his own making."""
    if path[:4].lower() in ("/v2/", "/v1/") or _BASE_WITH_PATH.match(path) is not None:
        return True
    return _BARE.match(path) is not None


def tip(refused: Refused, error: QStashError, base: str, app: str, routes: list[str]) -> str | None:
    """One sentence that shows the way, or `None`.

    `base` is the address of this server, `app` that of the app, `routes` all `METHODS /path`.
    """
    if error.status == 401:
        return token_trouble(refused.authorization, refused.query)
    if found := _BASE_WITH_PATH.match(refused.path):
        return f"QSTASH_URL must be {base}: it has the path {found[0][:100]} behind it."
    if _BARE.match(refused.path):
        return f"The paths of QStash begin with /v2: {base}/v2{refused.path[:200]}"
    if found := _DESTINATION.fullmatch(refused.path):
        route, rest = found[1], unquote(found[2] or "")
        if route.lower().startswith("enqueue/http"):
            return f"The queue comes before the destination: {base}/v2/enqueue/QUEUE/http://..."
        if not rest:
            return _in_the_body(refused, route, base)
        return _destination(rest, error, app, f"{base}/v2/{route}/")
    if error.status in (404, 405):
        return _nearest(refused, routes, base)
    if refused.path.rstrip("/").lower() == "/v2/notify":
        event = _document(refused.body).get("eventId") or "EVENT"
        return f"The event goes into the path: POST {base}/v2/notify/{str(event)[:100]}"
    if _BATCH.fullmatch(refused.path) and "expected an array" in error.message:
        return 'A batch is a JSON array: [{"destination": "http://...", "body": "..."}].'
    return None


def item_tip(raw: bytes, error: QStashError, app: str) -> str | None:
    """As `tip`, for an item that was refused of a batch. `raw` is its JSON."""
    item = _document(raw)
    destination = item.get("destination")
    if isinstance(destination, str) and destination:
        found = re.fullmatch(r"(?:https?://[^/]+)?/v2/(?:publish|enqueue/[^/]+)/(.+)", destination)
        if found:
            return f"An item names the destination alone, without QSTASH_URL: {found[1][:200]}"
        if tip := _destination(destination, error, app):
            return tip
    if "destination" in error.message and not destination:
        where = next((n for n in _WHERE if n != "destination" and item.get(n)), None)
        why = f", not as {where}" if where else ""
        return f'The destination of an item goes into its field "destination"{why}.'
    if ": body: expected" in error.message:
        if "upstash-workflow-calltype" in map(str.lower, _names(item.get("headers"))):
            return "The body of context.call is text since version 1 of the SDK: JSON.stringify it."
        return "The body of an item is text: JSON.stringify it (batchJSON of the SDKs does)."
    if ": headers" in error.message:
        return 'The headers of an item are an object: {"Upstash-Delay": "10s"}.'
    return None


def token_trouble(authorization: str | None, query: str = "") -> str:
    """Why a token is not one of this server's, without a part of it."""
    if authorization is None:
        if "qstash_token=" in query.lower():
            return f"The qstash_token of the query {_of_token(_from_query(query))}."
        return (
            "No Authorization header was sent: `Authorization: Bearer $QSTASH_TOKEN`; "
            "is QSTASH_TOKEN set where the app publishes?"
        )
    scheme, _, token = authorization.strip().partition(" ")
    if scheme.lower() != "bearer":
        return "The Authorization header must be `Bearer` and the token, with a space between."
    return f"The token {_of_token(token.strip())}."


def _of_token(token: str) -> str:
    if not token:
        return "is empty: QSTASH_TOKEN is not set where the app publishes"
    if is_empty_variable(token):
        return (
            f"is the word {token[:20]}: QSTASH_TOKEN is not set where the app publishes"
            if token.isalpha()
            else "is a placeholder: the variable in it was not replaced by its value"
        )
    if token[0] in "\"'`" or token[-1] in "\"'`":
        return "has quotes around it: they do not belong to the value"
    if token.lower().startswith("bearer "):
        return "has the word Bearer twice before it"
    if token.startswith("sig_"):
        return "is a signing key: QSTASH_TOKEN is another variable"
    if any(c.isspace() for c in token):
        return "has white space in it: a line break of a file?"
    if "%" in token:
        return "is percent-encoded: it is sent as it is"
    if _is_account(token):
        return (
            "is that of another account: take the one of `qstash-dev env`, or start with "
            "--env-file and the file that holds it"
        )
    return f"({len(token)} characters) is none that this server knows: see `qstash-dev env`"


def _is_account(token: str) -> bool:
    """Whether it has the form of QStash's tokens, of whomever."""
    try:
        return "UserID" in loads(b64decode(token + "==="))
    except (ValueError, TypeError):
        return False


def _from_query(query: str) -> str:
    parts = (part.partition("=") for part in query.split("&"))
    return next((unquote(v) for name, _, v in parts if name.lower() == "qstash_token"), "")


def _destination(rest: str, error: QStashError, app: str, before: str = "") -> str | None:
    if rest.startswith("/"):
        return _path_alone(rest, before + app)
    if "callback url" in error.message:
        return f"A callback is a whole URL, such as {app}/api/done; is a variable of the app empty?"
    first = rest.partition("/")[0]
    if is_empty_variable(first) or re.match(r"https?:///", rest, re.IGNORECASE):
        return "A variable of the app was empty when it made the destination."
    if "invalid scheme" in error.message:
        if other := re.match(r"(\w+)://", rest):
            return f"Deliveries go over http:// and https:// alone, not over {other[1][:20]}://."
        if broken := re.match(r"(https?):/*", rest, re.IGNORECASE):
            return f"Did you mean {broken[1].lower()}://{rest[broken.end() :][:200]}?"
        if re.match(r"(localhost|127\.|\[::1|[^/.]*:\d)", rest):
            return f"Did you mean http://{rest[:200]}?"
        if "." in first:
            return f"Did you mean https://{rest[:200]}?"
        return _path_alone(f"/{rest}", before + app)
    if error.message.startswith("topic "):
        return (
            f"A destination without http:// or https:// is a URL group; there is no {first[:100]}."
        )
    return None


def _path_alone(path: str, base: str) -> str:
    return f"A path alone is no destination: {base}{path[:200]}"


def _in_the_body(refused: Refused, route: str, base: str) -> str:
    """Other services take the destination in a JSON body; so do most guesses at this one."""
    given = _document(refused.body)
    where = next((str(given[n]) for n in _WHERE if isinstance(given.get(n), str)), None)
    cron = given.get("cron") or given.get("schedule")
    path = f"POST {base}/v2/{route}/{where or 'http://localhost:3000/api/...'}"
    header = f' with the header "Upstash-Cron: {str(cron)[:100]}"' if cron else ""
    why = "not into the body" if where else "behind the route"
    return f"The destination goes into the path, {why}: {path[:400]}{header}."


def _document(body: bytes) -> dict[str, Any]:
    try:
        found = read_json(body or b"{}")
    except QStashError:
        return {}
    return found if isinstance(found, dict) else {}


def _names(headers: Any) -> Iterable[str]:
    return headers if isinstance(headers, dict) else ()


def _nearest(refused: Refused, routes: list[str], base: str) -> str | None:
    path = refused.path.rstrip("/")
    if special := _known_mistake(refused, path, routes, base):
        return special
    if path.lower() == "/v2" or any(_is_that(f"{refused.method} {path}", r) for r in routes):
        return None  # the route is right: what it names is missing
    asked = re.sub(r"/https?:.*", "/*", path, flags=re.DOTALL)
    ranked = [
        (*_likeness(f"{refused.method} {asked}", route), route)
        for route in routes
        # Whoever does not delete is not told how.
        if refused.method == "DELETE" or not route.startswith("DELETE")
    ]
    likeness, common, near = max(ranked, key=lambda each: each[0] + each[1] / 5)
    return f"Did you mean {near}?" if likeness >= 0.6 or common >= 2 else None


def _known_mistake(refused: Refused, path: str, routes: list[str], base: str) -> str | None:
    found = _DLQ_ID.fullmatch(path)
    if entry := _DLQ_ENTRY.fullmatch(path):
        return f"Did you mean {refused.method} /v2/dlq/{entry[1][:100]}?"
    if other := _by_its_name(refused.method, path, routes):
        return f"Did you mean {other[:200]}?"
    if found and not _GO_ID.fullmatch(found[1]):
        return (
            "The ids of the DLQ look like 1725323658779-0; GET /v2/dlq lists them, "
            "POST /v2/dlq/retry/{id} publishes one again."
        )
    if refused.method == "GET" and path.lower() == "/v2/messages":
        return "QStash has no list of messages: GET /v2/events has all that happened."
    if refused.method == "POST" and path.lower() == "/v2/messages":
        return _in_the_body(refused, "publish", base)
    if found := _MESSAGE_LOG.fullmatch(path):
        return f"Did you mean GET {found[1]}?messageId={found[2][:100]}?"
    without = f"DELETE {_CANCELS.sub('', path)}"
    if _CANCELS.search(path) and any(_is_that(without, route) for route in routes):
        return f"Did you mean {without[:200]}?"
    return None


def _by_its_name(method: str, path: str, routes: list[str]) -> str | None:
    """The route that the path would be if its resource had the name that it has in paths."""
    _, _, name, *rest = [*path.split("/"), "", ""]
    resource = _OTHER_NAMES.get(name.lower())
    asked = f"{method} /v2/{'/'.join([resource or '', *rest])}".rstrip("/")
    return asked if resource and any(_is_that(asked, route) for route in routes) else None


def _is_that(asked: str, route: str) -> bool:
    pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(route))
    return re.fullmatch(re.sub(r"\\\*|\\\{.*", ".+", pattern), asked, re.IGNORECASE) is not None


def _likeness(asked: str, route: str) -> tuple[float, float]:
    """From 0 to 1 how alike the letters are, and how many words both have, whatever their order."""
    words, others = (re.split(r"[/ ]+", each.lower()) for each in (asked, route))
    common = len({*words} & {*others} - {"v2"}) + (len(words) == len(others))
    from difflib import SequenceMatcher  # needed only for a mistake

    return SequenceMatcher(None, asked.lower(), route.lower()).ratio(), common
