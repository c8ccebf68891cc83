"""What is known of a message in names and values, in the order in which people read it.

Pure: a row and its options in. Moments and links stay what they are, for faces that show them in a time
zone of their own, count, and lead somewhere.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from qstash_dev.devtools.documents import Links, Piece, Row
from qstash_dev.devtools.pages.option_words import option_facts
from qstash_dev.devtools.pages.parts import Fact
from qstash_dev.devtools.text import size
from qstash_dev.protocol.users import DEFAULT_USER


def message_facts(row: Row, spec: Mapping[str, Any], links: Links, waits: str | None) -> list[Fact]:
    """What is empty is left out; options that the message has stand at the end."""
    replays = [one.id for one in links.children if one.kind == "replay"]
    found = {
        "id": _text(row.id),
        "kind": _text(f"{row.kind} of " if row.parent else row.kind)
        + _link("messages", row.parent),
        "created": [Piece("{exact}  {ago}", at=row.created_at)],
        "next try": _due(row.due_at if not waits else None),
        "queue": _link("queue", row.queue),
        "URL group": _link("group", row.topic) + _text(row.endpoint and f" / {row.endpoint}"),
        "schedule": _link("schedule", row.schedule),
        "flow control": _text(None if spec.get("flow") else row.flow_key),
        "workflow run": _link("runs", row.run),
        "step": _text(row.step),
        "labels": _links("label", row.labels),
        "DLQ entry": _text(row.dlq_id),
        "armed": _text("⚑ replayed when the app's source changes" if row.armed else None),
        "duplicates": _text(f"{row.duplicates} dropped" if row.duplicates else None),
        "replays": _text(f"{row.replays}  ") + _links("messages", replays) if row.replays else [],
        "user": _text(None if row.user == DEFAULT_USER else row.user),
        "source": _text(None if row.source == "local" else row.source),
        "body": _text(f"{size(row.body_size)}  {row.content_type or ''}".rstrip()),
    }
    facts = [Fact(name, pieces) for name, pieces in found.items() if pieces]
    return facts + [Fact(name, _text(text)) for name, text in option_facts(spec)]


def _text(text: str | None) -> list[Piece]:
    return [Piece(text)] if text else []


def _due(at: int | None) -> list[Piece]:
    return [Piece("{in}  ({clock})", at=at)] if at is not None else []


def _link(to: str, name: str | None) -> list[Piece]:
    return [Piece(name, to=to)] if name else []


def _links(to: str, names: Iterable[str]) -> list[Piece]:
    pieces: list[Piece] = []
    for name in names:
        pieces += [*_text(", " if pieces else None), Piece(name, to=to)]
    return pieces
