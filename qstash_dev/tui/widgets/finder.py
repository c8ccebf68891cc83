"""The line in which a person writes what to look for in the text of the detail."""

from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input

from qstash_dev.tui.widgets.text_view import TextView


class Finder(Input):
    """Looks while one writes; enter goes into the text, where n and N go from place to place."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "give_up", "Search no more", show=False),
        Binding("down", "hit(1)", "Next place", show=False),
        Binding("up", "hit(-1)", "Place before", show=False),
    ]

    def __init__(self, text: TextView) -> None:
        super().__init__(id="finder", placeholder="search in this text", compact=True)
        self._text = text
        self.display, self.disabled = False, True

    def open(self) -> None:
        """Take the keys from now on."""
        self.display, self.disabled = True, False
        self.value = ""
        self.focus()

    def _close(self) -> None:
        # The text first: a line that is hidden with the focus hands that to another pane.
        self._text.focus()
        self.display, self.disabled = False, True

    def on_blur(self, event: events.Blur) -> None:
        """Whoever goes elsewhere has written enough."""
        if self.display:
            self.display, self.disabled = False, True

    def on_input_changed(self, event: Input.Changed) -> None:
        """Look at once."""
        event.stop()
        if self.display:
            self._text.look_for(self.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go to the places."""
        event.stop()
        self._close()

    def action_hit(self, by: int) -> None:
        self._text.action_hit(by)

    def action_give_up(self) -> None:
        self._text.look_for("")
        self._close()

    def tell(self) -> None:
        """Say in the frame which of how many places this is."""
        words, text = "", self._text
        if text.is_searching:
            words = f"{text.hit + 1} of {len(text.hits)}  n N  esc" if text.hits else "not found"
        if self.parent is not None and self.parent.is_attached:
            self.parent.border_subtitle = Content(words)  # type: ignore[attr-defined]
