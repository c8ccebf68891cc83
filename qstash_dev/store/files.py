"""The files of a database: whether they are still where they were, and how a new one takes their place.

Knows nothing of what is in them.
"""

import contextlib
import os
import shutil
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from threading import Thread

from qstash_dev import private_files
from qstash_dev.store.sqlite import LONGEST_LOG_BYTES

Identity = tuple[int, int]
SAMPLE = 4_096
SAMPLES = 64
"""So many pieces of a database are compared, evenly from all of it: of a small one each."""
LOG_BEGINS = b"\x37\x7f\x06"
FOUND = ".found"
"""The ending of what stood in a database's place when it was written anew."""


class Files:
    """The database at `path`, which is open, and its log. Removes what is left of others."""

    # It has the file open until `close`: to close it before SQLite does would end SQLite's locks.

    def __init__(self, path: str) -> None:
        self._database = path
        self._log = f"{path}-wal"
        self._identity = _identity(path)
        self._log_identity = _identity(self._log)
        self._descriptor = _opened(path)
        self._log_size = 0
        self._is_whole = True
        self._looked_at: tuple[int, int] | None = None
        self._sample = b""
        self.written()
        # To remove a large file takes a third of a second for each gigabyte.
        self._removal = Thread(target=_remove, args=(f"{path}.new", f"{path}.old"))
        self._removal.start()

    def is_database(self, path: str) -> bool:
        """Whether this name leads to the database as well."""
        return self._identity == _identity(path)

    def written(self) -> None:
        """SQLite has written to the database, not to its log alone."""
        self._content = self._read()

    def are_whole(self) -> bool:
        """Whether nobody else has written to them, as far as their sizes and samples tell."""
        content, former = self._read(), self._content
        log, is_log = self._read_log()
        is_cut = not is_log or log < self._log_size or content[0] < former[0]
        # With a log that was once so long, or none, SQLite writes to the database by itself.
        is_ours = self._log_identity is None or log >= LONGEST_LOG_BYTES
        self._log_size, self._content = log, content
        self._is_whole = self._is_whole and not is_cut and (is_ours or content == former)
        return self._is_whole

    def sync_log(self) -> None:
        """Have the log on the disk, as SQLite wants it before it copies it: that takes long."""
        with (
            contextlib.suppress(OSError),
            open(self._log, "rb") as file,
        ):  # SQLite has no locks on it
            os.fsync(file.fileno())

    def close(self) -> None:
        """SQLite has closed them."""
        self.settle()
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _read_log(self) -> tuple[int, bool]:
        """How long it is, and whether it begins as one; all is well with one that has another name."""
        if self._log_identity is None or self._log_identity != _identity(self._log):
            return self._log_size, True
        try:
            with open(self._log, "rb") as file:  # SQLite has no locks on it
                begins = file.read(len(LOG_BEGINS))
                return os.fstat(file.fileno()).st_size, begins in (b"", LOG_BEGINS)
        except OSError:  # it was removed just now, or there is no descriptor left
            return self._log_size, True

    def _read(self) -> tuple[int, bytes]:
        """Its size, and samples of it, which are read anew when somebody has written to it."""
        if self._descriptor is None:
            return 0, b""
        found = os.fstat(self._descriptor)
        size, written_at = found.st_size, found.st_mtime_ns
        if self._looked_at != (size, written_at):
            self._looked_at = size, written_at
            step = max(SAMPLE, size // SAMPLES)
            pieces = (os.pread(self._descriptor, SAMPLE, at) for at in range(0, size, step))
            self._sample = sha256(b"".join(pieces)).digest()
        return size, self._sample

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


def keep_what_was_found(path: str) -> None:
    """A copy of a file that is about to be replaced, unless it is empty. Raises OSError."""
    if os.path.getsize(path):
        private_files.claim(Path(path + FOUND))
        shutil.copyfile(path, path + FOUND)


def has_log(path: str) -> bool:
    """Whether a database that was closed has left its log."""
    return os.path.exists(f"{path}-wal")


def remove_log(path: str) -> None:
    """What is in it was read. Raises OSError."""
    Path(f"{path}-wal").unlink(missing_ok=True)


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


def _opened(path: str) -> int | None:
    """Not on Windows, where an open file cannot be replaced."""
    with contextlib.suppress(OSError):
        return os.open(path, os.O_RDONLY) if hasattr(os, "pread") else None
    return None


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
