"""Which at most seven keys the footer shows, by what is under the cursor.

Pure: ids of commands out, no keys and no widgets.
"""

from qstash_dev.client import Row

WAITING = frozenset({"delayed", "created", "queued", "retry", "held"})
COMMON = ("filter", "help", "palette")


def hints_for(view: int, row: Row | None, marks: int, in_detail: bool) -> list[str]:
    """Ids in order of use; the last is the palette."""
    if view in (1, 2, 6):
        extra = ["message.run"] if view == 1 else []
        return [*extra, "server.pause", "message.delete", "message.send", "help", "palette"]
    if view == 3:
        return ["message.delete", "message.send", "help", "palette"]
    if row is None:
        return ["message.send", "message.copy", *COMMON]
    if marks and view == 0:
        extra = ["message.diff"] if marks == 2 else []
        return ["message.replay", "message.cancel", *extra, "message.unmark", "help", "palette"]
    if in_detail:
        return ["detail.next", "message.copy", "message.open", "pane.zoom", "back", *COMMON[1:]]
    if row.state in WAITING:
        return ["message.run", "message.cancel", "message.edit", "message.copy", *COMMON]
    if row.state == "active":
        return ["message.cancel", "message.copy", "message.mark", *COMMON]
    return ["message.replay", "message.edit", "message.copy", "message.mark", *COMMON]
