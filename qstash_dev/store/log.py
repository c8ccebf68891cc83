"""How much of SQLite's write-ahead log is not in the database yet: its file is as long as it ever was.

Its format: https://www.sqlite.org/fileformat2.html#the_write_ahead_log
"""

import os
from bisect import bisect_left
from contextlib import suppress

_HEADER, _PAGE_HEADER = 32, 24
_SALT, _SALT_OF_PAGE, _SALT_LENGTH = 16, 8, 8


class Log:
    """That of the database at `path`; one in memory has none."""

    def __init__(self, path: str) -> None:
        self._path = f"{path}-wal"
        self._copied = b""

    def copied(self) -> None:
        """SQLite has copied all of it. What is written next begins it anew, with another salt."""
        with suppress(OSError), open(self._path, "rb") as file:
            file.seek(_SALT)
            self._copied = file.read(_SALT_LENGTH)

    def uncopied_bytes(self) -> int:
        """What SQLite copied by itself counts until something is written."""
        with (
            suppress(OSError),
            open(self._path, "rb", buffering=0) as file,
        ):  # SQLite has no locks on it
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
