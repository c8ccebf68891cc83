"""A TUI on the played server, run headless; time and zone are fixed. And a real server."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC
from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot

from qstash_dev.client import Client
from qstash_dev.config import Config
from qstash_dev.server import Server
from qstash_dev.tui.app import QstashApp
from tests.tui.world import World

Open = Callable[..., AbstractAsyncContextManager[Pilot[int]]]


class Person(Pilot[int]):
    """Someone at the keyboard who looks when all that was typed has arrived."""

    async def press(self, *keys: str) -> None:
        """Type, and wait for what opens."""
        await super().press(*keys)
        keyboard = self.app.keyboard  # type: ignore[attr-defined]
        await until(self, lambda: keyboard.is_idle or self.app._exit)


async def until(pilot: Pilot[Any], true: Callable[[], bool]) -> None:
    """Let the app work until something holds; the test's time limit ends what never does."""
    while not true():
        await pilot.pause(0.01)


def make_app(url: str, **options: Any) -> QstashApp:
    """An app whose clock stands still."""
    fixed: dict[str, Any] = {"monotonic": lambda: 0.0, "zone": UTC, "environment": {}}
    return QstashApp(Client(url), **{**fixed, **options})


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def tui(world: World) -> Open:
    """Open the app on the world, and wait until it shows all."""

    @asynccontextmanager
    async def open(size: tuple[int, int] = (120, 24), **options: Any) -> AsyncIterator[Pilot[int]]:
        async with world.open() as url:
            app = make_app(url, **options)
            async with app.client, app.run_test(size=size) as pilot:
                await until(pilot, lambda: app.settled)
                yield Person(pilot.app)

    return open


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    """Of a real server, in this process."""
    server = Server(Config(port=0, data_dir=None))
    await server.start()
    async with Client(server.started.url, server.started.user.token) as client:
        yield client
    await server.stop()


def point(app: QstashApp, kind: type[events.MouseEvent], x: int, y: int) -> None:
    """As the terminal tells of it; the pilot's clicks go past the app."""
    assert app._driver is not None
    app._driver.process_message(kind(None, x, y, 0, 0, 1, False, False, False, x, y))
