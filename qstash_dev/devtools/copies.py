"""What can be copied: of a message its id, curl, bodies, headers, JWT; how to begin. Pure text."""

import shlex
from typing import TYPE_CHECKING

from msgspec import Struct

from qstash_dev.devtools.documents import Body, Detail, Server
from qstash_dev.protocol.headers import NEVER_FORWARDED, to_forward, without

if TYPE_CHECKING:  # a start prints a first publish, and has no run
    from qstash_dev.devtools.run_documents import RunDetail

HELLO = """'{"hello": "world"}'"""


class Copyable(Struct, frozen=True):
    """A key, a name and the text for the clipboard."""

    key: str
    name: str
    text: str


def copies_of(detail: Detail, server: Server) -> list[Copyable]:
    """All that there is of this message."""
    found = [
        Copyable("i", "message id", detail.row.id),
        Copyable("u", "destination", detail.row.url),
        Copyable("c", "curl command that publishes it", publish_curl(detail, server)),
        Copyable("b", "request body", _text(detail.request.body)),
        Copyable("h", "request headers", _headers(detail.request.headers)),
    ]
    if detail.attempts:
        last = detail.attempts[-1]
        sent = _headers(last.request.headers)
        found.append(Copyable("d", "curl command that delivers it", delivery_curl(detail)))
        found.append(Copyable("s", "headers that were sent", sent))
        if last.response is not None:
            found.append(Copyable("r", "response body", _text(last.response.body)))
            found.append(Copyable("e", "response headers", _headers(last.response.headers)))
    if detail.signature is not None and detail.signature.token:
        found.append(Copyable("j", "JWT", detail.signature.token))
    return found


def copies_of_run(run: "RunDetail") -> list[Copyable]:
    """All that there is of this run."""
    found = [Copyable("i", "run id", run.row.id), Copyable("u", "workflow URL", run.row.url)]
    for key, (event, url) in zip("wabcd", run.hooks.items(), strict=False):
        found.append(Copyable(key, f"webhook URL of {event}", url))
    found.append(Copyable("p", "payload", run.payload))
    return [*found, *([Copyable("r", "result", run.response)] if run.response is not None else [])]


def quick_start(server: Server) -> str:
    """What to copy: the environment of the app, and one publish."""
    env, app = server.env, server.app
    block = "\n".join(f"{name}={value}" for name, value in env.items())
    url, token = env.get("QSTASH_URL", ""), env.get("QSTASH_TOKEN", "")
    return f"{block}\n\n{first_publish(url, token, None if app.process else app.url)}"


def first_publish(url: str, token: str, app_url: str | None) -> str:
    """A publish to begin with. `None` is an app that the server starts: its port is not known yet,
    and who started it so has the command at hand that asks for it.
    """
    if app_url is None:
        return f"qstash-dev send /api/hello -d {HELLO}"
    return (
        f"curl -X POST {url}/v2/publish/{app_url}/api/hello \\\n"
        f"  -H 'Authorization: Bearer {token}' \\\n"
        f"  -H 'Content-Type: application/json' -d {HELLO}"
    )


def publish_curl(detail: Detail, server: Server) -> str:
    """A `curl` that publishes the same again through QStash's API."""
    asked = detail.request
    token = server.env.get("QSTASH_TOKEN", "")
    headers = [
        *(("Authorization", f"Bearer {token}"), ("Upstash-Method", asked.method)),
        *to_forward(asked.headers),
    ]
    return _curl("POST", f"{server.url}/v2/publish/{asked.url}", headers, asked.body)


def delivery_curl(detail: Detail) -> str:
    """A `curl` that does what the last attempt did, with its signature."""
    last = detail.attempts[-1]
    headers = list(without(last.request.headers, NEVER_FORWARDED))
    return _curl(detail.request.method, last.target, headers, detail.request.body)


def _curl(method: str, url: str, headers: list[tuple[str, str]], body: Body) -> str:
    parts = [f"curl -X {shlex.quote(method)} {shlex.quote(url)}"]
    parts += [f"-H {shlex.quote(f'{name}: {value}')}" for name, value in headers]
    if body.text:
        parts.append(f"--data-raw {shlex.quote(body.text)}")
    return " \\\n  ".join(parts)


def _headers(headers: list[tuple[str, str]]) -> str:
    return "\n".join(f"{name}: {value}" for name, value in headers)


def _text(body: Body) -> str:
    return body.text if body.text is not None else (body.base64 or "")
