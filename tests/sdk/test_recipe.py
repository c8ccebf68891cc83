"""The file that people copy into a JavaScript project, in a run of Vitest as they would have it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.process.conftest import clean_environment

PROJECT = Path(__file__).parent / "js" / "recipe"


def vitest(node, **more):
    own = clean_environment()
    own["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{own['PATH']}"
    return subprocess.run(
        [node, "../node_modules/vitest/vitest.mjs", "run"],
        cwd=PROJECT,
        env={**own, **more},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def test_vitest_finds_a_server_that_it_started(node):
    ran = vitest(node)
    if ran.returncode != 0:
        pytest.fail(ran.stdout, pytrace=False)


def test_without_the_command_it_says_what_to_install(node):
    ran = vitest(node, QSTASH_DEV_COMMAND="qstash-dev-that-is-not-here")
    assert ran.returncode != 0
    assert "Is it installed?" in ran.stdout
