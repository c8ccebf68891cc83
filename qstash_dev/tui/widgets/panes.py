"""The two panes: the list with its filter, and the detail with its tabs.

They hold and show; what to show is decided by the app.
"""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Self

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.widgets import Input

from qstash_dev.devtools.documents import Detail
from qstash_dev.tui.render.block import Piece
from qstash_dev.tui.render.pages import PAGES, When
from qstash_dev.tui.render.palette import Line, Palette
from qstash_dev.tui.widgets.bars import Notice, Tabs, TextPanel
from qstash_dev.tui.widgets.finder import Finder
from qstash_dev.tui.widgets.text_view import TextView
from qstash_dev.tui.widgets.virtual_list import VirtualList


class FilterInput(Input):
    """Where the filter is typed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "clear", "Clear the filter", show=False),
        Binding("down", "ask('newer')", "Newer filter, or to the list", show=False),
        Binding("up", "ask('older')", "Older filter", show=False),
        Binding("tab", "ask('complete')", "Complete the word", show=False),
    ]

    class Asked(Message):
        """The person wants the word completed, an older filter, or a newer one."""

        def __init__(self, what: str) -> None:
            super().__init__()
            self.what = what

    class Cleared(Message):
        """The person wants no filter."""

    def action_ask(self, what: str) -> None:
        self.post_message(self.Asked(what))

    def action_clear(self) -> None:
        self.value = ""
        self.post_message(self.Cleared())


class Framed(Vertical):
    """A pane with words in its frame. Textual draws a widget anew for them, with all that is in it:
    here that would be most of the screen, several times a second.
    """

    _is_frame_alone = False
    _frame_words: tuple[str, str | None] = ("", None)

    def title(self, above: str, below: str | None = None) -> None:
        """What stands in the frame from now on."""
        if (above, below) == self._frame_words:
            return
        self._frame_words = above, below
        self._is_frame_alone = True
        self.border_title = Content(above)
        if below is not None:
            self.border_subtitle = Content(below)
        self._is_frame_alone = False

    def refresh(self, *regions: Region, **how: Any) -> Self:
        """The lines of the frame that have words, if only these are others."""
        if self._is_frame_alone:
            left, top = self.gutter.left, self.gutter.top
            width, height = self.outer_size
            regions = tuple(Region(-left, y - top, width, 1) for y in (0, height - 1))
        return super().refresh(*regions, **how)


class ListPane(Framed):
    """The list, its filter line and what stands there when it is empty."""

    def __init__(self, palette: Callable[[], Palette]) -> None:
        super().__init__(id="list-pane", classes="pane")
        self.rows = VirtualList(palette, id="rows")
        self.filter = FilterInput(
            id="filter", placeholder="state:failed dest:/api code:5xx body:…", compact=True
        )
        self.complaint, self.offers = Notice("complaint"), Notice("offers")
        self._offered_for = ""
        self.empty = TextPanel("empty")

    def compose(self) -> ComposeResult:
        """Filter line above, list below."""
        self.complaint.display = self.offers.display = self.empty.display = False
        self.open_filter(False)
        yield self.filter
        yield self.offers
        yield self.complaint
        yield self.empty
        yield self.rows

    def open_filter(self, is_open: bool) -> None:
        """Show the filter line or hide it; hidden it can take no keys, not even the first one."""
        self.filter.display = is_open
        self.filter.disabled = not is_open
        self.withdraw()
        (self.filter if is_open else self.rows).focus()

    def complain(self, text: str | None) -> None:
        """Say what is wrong with the filter."""
        self.complaint.display = text is not None
        self.complaint.show([("✗ ", "error"), (text or "", "error")])

    def offer(self, options: Sequence[str]) -> None:
        """Say what a word could be, until something else is typed."""
        self._offered_for = self.filter.value
        self.offers.display = bool(options)
        self.offers.show([("  ".join(options), "muted")])

    def withdraw(self) -> None:
        """Say it no more, if something else was typed."""
        if self.filter.value != self._offered_for or not self.filter.display:
            self.offers.display = False

    def show_empty(self, lines: list[Line] | None) -> None:
        """Show words instead of the list; `None` shows the list."""
        is_empty = lines is not None
        if is_empty != self.rows.bare:
            self.empty.display = self.rows.bare = is_empty
            # Still there, for it has the focus and its keys.
            self.rows.styles.height = 1 if is_empty else "1fr"
        if lines is not None:
            self.empty.show(lines)


class Panes(Container):
    """The list and the detail: beside or above each other, or one of them alone."""

    def __init__(self, palette: Callable[[], Palette]) -> None:
        self.list = ListPane(palette)
        self.detail = DetailPane(palette)
        self.solo: str | None = None
        super().__init__(self.list, self.detail, id="panes")

    @property
    def is_small(self) -> bool:
        """Whether there is room for one pane only."""
        return is_small(self.screen.size)

    @property
    def is_in_detail(self) -> bool:
        """Whether the person is away from the two panes' list."""
        return self.detail.text.has_focus or self.solo is not None

    def show_only(self, pane: str | None) -> None:
        """Show only the list, only the detail, or both."""
        self.solo = pane
        self.screen.set_class(pane == "detail", "-solo-detail")
        self.screen.set_class(pane == "list", "-solo-list")
        (self.detail.text if pane == "detail" else self.list.rows).focus()

    def open_detail(self) -> None:
        """Go into the detail, full screen where there is room for one pane only."""
        if self.is_small:
            self.show_only("detail")
        self.detail.text.focus()

    def leave_detail(self) -> None:
        """Go to the list; what was alone is so no more."""
        self.show_only(None)

    def focus_next(self) -> None:
        """From the list to the detail and back."""
        in_list = not self.detail.text.has_focus
        if self.is_small or self.solo:
            self.show_only("detail" if in_list else "list" if self.solo else None)
        (self.detail.text if in_list else self.list.rows).focus()

    def zoom(self) -> None:
        """Give the focused pane the whole screen, or end that."""
        in_detail = self.detail.text.has_focus
        self.show_only(None if self.solo else "detail" if in_detail else "list")
        (self.detail.text if in_detail else self.list.rows).focus()


def is_small(size: Size) -> bool:
    """Whether a terminal has room for one pane only."""
    return size.width < 80 or size.height < 20


class DetailPane(Framed):
    """One message on six pages, or one other thing on one."""

    def __init__(self, palette: Callable[[], Palette]) -> None:
        super().__init__(id="detail-pane", classes="pane")
        self.tabs = Tabs("detail-tabs")
        self.text = TextView(palette, id="detail")
        self.finder = Finder(self.text)
        self.page = 0
        self._drawn: tuple[Detail | None, int, When] = (None, 0, When(0))
        self._shown: tuple[str, int] | None = None

    def compose(self) -> ComposeResult:
        """Tabs above, text below; at last the line for what is looked for."""
        yield self.tabs
        yield self.text
        yield self.finder

    def on_text_view_searched(self, event: TextView.Searched) -> None:
        """Open the line, or say which place this is."""
        event.stop()
        if event.is_new:
            self.finder.open()
        self.finder.tell()

    @property
    def page_name(self) -> str:
        return list(PAGES)[self.page]

    def show_message(self, detail: Detail, when: When) -> None:
        """Show the page of a message; one that was shown this second is not made again."""
        drawn = (detail, self.page, when._replace(now=when.now // 1000))
        if self._drawn[0] is detail and self._drawn[1:] == drawn[1:]:
            return
        self._drawn = drawn
        self.tabs.display = True
        self.tabs.show_tabs(list(PAGES), self.page)
        self._show(detail.row.id, PAGES[self.page_name](detail, when))

    def show_lines(self, key: str, lines: Sequence[Piece]) -> None:
        """Show a thing that has only one page."""
        self.tabs.display = False
        self._drawn = (None, 0, When(0))
        self._show(key, lines)

    def _show(self, key: str, lines: Sequence[Piece]) -> None:
        """New things start at their top; news about the same keep the place."""
        shown = (key, self.page)
        self.text.show(lines, from_top=shown != self._shown)
        self._shown = shown

    def turn(self, by: int) -> None:
        """Go to another page."""
        self.page = (self.page + by) % len(PAGES)
