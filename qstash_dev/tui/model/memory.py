"""What the UI remembers from one start to the next, in a file of the person's own.

Knows no meaning of what it keeps; what cannot be read or written is as if it were not there.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from qstash_dev import private_files


class Memory:
    """Values by name; with a `path` of `None` only for as long as this lives."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._values = _read(path)

    def get(self, name: str, default: Any) -> Any:
        """What was put under this name, if it is of the default's type."""
        found = self._values.get(name)
        return found if isinstance(found, type(default)) else default

    def put(self, name: str, value: Any) -> None:
        """Remember a value; another UI may have put others meanwhile."""
        self._values = {**_read(self._path), **self._values, name: value}
        if self._path is None:
            return
        try:
            private_files.make_folder(self._path.parent)
            private_files.replace(self._path, json.dumps(self._values, indent=1).encode())
        except OSError:
            return


def place_of_memory(environment: Mapping[str, str]) -> Path | None:
    """Where a person's programs keep their state (XDG Base Directory Specification; on Windows what
    `LOCALAPPDATA` says); `None` where that is not known.
    """
    home = environment.get("HOME")
    folder = environment.get("XDG_STATE_HOME") or environment.get("LOCALAPPDATA")
    if not folder and home:
        folder = f"{home}/.local/state"
    return Path(folder) / "qstash-dev" / "ui.json" if folder else None


def _read(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {}
