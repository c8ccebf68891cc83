"""The files of a database: whether they are still where they were, and how a new one takes their place.

Knows nothing of what is in them.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

from qstash_dev import private_files

Identity = tuple[int, int]


class Files:
    """The database at `path`, which is open, and its log. Removes what is left of others."""

    def __init__(self, path: str) -> None:
        self._database = path
        self._log = f"{path}-wal"
        self._identity = _identity(path)
        self._log_identity = _identity(self._log)
        # To remove a large file takes a third of a second for each gigabyte.
        self._removal = Thread(target=_remove, args=(f"{path}.new", f"{path}.old"))
        self._removal.start()

    def is_database(self, path: str) -> bool:
        """Whether this name leads to the database as well."""
        return self._identity == _identity(path)

    def settle(self) -> None:
        """Wait until all is removed."""
        self._removal.join()

    def are_in_place(self) -> bool:
        """Whether the names still lead to them; the log is made with the first write."""
        self._log_identity = self._log_identity or _identity(self._log)
        return (self._identity, self._log_identity) == (
            _identity(self._database),
            _identity(self._log),
        )


@contextlib.contextmanager
def taking_the_place_of(path: str) -> Iterator[str]:
    """The name of an empty file; when the block ends well it has the name `path`. Raises OSError.

    What had that name before is left as `.old`, for `Files` to remove.
    """
    scratch, old = f"{path}.new", f"{path}.old"
    _remove(scratch, old)
    private_files.claim(Path(scratch))
    try:
        yield scratch
        with contextlib.suppress(OSError):  # there is none, or this disk knows no second names
            os.link(path, old)
        os.replace(scratch, path)
    except BaseException:
        _remove(scratch)
        raise


def _identity(path: str) -> Identity | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _remove(*paths: str) -> None:
    for path in paths:
        for ending in ("", "-wal", "-journal"):
            with contextlib.suppress(OSError):
                os.unlink(path + ending)
