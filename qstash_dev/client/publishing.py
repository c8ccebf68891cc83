"""A publish as people write it, in the shape in which the API takes it."""

import re
from base64 import b64encode
from collections.abc import Mapping
from urllib.parse import quote

from qstash_dev.protocol.headers import first, without

_OWN = ("upstash-", "content-type")
_QUEUE = "upstash-queue-name"
_LOCAL = re.compile(r"(localhost|127(\.\d+){3}|\[::1\])[:/]", re.IGNORECASE)
_ASCII = "".join(map(chr, range(0x21, 0x7F)))


def publish_name(name: str) -> str:
    """The name on a publish: QStash's own as it is, another for the destination (as SDKs do)."""
    return name if name.lower().startswith(_OWN) else f"Upstash-Forward-{name}"


def absolute(destination: str, app: str) -> str:
    """A path belongs to the app; `:3001/x` to another port, `localhost:3001/x` is meant with http://;
    all else is as it is.
    """
    if destination.startswith("/"):
        return app.rstrip("/") + destination
    if _LOCAL.match(destination):
        return f"http://{destination}"
    return f"http://localhost{destination}" if destination.startswith(":") else destination


def body_document(body: bytes) -> str | dict[str, str]:
    """A body in the words of the control API: text, or base64 of what is no text."""
    try:
        return body.decode()
    except UnicodeDecodeError:
        return {"base64": b64encode(body).decode()}


def path_and_headers(url: str, headers: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """Where to publish and the headers to send. A queue is part of the path: the header that names
    it makes no message wait in it.
    """
    queue = first(headers.items(), _QUEUE)
    kind = f"enqueue/{quote(queue, safe='')}" if queue else "publish"
    # Only what cannot stand in a request line is escaped; `%2F` and `?` stay as written.
    path = f"/v2/{kind}/{quote(url, safe=_ASCII)}"
    return path, dict(without(headers.items(), {_QUEUE}))
