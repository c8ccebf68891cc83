"""A scrollable view of styled lines and bodies, wrapped to its width: selected, searched, folded.

Makes only the rows that are looked at, the others while nothing else is to do; knows nothing of what
the text says.
"""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip

from qstash_dev.tui.render.block import Block, Piece, plain_text
from qstash_dev.tui.render.page_flow import Flow
from qstash_dev.tui.render.palette import Line, Palette, difference

AHEAD = 200
"""So many rows below the screen are made at once."""
SLICE_S, HURRY_S, PAUSE_S = 0.01, 0.05, 0.03
"""How long rows are made at a time while there are more, how long if somebody waits for the last one,
and how often."""


class TextView(ScrollView, can_focus=True):
    """Shows `Piece`s. New ones keep the scroll position unless told to start at the top."""

    DEFAULT_CSS = """
    TextView { overflow-x: hidden; overflow-y: scroll; scrollbar-size-vertical: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "scroll_down", "Down", id="detail.down", show=False),
        Binding("up,k", "scroll_up", "Up", id="detail.up", show=False),
        Binding("pagedown,ctrl+d", "page_down", "Page down", id="detail.page_down", show=False),
        Binding("pageup,ctrl+u", "page_up", "Page up", id="detail.page_up", show=False),
        Binding("home,g", "scroll_home", "Top", id="detail.top", show=False),
        Binding("end,G", "last", "End", id="detail.end", show=False),
        Binding("enter", "enter", "Go to what is linked", id="detail.enter", show=False),
        Binding("slash", "search", "Search in the text", id="detail.search", show=False),
        Binding("n", "hit(1)", "Next place", id="detail.next_hit", show=False),
        Binding("N", "hit(-1)", "Place before", id="detail.previous_hit", show=False),
        Binding("escape", "end_search", "Search no more", id="detail.end_search", show=False),
        Binding("left_curly_bracket", "fold(-1)", "Fold", id="detail.fold", show=False),
        Binding("right_curly_bracket", "fold(1)", "Unfold", id="detail.unfold", show=False),
    ]

    class Scrolled(Message):
        """The wheel was turned over the text."""

    class Entered(Message):
        """The person wants to go in; `text` is the line that was clicked, nothing with a key."""

        def __init__(self, text: str = "") -> None:
            super().__init__()
            self.text = text

    class Searched(Message):
        """The person wants to look for something (`is_new`), or went from place to place."""

        def __init__(self, is_new: bool) -> None:
            super().__init__()
            self.is_new = is_new

    def __init__(self, palette: Callable[[], Palette], id: str | None = None) -> None:
        super().__init__(id=id)
        self._palette = palette
        self._flow = Flow([], 8)
        self._words = ""
        self._pattern: re.Pattern[str] | None = None
        self.hits: list[tuple[int, int]] = []
        self.hit = 0
        self._wanted: Callable[[], bool] | None = None

    @property
    def plain(self) -> str:
        """All text, unwrapped."""
        return plain_text(self._flow.pieces)

    def on_mount(self) -> None:
        self._more = self.set_interval(PAUSE_S, self._make_more, pause=True)

    def show(self, pieces: Sequence[Piece], from_top: bool) -> None:
        pieces = list(pieces)
        if pieces == self._flow.pieces and not from_top:
            return
        before = self._visible()
        self._lay(pieces)
        if from_top:
            self._wanted = None
            self.look_for("")
            self.scroll_to(y=0, animate=False, immediate=True, force=True)
            self.refresh()
        else:
            if self.is_searching:
                self.hits = list(self._flow.found(self._words))
            self._refresh_changed(before)

    def _visible(self) -> list[Line]:
        top, height = self.scroll_offset.y, self.scrollable_content_region.height
        rows = (self._flow.row(index) for index in range(top, top + height))
        return [row or [] for row in rows]

    def _refresh_changed(self, before: list[Line]) -> None:
        """Draw the visible cells that differ: a countdown is a few, on a slow line that counts."""
        for place, (old, new) in enumerate(zip(before, self._visible(), strict=False)):
            changed = difference(old, new)
            if changed is not None:
                self.refresh(Region(changed[0], place, changed[1], 1))

    def on_resize(self) -> None:
        if self._flow.width != self._room:
            self._lay(self._flow.pieces)
            self.refresh()

    @property
    def _room(self) -> int:
        return max(8, self.scrollable_content_region.width)

    def _lay(self, pieces: list[Piece]) -> None:
        self._flow = Flow(pieces, self._room)
        self._flow.reach(self.scroll_offset.y + self.size.height + AHEAD)
        self._measure()

    def _measure(self) -> None:
        """Tell how high the text is, as far as that is known."""
        size = Size(self._flow.width, self._flow.height)
        if size != self.virtual_size:
            # Not by assignment: that would lay out the whole screen again.
            self.set_reactive(TextView.virtual_size, size)
            self._scroll_update(size)
        if self.is_mounted and not self._flow.is_done:
            self._more.resume()

    def _make_more(self) -> None:
        until = time.perf_counter() + (HURRY_S if self._wanted else SLICE_S)
        while not self._flow.is_done and time.perf_counter() < until:
            self._flow.reach(self._flow.known + 500)
        self._go_where_wanted()
        if self._flow.is_done:
            self._more.pause()
            self._measure()

    def _go_where_wanted(self) -> None:
        """Go where somebody wants to go, once the rows down to there are made."""
        if self._wanted is not None and self._wanted():
            self._wanted = None

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """What comes into sight is there, and some more."""
        super().watch_scroll_y(old_value, new_value)
        wanted = round(new_value) + self.size.height + AHEAD
        if not self._flow.is_done and wanted > self._flow.known:
            self._flow.reach(wanted)
            self._measure()

    def action_last(self) -> None:
        """To the end, once that is known."""
        self._wanted = self._to_last
        self._go_where_wanted()

    def _to_last(self) -> bool:
        if self._flow.is_done:
            self._measure()
            self.scroll_end(animate=False, immediate=True, force=True)
        return self._flow.is_done

    # Search

    @property
    def is_searching(self) -> bool:
        """Whether something is looked for."""
        return self._pattern is not None

    def action_search(self) -> None:
        self.post_message(self.Searched(is_new=True))

    def look_for(self, words: str) -> None:
        """Mark all places of these words, in capitals or not; go to the first one from here on."""
        if not words and not self._words:
            return
        self._words = words
        self._pattern = re.compile(re.escape(words), re.IGNORECASE) if words else None
        self.hits = list(self._flow.found(words)) if words else []
        top, flow = self.scroll_offset.y, self._flow
        below = (not flow.reaches(hit) or flow.row_of(hit) >= top for hit in self.hits)
        self.hit = next((place for place, is_below in enumerate(below) if is_below), 0)
        self._wanted = self._to_hit
        self._go_where_wanted()
        self.post_message(self.Searched(is_new=False))
        self.refresh()

    def action_end_search(self) -> None:
        self.look_for("")

    def action_hit(self, by: int) -> None:
        """To the next place, after the last one the first."""
        self.hit = (self.hit + by) % max(1, len(self.hits))
        self._wanted = self._to_hit
        self._go_where_wanted()
        self.post_message(self.Searched(is_new=False))

    def _to_hit(self) -> bool:
        if not self.hits or not self._flow.reaches(self.hits[self.hit]):
            return not self.hits
        row = self._flow.row_of(self.hits[self.hit])
        self._measure()
        top, height = self.scroll_offset.y, max(1, self.scrollable_content_region.height)
        if not top <= row < top + height:
            self.scroll_to(y=max(0, row - height // 3), animate=False, immediate=True, force=True)
        return True

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Without a search the keys that go from place to place are those of commands."""
        return self.is_searching if action in ("hit", "end_search") else True

    # Folding

    def action_fold(self, by: int) -> None:
        """Fold all objects one level more, or unfold them."""
        blocks = [piece for piece in self._flow.pieces if isinstance(piece, Block)]
        changed = [block.fold(by) for block in blocks]
        if any(changed):
            self._lay_again()

    def on_click(self, event: events.Click) -> None:
        """A click on where an object opens folds it, or unfolds it; on a line it may lead on."""
        row = self.scroll_offset.y + event.y
        if self._flow.toggle(row):
            self._lay_again()
        elif not self.text_selection and (line := self._flow.line_at(row)):
            self.post_message(self.Entered(plain_text([line])))

    def action_enter(self) -> None:
        self.post_message(self.Entered())

    def _lay_again(self) -> None:
        """Lay all out in another way, with what stands at the top still there."""
        top = self._flow.place_at(self.scroll_offset.y)
        self._lay(self._flow.pieces)
        if top is not None:
            row = self._flow.row_of(top, unfolds=False)
            self._measure()
            self.scroll_to(y=row, animate=False, immediate=True, force=True)
        self.refresh()

    # Drawing

    def render_lines(self, crop: Region) -> list[Strip]:
        """The visible lines; what they have in common is asked for once."""
        self._base = self.rich_style
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """One visible line."""
        index, base = self.scroll_offset.y + y, self._base
        width = self.scrollable_content_region.width
        line = self._flow.row(index)
        if line is None:
            return Strip.blank(width, base)
        strip = self._palette().strip(line, base)
        if self._pattern is not None:
            for found in self._pattern.finditer(strip.text):
                strip = _styled(strip, found.span(), self._palette().styles["notice"])
        span = self.text_selection.get_span(index) if self.text_selection else None
        if span is not None:
            style = self.screen.get_component_rich_style("screen--selection")
            strip = _styled(strip, span, style)
        return strip.crop_extend(0, width, base).apply_offsets(0, index)

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The selected text, as it stands on the screen."""
        first = selection.start.y if selection.start else 0
        last = selection.end.y if selection.end else self._flow.known
        rows = (self._flow.row(index) or [] for index in range(first, last + 1))
        text = "\n".join("".join(part for part, _ in row) for row in rows)
        return selection.extract("\n" * first + text), "\n"

    def _on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self.post_message(self.Scrolled())
        super()._on_mouse_scroll_down(event)

    def _on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self.post_message(self.Scrolled())
        super()._on_mouse_scroll_up(event)

    def selection_updated(self, selection: Selection | None) -> None:
        """Draw what is selected now."""
        self.refresh()


def _styled(strip: Strip, span: tuple[int, int], style: Style) -> Strip:
    start, end = span
    end = len(strip.text) if end == -1 else end
    position, segments = 0, []
    for text, own, _ in strip:
        for part, inside in _cut(text, start - position, end - position):
            segments.append(Segment(part, (own or style) + style if inside else own))
        position += len(text)
    return Strip(segments)


def _cut(text: str, start: int, end: int) -> Iterator[tuple[str, bool]]:
    start, end = max(0, min(start, len(text))), max(0, min(end, len(text)))
    for part, inside in ((text[:start], False), (text[start:end], True), (text[end:], False)):
        if part:
            yield part, inside
