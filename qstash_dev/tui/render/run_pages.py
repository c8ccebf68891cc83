"""A workflow run for readers: as a page, and where it leads. Pure."""

from qstash_dev.devtools.filter_words import quoted
from qstash_dev.devtools.pages.run_page import run_parts
from qstash_dev.devtools.run_documents import RunDetail, RunRow
from qstash_dev.tui.model.walk import Link, Place, message_place, run_place
from qstash_dev.tui.render import fmt
from qstash_dev.tui.render.block import Piece
from qstash_dev.tui.render.pages import When, drawn


def run_page(found: RunDetail | RunRow, when: When) -> list[Piece]:
    """What a run is, what it waits for, its steps, what went in and what came out."""
    return drawn(run_parts(found, when.now), when)


def run_links(found: RunDetail | RunRow) -> list[Link]:
    """Where a run leads: its messages, the run that invoked it, those it invoked, its successor."""
    row = found.row if isinstance(found, RunDetail) else found
    links = [Link("all its messages", Place("Messages", quoted("run", row.id)))]
    for word, other in (("invoked by", row.parent), ("resumed as", row.successor)):
        if other:
            links.append(Link(f"{word} {fmt.safe(other)}", run_place(other)))
    if isinstance(found, RunDetail):
        links += [Link(f"invoked {fmt.safe(c.id)}", run_place(c.id)) for c in found.children]
        links += [
            Link(f"step {fmt.safe(step.name)}  {step.type}"[:80], message_place(step.message))
            for step in found.steps
            if step.message
        ]
        links += [
            Link("failed delivery" if one.get("errors") else "delivery", message_place(id))
            for one in found.pending
            if (id := one.get("messageId"))
        ]
        if found.failure is not None:
            links.append(Link("failure function", message_place(found.failure["messageId"])))
    return links
