"""The JavaScript SDK: each file of tests in `js` runs in Node against a real server."""

import subprocess
from pathlib import Path

import pytest

from tests.process.conftest import clean_environment

FILES = Path(__file__).parent / "js"
ADOPTION = ("adoption.test.mjs", "instrumentation.test.mjs")
SHARED = sorted(f.name for f in FILES.glob("*.test.mjs") if f.name not in ADOPTION)


def run_node(node, name, **variables):
    ran = subprocess.run(
        [node, "--test-reporter=spec", name],
        cwd=FILES,
        env=clean_environment(**variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if ran.returncode != 0:
        pytest.fail(f"{name} failed:\n{ran.stdout}", pytrace=False)


# The SDK takes seconds to decode megabytes, and does so in each step.
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", SHARED)
def test_the_javascript_sdk_works_with_the_printed_variables(node, server, name):
    run_node(node, name, **server.env)


@pytest.mark.parametrize("name", ADOPTION)
def test_an_app_that_sets_only_qstash_dev_adopts_the_server(node, server, tmp_path, name):
    run_node(
        node,
        name,
        QSTASH_DEV="true",
        QSTASH_DEV_PORT=str(server.port),
        HOME=str(tmp_path),
    )
