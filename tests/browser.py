"""A real Chromium and pages for it. Debian's, driven by Playwright; no browser of Playwright's own."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, async_playwright

KEPT: Literal["session"] = "session"
"""The scope of what is started once; what speaks with the browser runs in this loop."""

QUIETLY = (
    *("--no-sandbox", "--disable-gpu", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
FOREIGN = "foreign.example"
"""A name that leads to this machine in the browser, as a rebound one would."""
OPEN = "LocalNetworkAccessChecks"
"""Off, public pages ask this machine without a question to the user, as other browsers do."""
CHEAPLY = (
    *("--in-process-gpu", "--renderer-process-limit=1", "--disable-site-isolation-trials"),
    f"--disable-features={OPEN},SpareRendererForSitePerProcess",
)
"""Few processes: to start one for every site costs more than all that the pages do."""
NAMES = f"--host-resolver-rules=MAP {FOREIGN} 127.0.0.1, MAP host.docker.internal 127.0.0.1"


@asynccontextmanager
async def launched() -> AsyncIterator[Browser]:
    """A browser; skips the test where there is none.

    `QSTASH_DEV_REQUIRE_BROWSER=1` makes it fail instead.
    """
    found = shutil.which("chromium")
    if found is None:
        said = "Debian's chromium is not installed"
        required = os.environ.get("QSTASH_DEV_REQUIRE_BROWSER") == "1"
        pytest.fail(said) if required else pytest.skip(said)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=found, args=[*QUIETLY, *CHEAPLY, NAMES]
        )
        yield browser
        await browser.close()


@pytest_asyncio.fixture(scope=KEPT, loop_scope=KEPT)
async def chromium() -> AsyncIterator[Browser]:
    """Started once."""
    async with launched() as browser:
        yield browser


@asynccontextmanager
async def serving(application: web.Application) -> AsyncIterator[int]:
    """Serve pages on IPv4 loopback; gives the port."""
    runner: Any = web.AppRunner(application, access_log=None, shutdown_timeout=0.01)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner.addresses[0][1]
    await runner.cleanup()
