"""A publish as people write it, in the shape in which the API takes it."""

from collections.abc import Iterable, Mapping
from urllib.parse import quote

_OWN = ("upstash-", "content-type")
_QUEUE = "upstash-queue-name"
_ASCII = "".join(map(chr, range(0x21, 0x7F)))


def joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """By name; values of one name are joined, as HTTP has it."""
    found: dict[str, str] = {}
    for name, value in pairs:
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def publish_name(name: str) -> str:
    """The name on a publish: QStash's own as it is, another for the destination (as SDKs do)."""
    return name if name.lower().startswith(_OWN) else f"Upstash-Forward-{name}"


def absolute(destination: str, app: str) -> str:
    """A path belongs to the app; `:3001/x` to another port; all else is as it is."""
    if destination.startswith("/"):
        return app.rstrip("/") + destination
    return f"http://localhost{destination}" if destination.startswith(":") else destination


def path_and_headers(url: str, headers: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """Where to publish and the headers to send. A queue is part of the path: the header that names
    it makes no message wait in it.
    """
    queue = next((value for name, value in headers.items() if name.lower() == _QUEUE), None)
    kind = f"enqueue/{quote(queue, safe='')}" if queue else "publish"
    # Only what cannot stand in a request line is escaped; `%2F` and `?` stay as written.
    path = f"/v2/{kind}/{quote(url, safe=_ASCII)}"
    return path, {name: value for name, value in headers.items() if name.lower() != _QUEUE}
