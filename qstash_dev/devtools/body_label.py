"""Whether a body is what its Content-Type says. The one place that judges it, at publish and after a
failure; it reads JSON as the API does.
"""

from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.json_body import read_json
from qstash_dev.protocol.remembered import remembered

CHECKED = 65_536
"""Larger bodies are judged by their first and last character."""

_FIX = "publish with Content-Type: application/json (publishJSON does)"
_STREAMS = ("ndjson", "jsonl", "json-seq", "stream")


def mislabelled(content_type: str, body: bytes, method: str = "POST") -> str | None:
    """One sentence about a body and a label that disagree; `None` when they do not.

    SDKs label every body as JSON, also that which a GET does not have: nobody reads it then.
    """
    if not body and method == "GET":
        return None
    kind, is_json_kind, is_stream = _kind(content_type)
    if not kind:
        if not is_document(body):
            return None
        return f"The body is JSON without a Content-Type, so frameworks do not parse it: {_FIX}."
    if not is_json_kind:
        if is_stream or not is_document(body):
            return None
        return (
            f"The body is JSON, but its Content-Type is {content_type[:60]}, so frameworks do not "
            f"parse it: {_FIX}."
        )
    return None if is_stream else _not_as_json(kind, body)


@remembered
def _kind(content_type: str) -> tuple[str, bool, bool]:
    """The type alone, and whether it is JSON, and many documents in one."""
    kind = content_type.partition(";")[0].strip().lower()
    return kind, "json" in kind, any(word in kind for word in _STREAMS)


def is_document(body: bytes) -> bool:
    """Whether a body is a JSON object or list; `42` and `"x"` are text just as well."""
    text = body.strip()
    if text[:1] + text[-1:] not in (b"{}", b"[]"):
        return False
    return len(body) > CHECKED or is_json(text)


def is_json(body: bytes) -> bool:
    """Whether a body is JSON of any kind, as Go and JavaScript write it."""
    try:
        read_json(body)
    except QStashError:
        return False
    return True


def _not_as_json(kind: str, body: bytes) -> str | None:
    if len(body) > CHECKED:
        return None
    try:
        value = read_json(body)
    except QStashError:
        what = "is not JSON" if body else "is empty"
        return f"The Content-Type is {kind}, but the body {what}."
    if isinstance(value, str) and is_document(value.encode("utf-8", "replace")):
        return (
            "The body is JSON within a JSON string: it was stringified twice. Pass the object "
            "itself to publishJSON, or the text to publish."
        )
    return None
