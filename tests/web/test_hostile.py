"""Whatever bytes a message is made of, the page shows them as text, and nothing of them acts."""

import base64
import json

import pytest
from playwright.async_api import Page

from tests.web.conftest import KEPT, Desk, is_, shows

pytestmark = pytest.mark.asyncio(loop_scope=KEPT)

MARKUP = "<img src=x onerror=hacked()><script>hacked()</script><svg onload=hacked()>"
HIDDEN = "a\u202eb\u200bc\x1b[31md\x9be\U000e0041f"
SHOWN = "a·b·c␛[31md·e·f"
INJECTED = ":is(#rows, #detail, #said, #views, dialog) :is(img, script, svg, iframe, object, embed)"
SHOWN_IN = "#detail .page"
WATCH = """() => {
  window.broken = [];
  window.hacked = () => window.broken.push("code ran");
  const broken = ({ violatedDirective }) => window.broken.push(violatedDirective);
  document.addEventListener("securitypolicyviolation", broken);
}"""


async def is_harmless(page: Page) -> None:
    assert await page.locator(INJECTED).count() == 0
    assert await page.evaluate("window.broken") == []
    links = await page.eval_on_selector_all(
        "main a", "all => all.map((a) => a.getAttribute('href'))"
    )
    assert [link for link in links if not link.startswith("#/")] == []


async def test_every_part_of_a_message_is_text(desk: Desk) -> None:
    answer = {
        "status": 500,
        "body": MARKUP.encode() + HIDDEN.encode(),
        "headers": {"Content-Type": "text/html", "X-Answer": MARKUP},
    }
    url = desk.app.answers("/hostile", answer) + "?q='\"><script>hacked()</script>"
    item = {
        "destination": url,
        "queue": "queue-1",
        "body": json.dumps({MARKUP: HIDDEN}, ensure_ascii=False),
        "headers": {
            "Upstash-Retries": "0",
            "Upstash-Label": "<b>label</b>",
            "Upstash-Forward-X-'*+^`|~": MARKUP,
            "Upstash-Forward-X-Name": MARKUP,
            "Content-Type": MARKUP,
        },
    }
    ((made,),) = [await desk.api.ok("POST", "/v2/batch", json=[item])]
    await desk.api.wait("state:failed")
    page = await desk.open()
    await page.evaluate(WATCH)
    await page.locator("#rows .body > .row:visible").first.click()
    await shows(page, SHOWN_IN, MARKUP)
    await shows(page, SHOWN_IN, SHOWN)
    for tab in ("Request", "Response", "Attempts", "Signature", "Tree", "Overview"):
        await page.get_by_role("tab", name=tab).click()
        await is_harmless(page)
    for view in "56":
        await page.keyboard.press(view)
        await page.locator("#rows .body > .row:visible").first.click()
        await page.locator("#detail .page .link").first.wait_for()
        await is_harmless(page)
    await page.goto(f"{desk.api.url}/_dev/#/messages/{made['messageId']}{MARKUP}")
    await page.evaluate(WATCH)
    await shows(page, SHOWN_IN, "not found")
    await is_harmless(page)


REACH = """<!doctype html><meta http-equiv=refresh content="0;url={there}/refresh">
<link rel=stylesheet href="{there}/style"><script src="{there}/script"></script>
<script>parent.postMessage("ran", "*"); top.hacked()</script><img src="{there}/image">
<iframe src="{there}/frame"></iframe><form action="{there}/form"><button>go</button></form>
<a href="{there}/link" target=_top>link</a><p>what it says</p>"""


async def test_a_body_that_is_a_page_reaches_nothing_when_it_is_shown(desk: Desk) -> None:
    there = desk.app.url
    answer = {"body": REACH.format(there=there).encode(), "headers": {"Content-Type": "text/html"}}
    id = await desk.api.publish(desk.app.answers("/page", answer))
    await desk.api.wait("state:delivered")
    page = await desk.open(f"#/messages/{id}")
    await page.evaluate("() => { onmessage = window.hacked = () => { document.title = 'hacked' } }")
    await shows(page, "#detail .content", "<!doctype html>")
    await page.get_by_role("button", name="Show as a page").click()
    frame = page.frame_locator("#detail iframe")
    await frame.get_by_text("what it says").wait_for()
    await frame.get_by_role("button").click()
    await frame.get_by_role("link").click()
    await frame.get_by_text("what it says").wait_for()
    assert [request.path for request in desk.app.requests] == ["/page"]
    assert "hacked" not in await page.title()
    desk.faults.clear()  # the browser told what the policy kept from happening


async def test_a_large_body_is_folded_searched_and_exact(desk: Desk) -> None:
    entries = ",".join(f'{{"id": {n}.10, "name": "entry {n}"}}' for n in range(130_000))
    body = f'{{"all": [{entries}], "last": "needle"}}'.encode()
    assert len(body) > 5_000_000
    answer = {"body": body, "headers": {"Content-Type": "application/json"}}
    id = await desk.api.publish(desk.app.answers("/large", answer))
    await desk.api.wait("state:delivered")
    page = await desk.open(f"#/messages/{id}")
    await page.get_by_role("tab", name="Response").click()
    await page.get_by_role("button", name="Show all 5.").click()
    content = page.locator("#detail .content")
    await content.locator("details").first.wait_for()
    assert await content.locator("*").count() < 1_000
    await page.get_by_label("Search the body").fill("entry 99999")
    await is_(page, "#detail .content .found", '"name": "entry 99999"')
    await shows(page, "#detail .content", "99999.10")
    await page.get_by_label("Search the body").fill("needle")
    await is_(page, "#detail .content .found", '"last": "needle"')
    await page.get_by_role("button", name="As written").click()
    await shows(page, "#detail .content pre", '{"all": [{"id": 0.10')


async def test_a_deep_body_is_unfolded_so_far_and_searched(desk: Desk) -> None:
    body = b'{"a":' * 20_000 + b'"needle"' + b"}" * 20_000
    id = await desk.api.publish(desk.app.answers("/deep", 200), body)
    page = await desk.open(f"#/messages/{id}")
    await page.get_by_role("tab", name="Request").click()
    await page.get_by_label("Search the body").fill("needle")
    await shows(page, "#detail .found", '{"a":{"a":{"a":')
    assert await page.locator("#detail .content *").count() < 1_000


async def test_json_is_laid_out_with_both_ends_of_all_that_is_in_it(desk: Desk) -> None:
    id = await desk.api.publish(desk.app.answers("/ends", 200), b'{"a":[1,{}],"b":[ ]}')
    page = await desk.open(f"#/messages/{id}")
    await page.get_by_role("tab", name="Request").click()
    await page.locator("#detail .content .leaf").first.wait_for()
    lines = (await page.locator("#detail .content").inner_text()).split("\n")
    assert lines == ["{", '"a": [', "1", "{}", "]", '"b": [ ]', "}"]


async def test_a_binary_body_is_hex_and_can_be_taken_away(desk: Desk) -> None:
    body = bytes(range(256))
    id = await desk.api.publish(desk.app.answers("/binary", 200), body)
    page = await desk.open(f"#/messages/{id}")
    await page.get_by_role("tab", name="Request").click()
    await shows(page, "#detail .content", "00000048  48 49 4a 4b 4c 4d 4e 4f  HIJKLMNO\n")
    async with page.expect_download() as download:
        await page.get_by_role("button", name="Download").click()
    path = await (await download.value).path()
    assert path.read_bytes() == body


async def test_names_of_resources_are_text(desk: Desk) -> None:
    flow = {"flow_control_key": MARKUP, "flow_control_value": "rate=1"}
    await desk.api.publish(desk.app.url, b"", delay="1d", label="<b>x</b>", **flow)
    page = await desk.open("#/flow")
    await page.evaluate(WATCH)
    await page.locator("#rows .body > .row:visible").first.click()
    await is_(page, "#detail h2", MARKUP)
    await page.keyboard.press("d")
    await shows(page, "dialog", MARKUP)
    await is_harmless(page)


DOT = (
    "iVBORw0KGgoAAAANSUhEUgAAAAMAAAACCAIAAAASFvFNAAAAEElEQVR4nGP4z8AA"
    "QQxwFgBB0gX7h/C5SAAAAABJRU5ErkJggg=="
)
"""A picture, three pixels wide and two high."""


async def test_a_picture_is_seen_when_it_is_asked_for(desk: Desk) -> None:
    answer = {"body": base64.b64decode(DOT), "headers": {"Content-Type": "image/png;x='\">"}}
    id = await desk.api.publish(desk.app.answers("/picture", answer))
    await desk.api.wait("state:delivered")
    page = await desk.open(f"#/messages/{id}")
    await shows(page, "#detail .content", "89 50 4e 47")
    await page.get_by_role("button", name="Show as a picture").click()
    picture = page.locator("#detail .content img")
    await picture.wait_for()
    assert await picture.get_attribute("onerror") is None
    assert await page.locator("#detail .content > *").count() == 1
    size = await picture.bounding_box()
    assert size is not None
    assert (size["width"], size["height"]) == (3, 2)


async def test_a_drawing_is_a_picture_that_does_nothing(desk: Desk) -> None:
    there = desk.app.url
    svg = '<svg xmlns="http://www.w3.org/2000/svg" width="30" height="20" onload="hacked()">'
    svg += f'<script>hacked()</script><image href="{there}/image" width="9" height="9"/></svg>'
    answer = {"body": svg.encode(), "headers": {"Content-Type": "image/svg+xml"}}
    id = await desk.api.publish(desk.app.answers("/drawing", answer))
    await desk.api.wait("state:delivered")
    page = await desk.open(f"#/messages/{id}")
    await page.evaluate(WATCH)
    await shows(page, "#detail .content", "<svg")
    await page.get_by_role("button", name="Show as a picture").click()
    size = await page.locator("#detail .content img").bounding_box()
    assert size is not None
    assert (size["width"], size["height"]) == (30, 20)
    assert await page.evaluate("window.broken") == []
    assert [request.path for request in desk.app.requests] == ["/drawing"]
