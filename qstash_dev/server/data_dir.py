"""The directory that holds a server's state: its database, and the record of who has it open."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

from qstash_dev import private_files, server_record
from qstash_dev.console import Started
from qstash_dev.store.errors import NO_ROOM, StoreError, StoreInUse
from qstash_dev.store.log import log_of
from qstash_dev.store.store import Store

DATABASE = "messages.db"
RECORD = "server.json"
FILES = (DATABASE, log_of(DATABASE), f"{DATABASE}-shm", ".gitignore")


class DataDirInUse(StoreError):
    """Another server keeps its state in the same directory; the sentence names its pid and port."""


def open_in(directory: Path, open_store: Callable[[Path], Store]) -> Store:
    """The store in a directory that is made if need be. Raises DataDirInUse or StoreError."""
    try:
        make(directory)
        for name in FILES:  # SQLite's other files get what the first one has
            if name == DATABASE or os.path.lexists(directory / name):
                private_files.claim(directory / name)
    except OSError as error:
        raise _unusable(directory, error) from error
    try:
        return open_store(directory / DATABASE)
    except StoreInUse as error:
        raise DataDirInUse(_in_use(directory)) from error


def make(directory: Path) -> None:
    """The directory, and what keeps it out of Git. Raises OSError."""
    private_files.make_folder(directory)
    ignore = directory / ".gitignore"
    if not ignore.exists():
        private_files.replace(ignore, b"*\n")


def _unusable(directory: Path, error: OSError) -> StoreError:
    return StoreError(f"cannot use the data directory {directory}: {_why(directory, error)}")


def _why(directory: Path, error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{error.strerror}; {NO_ROOM}"
    for place in (directory, *directory.parents):
        if place.is_symlink() and not place.exists():
            return f"{place} is a link to {place.readlink()}, which is not there"
        if place.exists() and not place.is_dir():
            return f"{place} is a file; take another --data-dir (or --memory)"
    return error.strerror or str(error)


def _in_use(directory: Path) -> str:
    record = server_record.read(directory / RECORD)
    holder = (
        f"the qstash-dev with pid {record.pid} on port {record.port}"
        if record is not None
        else "another process"
    )
    return (
        f"the data directory {directory} is in use by {holder}: "
        "stop it, use `qstash-dev attach`, or take another --data-dir (or --memory)"
    )


def write_record(directory: Path, started: Started, name: str = RECORD) -> None:
    """Tell clients where the server is and how to get in. Raises StoreError."""
    try:
        server_record.write(directory / name, started.url, started.port, started.user.token)
    except OSError as error:
        raise _unusable(directory, error) from error
