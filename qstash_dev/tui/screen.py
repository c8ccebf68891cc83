"""What actions see of the UI: a dozen things, and not the app that has them."""

from collections.abc import Mapping
from datetime import tzinfo
from typing import Protocol, TypeVar

from textual.screen import ModalScreen

from qstash_dev.tui.model.command import Command
from qstash_dev.tui.model.desk import Desk
from qstash_dev.tui.model.session import Session
from qstash_dev.tui.model.view import View
from qstash_dev.tui.widgets.panes import Panes

T = TypeVar("T")


class Screen(Protocol):
    """The UI as an action finds it."""

    session: Session
    zone: tzinfo | None
    desk: Desk
    panes: Panes

    @property
    def commands(self) -> Mapping[str, Command]:
        """All commands by id."""

    @property
    def progress(self) -> str | None:
        """How far a long action is."""

    @progress.setter
    def progress(self, words: str | None) -> None: ...

    def start(self, id: str) -> None:
        """Run a command."""

    def say(self, text: str, severity: str = "information") -> None:
        """A short notice in the corner."""

    async def ask(self, question: ModalScreen[T]) -> T:
        """Show a dialog and wait for its answer; one at a time."""

    def open_dialog(self, dialog: ModalScreen[None]) -> None:
        """Show what answers nothing."""

    def copy_to_clipboard(self, text: str) -> None:
        """Give a text to the terminal's clipboard."""

    def show_view(self, view: View) -> None:
        """Go to one of the views."""

    def filter_messages(self, text: str) -> None:
        """Hear of the messages alone that match, whichever view is shown."""

    def set_filter(self, text: str) -> None:
        """Filter the list, and hide the line where that is typed."""

    def draw(self) -> None:
        """Draw everything that may have changed."""

    def search_themes(self) -> None:
        """Let the person choose a theme."""

    def exit(self, result: int | None = None) -> None:
        """End the UI with this exit code."""
