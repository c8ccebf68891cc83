"""What the server tells people that belongs to no message: on the console, in the log, in the UI."""

import logging
from collections.abc import Callable

from qstash_dev.console import Console
from qstash_dev.devtools.documents import Notice

log = logging.getLogger(__name__)


class Told:
    """`last` and `narration` are for those who come later. `publish` wakes whoever looks in."""

    def __init__(
        self, console: Console | None, now: Callable[[], int], publish: Callable[[], None]
    ) -> None:
        self._console, self._now, self._publish = console, now, publish
        self.last = Notice()
        self.narration = ""

    def notice(self, text: str) -> None:
        """Tell it on the console and in the log."""
        log.info("%s", text)
        if self._console is not None:
            self._console.notice(text, self._now())

    def notify(self, text: str, good: bool = False) -> None:
        """Tell it in the terminal UI."""
        self.last = Notice(self.last.number + 1, text, good)
        self._publish()

    def tell(self, text: str, good: bool = False) -> None:
        """Tell it everywhere."""
        self.notice(text)
        self.notify(text, good)

    def narrate(self, text: str) -> None:
        """Say what is to be seen; the UI shows it until the next line comes, or an empty one."""
        self.narration = text
        self._publish()
        if text:
            self.notice(text)
