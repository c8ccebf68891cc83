"""What the terminal sends, also when it is no text, and where it is. Knows how Textual reads and
writes it, and no keys.
"""

import os
import sys
from contextlib import suppress
from typing import Any, TextIO

from textual.driver import Driver

NOT_UTF8 = "That key is no UTF-8, and was dropped: is the terminal set to UTF-8?"


def drawn_on() -> TextIO | None:
    """The stream of the terminal: stderr as Textual has it, or stdout where stderr leads elsewhere."""
    stderr, stdout = sys.__stderr__, sys.__stdout__
    return stderr if stderr is not None and stderr.isatty() else stdout


def unwaiting(terminal: int) -> int:
    """A descriptor of the same terminal at which no read waits; where that cannot be, the given one.

    Opened anew: a flag of the given one would be the shell's, too.
    """
    with suppress(OSError):
        return os.open(os.ttyname(terminal), os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    return terminal


def forgiving(driver: type[Driver]) -> type[Driver]:
    """The driver, but bytes that are no UTF-8 do not end the program (Textual's decoder is strict), and
    it tells of a terminal that takes what is written slowly. It draws on `drawn_on()`.

    Drivers without a thread that reads bytes (of tests, of Windows) are as they were.
    """
    if not hasattr(driver, "run_input_thread"):
        return driver

    class Forgiving(driver):  # type: ignore[misc, valid-type]
        def __init__(self, *args: Any, **more: Any) -> None:
            super().__init__(*args, **more)
            self._file = drawn_on()
            self.fileno: int = unwaiting(self.fileno)

        @property
        def is_behind(self) -> bool:
            """Whether the terminal has yet to take what was written. Textual queues thirty pieces, and
            then stands still until one is taken, with all keys.
            """
            writer = self._writer_thread
            return writer is not None and writer._queue.qsize() > 0

        def _sigcont_application(self, *given: Any) -> None:
            # SIGSTOP comes unannounced: what Textual would begin again now has not ended, and the
            # shell has written over the screen.
            if self._auto_restart and not self._must_signal_resume:
                self.suspend_application_mode()
                self._app.call_later(self._app.refresh, layout=True)
            super()._sigcont_application(*given)

        def run_input_thread(self) -> None:
            while True:
                try:
                    return super().run_input_thread()  # type: ignore[no-any-return]
                except BlockingIOError:
                    # Who reads while the shell has the terminal is stopped, and finds that the shell
                    # has read it. To wait for more would hold up the handler of SIGCONT.
                    pass
                except UnicodeDecodeError:
                    self._app.call_later(self._app.notify, NOT_UTF8, severity="warning")

    return Forgiving
