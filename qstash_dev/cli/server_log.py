"""Where the log of a server goes: stderr, a file, and only a file while a TUI has the screen."""

import logging
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path

import click

from qstash_dev import private_files
from qstash_dev.config import Config

FORMAT = "%(asctime)s %(levelname)s %(message)s"
LEVELS = {-1: logging.ERROR, 0: logging.WARNING, 1: logging.INFO}


def write_to_stderr(verbosity: int, log_file: Path | None) -> None:
    """The log on stderr, and in a file too if there is one."""
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    if log_file is not None:
        handlers.append(_PrivateFile(log_file, encoding="utf-8", delay=True))
    level = LEVELS.get(verbosity, logging.DEBUG)
    logging.basicConfig(level=level, format=FORMAT, handlers=handlers, force=True)


@contextmanager
def away_from_the_screen(config: Config) -> Iterator[Path]:
    """Inside, the log goes to a file instead; afterwards stderr names the file if it holds any."""
    root = logging.getLogger()
    path = config.log_file or _default_place(config.data_dir)
    before = path.stat().st_size if path.exists() else 0
    on_screen = [h for h in root.handlers if not isinstance(h, logging.FileHandler)]
    instead = _PrivateFile(path, encoding="utf-8", delay=True)
    instead.setFormatter(logging.Formatter(FORMAT))
    for handler in on_screen:
        root.removeHandler(handler)
    if config.log_file is None:
        root.addHandler(instead)
    try:
        yield path
    finally:
        root.removeHandler(instead)
        instead.close()
        for handler in on_screen:
            root.addHandler(handler)
        if path.exists() and path.stat().st_size > before:
            click.echo(f"Warnings and errors are in {path}.", err=True)
        elif config.log_file is None and config.data_dir is None:
            shutil.rmtree(path.parent)


class _PrivateFile(logging.FileHandler):
    def _open(self) -> TextIOWrapper:
        return open(self.baseFilename, "a", encoding="utf-8", opener=private_files.opener)


def _default_place(data_dir: Path | None) -> Path:
    """Beside the state, or in a folder of its own when there is none: others share `/tmp`."""
    return (data_dir or Path(tempfile.mkdtemp(prefix="qstash-dev-"))) / "server.log"
