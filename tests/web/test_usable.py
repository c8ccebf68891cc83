"""For everybody: checked by axe in light and dark, at 360 pixels, with views, pages and dialogs."""

from pathlib import Path

import pytest
from playwright.async_api import Page

from tests.sdk.conftest import node_for
from tests.web.conftest import KEPT, Desk, have, rows

pytestmark = pytest.mark.asyncio(loop_scope=KEPT)

HERE = Path(__file__).parent
RULES = """async ([css, rules]) => {
  const { violations } = await axe.run(css, { resultTypes: ["violations"], ...rules });
  return violations.map(({ id, nodes }) =>
    `${id}: ${nodes.map((node) => node.html).join(" ").slice(0, 600)}`);
}"""
COLOURS = {"runOnly": ["color-contrast"]}
TOO_WIDE = """() => [...document.querySelectorAll("body *")].filter((element) =>
  element.getBoundingClientRect().right > innerWidth + 1 &&
  !element.closest("#views, [role=tablist], .content, pre, .body")).map((one) => one.outerHTML)"""


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The checks, as a script."""
    node_for(HERE, tmp_path_factory)
    return (HERE / "node_modules/axe-core/axe.min.js").read_text("utf-8")


async def test_nobody_is_left_out(desk: Desk, axe: str) -> None:
    await fill(desk)
    page = await desk.tab(context=await desk.profile(bypass_csp=True))
    await page.evaluate(axe)
    await have(page, 3)
    await check(page, "list", "html")
    for view in "2478":
        await page.keyboard.press(view)
        await rows(page).first.click()
        await page.locator("#detail .page > *").first.wait_for()
        await check(page, view, "html" if view == "8" else "main")
        await page.keyboard.press("Escape")
    await page.keyboard.press("1")
    await rows(page, "/api/broken").click()
    for tab in ("Overview", "Request", "Response", "Attempts", "Signature", "Tree"):
        await page.get_by_role("tab", name=tab).click()
        await check(page, tab, "#detail")
    for key in "?sf":
        await page.keyboard.press(key)
        await page.get_by_role("dialog").wait_for()
        await check(page, key, "dialog")
        await page.keyboard.press("Escape")


async def check(page: Page, place: str, css: str) -> None:
    """What is in sight there: the whole page on a phone and on a desk, a part of it on a phone.

    Nothing but the colours is another in the dark.
    """
    for width in (360, 1280) if css == "html" else (360,):
        await page.set_viewport_size({"width": width, "height": 740})
        await page.emulate_media(color_scheme="light")
        assert (place, width, await page.evaluate(RULES, [css, {}])) == (place, width, [])
        assert (place, width, await page.evaluate(TOO_WIDE)) == (place, width, [])
        await page.emulate_media(color_scheme="dark")
        assert (place, "dark", await page.evaluate(RULES, [css, COLOURS])) == (place, "dark", [])


async def fill(desk: Desk) -> None:
    """One of everything."""
    url = desk.app.answers("/api/a-long-name-for-an-endpoint/of-a-shop", 200)
    broken = desk.app.answers("/api/broken", {"status": 500, "body": b'{"error": ["x", 1, null]}'})
    await desk.api.publish(broken, b'{"order": 1}', retries=0, label="shop")
    when = {"Upstash-Cron": "0 9 * * 1", "Upstash-Schedule-Id": "weekly"}
    await desk.api.ok("POST", f"/v2/schedules/{url}", headers=when)
    later = {
        "Upstash-Delay": "1d",
        "Upstash-Flow-Control-Key": "per-user",
        "Upstash-Flow-Control-Value": "rate=3,period=1m",
    }
    await desk.api.ok("POST", f"/v2/enqueue/mail/{url}", headers=later)
    await desk.endpoint("everybody", url)
    await desk.api.ok("POST", f"/v2/trigger/{url}", headers={"Upstash-Retries": "0"})
    await desk.api.wait("state:failed", 2)
