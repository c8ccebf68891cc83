"""The Go SDK, unmodified, and the JWT libraries that Go apps verify with."""

import asyncio
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

MODULE = Path(__file__).parent / "go"


@pytest.fixture(scope="session")
def go() -> str:
    """The path of Go; skips the test where there is none.

    `QSTASH_DEV_REQUIRE_GO=1` makes it fail instead.
    """
    found = shutil.which("go")
    if found is None:
        if os.environ.get("QSTASH_DEV_REQUIRE_GO") == "1":
            pytest.fail("go is not installed")
        pytest.skip("go is not installed")
    return found


@pytest.mark.timeout(600)  # the first time all of it is compiled
async def test_the_go_sdk_and_both_golang_jwt_work_with_the_server(go: str, server: Any) -> None:
    process = await asyncio.create_subprocess_exec(
        *(go, "test", "-count=1", "-v", "./..."),
        cwd=MODULE,
        env={**os.environ, **server.env},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    assert said.count(b"--- PASS") == 5
