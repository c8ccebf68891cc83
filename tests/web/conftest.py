"""One browser, one page and one server for all tests of the page; each test finds the server empty.

Whatever is waited for is looked for at every frame: what Playwright's own `expect` waits between two
looks adds up to more than the tests take.
"""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Locator, Page

from tests.api.conftest import TOKENS, Api, api, start_api, starting
from tests.browser import KEPT, chromium
from tests.conftest import App, running_app

PATIENCE_MS = 60_000
__all__ = ["KEPT", "Desk", "api", "chromium", "desk", "kept_desk", "start_api"]

COUNT = """([count, text]) => [...document.querySelectorAll("#rows .body > .row:not([hidden])")]
  .filter((row) => row.textContent.includes(text)).length === count"""
TEXTS = """[...document.querySelectorAll(css)].map((element) =>
  element.matches("input, textarea, select, option") ? element.value : element.textContent)"""
SHOWS = f"([css, wanted]) => {TEXTS}.some((text) => wanted.every((one) => text.includes(one)))"
IS = f"([css, wanted]) => {TEXTS}.includes(wanted)"
GONE = "(css) => document.querySelector(css) === null"
AT = "(end) => location.href.endsWith(end)"


def rows(page: Page, text: str = "") -> Locator:
    """The rows in sight that contain a text."""
    return page.locator("#rows .body > .row:visible", has_text=text)


async def have(page: Page, count: int, text: str = "") -> None:
    """Until so many rows contain a text."""
    await page.wait_for_function(COUNT, arg=[count, text])


async def shows(page: Page, css: str, *texts: str) -> None:
    """Until an element contains the texts; what stands in a field counts as its text."""
    await page.wait_for_function(SHOWS, arg=[css, texts])


async def is_(page: Page, css: str, text: str) -> None:
    """Until an element has this text and no other."""
    await page.wait_for_function(IS, arg=[css, text])


async def gone(page: Page, css: str) -> None:
    """Until there is no such element."""
    await page.wait_for_function(GONE, arg=css)


async def is_at(page: Page, end: str) -> None:
    """Until the address ends so."""
    await page.wait_for_function(AT, arg=end)


class Desk:
    """A server, an app, and a browser in front of them. `open` gives the page at a place."""

    def __init__(self, api: Api, app: App, browser: Browser) -> None:
        self.api = api
        self.app = app
        self.browser = browser
        self.faults: list[str] = []
        self._contexts: list[BrowserContext] = []
        self._kept: Page | None = None
        self._is_free = True

    async def open(self, place: str = "", **options: Any) -> Page:
        """The kept page, loaded anew; with options or beside it, one of a browser profile of its own.

        What goes wrong in it is kept in `faults`.
        """
        if options or not self._is_free:
            context = await self.browser.new_context(**options)
            self._contexts.append(context)
            return await self.tab(context, place)
        self._is_free = False
        if self._kept is None:
            context = await self.browser.new_context()
            await context.grant_permissions(["clipboard-read", "clipboard-write"])
            self._kept = await self._watched(context)
        await self._go(self._kept, place)
        return self._kept

    async def tab(self, context: BrowserContext, place: str = "") -> Page:
        """One more page of a profile, for this test alone."""
        page = await self._watched(context)
        await self._go(page, place)
        return page

    async def _watched(self, context: BrowserContext) -> Page:
        page = await context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", self._told)
        return page

    async def _go(self, page: Page, place: str) -> None:
        await page.goto(f"{self.api.url}/_dev/{place}")
        await shows(page, "#status span", f":{self.api.port}")

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
        """Leave the page, close the others, forget the messages."""
        for context in self._contexts:
            await context.close()
        self._contexts.clear()
        if self._kept is not None:
            for page in self._kept.context.pages:
                await (page.goto("about:blank") if page is self._kept else page.close())
        self._is_free = True
        await self.api.ok("POST", "/_dev/clock", json={"mode": "real"})
        await self.api.ok("POST", "/_dev/resume")
        await self.api.ok("POST", "/_dev/reset")
        self.app.forget()


@pytest_asyncio.fixture(scope=KEPT, loop_scope=KEPT)
async def kept_desk(chromium: Browser) -> AsyncIterator[Desk]:
    """Started once."""
    async with AsyncExitStack() as stack:
        app = await stack.enter_async_context(running_app())
        start = await stack.enter_async_context(starting(Api))
        api = await start(app_url=app.url)
        yield Desk(api, app, chromium)


@pytest_asyncio.fixture(loop_scope=KEPT)
async def desk(kept_desk: Desk) -> AsyncIterator[Desk]:
    """An empty server and no open page; fails if a page complained."""
    yield kept_desk
    await kept_desk.clear()
    faults, kept_desk.faults = kept_desk.faults, []
    assert faults == []
