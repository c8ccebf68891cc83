"""A list of any length of which only the visible lines are drawn. Knows no messages.

`DataTable` is not used for live rows: it measures and keeps every cell (Textual issue 5273).
"""

from collections.abc import Callable
from typing import Any, ClassVar

from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from qstash_dev.tui.model.listing import Listing
from qstash_dev.tui.render.palette import Line, Palette, difference

Draw = Callable[[int, int], Line]
"""Place and width in cells to the spans of one line."""


class VirtualList(ScrollView, can_focus=True):
    """Keyboard, mouse and scrolling for a `Listing`, which is drawn by `draw`."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"virtual-list--cursor", "virtual-list--head"}
    DEFAULT_CSS = """
    VirtualList { overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1; }
    VirtualList > .virtual-list--cursor { background: $panel; }
    VirtualList:focus > .virtual-list--cursor { background: $primary 30%; text-style: bold; }
    VirtualList > .virtual-list--head { color: $dim; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "Down", id="list.down", show=False),
        Binding("up,k", "move(-1)", "Up", id="list.up", show=False),
        Binding("pagedown,ctrl+d", "page(1)", "Page down", id="list.page_down", show=False),
        Binding("pageup,ctrl+u", "page(-1)", "Page up", id="list.page_up", show=False),
        Binding("home,g", "first", "First", id="list.first", show=False),
        Binding("end,G", "last", "Last, and follow", id="list.last", show=False),
        Binding("enter", "open", "Open", id="list.open", show=False),
    ]

    class Moved(Message):
        """The reader moved the cursor; `to_end` when by the key for the first or the last row."""

        def __init__(self, to_end: bool = False) -> None:
            super().__init__()
            self.to_end = to_end

    class Opened(Message):
        """The reader wants the details of the row under the cursor."""

    def __init__(self, palette: Callable[[], Palette], id: str | None = None) -> None:
        super().__init__(id=id)
        self._palette = palette
        self._source: Listing[Any] | None = None
        self._draw: Draw = lambda index, width: []
        self._head: Callable[[int], Line] = lambda width: []
        self._lines: list[tuple[Line, bool]] = []
        self._base = self._cursor_style = Style()
        self.bare = False
        self._is_syncing = False
        self._shown: list[str] = []

    def show(self, source: Listing[Any], draw: Draw, head: Callable[[int], Line]) -> None:
        """Show another source from now on."""
        self._source, self._draw, self._head = source, draw, head
        self.sync()

    @property
    def count(self) -> int:
        """How many rows there are."""
        return len(self._source) if self._source is not None else 0

    def sync(self, shift: int = 0) -> None:
        """Draw what changed; `shift` rows came in (or went, if negative) above the cursor."""
        self._is_syncing = True  # all is drawn at the end
        size = Size(self.scrollable_content_region.width, self.count + 1)
        if size != self.virtual_size:
            # Not by assignment: that would lay out the whole screen again.
            self.set_reactive(VirtualList.virtual_size, size)
            self._scroll_update(size)
        if shift:
            self.scroll_to(y=self.scroll_y + shift, animate=False, immediate=True, force=True)
        self._keep_cursor_visible()
        self._is_syncing = False
        self._redraw()

    def repaint(self) -> None:
        """Draw all lines again, for the colours changed."""
        self._lines = []
        self._redraw()

    def render_lines(self, crop: Region) -> list[Strip]:
        """The visible lines; what they have in common is asked for once."""
        cursor = self.get_component_rich_style("virtual-list--cursor")
        self._base = self.rich_style
        self._cursor_style = self._base + Style(bgcolor=cursor.bgcolor, bold=cursor.bold)
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """One visible line; the first is the head of the columns and does not scroll."""
        width = self.scrollable_content_region.width
        if y >= len(self._lines):
            return Strip.blank(width, self._base)
        line, is_cursor = self._lines[y]
        base = self._cursor_style if is_cursor else self._base
        if y == 0:
            base = self.get_component_rich_style("virtual-list--head")
        return self._palette().strip(line, base, is_cursor).crop_extend(0, width, base)

    def _redraw(self) -> None:
        """Make the visible lines anew and refresh those that differ."""
        before, self._lines = self._lines, self._visible_lines()
        width = self.scrollable_content_region.width
        for y in range(max(len(before), len(self._lines))):
            old, new = before[y : y + 1], self._lines[y : y + 1]
            if old and new and old[0][1] == new[0][1]:
                if (changed := difference(old[0][0], new[0][0])) is not None:
                    self.refresh(Region(changed[0], y, changed[1], 1))
            elif old != new:
                self.refresh(Region(0, y, width, 1))

    def _visible_lines(self) -> list[tuple[Line, bool]]:
        width, top = self.scrollable_content_region.width, self.scroll_offset.y
        head: Line = [] if self.bare else self._head(width)
        if self._source is None:
            return [(head, False)]
        cursor = self._source.cursor_index
        places = range(top, min(self.count, top + self._visible_rows))
        self._shown = [self._source.key_of(self._source.at(i)) for i in places]
        return [(head, False), *((self._draw(i, width), i == cursor) for i in places)]

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Other lines are visible now."""
        super().watch_scroll_y(old_value, new_value)
        if not self._is_syncing:
            self._redraw()

    def _keep_cursor_visible(self) -> None:
        if self._source is None or not self.count:
            return
        index, height = self._source.cursor_index, max(1, self._visible_rows)
        top = self.scroll_offset.y
        if index < top:
            self.scroll_to(y=index, animate=False, immediate=True, force=True)
        elif index >= top + height:
            self.scroll_to(y=index - height + 1, animate=False, immediate=True, force=True)

    @property
    def _visible_rows(self) -> int:
        return self.scrollable_content_region.height - 1

    def on_resize(self) -> None:
        self.sync()
        self.refresh()

    def action_move(self, by: int) -> None:
        if self._source is not None:
            self._go(self._source.cursor_index + by)

    def action_page(self, by: int) -> None:
        self.action_move(by * max(1, self._visible_rows - 1))

    def action_first(self) -> None:
        self._go(0, to_end=True)

    def action_last(self) -> None:
        self._go(self.count - 1, to_end=True)

    def action_open(self) -> None:
        self.post_message(self.Opened())

    def on_click(self, event: events.Click) -> None:
        """What is meant is the row that was drawn there; it may have moved since, or have gone."""
        if self._source is None or not 0 < event.y <= len(self._shown):
            return
        index = self._source.index(self._shown[event.y - 1])
        if index is not None:
            self._go(index)
            if event.chain == 2:
                self.post_message(self.Opened())

    def _on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._wheel(event, 3)

    def _on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._wheel(event, -3)

    def _wheel(self, event: events.MouseEvent, by: int) -> None:
        """The wheel moves the cursor, so that what is looked at is what is acted on."""
        event.stop()
        event.prevent_default()
        self.action_move(by)

    def _go(self, index: int, to_end: bool = False) -> None:
        if self._source is not None:
            self._source.select(index)
            self.sync()
            self.post_message(self.Moved(to_end))
