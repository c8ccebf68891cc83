"""The file that a server's log goes to, begun anew when it is full.

Writing to it never fails for whoever has something to say.
"""

import errno
import logging
import os
from contextlib import suppress
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path

from qstash_dev import private_files
from qstash_dev.cli.exits import USAGE, Failure
from qstash_dev.cli.log_line import Line

MAX_BYTES = 10_000_000
FORMER_FILES = 2
"""So many full files are kept beside the one that is written: `server.log.1` is the last one."""


class LogFile(RotatingFileHandler):
    """A file that is opened at once, and begun anew when it is full. Raises Failure, only here.

    A link is followed if a person gave the name, and not if somebody may have made it before us.
    """

    def __init__(self, path: Path, max_bytes: int = MAX_BYTES, *, is_given: bool = True) -> None:
        self._more_flags = getattr(os, "O_NONBLOCK", 0) | (0 if is_given else private_files.NO_LINK)
        try:
            super().__init__(path, maxBytes=max_bytes, backupCount=FORMER_FILES, encoding="utf-8")
        except OSError as error:
            why = (
                error.strerror
                if error.errno != errno.ENXIO
                else "nobody reads what is written to it"
            )
            raise Failure(
                f"The log file {path} cannot be opened: {why}. "
                "Expected a file that can be written to as --log-file.",
                USAGE,
            ) from error
        self.setFormatter(Line())

    def _open(self) -> TextIOWrapper:
        return open(self.baseFilename, "a", encoding="utf-8", opener=self._opener)

    def _opener(self, path: str, flags: int) -> int:
        """A pipe without a reader is an error at once, and one that is full holds nobody up."""
        return private_files.opener(path, flags | self._more_flags)

    def emit(self, record: logging.LogRecord) -> None:
        """Into a new file if somebody removed this one."""
        if not Path(self.baseFilename).exists():
            self.close()
        super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:
        """A full disk has no place to say so, and the screen may belong to a terminal UI."""

    def close(self) -> None:
        """Also when the disk is full: then what was not written is lost."""
        with suppress(OSError):
            super().close()
