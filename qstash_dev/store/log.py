"""SQLite's write-ahead log: whether it is still the one that was opened, and how much of it is not in
the database yet: its file is as long as it ever was.

Its format: https://www.sqlite.org/fileformat2.html#the_write_ahead_log
"""

import os
from bisect import bisect_left
from contextlib import suppress
from typing import BinaryIO

from qstash_dev import given_files
from qstash_dev.store.sqlite import LONGEST_LOG_BYTES

_BEGINS = b"\x37\x7f\x06"
_HEADER, _PAGE_HEADER = 32, 24
_SALT, _SALT_OF_PAGE, _SALT_LENGTH = 16, 8, 8
_MOST_TIMES = 1_000
"""More often no log is begun anew between two looks."""


def log_of(path: str) -> str:
    """Its name, by that of the database."""
    return f"{path}-wal"


class Log:
    """That of the database at `path`, which is open; one in memory has none."""

    def __init__(self, path: str) -> None:
        self._path = log_of(path)
        self._identity = identity(self._path)
        self._length = 0
        self._last_page = b"", -1
        self._copied = b""

    def is_in_place(self) -> bool:
        """Whether its name still leads to it; it is made with the first write."""
        found = identity(self._path)
        self._identity = self._identity or found
        return self._identity == found

    def is_cut(self) -> bool:
        """Whether somebody else has, or has written over it: it is shorter, begins otherwise, or lacks
        what was its last page when this was last asked. All is well with one that has another name.
        """
        with suppress(OSError), self._open() as file:
            found = os.fstat(file.fileno())
            if self._identity == (found.st_dev, found.st_ino):
                former, self._length = self._length, found.st_size
                pages = _Pages(file)
                salt, last = self._last_page
                self._last_page = pages.salt or salt, pages.count() - 1
                goes_on = last < 0 or pages.has(last) if salt == pages.salt else pages.follow(salt)
                return self._length < former or not pages.are_of_log or not goes_on
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
            self._copied = _Pages(file).salt

    def uncopied_bytes(self) -> int:
        """What SQLite copied by itself counts until something is written."""
        with suppress(OSError), self._open() as file:
            pages = _Pages(file)
            return 0 if pages.salt == self._copied else pages.count() * pages.bytes_of_one
        return 0

    def _open(self) -> BinaryIO:
        """SQLite has no locks on it that would end when it is closed. Raises OSError: it was removed
        just now, is something else, or there is no descriptor left.
        """
        return open(self._path, "rb", buffering=0, opener=given_files.only_a_file)


class _Pages:
    """Those of an open log that were written since it was last begun anew."""

    def __init__(self, file: BinaryIO) -> None:
        header = file.read(_HEADER)
        self._file = file
        self.are_of_log = header[: len(_BEGINS)] in (b"", _BEGINS)
        self.salt = header[_SALT:][:_SALT_LENGTH]
        self.bytes_of_one = _PAGE_HEADER + int.from_bytes(header[8:12], "big")

    def count(self) -> int:
        pages = range(os.fstat(self._file.fileno()).st_size // self.bytes_of_one)
        return bisect_left(pages, True, key=lambda page: not self.has(page))

    def follow(self, salt: bytes) -> bool:
        """Whether they can be what a log with this salt was begun anew with: SQLite counts up."""
        times = (int.from_bytes(self.salt[:4], "big") - int.from_bytes(salt[:4], "big")) % 2**32
        return not salt or not self.salt or times < _MOST_TIMES

    def has(self, page: int) -> bool:
        self._file.seek(_HEADER + page * self.bytes_of_one + _SALT_OF_PAGE)
        return self._file.read(_SALT_LENGTH) == self.salt


def identity(path: str) -> tuple[int, int] | None:
    """What a name leads to, if anything."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino
