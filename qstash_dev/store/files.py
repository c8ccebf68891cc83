"""The files of a database: whether they are still where they were, and how a new one takes their place.

Knows nothing of what is in them.
"""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from hashlib import sha256
from itertools import filterfalse
from pathlib import Path

from qstash_dev import private_files
from qstash_dev.store.log import Log, identity, log_of

SAMPLE = 4_096
SAMPLES = 64
"""So many pieces of a database are compared, evenly from all of it: of a small one each."""
PIECE = 1_000_000
MOST_FOUND = 8
"""What writes to a database again and again must not fill the disk: then the last copy is another."""


class Files:
    """The database at `path`, which is open, and its log. Removes what is left of others."""

    # It has the file open until `close`: to close it before SQLite does would end SQLite's locks.

    def __init__(self, path: str) -> None:
        self._database = path
        self.log = Log(path)
        self._identity = identity(path)
        self._descriptor = _opened(path)
        self._is_whole = True
        self._looked_at: tuple[int, int] | None = None
        self._sample = b""
        self.written()
        _remove(_scratch_of(path))

    def is_database(self, path: str) -> bool:
        """Whether this name leads to the database as well."""
        return self._identity == identity(path)

    def written(self) -> None:
        """SQLite has written to the database, not to its log alone."""
        self._content = self._read()

    def are_whole(self) -> bool:
        """Whether nobody else has written to them, as far as their sizes and samples tell."""
        content, former = self._read(), self._content
        self._content = content
        is_cut = self.log.is_cut() or content[0] < former[0]
        is_ours = self.log.is_left_to_sqlite() or content == former
        self._is_whole = self._is_whole and not is_cut and is_ours
        return self._is_whole

    def keep_what_was_found(self) -> Path | None:
        """A copy of a database that is about to be replaced, beside those of `MOST_FOUND` other times,
        unless it is empty; `take_back` or `settle` it. Raises OSError.
        """
        if not os.path.getsize(self._database):
            return None
        first = f"{self._database}.found"
        more = [f"{first}-{number}" for number in range(2, MOST_FOUND + 2)]
        found = Path(next(filterfalse(os.path.lexists, (first, *more)), more[-1]))
        if os.path.lexists(found):
            os.replace(found, _former(found))
        try:
            private_files.claim(found)
            if self._descriptor is None:
                shutil.copyfile(self._database, found)
            else:
                self._copy_to(found, self._descriptor)
        except OSError:
            take_back(found)
            raise
        return found

    def _copy_to(self, target: Path, descriptor: int) -> None:
        with target.open("wb") as file:
            while piece := os.pread(descriptor, PIECE, file.tell()):
                file.write(piece)

    def close(self) -> None:
        """SQLite has closed them."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

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

    def are_in_place(self) -> bool:
        """Whether the names still lead to them."""
        return self.log.is_in_place() and self._identity == identity(self._database)


def take_back(found: Path) -> None:
    """The database is still where it was: its copy goes, and whose name that took has it again."""
    found.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # mostly there is none
        os.replace(_former(found), found)


def settle(found: Path) -> None:
    """The database was replaced: its copy stays, instead of whose name that took."""
    with contextlib.suppress(OSError):
        _former(found).unlink()


@contextlib.contextmanager
def taking_the_place_of(path: str, give_up: Callable[[str], None]) -> Iterator[str]:
    """The name of an empty file; when the block ends well it has the name `path`. Raises OSError. Then
    it is removed, unless `give_up` wants it: that is called with its name, and raises.
    """
    scratch = _scratch_of(path)
    _remove(scratch)
    private_files.claim(Path(scratch))
    try:
        yield scratch
        Path(log_of(path)).unlink(missing_ok=True)  # it would be taken for that of the new file
        os.replace(scratch, path)
    except BaseException:
        give_up(scratch)
        _remove(scratch)
        raise


def _opened(path: str) -> int | None:
    """Not on Windows, where an open file cannot be replaced."""
    with contextlib.suppress(OSError):
        return os.open(path, os.O_RDONLY) if hasattr(os, "pread") else None
    return None


def _former(found: Path) -> Path:
    return found.with_name(f"{found.name}.former")


def _scratch_of(path: str) -> str:
    return f"{path}.new"


def _remove(path: str) -> None:
    for name in (path, log_of(path), f"{path}-journal"):
        with contextlib.suppress(OSError):
            os.unlink(name)
