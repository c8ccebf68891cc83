"""Fields of the form in which a message is written: its options, and headers that complete themselves.

They hold texts; what these mean, and where they end up, others know.
"""

from collections.abc import Iterable, Mapping
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.suggester import Suggester
from textual.widgets import Input, Label, TextArea

from qstash_dev.tui.model.composer import FIELDS, ROWS, Completion, complete_header
from qstash_dev.tui.render import fmt


class OptionFields(Vertical):
    """One line to type in for each of the options that are used most."""

    DEFAULT_CSS = """
    OptionFields { height: auto; }
    OptionFields Horizontal { height: 1; }
    OptionFields Label, .-low OptionFields Label {
        width: 12; margin: 0; color: $dim; text-align: right; padding: 0 1 0 0;
    }
    OptionFields Input { width: 1fr; }
    """

    def __init__(self, values: Mapping[str, str]) -> None:
        super().__init__(id="options")
        self._inputs = {
            field.header: Input(
                fmt.escaped(values.get(field.header, ""), kept=""),
                placeholder=field.example,
                compact=True,
                id=field.header.lower(),
            )
            for field in FIELDS
        }

    def compose(self) -> ComposeResult:
        """The fields with their words, in rows."""
        for row in ROWS:
            parts: list[Label | Input] = []
            for field in row:
                line = self._inputs[field.header]
                if field.width:
                    line.styles.width = field.width + 2
                parts += [Label(field.word), line]
            yield Horizontal(*parts)

    @property
    def values(self) -> dict[str, str]:
        """What is typed, by header."""
        return {name: fmt.unescaped(line.value.strip()) for name, line in self._inputs.items()}

    @values.setter
    def values(self, values: Mapping[str, str]) -> None:
        for name, line in self._inputs.items():
            line.value = fmt.escaped(values.get(name, ""), kept="")


class HeaderArea(TextArea):
    """Header lines; tab completes the name at the cursor, and else goes to the next field."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "complete", "Complete the name", show=False, priority=True)
    ]

    @property
    def completion(self) -> Completion:
        """What the name at the cursor may be."""
        row, column = self.cursor_location
        return complete_header(self.document.get_line(row), column)

    def action_complete(self) -> None:
        """Write the name as far as it is certain."""
        if text := self.completion.inserted:
            self.insert(text)
        else:
            self.screen.focus_next()


class SeenFirst(Suggester):
    """The first of what was seen that begins with what is typed."""

    def __init__(self, seen: Iterable[str]) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._seen = list(seen)

    async def get_suggestion(self, value: str) -> str | None:
        """That, whole."""
        longer = (text for text in self._seen if text.startswith(value) and text != value)
        return next(longer, None) if value else None
