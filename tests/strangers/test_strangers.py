"""Projects of strangers: from no tests to one of a mail that fails and is replayed.

Each is copied out of here and run by its own pytest. What belongs to the tests is counted: the app
itself has not a line for them. Nothing is waited for: `settle` gives up before the first retry (12 s).
"""

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.process.conftest import clean_environment

HERE = Path(__file__).parent
JAVASCRIPT = HERE / "javascript"
SET_UP_LINES = 5


def run(project: Path) -> subprocess.CompletedProcess[str]:
    """Its tests, as somebody runs them who has installed qstash-dev."""
    installed = ("-p", "qstash_dev.testing.plugin", "-p", "pytest_django.plugin")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *installed],
        cwd=project,
        env=clean_environment(PYTEST_DISABLE_PLUGIN_AUTOLOAD="1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", ["fastapi", "django"])
def test_a_mail_is_retried_dead_lettered_and_replayed_in_a_test_of_theirs(name, tmp_path) -> None:
    project = tmp_path / name
    shutil.copytree(HERE / name, project, ignore=shutil.ignore_patterns("__pycache__"))
    done = run(project)
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout


RUNNERS = {
    "jest": ("jest/bin/jest.js", "--config", "jest/jest.config.mjs", "--no-watchman"),
    "playwright": ("@playwright/test/cli.js", "test", "--config", "playwright"),
}


@pytest.fixture
def run_with(installed_runners: str, tmp_path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the JavaScript tests with one of the runners; the recipe is their global set-up."""

    def run_with(runner: str, **more: str) -> subprocess.CompletedProcess[str]:
        script, *args = RUNNERS[runner]
        own = clean_environment(
            NODE_OPTIONS="--experimental-vm-modules", PLAYWRIGHT_OUTPUT=str(tmp_path), **more
        )
        own["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{own['PATH']}"
        return subprocess.run(
            [installed_runners, f"node_modules/{script}", *args],
            cwd=JAVASCRIPT,
            env=own,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=100,
        )

    return run_with


@pytest.mark.parametrize("runner", RUNNERS)
def test_the_same_with_other_runners_of_javascript_which_end_by_themselves(run_with, runner):
    done = run_with(runner)
    if done.returncode != 0:
        pytest.fail(done.stdout, pytrace=False)


@pytest.mark.parametrize("name", ["fastapi", "django"])
def test_the_set_up_of_their_tests_is_a_few_lines(name) -> None:
    tree = ast.parse((HERE / name / "conftest.py").read_text())
    (fixture,) = (node for node in tree.body if isinstance(node, ast.FunctionDef))
    assert (fixture.end_lineno or 0) - fixture.lineno + 2 <= SET_UP_LINES  # with its decorator
