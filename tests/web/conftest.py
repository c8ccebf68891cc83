"""One browser and one server for all tests of the page; each test finds the server empty."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any, Literal

import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, expect

from tests.api.conftest import TOKENS, Api, api, start_api, starting
from tests.browser import launched
from tests.conftest import App, running_app

PATIENCE_MS = 20_000
__all__ = ["Desk", "api", "desk", "kept_desk", "start_api"]

KEPT: Literal["session"] = "session"
"""The scope of what is started once."""


COUNT = """([count, text]) => [...document.querySelectorAll("#rows .body > .row:not([hidden])")]
  .filter((row) => row.textContent.includes(text)).length === count"""


def rows(page: Page, text: str = "") -> Locator:
    """The rows in sight that contain a text."""
    return page.locator("#rows .body > .row:visible", has_text=text)


async def have(page: Page, count: int, text: str = "") -> None:
    """Until so many rows contain a text."""
    await page.wait_for_function(COUNT, arg=[count, text])


async def shows(element: Locator, text: str) -> None:
    """Until it contains a text. Looks at every frame: what `expect` waits between looks adds up."""
    await element.filter(has_text=text).first.wait_for()


class Desk:
    """A server, an app, and a browser in front of them. `open` gives the page at a place."""

    def __init__(self, api: Api, app: App, browser: Browser) -> None:
        self.api = api
        self.app = app
        self.browser = browser
        self.faults: list[str] = []
        self._contexts: list[BrowserContext] = []

    async def open(self, place: str = "", **options: Any) -> Page:
        """A page in a browser profile of its own; what goes wrong in it is kept in `faults`."""
        context = await self.browser.new_context(**options)
        self._contexts.append(context)
        await context.grant_permissions(["clipboard-read", "clipboard-write"])
        return await self.tab(context, place)

    async def tab(self, context: BrowserContext, place: str = "") -> Page:
        """One more page of a profile."""
        page = await context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", self._told)
        await page.goto(f"{self.api.url}/_dev/{place}")
        await page.locator("#status span").first.wait_for()
        return page

    def _told(self, message: ConsoleMessage) -> None:
        # A refusal of the server is no fault of the page.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.faults.append(message.text)

    async def endpoint(self, group: str, url: str) -> None:
        """Put an endpoint into a URL group; that is answered in plain text."""
        document = json.dumps({"endpoints": [{"url": url, "name": "first"}]}).encode()
        head = f"POST /v2/topics/{group}/endpoints HTTP/1.1\r\nHost: {self.api.host}\r\n"
        head += f"Authorization: Bearer {TOKENS['defaultUser']}\r\n"
        head += f"Content-Length: {len(document)}\r\n\r\n"
        await self.api.raw(head.encode() + document)

    async def clear(self) -> None:
        """Close the pages, forget the messages."""
        for context in self._contexts:
            await context.close()
        self._contexts.clear()
        await self.api.ok("POST", "/_dev/clock", json={"mode": "real"})
        await self.api.ok("POST", "/_dev/resume")
        await self.api.ok("POST", "/_dev/reset")
        self.app.forget()


@pytest_asyncio.fixture(scope=KEPT, loop_scope=KEPT)
async def kept_desk() -> AsyncIterator[Desk]:
    """Started once."""
    expect.set_options(timeout=PATIENCE_MS)
    async with AsyncExitStack() as stack:
        app = await stack.enter_async_context(running_app())
        start = await stack.enter_async_context(starting(Api))
        api = await start(app_url=app.url)
        yield Desk(api, app, await stack.enter_async_context(launched()))


@pytest_asyncio.fixture(loop_scope=KEPT)
async def desk(kept_desk: Desk) -> AsyncIterator[Desk]:
    """An empty server and no open page; fails if a page complained."""
    yield kept_desk
    await kept_desk.clear()
    faults, kept_desk.faults = kept_desk.faults, []
    assert faults == []
