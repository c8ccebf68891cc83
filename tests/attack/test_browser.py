"""What a web page can do to us: all that it can send, from a real browser, and what comes of it.

A new means is a new line of means.js, a new spelling of our address one more of OURS or OTHERS. One
browser for all, and one page for all spellings that are tried from one place.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, BrowserContext, Error

from qstash_dev.api.guard import CONSOLE
from qstash_dev.protocol.urls import Nearby
from tests.api.conftest import TOKENS, Api, StartApi, starting
from tests.browser import FOREIGN, KEPT, serving
from tests.conftest import App, running_app

pytestmark = pytest.mark.asyncio(loop_scope=KEPT)

TOKEN = TOKENS["defaultUser"]
SCRIPT = (Path(__file__).parent / "means.js").read_text("utf-8")
OURS = ["localhost", "localhost.", "foo.localhost", "127.0.0.1", "[::1]"]
WRITTEN_OUT = ["127.1", "2130706433", "0x7f000001", "0177.0.0.1"]
"""For these a browser sends 127.0.0.1."""
NAMES = ["host.docker.internal", FOREIGN]
"""Others than addresses: of these a container lets some in, but no browser."""
OTHERS = ["127.0.0.2", "0.0.0.0", "[::]", "[::ffff:127.0.0.1]", *NAMES]
ELSEWHERE = {
    "form batch": "batch",
    "read keys": "keys",
    "EventSource control": "events",
    **dict.fromkeys(["read control", "read control plainly"], "snapshot"),
    **dict.fromkeys(["reset by form", "reset by fetch", "beacon reset"], "reset"),
    "pause by no-cors": "pause",
    "clock by form": "clock",
}
"""Where the path of a means does not end with its name."""
BY_DESIGN = "fetch cors header"
"""What a page of this machine may do: it says the token in a header, and asks before it does."""


class Attacker:
    """A web server with a page that tries everything; `heard` is what callbacks told it."""

    def __init__(self, browser: BrowserContext, port: int) -> None:
        self._browser = browser
        self.port = port
        self.heard: list[str] = []

    async def attack(self, host: str, theres: list[str], app: App) -> list[dict[str, str | None]]:
        """Open the page as one of `host`; gives what it could read of each by each means."""
        query = "&".join(
            [
                "upstash-method=DELETE&upstash-retries=0",
                f"upstash-callback=http://127.0.0.1:{self.port}/told",
            ]
        )
        aim = {"destination": app.url, "query": query, "token": TOKEN}
        page = await self._browser.new_page()
        await page.goto(f"http://{host}:{self.port}/")
        attacks = "aims => Promise.all(aims.map(attack))"
        learnt = await page.evaluate(attacks, [{**aim, "there": there} for there in theres])
        await page.close()
        last = f"/v2/publish/{app.url}/navigation?{query}&qstash_token={TOKEN}"
        await asyncio.gather(*(self._navigate(host, there + last) for there in theres))
        found: list[dict[str, str | None]] = learnt
        return found

    async def _navigate(self, host: str, url: str) -> None:
        page = await self._browser.new_page()
        await page.goto(f"http://{host}:{self.port}/")
        with suppress(Error):  # for some addresses there is no way
            async with page.expect_navigation():
                await page.evaluate("url => { location = url }", url)
        await page.close()


@pytest_asyncio.fixture(loop_scope=KEPT)
async def app() -> AsyncIterator[App]:
    """As everywhere, in the loop of the browser."""
    async with running_app() as made:
        yield made


@pytest_asyncio.fixture(loop_scope=KEPT)
async def start_api() -> AsyncIterator[StartApi]:
    """As everywhere, in the loop of the browser."""
    async with starting(Api) as start:
        yield start


@pytest_asyncio.fixture(loop_scope=KEPT)
async def api(start_api: StartApi) -> Api:
    """A server with the default settings."""
    return await start_api()


@pytest_asyncio.fixture(loop_scope=KEPT)
async def attacker(chromium: Browser) -> AsyncIterator[Attacker]:
    """Another app of this machine, or somebody else: that depends on how its page is called."""

    async def serve(request: web.Request) -> web.Response:
        if request.path != "/":
            made.heard.append(request.path)
        text = f"<!doctype html><link rel=icon href=data:,><body><script>{SCRIPT}</script>"
        return web.Response(text=text, content_type="text/html")

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", serve)
    async with serving(application) as port, await chromium.new_context() as context:
        made = Attacker(context, port)
        yield made


async def state_of(api: Api) -> dict[str, Any]:
    """All that an attack could change."""
    snapshot = await api.ok("GET", "/_dev/snapshot")
    server, rows = snapshot["server"], snapshot["rows"]
    lists = {name: await api.ok("GET", f"/v2/{name}") for name in ("schedules", "topics", "queues")}
    messages = [row["id"] for row in rows]
    mode = (await api.ok("GET", "/_dev/clock"))["mode"]
    return {**lists, "messages": messages, "mode": mode, "paused": server["paused"]}


async def attack_all(
    attacker: Attacker, host: str, spellings: list[str], port: int, app: App
) -> set[tuple[str, str]]:
    """By which spelling of our address and by which means a page learnt more than that it may not."""
    theres = [f"http://{there}:{port}" for there in spellings]
    learnt: set[tuple[str, str]] = set()
    for spelling, found in zip(spellings, await attacker.attack(host, theres, app), strict=True):
        assert TOKEN not in str(found)
        read = {means: text for means, text in found.items() if text is not None}
        learnt |= {(spelling, means) for means, text in read.items() if text[:4] != "403 "}
    return learnt


@pytest.mark.parametrize(
    ("host", "spellings"), [(FOREIGN, OURS), (FOREIGN, OTHERS), ("localhost", OTHERS)]
)
async def test_a_page_does_nothing_and_learns_nothing(
    api: Api, app: App, attacker: Attacker, host: str, spellings: list[str]
) -> None:
    await api.publish("http://127.0.0.1:1/", delay="1h")
    before = await state_of(api)
    assert await attack_all(attacker, host, spellings, api.port, app) == set()
    assert await state_of(api) == before
    assert (app.requests, attacker.heard) == ([], [])


async def test_in_a_container_a_page_does_nothing_and_learns_nothing_either(
    start_api: StartApi, app: App, attacker: Attacker
) -> None:
    api = await start_api(container=True, nearby=Nearby(is_private=True))
    before = await state_of(api)
    assert await attack_all(attacker, FOREIGN, NAMES, api.port, app) == set()
    assert await state_of(api) == before
    assert (app.requests, attacker.heard) == ([], [])


async def test_a_page_of_this_machine_publishes_with_the_token_in_a_header_and_does_nothing_else(
    api: Api, app: App, attacker: Attacker
) -> None:
    before = await state_of(api)
    learnt = await attack_all(attacker, "localhost", OURS, api.port, app)
    assert learnt == {(spelling, BY_DESIGN) for spelling in OURS}
    rows = await api.wait("state:delivered", 2 * len(OURS))
    assert len(rows) == 2 * len(OURS)
    path = f"/{BY_DESIGN.replace(' ', '-')}"
    assert [(r.method, r.path) for r in app.requests] == [("DELETE", path)] * len(OURS)
    assert attacker.heard == ["/told"] * len(OURS)
    await api.ok("DELETE", "/_dev/messages?filter=state:delivered")
    assert await state_of(api) == before


async def test_a_server_that_lets_everybody_in_is_reached_by_all_of_these_means(
    app: App, attacker: Attacker
) -> None:
    """Else the tests above would prove nothing."""
    (found,) = await attacker.attack(FOREIGN, [f"http://127.0.0.1:{attacker.port}"], app)
    reached = {path.rpartition("/")[2] for path in attacker.heard}
    means = [*found, "navigation"]
    assert reached == {ELSEWHERE.get(name, name.replace(" ", "-")) for name in means}


async def test_other_spellings_of_an_address_are_written_out_by_the_browser(
    chromium: Browser,
) -> None:
    async with await chromium.new_context() as context:
        page = await context.new_page()
        script = "all => all.map((name) => new URL(`http://${name}/`).hostname)"
        assert set(await page.evaluate(script, WRITTEN_OUT)) == {"127.0.0.1"}


ASK = """async ([path, token]) => {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const answer = await fetch(path, { headers });
  return [answer.status, await answer.json()];
}"""


async def test_a_page_of_our_own_reads_and_orders(api: Api, chromium: Browser) -> None:
    async with await chromium.new_context() as context:
        page = await context.new_page()
        await page.goto(f"{api.url}/_dev/health")
        status, snapshot = await page.evaluate(ASK, ["/_dev/snapshot", ""])
        assert (status, snapshot["server"]["env"]["QSTASH_TOKEN"]) == (200, TOKEN)
        pause = "async () => (await fetch('/_dev/pause', { method: 'POST' })).status"
        assert await page.evaluate(pause) == 200
    assert (await api.ok("GET", "/_dev/snapshot"))["server"]["paused"]


async def test_the_hosted_console_reads_what_qstash_shows_and_nothing_of_ours(
    api: Api, chromium: Browser
) -> None:
    async with await chromium.new_context() as context:
        page = await context.new_page()
        await page.route(f"{CONSOLE}/**", lambda route: route.fulfill(body="the hosted console"))
        await page.goto(f"{CONSOLE}/qstash")
        for there in (api.url, f"http://localhost:{api.port}"):
            status, keys = await page.evaluate(ASK, [f"{there}/v2/keys", TOKEN])
            assert (status, list(keys)) == (200, ["current", "next"])
            with pytest.raises(Error, match="Failed to fetch"):
                await page.evaluate(ASK, [f"{there}/_dev/snapshot", TOKEN])
