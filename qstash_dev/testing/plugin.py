"""The pytest plugin: `qstash` and `aqstash`, a server of the session that each test finds empty.

It is loaded by every pytest run of an environment that has qstash-dev, so it imports nothing before
a test asks for a server.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from qstash_dev.testing import AsyncQstash, Qstash
    from qstash_dev.testing.blocking import Loop

FAILED = pytest.StashKey[bool]()
EARLY = pytest.StashKey["Servers"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--qstash-record DIR`, and where fixtures are."""
    group = parser.getgroup("qstash-dev")
    group.addoption(
        "--qstash-record",
        metavar="DIR",
        help="Keep what the server of a failed test saw, for `qstash-dev import`.",
    )
    parser.addini("qstash_fixtures", "Folder of saved messages.", default="qstash-fixtures")
    parser.addini(
        "qstash_early",
        "Set the variables of the server before apps are imported, for those that read them then.",
        type="bool",
        default=False,
    )


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """With `qstash_early` the variables are there for the whole session, before any other plugin
    or conftest.py imports an app.
    """
    if not early_config.getini("qstash_early") or _has_workers(early_config):
        return
    servers = Servers(early_config.rootpath / early_config.getini("qstash_fixtures"))
    early_config.stash[EARLY] = servers
    early_config.add_cleanup(servers.close)
    environment = pytest.MonkeyPatch()
    early_config.add_cleanup(environment.undo)
    for name, value in servers.find({}).env.items():
        environment.setenv(name, value)


def _has_workers(config: pytest.Config) -> bool:
    """Whether the tests run in other processes (pytest-xdist), each with a server of its own."""
    return bool(getattr(config.known_args_namespace, "numprocesses", None))


def pytest_configure(config: pytest.Config) -> None:
    """The marker, so that `--strict-markers` knows it."""
    config.addinivalue_line(
        "markers",
        "qstash(hold=False, quota='payg', clock='frozen'): how the server of this test is set up.",
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember whether the test itself failed, for the record."""
    report = yield
    if report.when == "call":
        item.stash[FAILED] = report.failed
    return report


class Servers:
    """The servers of a session: one for each way to set it up, started when first asked for."""

    def __init__(self, fixtures: Path) -> None:
        self._fixtures = fixtures
        self._open = ExitStack()
        self._known: dict[tuple[str, ...], AsyncQstash] = {}
        self._loop: Loop | None = None

    def find(self, settings: dict[str, Any]) -> AsyncQstash:
        """The server with these settings."""
        options = [f"--quota={settings.get('quota', 'payg')}"]
        options.append("--hold" if settings.get("hold") else "--no-hold")
        key = tuple(options)
        if key not in self._known:
            self._known[key] = self._start(options)
        return self._known[key]

    @property
    def loop(self) -> Loop:
        """The loop of the calls that block."""
        if self._loop is None:
            from qstash_dev.testing.blocking import Loop

            self._loop = Loop()
            self._open.callback(self._loop.close)
        return self._loop

    def close(self) -> None:
        """End all of them."""
        self._open.close()

    def _start(self, options: list[str]) -> AsyncQstash:
        from qstash_dev.console import variables_of
        from qstash_dev.protocol.users import DEV_USERS
        from qstash_dev.testing import AsyncQstash
        from qstash_dev.testing.process import ServerProcess

        process = self._open.enter_context(ServerProcess(*options))
        return AsyncQstash(process.url, variables_of(process.url, DEV_USERS[0]), self._fixtures)


@pytest.fixture(scope="session")
def _qstash_servers(pytestconfig: pytest.Config) -> Iterator[Servers]:
    early = pytestconfig.stash.get(EARLY, None)
    if early is not None:
        yield early  # ends with the session
        return
    servers = Servers(pytestconfig.rootpath / pytestconfig.getini("qstash_fixtures"))
    yield servers
    servers.close()


@pytest.fixture
def aqstash(
    request: pytest.FixtureRequest, _qstash_servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> Iterator[AsyncQstash]:
    """A server without messages and with a frozen clock; its variables are in the environment."""
    settings = _settings(request.node.get_closest_marker("qstash"))
    server, loop = _qstash_servers.find(settings), _qstash_servers.loop
    loop.run(_begin(server, settings.get("clock", "frozen")))
    for name, value in server.env.items():
        monkeypatch.setenv(name, value)
    yield server
    directory = request.config.getoption("--qstash-record")
    if directory and request.node.stash.get(FAILED, False):
        _record(server, Path(directory), request.node.nodeid)


@pytest.fixture
def qstash(aqstash: AsyncQstash, _qstash_servers: Servers) -> Qstash:
    """The same as `aqstash`, without `await`."""
    from qstash_dev.testing import Qstash

    return Qstash(aqstash, _qstash_servers.loop)


def _settings(mark: pytest.Mark | None) -> dict[str, Any]:
    """What a marker asks for. Raises UsageError for what there is not."""
    if mark is None:
        return {}
    from qstash_dev.protocol.quota import QUOTAS

    known = {"hold": (False, True), "quota": tuple(QUOTAS), "clock": ("frozen", "real")}
    wrong = [*map(repr, mark.args)]
    wrong += [f"{name}={v!r}" for name, v in mark.kwargs.items() if v not in known.get(name, ())]
    if wrong:
        expected = ", ".join(f"{name}={' or '.join(map(repr, v))}" for name, v in known.items())
        raise pytest.UsageError(f"@pytest.mark.qstash takes no {wrong[0]}: expected {expected}.")
    return dict(mark.kwargs)


async def _begin(server: AsyncQstash, mode: str) -> None:
    await server.forget()
    async with server.client() as client:
        await client.clock({"mode": mode})


def _record(server: AsyncQstash, directory: Path, name: str) -> None:
    """By the command that people export with, so that `import` and the terminal UI take it."""
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / f"{re.sub(r'[^A-Za-z0-9.-]+', '_', name)}.json"
    command = [sys.executable, "-m", "qstash_dev", "export", str(file), "--url", server.url]
    subprocess.run(command, check=True, capture_output=True)
