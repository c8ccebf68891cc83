"""SQLite's write-ahead log: whether it is still the one that was opened, and how much of it is not in
the database yet: its file is as long as it ever was.

Its format: https://www.sqlite.org/fileformat2.html#the_write_ahead_log
"""

import os
from bisect import bisect_left
from contextlib import suppress
from typing import BinaryIO

from qstash_dev.store.sqlite import LONGEST_LOG_BYTES

_BEGINS = b"\x37\x7f\x06"
_HEADER, _PAGE_HEADER = 32, 24
_SALT, _SALT_OF_PAGE, _SALT_LENGTH = 16, 8, 8


def log_of(path: str) -> str:
    """Its name, by that of the database."""
    return f"{path}-wal"


class Log:
    """That of the database at `path`, which is open; one in memory has none."""

    def __init__(self, path: str) -> None:
        self._path = log_of(path)
        self._identity = identity(self._path)
        self._length = 0
        self._copied = b""

    def is_in_place(self) -> bool:
        """Whether its name still leads to it; it is made with the first write."""
        found = identity(self._path)
        self._identity = self._identity or found
        return self._identity == found

    def is_cut(self) -> bool:
        """Whether somebody else has; all is well with one that has another name."""
        with suppress(OSError), self._open() as file:
            found = os.fstat(file.fileno())
            if self._identity == (found.st_dev, found.st_ino):
                former, self._length = self._length, found.st_size
                return found.st_size < former or file.read(len(_BEGINS)) not in (b"", _BEGINS)
        return False

    def is_left_to_sqlite(self) -> bool:
        """With one that was once so long, or none, SQLite writes to the database by itself."""
        return self._identity is None or self._length >= LONGEST_LOG_BYTES

    def sync(self) -> None:
        """Have it on the disk, as SQLite wants it before it copies it: that takes long."""
        with suppress(OSError), self._open() as file:
            os.fsync(file.fileno())

    def copied(self) -> None:
        """SQLite has copied all of it. What is written next begins it anew, with another salt."""
        self._length = 0  # it may have been given back
        with suppress(OSError), self._open() as file:
            file.seek(_SALT)
            self._copied = file.read(_SALT_LENGTH)

    def uncopied_bytes(self) -> int:
        """What SQLite copied by itself counts until something is written."""
        with suppress(OSError), self._open() as file:
            header = file.read(_HEADER)
            salt = header[_SALT : _SALT + _SALT_LENGTH]
            if len(header) < _HEADER or salt == self._copied:
                return 0
            page_bytes = _PAGE_HEADER + int.from_bytes(header[8:12], "big")

            def is_left_over(page: int) -> bool:
                file.seek(_HEADER + page * page_bytes + _SALT_OF_PAGE)
                return file.read(_SALT_LENGTH) != salt

            pages = range(os.fstat(file.fileno()).st_size // page_bytes)
            return page_bytes * bisect_left(pages, True, key=is_left_over)
        return 0

    def _open(self) -> BinaryIO:
        """SQLite has no locks on it that would end when it is closed. Raises OSError: it was removed
        just now, or there is no descriptor left.
        """
        return open(self._path, "rb", buffering=0)


def identity(path: str) -> tuple[int, int] | None:
    """What a name leads to, if anything."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino
