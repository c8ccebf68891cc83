"""How a record of the log is written: on one line, whatever is in it. Knows not where to."""

import logging
from typing import Any

from qstash_dev.devtools.text import printable, printable_lines

FORMAT = "%(asctime)s %(levelname)s %(message)s"


class Line(logging.Formatter):
    """A record is one line, and what others wrote in it does nothing to a terminal."""

    def __init__(self) -> None:
        super().__init__(FORMAT)

    def formatMessage(self, record: logging.LogRecord) -> str:
        """Time, level and message."""
        return printable(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:
        """The traceback, on lines of its own."""
        return printable_lines(super().formatException(ei))
