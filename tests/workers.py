"""How pytest-xdist spreads the tests: a file stays whole, so that what its tests share starts once.

What waits for processes goes first: then nobody waits alone at the end.
"""

import pytest
from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

ONE_BROWSER = ("tests/web/", "tests/attack/test_browser.py")
FIRST = (
    "tests/process/test_crash.py",
    "tests/sdk/test_nextjs.py",
    *ONE_BROWSER,
    "tests/process/",
    "tests/sdk/",
    "tests/strangers/",
    "tests/testing/",
    "tests/cloud/tunnel/",
    "tests/server/test_own_app.py",
    "tests/tui/",
)


def place(path: str) -> int:
    """Which of the files that go first it belongs to; all others come after them, as they are."""
    return next((n for n, start in enumerate(FIRST) if path.startswith(start)), len(FIRST))


class WholeFiles(LoadFileScheduling):  # type: ignore[misc]
    """Gives a worker whole files, in the order of the collection."""

    def __init__(self, config: pytest.Config, log: object) -> None:
        config.option.loadscopereorder = False  # else the file with most tests would be the first
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(ONE_BROWSER):
            return "browser"
        file: str = super()._split_scope(nodeid)
        return file
