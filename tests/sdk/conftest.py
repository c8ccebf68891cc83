"""The official SDKs, unmodified, on a real server."""

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from qstash import AsyncQStash, QStash

JAVASCRIPT = Path(__file__).parent / "js"
NEXTJS = Path(__file__).parent / "nextjs"


class InThread:
    """A synchronous client that is awaited like the asynchronous one, so that tests fit both."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        if not callable(found):
            return InThread(found)
        return lambda *args, **options: asyncio.to_thread(found, *args, **options)


@pytest.fixture(params=["sync", "async"])
async def qstash(request: pytest.FixtureRequest, server: Any) -> AsyncIterator[Any]:
    """The Python SDK's client, both kinds of it; every call is awaited."""
    token, url = server.env["QSTASH_TOKEN"], server.env["QSTASH_URL"]
    if request.param == "sync":
        client = QStash(token, base_url=url, retry=False)
        yield InThread(client)
        client.http._client.close()
    else:
        other = AsyncQStash(token, base_url=url, retry=False)
        yield other
        await other.http._client.aclose()


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The path of Node, with the JavaScript SDK installed; skips the test where there is none.

    `QSTASH_DEV_REQUIRE_NODE=1` makes it fail instead.
    """
    return node_for(JAVASCRIPT, tmp_path_factory)


@pytest.fixture(scope="session")
def next_app(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The path of Node, with Next.js installed; skips the test where nobody asked for it."""
    asked = _is_required() or (NEXTJS / "node_modules").exists()
    if not asked:
        pytest.skip("Next.js is large: run `npm ci` in tests/sdk/nextjs to test with it")
    return node_for(NEXTJS, tmp_path_factory)


def node_for(project: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The path of Node, with what a project asks for installed; skips, or fails if it is required."""
    found, npm = shutil.which("node"), shutil.which("npm")
    if found is None or npm is None:
        return _without_node("node and npm are not installed")
    # One worker of xdist installs, the others wait for it.
    with FileLock(tmp_path_factory.getbasetemp().parent / f"{project.name}.lock"):
        error = _install(npm, project)
    return found if error is None else _without_node(error)


def _install(npm: str, project: Path) -> str | None:
    """Install what the lock file names, unless it is there; returns what went wrong."""
    installed = _versions(project / "node_modules" / ".package-lock.json")
    asked = json.loads((project / "package.json").read_text("utf-8"))["dependencies"]
    # Not all that is named is for this machine, but what the tests ask for themselves is.
    is_whole = {f"node_modules/{name}" for name in asked} <= installed.keys()
    if is_whole and installed.items() <= _versions(project / "package-lock.json").items():
        return None
    command = [npm, "ci", "--no-audit", "--no-fund"]
    ran = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    return None if ran.returncode == 0 else f"npm ci failed: {ran.stderr[-2000:]}"


def _versions(lock: Path) -> dict[str, str]:
    """The packages in a lock file of npm; none if there is no such file."""
    if not lock.exists():
        return {}
    packages = json.loads(lock.read_text("utf-8"))["packages"]
    return {name: package["version"] for name, package in packages.items() if name}


def _is_required() -> bool:
    return os.environ.get("QSTASH_DEV_REQUIRE_NODE") == "1"


def _without_node(reason: str) -> str:
    if _is_required():
        pytest.fail(reason)
    pytest.skip(reason)
