"""A Python script in a network of its own, which has nothing but a loopback that is down."""

import asyncio
import shutil
import sys

import pytest

needs_unshare = pytest.mark.skipif(
    shutil.which("unshare") is None, reason="there is no unshare here"
)


async def run_alone(script: str) -> tuple[bytes, bytes]:
    """What it printed, and its errors. Skips the test where nobody may make such a network."""
    process = await asyncio.create_subprocess_exec(
        *("unshare", "--map-root-user", "--net", sys.executable, "-c", script),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, error = await process.communicate()
    if b"unshare" in error:
        pytest.skip("this user may not make a network of its own")
    return said, error
