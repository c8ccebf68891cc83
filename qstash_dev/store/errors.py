"""What goes wrong with the database, in sentences for whoever has to do something about it."""

import sqlite3


class StoreError(Exception):
    """The database could not be read or written; the sentence says which file and why."""


class StoreInUse(StoreError):
    """Another process has the database open."""


class StoreGone(StoreError):
    """No database is left that could be written to; the sentence says where what it held is."""


def failure(path: str, what: str, error: BaseException) -> StoreError:
    """What an error of SQLite means: `what` could not be done with the file, and what helps."""
    name = getattr(error, "sqlite_errorname", "") if isinstance(error, sqlite3.Error) else ""
    kind = name.removeprefix("SQLITE_").partition("_")[0]
    if kind == "BUSY":
        return StoreInUse(f"the database {path} is in use")
    sentence = f"cannot {what} the database {path}: {error}"
    return StoreError(f"{sentence}; {_REMEDIES[kind]}" if kind in _REMEDIES else sentence)


_MOVE = "move it away and start again, or take another --data-dir (or --memory)"
NO_ROOM = "make room on its disk, or take a --data-dir on another one (or --memory)"
_REMEDIES = {
    "FULL": NO_ROOM,
    "IOERR": "is its disk full or failing? Another --data-dir (or --memory) may help",
    "READONLY": "make it writable, or take another --data-dir (or --memory)",
    "CANTOPEN": "look at its permissions, or take another --data-dir (or --memory)",
    "CORRUPT": f"the file is damaged: {_MOVE}",
    "NOTADB": _MOVE,
}
"""What helps, by the kind of error (https://www.sqlite.org/rescode.html)."""
