"""The file that people copy into a JavaScript project, in a run of Vitest as they would have it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.process.conftest import clean_environment

HERE = Path(__file__).parent
PROJECT = HERE / "js" / "recipe"
VITEST = HERE / "js" / "node_modules" / "vitest" / "vitest.mjs"


def vitest(node, *args, project=PROJECT, **more):
    own = clean_environment(NEXT_TELEMETRY_DISABLED="1")
    own["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{own['PATH']}"
    return subprocess.run(
        [node, VITEST, "run", *args],
        cwd=project,
        env={**own, **more},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def test_vitest_finds_a_server_that_it_started(node):
    ran = vitest(node, VITEST_MIN_FORKS="2", VITEST_MAX_FORKS="4")  # as where there are more cores
    if ran.returncode != 0:
        pytest.fail(ran.stdout, pytrace=False)


def test_without_the_command_it_says_what_to_install(node):
    ran = vitest(node, QSTASH_DEV_COMMAND="qstash-dev-that-is-not-here")
    assert ran.returncode != 0
    assert "Is it installed?" in ran.stdout


@pytest.mark.timeout(300)
def test_a_next_app_is_tested_with_one_line_of_config_and_one_short_file(node, next_app, tmp_path):
    project, report = HERE / "nextjs" / "vitest", tmp_path / "report.json"
    ran = vitest(node, "--reporter=json", f"--outputFile={report}", project=project)
    if ran.returncode != 0:
        pytest.fail(ran.stdout + report.read_text(), pytrace=False)
    (file,) = json.loads(report.read_text())["testResults"]
    (case,) = file["assertionResults"]
    assert case["status"] == "passed"  # without a wait: `settle` gives up before the first retry
    body = (project / "next-app.mjs").read_text().partition("async () => {\n")[2]
    assert len(body.partition("\n};")[0].splitlines()) <= 5
