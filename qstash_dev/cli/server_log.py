"""Where the log of a server goes: stderr, a file, and only a file while a TUI has the screen.

Writing to it never fails for whoever has something to say.
"""

import logging
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from qstash_dev.cli.log_line import Line
from qstash_dev.cli.unhurried import Unhurried
from qstash_dev.config import Config

LEVELS = {-1: logging.ERROR, 0: logging.WARNING, 1: logging.INFO}


def write_to_stderr(verbosity: int, log_file: Path | None) -> None:
    """The log on stderr, and in a file too if there is one. Raises Failure when it has no such file."""
    handlers: list[logging.Handler] = [logging.StreamHandler(Unhurried(sys.stderr))]
    handlers[0].setFormatter(Line())
    if log_file is not None:
        from qstash_dev.cli.log_file import LogFile  # most starts have none

        handlers.append(LogFile(log_file))
    level = LEVELS.get(verbosity, logging.DEBUG)
    logging.basicConfig(level=level, handlers=handlers, force=True)


@contextmanager
def without_refusals() -> Iterator[None]:
    """Inside, no refused request is logged: who makes them tells it in words of their own."""
    from qstash_dev.api.refused import requests  # late: clients have no server

    requests.disabled = True
    try:
        yield
    finally:
        requests.disabled = False


@contextmanager
def away_from_the_screen(config: Config) -> Iterator[Path]:
    """Inside, the log goes to a file instead; afterwards stderr names the file if it holds any."""
    from qstash_dev.cli.log_file import LogFile  # most starts have none

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
