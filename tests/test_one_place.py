"""What is done in one place alone, since elsewhere a part of it would be forgotten."""

import pytest

from tests.house import PACKAGE, TASKS, calls, read

ENDS_WITH_THE_CALL = {
    "cli/commands/launch.py",
    "cloud/tunnel/ngrok.py",
    "transport/faults.py",
}
"""Where two things are waited for at once: both have ended when the function that made them has."""
OF_TESTS = "testing/"
"""What it reads was written by the server beside it."""


def callers(name: str) -> set[str]:
    """The modules that call something of this name."""
    return {
        module.path
        for module in read(PACKAGE)
        for called, _ in calls(module)
        if called.split(".")[-1] == name
    }


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("create_task", {TASKS}),
        ("ensure_future", ENDS_WITH_THE_CALL),
        ("run_coroutine_threadsafe", {"testing/blocking.py"}),
        ("TaskGroup", set()),
    ],
)
def test_a_bare_task_is_made_only_where_it_is_looked_after(name: str, allowed: set[str]) -> None:
    assert callers(name) == allowed


def test_json_is_read_where_deep_nesting_is_expected() -> None:
    elsewhere = {path for path in callers("loads") if not path.startswith(OF_TESTS)}
    assert elsewhere - importers("loads") == {"protocol/json_body.py", "config/file.py"}


def test_a_url_is_taken_apart_in_one_place() -> None:
    assert callers("urlsplit") | callers("urlparse") == {"protocol/urls.py"}


def importers(name: str) -> set[str]:
    """The modules that import something of this name from the place for it."""
    wanted = "from qstash_dev.protocol.json_body import "
    return {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        for line in path.read_text("utf-8").splitlines()
        if line.startswith(wanted) and name in line
    }
