"""Work that nobody waits for has one place: there it has a name, a log, and another trial."""

import ast
from pathlib import Path

import pytest

import qstash_dev

PACKAGE = Path(qstash_dev.__file__).parent
ONE_PLACE = "engine/tasks.py"
ENDS_WITH_THE_CALL = {
    "cli/commands/launch.py",
    "cloud/tunnel/ngrok.py",
    "transport/faults.py",
}
"""Where two things are waited for at once: both have ended when the function that made them has."""


def calls(name: str) -> set[str]:
    """The modules that call something of this name."""
    return {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and name in (getattr(node.func, "attr", None), getattr(node.func, "id", None))
    }


@pytest.mark.parametrize(
    ("name", "allowed"),
    [("create_task", {ONE_PLACE}), ("ensure_future", ENDS_WITH_THE_CALL)],
)
def test_a_bare_task_is_made_only_where_it_is_looked_after(name: str, allowed: set[str]) -> None:
    assert calls(name) == allowed
