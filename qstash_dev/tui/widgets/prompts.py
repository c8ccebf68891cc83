"""Questions to the person: a menu, a confirmation, the keys. One at a time, never stacked.

They return what was chosen and do nothing themselves.
"""

from collections.abc import Iterable, Sequence
from typing import ClassVar, Generic, NamedTuple, TypeVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from qstash_dev.tui.render.palette import Line, content

T = TypeVar("T")
_KEYS = "123456789abcdefghilmnoprstuvwxyz"


class Choice(NamedTuple, Generic[T]):
    """One line of a menu: the key that takes it, its text, what is returned."""

    key: str
    text: str
    value: T


def numbered(items: Iterable[tuple[str, T]], but: str = "") -> list[Choice[T]]:
    """Choices with their texts, as many as there are keys: digits, then the letters that neither a
    menu itself knows nor `but` names.
    """
    keys = [key for key in _KEYS if key not in but]
    return [Choice(key, *item) for key, item in zip(keys, items, strict=False)]


class Dialog(ModalScreen[T]):
    """A box over the screen. `_title` stands in its frame."""

    DEFAULT_CSS = """
    Dialog { align: center middle; }
    Dialog > .box {
        width: auto; min-width: 40; max-width: 90%; height: auto; max-height: 90%;
        border: round $primary; background: $surface; padding: 0 1;
    }
    """
    _title = ""

    def box(self, *inside: Widget, keys: str = "") -> Widget:
        """What is in it, and below what its keys do."""
        box = Vertical(*inside, classes="box")
        box.border_title, box.border_subtitle = Content(self._title), Content(keys)
        return box


class Menu(Dialog[T | None], Generic[T]):
    """Choose one with its key, or with the arrows and enter; escape chooses nothing."""

    DEFAULT_CSS = """
    Menu OptionList, Menu OptionList:focus {
        width: auto; max-width: 100%; height: auto; max-height: 24; border: none; padding: 0;
        background: $surface; background-tint: $surface 0%;
    }
    Menu OptionList > .option-list--option-highlighted,
    Menu OptionList:focus > .option-list--option-highlighted {
        background: $primary 30%; color: $foreground; text-style: bold;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss", "Close", show=False),
        Binding("j", "move('down')", show=False),
        Binding("k", "move('up')", show=False),
    ]

    def __init__(self, title: str, choices: Sequence[Choice[T]]) -> None:
        super().__init__()
        self._title = title
        self._choices = list(choices)

    def compose(self) -> ComposeResult:
        """The title and the options."""
        options = [
            Option(content([(f" {c.key} ", "key"), (f" {c.text} ", "")])) for c in self._choices
        ]
        yield self.box(OptionList(*options))

    def on_key(self, event: events.Key) -> None:
        """The key of a choice takes it."""
        for choice in self._choices:
            if event.character == choice.key:
                event.stop()
                self.dismiss(choice.value)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Enter or a click takes it."""
        self.dismiss(self._choices[event.option_index].value)

    async def action_move(self, way: str) -> None:
        await self.query_one(OptionList).run_action(f"cursor_{way}")


class Confirm(Dialog[bool]):
    """A question with yes or no; everything but `y` and enter is no."""

    DEFAULT_CSS = "Confirm Static { width: auto; max-width: 100%; padding: 1 2; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y,enter", "dismiss(True)", "Yes", show=False),
        Binding("n,q,escape", "dismiss(False)", "No", show=False),
    ]

    def __init__(self, question: str) -> None:
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        """The question and its keys."""
        keys: Line = [("y", "key"), (" Yes   ", ""), ("n", "key"), (" No", "")]
        text = Content("\n\n").join([Content(self._question), content(keys)])
        yield self.box(Static(text))


class Ask(Dialog[str | None]):
    """A question with a line of text for an answer; escape answers nothing."""

    DEFAULT_CSS = """
    Ask > .box { width: 70; }
    Ask Input { background: $background; padding: 0 1; }
    Ask Static { color: $dim; height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss", "Leave", show=False)]

    def __init__(self, title: str, help: str, text: str = "") -> None:
        """`text` is what the line begins with."""
        super().__init__()
        self._title, self._help, self._text = title, help, text

    def compose(self) -> ComposeResult:
        """One line to write in."""
        yield self.box(Input(self._text, compact=True), Static(Content(self._help)))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter answers."""
        self.dismiss(event.value)


class Reader(Dialog[None]):
    """Lines to read: help, a summary, a diff."""

    DEFAULT_CSS = """
    Reader > .box { width: 90%; max-width: 110; }
    Reader VerticalScroll { height: auto; max-height: 100%; background: $surface;
        scrollbar-size-vertical: 1; }
    Reader Static { width: 1fr; height: auto; padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter,question_mark,f1", "dismiss", "Close", show=False),
        Binding("j", "scroll(1)", show=False),
        Binding("k", "scroll(-1)", show=False),
    ]

    def __init__(self, title: str, lines: Sequence[Line], at_end: bool = False) -> None:
        """`at_end`: begin to read there."""
        super().__init__()
        self._title = title
        self._lines = lines
        self._at_end = at_end

    def on_mount(self) -> None:
        """The end is known when all is laid out."""
        if self._at_end:
            self.query_one(VerticalScroll).scroll_end(animate=False)

    def compose(self) -> ComposeResult:
        """The lines in a box that scrolls."""
        text = Content("\n").join(content(line) for line in self._lines)
        box = VerticalScroll(Static(text), classes="box")
        box.border_title = Content(self._title)
        box.border_subtitle = Content("esc closes")
        yield box

    def action_scroll(self, by: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=by, animate=False)
