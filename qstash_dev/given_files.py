"""Files that somebody else has written, read whole: never more than makes sense, never without end.

Knows nothing of what is in them.
"""

import os
import stat
from collections.abc import Callable
from json import JSONDecodeError
from pathlib import Path

TEXT = 4_000_000
"""More than any settings, `.env` or package file has, in bytes."""
CONTENT = 256_000_000
"""More than any message, and than an export that fits into memory."""


def read(path: Path | str, most: int = CONTENT) -> bytes:
    """All of a file, or of what a pipe brings. Raises OSError, also for more than `most` bytes."""
    with open(path, "rb") as file:
        _check(os.fstat(file.fileno()).st_size, most)
        return at_most(file.read(most + 1), most)


def at_most(content: bytes, most: int = CONTENT) -> bytes:
    """What was read, if there was no more than that. Raises OSError."""
    _check(len(content), most)
    return content


def read_now(path: Path, opener: Callable[[str, int], int] | None = None) -> bytes:
    """As `read`, of a file alone: nobody can wait for the other end of a pipe here. Raises OSError."""
    with open(path, "rb", opener=opener or only_a_file) as file:
        return at_most(file.read(TEXT + 1), TEXT)


def read_text(path: Path) -> str:
    """A text of people or of an app, without the mark that editors of Windows put before it.

    Raises OSError, and UnicodeDecodeError for what is no text.
    """
    return read(path, TEXT).decode("utf-8-sig").replace("\r\n", "\n")


def read_text_now(path: Path, opener: Callable[[str, int], int] | None = None) -> str:
    """As `read_text`, of a file alone."""
    return read_now(path, opener).decode("utf-8-sig").replace("\r\n", "\n")


def why(error: Exception) -> str:
    """What is wrong with a file, without the number or the codec that the system has for it."""
    if isinstance(error, UnicodeDecodeError):
        return "it is no text in UTF-8"
    if isinstance(error, JSONDecodeError):
        return f"it is no JSON: {error}"
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def only_a_file(path: str, flags: int) -> int:
    """For `open(..., opener=...)`: raises OSError at once for what may keep its reader waiting."""
    descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError("it is no file")
    return descriptor


def only_ours(path: str, flags: int) -> int:
    """As `only_a_file`; raises OSError also for what another user has made, root apart."""
    descriptor = only_a_file(path, flags)
    if is_anothers(os.fstat(descriptor)):
        os.close(descriptor)
        raise OSError("it is another user's")
    return descriptor


def is_anothers(status: os.stat_result) -> bool:
    """Whether a file is neither ours nor root's."""
    owner = status.st_uid  # 0 on Windows
    return owner != 0 and owner != os.geteuid()


def _check(size: int, most: int) -> None:
    if size > most:
        raise OSError(f"it is larger than {most // 1_000_000} MB")
