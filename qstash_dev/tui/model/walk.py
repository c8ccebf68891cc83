"""Where one thing leads: from a message to its run, its callback, its queue, and back.

Pure: places and the links that lead there; going is done elsewhere.
"""

from typing import NamedTuple

from qstash_dev.devtools.documents import Detail, Row
from qstash_dev.devtools.filter_words import quoted
from qstash_dev.tui.render import fmt


class Place(NamedTuple):
    """A view by its name, its filter, and the row that is wanted there, by its key; `follows` is
    whether the newest was followed there, `messages` the filter that the messages had meanwhile.
    """

    view: str
    filter: str = ""
    key: str | None = None
    follows: bool = False
    messages: str = ""


class Link(NamedTuple):
    """A place, and what it is from here."""

    text: str
    place: Place


def message_place(id: str) -> Place:
    """One message, wherever the list is."""
    return Place("Messages", f"id:{id}", id)


def run_place(id: str) -> Place:
    """One workflow run."""
    return Place("Workflows", quoted("id", id))


def links_of(detail: Detail) -> list[Link]:
    """Where a message leads."""
    row, links = detail.row, detail.links
    found: list[Link] = []
    if links.parent is not None:
        found.append(_kin("its origin", links.parent))
    found += [_kin("", child) for child in links.children]
    found += [_kin("sent together", sibling) for sibling in links.siblings]
    if row.run:
        found.append(Link(f"workflow run {fmt.safe(row.run)}", run_place(row.run)))
        found.append(Link("all messages of the run", Place("Messages", quoted("run", row.run))))
    for key, word, name in (
        ("queue", "queue", row.queue),
        ("group", "group", row.topic),
        ("schedule", "schedule", row.schedule),
        ("flow", "flow-control key", row.flow_key),
    ):
        if name:
            text = f"messages of {word} {fmt.safe(name)}"
            found.append(Link(text, Place("Messages", quoted(key, name))))
    return found


def _kin(word: str, row: Row) -> Link:
    state, _ = fmt.state_span(row.state)
    text = f"{word or row.kind}  {state}  {fmt.destination(row.url, '')}"
    return Link(text[:90], message_place(row.id))
