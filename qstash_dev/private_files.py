"""Files that hold tokens, keys and bodies: for their owner alone, whatever the umask.

Knows nothing of what is in them.
"""

import contextlib
import os
import stat
import tempfile
from pathlib import Path

FILE, FOLDER = 0o600, 0o700
NO_LINK: int = getattr(os, "O_NOFOLLOW", 0)  # Windows has no such thing
OURS = ".qstash-dev"


def make_folder(path: Path) -> None:
    """Make a folder that only its owner may enter. Raises OSError.

    One that exists is closed to others only if its name says that it is ours: `--data-dir .` must
    not take a project away from a group.
    """
    is_new = not path.exists()
    path.mkdir(FOLDER, parents=True, exist_ok=True)
    if is_new or path.name == OURS:
        path.chmod(FOLDER)


def opener(path: str, flags: int) -> int:
    """For `open(..., opener=...)`: the file is private before anything is written to it."""
    descriptor = os.open(path, flags, FILE)
    if hasattr(os, "fchmod") and stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.fchmod(descriptor, FILE)
    return descriptor


def claim(path: Path) -> None:
    """Make the file private, and make it if need be; its contents stay. Raises OSError.

    It is not opened if it exists: closing it would end the locks that SQLite has on it. A symbolic link
    is refused: whoever made it, in a project that was cloned perhaps, may mean a file of another's.
    """
    if path.is_symlink():
        raise OSError(f"{path.name} is a symbolic link, to {path.readlink()}")
    path.touch(FILE)
    path.chmod(FILE)


def write(path: Path, content: bytes, *, private: bool) -> None:
    """A file that a person named: it has all of it in the end, or is as it was. Raises OSError.

    It keeps its permissions unless it is to be private; a new one has those that the umask leaves.
    Pipes and devices are written to.
    """
    path = path.resolve()  # what a symbolic link leads to
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        mask = os.umask(0o077)
        os.umask(mask)
        mode = stat.S_IFREG | (0o666 & ~mask)
    if stat.S_ISREG(mode):
        replace(path, content, FILE if private else mode & 0o777)
    else:
        path.write_bytes(content)


def replace(path: Path, content: bytes, mode: int = FILE) -> None:
    """Give a file new contents in one step, so that an interruption destroys nothing. Raises OSError.

    What is written meanwhile has a name that nobody can guess, and so nobody can plant.
    """
    descriptor, scratch = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
        os.chmod(scratch, mode)
        os.replace(scratch, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(scratch)
        raise
