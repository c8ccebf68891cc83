"""Which paths of a source tree are no source: what `.gitignore` files say, and build output.

Reads `.gitignore` files of the tree and of the git repository around it; nothing else of git.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from qstash_dev import given_files

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

NO_SOURCE = frozenset(
    [
        *(".git", ".hg", ".svn", ".idea", ".vscode", "node_modules", "bower_components"),
        *(".next", ".nuxt", ".output", ".svelte-kit", ".turbo", ".vercel", ".netlify", ".cache"),
        *("__pycache__", ".venv", "venv", ".tox", ".nox", ".mypy_cache", ".pytest_cache"),
        *(".ruff_cache", ".hypothesis", "coverage"),
    ]
)
"""Directories that hold dependencies, builds and caches, whether git ignores them or not."""

_ENV = ".env"


class Ignored:
    """Paths below `root` that do not count; `own` are files and directories of ours.

    `.env*` files count although git usually ignores them: editing one is how a key is put right.
    """

    def __init__(self, root: Path, own: Iterable[Path] = ()) -> None:
        self.root = root.resolve()
        self._top = _repository(self.root)
        self._own = frozenset(path.resolve() for path in own)
        self._rules: dict[Path, tuple[_Rules, ...]] = {}
        self._directories: dict[Path, bool] = {}

    def forget(self) -> None:
        """Read the `.gitignore` files anew: one of them may have been edited."""
        self._rules.clear()
        self._directories.clear()

    def covers(self, path: Path, *, is_directory: bool = False) -> bool:
        """Whether a path (absolute, below the root) is no source."""
        if is_directory:
            return self._covers_directory(path)
        if path in self._own or self._covers_directory(path.parent):
            return True
        return not path.name.startswith(_ENV) and self._by_git(path, "")

    def _covers_directory(self, path: Path) -> bool:
        """What lies in an ignored directory is ignored, whatever deeper files say (gitignore(5))."""
        known = self._directories.get(path)
        if known is None:
            known = self._directories[path] = path != self.root and (
                path.name in NO_SOURCE
                or path in self._own
                or self._covers_directory(path.parent)
                or self._by_git(path, "/")
            )
        return known

    def _by_git(self, path: Path, ending: str) -> bool:
        """The deepest `.gitignore` that has an opinion decides."""
        text = str(path) + ending
        for rules in self._rules_for(path.parent):
            verdict = rules.spec.check_file(text[rules.start :]).include
            if verdict is not None:
                return verdict
        return False

    def _rules_for(self, directory: Path) -> tuple["_Rules", ...]:
        """All `.gitignore` files that hold for what lies in a directory, the deepest first."""
        found = self._rules.get(directory)
        if found is None:
            above = () if directory == self._top else self._rules_for(directory.parent)
            spec = _read(directory / ".gitignore")
            own = () if spec is None else (_Rules(spec, len(str(directory)) + 1),)
            found = self._rules[directory] = own + above
        return found


class _Rules(NamedTuple):
    """One `.gitignore`; the paths that it is asked about begin at `start` of the whole path."""

    spec: "GitIgnoreSpec"
    start: int


def _read(path: Path) -> "GitIgnoreSpec | None":
    # Imported late: most servers start without looking at sources.
    from pathspec import GitIgnoreSpec

    try:
        lines = given_files.read_now(path).decode("utf-8", "replace").splitlines()
    except OSError:
        return None
    return GitIgnoreSpec.from_lines(lines)


def _repository(root: Path) -> Path:
    """The top of the git repository that a directory is in, or the directory itself."""
    for directory in (root, *root.parents):
        if (directory / ".git").exists():
            return directory
    return root
