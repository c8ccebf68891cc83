"""Which at most seven keys the footer shows, by what is under the cursor.

Pure: ids of commands out, no keys and no widgets.
"""

from typing import Any

from qstash_dev.devtools.documents import Row
from qstash_dev.tui.model.view import View

WAITING = frozenset({"delayed", "created", "queued", "retry", "held"})
COMMON = ("filter", "help", "palette")


def hints_for(
    view: View, item: Any, row: Row | None, marks: int, in_detail: bool, app_has_ended: bool = False
) -> list[str]:
    """Ids in order of use; the last is the palette. An app of ours that has ended comes first."""
    if view.hints is not None:
        return [*view.hints(item), "help", "palette"]
    found = _of_messages(view, row, marks, in_detail)
    return ["run.restart", *found[:-3][:3], *found[-3:]] if app_has_ended else found


def _of_messages(view: View, row: Row | None, marks: int, in_detail: bool) -> list[str]:
    if row is None:
        return ["message.send", "message.copy", *COMMON]
    if marks and view.is_live:
        extra = ["message.diff"] if marks == 2 else []
        return ["message.replay", "message.cancel", *extra, "message.unmark", "help", "palette"]
    if in_detail:
        return ["detail.next", "message.copy", "message.open", "pane.zoom", "back", *COMMON[1:]]
    if row.state in WAITING:
        return ["message.run", "message.cancel", "message.edit", "message.copy", *COMMON]
    mark = ["message.mark"] if view.is_live else []  # elsewhere nothing is marked
    if row.state == "active":
        return ["message.cancel", "message.copy", *mark, *COMMON]
    return ["message.replay", "message.edit", "message.copy", *mark, *COMMON]
