"""A list that is searched while one types, and of which one line can be taken.

Knows no commands; what a line stands for is its value.
"""

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from qstash_dev.tui.render.palette import Line, content
from qstash_dev.tui.widgets.prompts import Dialog


class Entry(NamedTuple):
    """A line, and what is returned when it is taken; without a value it is only read."""

    line: Line
    value: str | None = None

    @property
    def text(self) -> str:
        """What is searched."""
        return "".join(text for text, _ in self.line).lower()


class SearchList(Dialog[str | None]):
    """Words narrow the list, enter or a click takes a line, escape none."""

    DEFAULT_CSS = """
    SearchList > .box { width: 90%; max-width: 110; }
    SearchList Input { background: $background; padding: 0 1; }
    SearchList OptionList, SearchList OptionList:focus {
        height: auto; max-height: 34; border: none; padding: 0; scrollbar-size-vertical: 1;
        background: $surface; background-tint: $surface 0%;
    }
    SearchList OptionList > .option-list--option-disabled { color: $foreground; }
    SearchList OptionList > .option-list--option-highlighted {
        background: $primary 30%; color: $foreground; text-style: bold;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f1", "dismiss", "Close", show=False),
        Binding("down", "move(1)", show=False, priority=True),
        Binding("up", "move(-1)", show=False, priority=True),
        Binding("pagedown", "page(1)", show=False, priority=True),
        Binding("pageup", "page(-1)", show=False, priority=True),
    ]

    def __init__(self, title: str, entries: Sequence[Entry]) -> None:
        super().__init__()
        self._title = title
        self._entries = list(entries)
        self._shown: list[Entry] = []
        self._list = OptionList()
        self._list.can_focus = False

    def compose(self) -> ComposeResult:
        """The line to type in, above the list."""
        line = Input(placeholder="type to search", compact=True)
        yield self.box(line, self._list, keys="enter runs it · esc closes")

    def on_mount(self) -> None:
        """All lines, the first that can be taken under the cursor."""
        self._narrow("")

    def on_input_changed(self, event: Input.Changed) -> None:
        """Only the lines that have all words."""
        self._narrow(event.value)

    def on_input_submitted(self) -> None:
        """Enter takes the line under the cursor."""
        place = self._list.highlighted
        self.dismiss(self._shown[place].value if place is not None else None)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """A click takes a line."""
        self.dismiss(self._shown[event.option_index].value)

    def action_move(self, by: int) -> None:
        (self._list.action_cursor_down if by > 0 else self._list.action_cursor_up)()

    async def action_page(self, by: int) -> None:
        await self._list.run_action("page_down" if by > 0 else "page_up")

    def _narrow(self, words: str) -> None:
        wanted = words.lower().split()
        self._shown = [
            entry
            for entry in self._entries
            if not wanted or (entry.value and all(word in entry.text for word in wanted))
        ]
        self._list.set_options(
            Option(content(entry.line or [(" ", "")]), disabled=entry.value is None)
            for entry in self._shown
        )
        first = next((i for i, entry in enumerate(self._shown) if entry.value), None)
        self._list.highlighted = first
