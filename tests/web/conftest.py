"""One browser, one page and one server for all tests of the page; each test finds the server empty.

Whatever is waited for is looked for often: what Playwright's own `expect` waits between two looks adds
up to more than the tests take. But not at every frame, since to ask for one makes the browser draw it.
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
from tests.patience import PATIENCE_MS

LOOK_MS = 20
__all__ = ["KEPT", "Desk", "api", "chromium", "desk", "kept_desk", "start_api"]

COUNT = """([count, text]) => [...document.querySelectorAll("#rows .body > .row:not([hidden])")]
  .filter((row) => row.textContent.includes(text)).length === count"""
TEXTS = """[...document.querySelectorAll(css)].map((element) =>
  element.matches("input, textarea, select, option") ? element.value : element.textContent)"""
SHOWS = f"([css, wanted]) => {TEXTS}.some((text) => wanted.every((one) => text.includes(one)))"
IS = f"([css, wanted]) => {TEXTS}.includes(wanted)"
SAID = """(text) => {
  const note = [...document.querySelectorAll("#said p")].find((one) => one.textContent.includes(text));
  note?.querySelector("[aria-label='Close this note']").click();
  return Boolean(note);
}"""
# By the page itself: the browser may be asked to reload before it knows the new address.
AGAIN_AT = """(url) => {
  window.isLeft = true;
  history.replaceState(null, "", url);
  location.reload();
}"""
AT = "(end) => location.href.endsWith(end)"


def rows(page: Page, text: str = "") -> Locator:
    """The rows in sight that contain a text."""
    return page.locator("#rows .body > .row:visible", has_text=text)


async def have(page: Page, count: int, text: str = "") -> None:
    """Until so many rows contain a text."""
    await _until(page, COUNT, [count, text])


async def shows(page: Page, css: str, *texts: str) -> None:
    """Until an element contains the texts; what stands in a field counts as its text."""
    await _until(page, SHOWS, [css, texts])


async def is_(page: Page, css: str, text: str) -> None:
    """Until an element has this text and no other."""
    await _until(page, IS, [css, text])


async def is_at(page: Page, end: str) -> None:
    """Until the address ends so."""
    await _until(page, AT, end)


async def said(page: Page, text: str) -> None:
    """Until the page says so; then the note is closed, so that the next is not taken for it."""
    await _until(page, SAID, text)


async def _until(page: Page, found: str, arg: object) -> None:
    await page.wait_for_function(found, arg=arg, polling=LOOK_MS)


class Desk:
    """A server, an app, and a browser profile in front of them. `open` gives the page at a place."""

    def __init__(self, api: Api, app: App, context: BrowserContext) -> None:
        self.api = api
        self.app = app
        self.context = context
        self.faults: list[str] = []
        self._contexts: list[BrowserContext] = []
        self._kept: Page | None = None

    async def open(self, place: str = "") -> Page:
        """The kept page, loaded anew. What goes wrong in it is kept in `faults`."""
        if self._kept is None:
            self._kept = await self._watched(self.context)
        await self._go(self._kept, place)
        return self._kept

    async def tab(self, place: str = "", *, context: BrowserContext | None = None) -> Page:
        """One more page for this test alone, of the kept browser profile or another one."""
        page = await self._watched(context or self.context)
        await self._go(page, place)
        return page

    async def profile(self, **options: Any) -> BrowserContext:
        """A browser profile for this test alone: that costs a process."""
        assert self.context.browser
        self._contexts.append(await self.context.browser.new_context(**options))
        return self._contexts[-1]

    async def _watched(self, context: BrowserContext) -> Page:
        page = await context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", self._told)
        return page

    async def _go(self, page: Page, place: str) -> None:
        there = f"{self.api.url}/_dev/"
        if page.url.startswith(there):
            await page.evaluate(AGAIN_AT, there + place)
            await _until(page, "() => !window.isLeft", None)
        else:
            await page.goto(there + place, wait_until="commit")
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
        """Close what the test opened, forget the messages."""
        for context in self._contexts:
            await context.close()
        self._contexts.clear()
        for page in self.context.pages:
            if page is not self._kept:
                await page.close()
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
        context = await chromium.new_context()
        await context.grant_permissions(["clipboard-read", "clipboard-write"])
        yield Desk(api, app, context)
        await context.close()


@pytest_asyncio.fixture(loop_scope=KEPT)
async def desk(kept_desk: Desk) -> AsyncIterator[Desk]:
    """An empty server and no open page; fails if a page complained."""
    yield kept_desk
    await kept_desk.clear()
    faults, kept_desk.faults = kept_desk.faults, []
    assert faults == []
