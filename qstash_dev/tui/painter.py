"""Draws what the session knows: the bars, the list, the detail. Decides nothing and asks nobody."""

from collections.abc import Mapping
from datetime import tzinfo
from typing import Any

from qstash_dev.devtools.status import status_of
from qstash_dev.tui.model.command import Command
from qstash_dev.tui.model.desk import Desk
from qstash_dev.tui.model.hints import hints_for
from qstash_dev.tui.model.listing import Listing
from qstash_dev.tui.model.session import Session
from qstash_dev.tui.model.table import Ink, head_line, item_line
from qstash_dev.tui.model.view import View
from qstash_dev.tui.render import fmt
from qstash_dev.tui.render.frame import list_title, nothing_lines
from qstash_dev.tui.render.pages import When
from qstash_dev.tui.render.palette import Line
from qstash_dev.tui.widgets.bars import (
    Bar,
    Notice,
    Tabs,
    hints_line,
    quick_start_lines,
    status_line,
    view_names,
    view_notes,
)
from qstash_dev.tui.widgets.panes import Panes

FILTERING = [
    ("enter", "To the list"),
    ("tab", "Complete"),
    ("↑ ↓", "Earlier ones"),
    ("esc", "Clear"),
]
SEARCHING = [("enter", "Go on with n and N"), ("↑ ↓", "Place before, next"), ("esc", "End")]
"""What keys do in the lines in which one writes what to show, and what to look for."""

Seen = tuple[View, str | None]
"""A row: its view and what tells it from the others there."""


class Painter:
    """`bars` are the status, the views and the hints; `on_screen` is the row under the cursor.

    `hint_ids` are the commands of the hints by their texts.
    """

    def __init__(
        self,
        session: Session,
        panes: Panes,
        desk: Desk,
        commands: Mapping[str, Command],
        zone: tzinfo | None,
    ) -> None:
        self.bars = Notice("status"), Tabs("views"), Bar("hints")
        self.narration = Notice("narration")
        self.session = session
        self.on_screen: Seen = (session.view, None)
        self._status, self._tabs, self._hints = self.bars
        self._panes = panes
        self._keys, self._commands = desk.keys, commands
        self._arrangement = desk.arrangement
        self._zone = zone
        self.hint_ids: dict[str, str] = {}
        self._place: tuple[View, str | None, int] = (session.view, None, 0)

    def draw(self, width: int, progress: str | None) -> None:
        """All of it; `progress` is how far a long action is."""
        self.draw_bars(width, progress)
        self.draw_list()
        self.draw_detail()

    def draw_bars(self, width: int, progress: str | None) -> None:
        """The lines above and below the panes."""
        self._draw_status(width, progress)
        self._draw_views()
        self._draw_hints(width)

    def _draw_status(self, width: int, progress: str | None) -> None:
        server, counts = self.session.feed.server, self.session.feed.counts
        alarming = status_of(server, counts).is_alarming and self.session.lost is None
        self._status.set_class(alarming, "-alarming")
        line = status_line(server, counts, self.session.lost, width, progress)
        self._status.show(
            [(text, "bold" if role else "") for text, role in line] if alarming else line
        )

        told = server.narration
        self.narration.display = bool(told)
        self.narration.show([("▶ ", "accent"), (fmt.safe(told), "bold")])

    def _draw_views(self) -> None:
        server, counts = self.session.feed.server, self.session.feed.counts
        views = [v for v in self.session.views if v.is_there(server) or v is self.session.view]
        place = views.index(self.session.view)
        self._tabs.show_tabs(view_names(views), place, view_notes(views, counts))

    def _draw_hints(self, width: int) -> None:
        in_detail = self._panes.detail.text.has_focus
        session, keys = self.session, self._keys
        marks = len(session.feed.marks)
        has_ended = session.feed.server.app.may_restart
        ids = hints_for(session.view, session.item, session.row, marks, in_detail, has_ended)
        found = [self._commands[id] for id in ids]
        pairs = [
            (
                command.key_name(keys, command.id == "palette"),
                session.view.words.get(command.id, command.hint),
            )
            for command in found
        ]
        self.hint_ids = {f"{key} {hint}": id for (key, hint), id in zip(pairs, ids, strict=True)}
        if self._panes.detail.finder.has_focus:
            pairs, self.hint_ids = SEARCHING, {}
        elif self._panes.list.filter.has_focus:
            pairs, self.hint_ids = FILTERING, {}
        self._hints.show(hints_line(pairs, width))

    def draw_list(self) -> None:
        """The list, its frame, or the words that stand for an empty one."""
        pane, session, feed = self._panes.list, self.session, self.session.feed
        unfiltered = session.view.is_live and not session.filter
        empty = unfiltered and feed.loaded and not feed.counts.messages
        pane.show_empty(quick_start_lines(feed.server) if empty else nothing_lines(session))
        pane.screen.set_class(empty, "-empty")
        pane.title(*list_title(session))
        pane.rows.sync(self._shift())

    def _shift(self) -> int:
        """By how many places what is under the cursor went down since the last drawing."""
        source, view, before = self.session.source, self.session.view, self._place
        self._place = (view, source.selected, source.cursor_index)
        self.on_screen = view, source.selected
        same = before[:2] == self._place[:2] and not source.follow
        return self._place[2] - before[2] if same else 0

    def draw_detail(self) -> None:
        """The pane of what is under the cursor."""
        pane, session = self._panes.detail, self.session
        when = When(session.time.now(), self._zone, session.feed.server.app.url)
        row, item, view = session.row, session.item, session.view
        if row is not None:
            pane.title(f"{row.id}  {row.method} {fmt.safe(row.url)}"[:200])
            detail = self.session.shown
            if detail is not None:
                pane.show_message(detail, when)
        elif item is not None and view.page is not None:
            pane.title(fmt.safe(view.title(item)))
            key = f"{view.name}/{view.key_of(item)}"
            pane.show_lines(key, view.page(session.whole, when))
        else:
            pane.title("")
            pane.show_lines("", [[("Nothing selected.", "muted")]])

    def show_rows(self, view: View) -> None:
        """The rows of this view from now on."""
        source: Listing[Any] = self.session.source
        columns = self._arrangement.columns(view)

        def line(index: int, width: int) -> Line:
            return item_line(columns, source.at(index), width, self._ink())

        self._panes.list.rows.show(source, line, lambda width: head_line(columns, width))

    def _ink(self) -> Ink:
        return Ink(
            self.session.time.now(),
            self._zone,
            self.session.feed.server.app.url,
            self.session.feed.marks,
            self.session.feed.healed,
        )
