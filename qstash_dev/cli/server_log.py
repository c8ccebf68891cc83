"""Where the log of a server goes: stderr, a file, and only a file while a TUI has the screen.

Writing to it never fails for whoever has something to say.
"""

import errno
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

import click

from qstash_dev import private_files
from qstash_dev.cli.exits import USAGE, Failure
from qstash_dev.cli.unhurried import Unhurried
from qstash_dev.config import Config
from qstash_dev.devtools.text import printable, printable_lines

FORMAT = "%(asctime)s %(levelname)s %(message)s"
LEVELS = {-1: logging.ERROR, 0: logging.WARNING, 1: logging.INFO}
MAX_BYTES = 10_000_000
FORMER_FILES = 2
"""So many full files are kept beside the one that is written: `server.log.1` is the last one."""


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


def write_to_stderr(verbosity: int, log_file: Path | None) -> None:
    """The log on stderr, and in a file too if there is one. Raises Failure when it has no such file."""
    handlers: list[logging.Handler] = [logging.StreamHandler(Unhurried(sys.stderr))]
    handlers[0].setFormatter(Line())
    if log_file is not None:
        handlers.append(LogFile(log_file))
    level = LEVELS.get(verbosity, logging.DEBUG)
    logging.basicConfig(level=level, handlers=handlers, force=True)


@contextmanager
def away_from_the_screen(config: Config) -> Iterator[Path]:
    """Inside, the log goes to a file instead; afterwards stderr names the file if it holds any."""
    root = logging.getLogger()
    path = config.log_file or _default_place(config.data_dir)
    before = path.stat().st_size if path.exists() else 0
    on_screen = [h for h in root.handlers if not isinstance(h, logging.FileHandler)]
    instead = LogFile(path, is_given=False) if config.log_file is None else None
    for handler in on_screen:
        root.removeHandler(handler)
    if instead is not None:
        root.addHandler(instead)
    try:
        yield path
    finally:
        if instead is not None:
            root.removeHandler(instead)
            instead.close()
        for handler in on_screen:
            root.addHandler(handler)
        # Smaller than before: it was begun anew since.
        if path.exists() and path.stat().st_size != before:
            click.echo(f"Warnings and errors are in {path}.", err=True)
        elif config.log_file is None and config.data_dir is None:
            shutil.rmtree(path.parent)


def _default_place(data_dir: Path | None) -> Path:
    """Beside the state, or in a folder of its own when there is none: others share `/tmp`."""
    return (data_dir or Path(tempfile.mkdtemp(prefix="qstash-dev-"))) / "server.log"
