"""A publish as people write it, in the shape in which the API takes it. Pure."""

import re
from base64 import b64encode
from collections.abc import Mapping
from urllib.parse import quote

from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.headers import first, joined, without

_OWN = ("upstash-", "content-type")
CALLED = frozenset({"upstash-callback", "upstash-failure-callback"})
"""Whose values are URLs: a path is one of the app."""
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


def header_pairs(text: str) -> list[tuple[str, str]]:
    """`Name: value` lines as pairs. Raises QStashError(400) with the line that is not one."""
    pairs = []
    for line in text.split("\n"):  # other separators of lines are a part of a value
        name, colon, value = line.partition(":")
        if line.strip() and not (colon and name.strip()):
            raise QStashError(400, f'A header is "Name: value", not "{line.strip()}".')
        if colon:
            pairs.append((name.strip(), value.strip(" \t\r")))
    return pairs


def publish_headers(text: str, method: str, app: str) -> dict[str, str]:
    """Header lines as the API takes them: what is for the destination gets its prefix, and what is
    called back may be a path of the app. Raises QStashError(400).
    """
    found = joined((publish_name(name), value) for name, value in header_pairs(text))
    return {**found, **called(found, app), "Upstash-Method": method}


def called(headers: Mapping[str, str], app: str) -> dict[str, str]:
    """URLs that are called back, whole."""
    return {n: absolute(value, app) for n, value in headers.items() if n.lower() in CALLED}


def body_document(body: bytes) -> str | dict[str, str]:
    """A body in the words of the control API: text, or base64 of what is no text."""
    try:
        return body.decode()
    except UnicodeDecodeError:
        return {"base64": b64encode(body).decode()}


def taken_queue(headers: Mapping[str, str]) -> tuple[str | None, dict[str, str]]:
    """The queue, and the other headers: the one that names it makes no message wait in it."""
    return first(headers.items(), _QUEUE), dict(without(headers.items(), {_QUEUE}))


def path_and_headers(url: str, headers: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """Where to publish and the headers to send; a queue is part of the path."""
    queue, rest = taken_queue(headers)
    kind = f"enqueue/{quote(queue, safe='')}" if queue else "publish"
    # Only what cannot stand in a request line is escaped; `%2F` and `?` stay as written.
    path = f"/v2/{kind}/{quote(url, safe=_ASCII)}"
    return path, rest
