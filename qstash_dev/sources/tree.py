"""The files of a source tree, for whoever looks for the one that serves a path."""

import asyncio
import os
from pathlib import Path
from time import monotonic

from qstash_dev.sources.ignored import Ignored

CODE = frozenset(
    [
        *(
            ".js",
            ".jsx",
            ".ts",
            ".tsx",
            ".mjs",
            ".cjs",
            ".mts",
            ".cts",
            ".vue",
            ".svelte",
            ".astro",
        ),
        *(".py", ".go", ".rb", ".php", ".rs", ".java", ".kt", ".cs", ".ex", ".exs", ".swift"),
    ]
)
FRESH_S = 10.0
MAX_LISTED = 30_000
"""Who starts the server in a home directory gets no complete list, and no thread that never ends."""


class SourceTree:
    """Source files below a directory, relative and with forward slashes. Listed in a thread."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._listed: tuple[float, tuple[str, ...]] | None = None

    async def files(self) -> tuple[str, ...]:
        """All of them, as they were at most `FRESH_S` ago."""
        if self._listed is None or monotonic() - self._listed[0] > FRESH_S:
            found = await asyncio.to_thread(list_files, Ignored(self.root))
            self._listed = monotonic(), found
        return self._listed[1]


def list_files(ignored: Ignored, limit: int = MAX_LISTED) -> tuple[str, ...]:
    """The code files below the root that are not ignored; about `limit` directories and files."""
    found: list[str] = []
    for number, (directory, names, files) in enumerate(os.walk(ignored.root)):
        if number + len(found) > limit:
            break
        here = Path(directory)
        names[:] = [n for n in names if not ignored.covers(here / n, is_directory=True)]
        found += [
            (here / name).relative_to(ignored.root).as_posix()
            for name in files
            if os.path.splitext(name)[1] in CODE and not ignored.covers(here / name)
        ]
    return tuple(sorted(found))
