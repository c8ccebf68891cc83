"""A scrollable view of styled lines, wrapped to its width; text in it can be selected.

Draws only what is visible; knows nothing of what the text says.
"""

from collections.abc import Callable, Iterator
from typing import ClassVar

from rich.cells import cell_len, chop_cells
from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip

from qstash_dev.tui.render.palette import Line, Palette, difference


class TextView(ScrollView, can_focus=True):
    """Shows `Line`s. New lines keep the scroll position unless told to start at the top."""

    DEFAULT_CSS = """
    TextView { overflow-x: hidden; overflow-y: scroll; scrollbar-size-vertical: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "scroll_down", "Down", id="detail.down", show=False),
        Binding("up,k", "scroll_up", "Up", id="detail.up", show=False),
        Binding("pagedown,ctrl+d", "page_down", "Page down", id="detail.page_down", show=False),
        Binding("pageup,ctrl+u", "page_up", "Page up", id="detail.page_up", show=False),
        Binding("home,g", "scroll_home", "Top", id="detail.top", show=False),
        Binding("end,G", "scroll_end", "End", id="detail.end", show=False),
    ]

    class Scrolled(Message):
        """The wheel was turned over the text."""

    def __init__(self, palette: Callable[[], Palette], id: str | None = None) -> None:
        super().__init__(id=id)
        self._palette = palette
        self._lines: list[Line] = []
        self._wrapped: list[Line] = []
        self._width = 0

    @property
    def plain(self) -> str:
        """All text, unwrapped."""
        return "\n".join("".join(text for text, _ in line) for line in self._lines)

    def show(self, lines: list[Line], from_top: bool) -> None:
        """Replace the text."""
        if lines == self._lines and not from_top:
            return
        self._lines, before = lines, self._wrapped
        self._rewrap()
        if from_top:
            self.scroll_to(y=0, animate=False, immediate=True, force=True)
        if from_top or len(before) != len(self._wrapped):
            self.refresh()
        else:
            self._refresh_changed(before)

    def _refresh_changed(self, before: list[Line]) -> None:
        """Draw the visible cells that differ: a countdown is a few, on a slow line that counts."""
        top = self.scroll_offset.y
        height = self.scrollable_content_region.height
        for index in range(top, min(top + height, len(before))):
            changed = difference(before[index], self._wrapped[index])
            if changed is not None:
                self.refresh(Region(changed[0], index - top, changed[1], 1))

    def on_resize(self) -> None:
        if self._width != self._room:
            self._rewrap()
            self.refresh()

    @property
    def _room(self) -> int:
        return max(8, self.scrollable_content_region.width)

    def _rewrap(self) -> None:
        self._width = self._room
        self._wrapped = [part for line in self._lines for part in wrap(line, self._width)]
        size = Size(self._width, len(self._wrapped))
        if size != self.virtual_size:
            # Not by assignment: that would lay out the whole screen again.
            self.set_reactive(TextView.virtual_size, size)
            self._scroll_update(size)

    def render_line(self, y: int) -> Strip:
        """One visible line."""
        index, base = self.scroll_offset.y + y, self.rich_style
        width = self.scrollable_content_region.width
        if index >= len(self._wrapped):
            return Strip.blank(width, base)
        strip = self._palette().strip(self._wrapped[index], base)
        span = self.text_selection.get_span(index) if self.text_selection else None
        if span is not None:
            strip = self._selected(strip, span)
        return strip.crop_extend(0, width, base).apply_offsets(0, index)

    def _selected(self, strip: Strip, span: tuple[int, int]) -> Strip:
        style = self.screen.get_component_rich_style("screen--selection")
        start, end = span
        end = len(strip.text) if end == -1 else end
        position, segments = 0, []
        for text, own, _ in strip:
            for part, inside in _cut(text, start - position, end - position):
                segments.append(Segment(part, (own or style) + style if inside else own))
            position += len(text)
        return Strip(segments)

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The selected text, as it stands on the screen."""
        text = "\n".join("".join(part for part, _ in line) for line in self._wrapped)
        return selection.extract(text), "\n"

    def _on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self.post_message(self.Scrolled())
        super()._on_mouse_scroll_down(event)

    def _on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self.post_message(self.Scrolled())
        super()._on_mouse_scroll_up(event)

    def selection_updated(self, selection: Selection | None) -> None:
        """Draw what is selected now."""
        self.refresh()


def _cut(text: str, start: int, end: int) -> Iterator[tuple[str, bool]]:
    start, end = max(0, min(start, len(text))), max(0, min(end, len(text)))
    for part, inside in ((text[:start], False), (text[start:end], True), (text[end:], False)):
        if part:
            yield part, inside


def wrap(line: Line, width: int) -> list[Line]:
    """Break one line into lines of at most `width` cells, after a word where one is near.

    Nothing is lost but the spaces where it was broken; what follows is as far in as the beginning.
    """
    if sum(cell_len(text) for text, _ in line) <= width:
        return [line]
    indent = _indent(line, width)
    rows: list[Line] = [[]]
    used = 0
    for text, role in line:
        rest = text
        while rest:
            part, rest = _at_word(*_fitting(rest, width - used, fresh=used <= indent))
            if part:
                rows[-1].append((part, role))
                used += cell_len(part)
            if rest:
                rows.append([(" " * indent, "")] if indent else [])
                used = indent
                rest = rest.lstrip(" ")
    return rows


def _indent(line: Line, width: int) -> int:
    """The spaces at its beginning, as far as they leave room for something, be it of two cells."""
    text = "".join(text for text, _ in line[:2])
    return min(len(text) - len(text.lstrip(" ")), width // 2, max(0, width - 2))


def _at_word(part: str, rest: str) -> tuple[str, str]:
    """Break after a space rather than inside a short word."""
    space = part.rfind(" ", -24)
    if rest and space >= 0 and part.strip() and rest[0] != " ":
        return part[: space + 1], part[space + 1 :] + rest
    return part, rest


def _fitting(text: str, room: int, fresh: bool) -> tuple[str, str]:
    """As much as fits into `room` cells, and the rest; on a fresh line at least one character."""
    if text.isascii():
        cut = max(room, 1) if fresh else room
        return text[:cut], text[cut:]
    if cell_len(text) <= room:
        return text, ""
    if room <= 0:
        return (text[0], text[1:]) if fresh else ("", text)
    # A beginning is enough to look at: no character is narrower than nothing for long.
    start = next(iter(chop_cells(text[: room * 4], room)), "")
    if not start or cell_len(start) > room:
        return (text[0], text[1:]) if fresh else ("", text)
    return start, text[len(start) :]
