"""Messages in the page: a list that is live, a detail that tells all, and what can be done to them."""

import pytest

from tests.web.conftest import KEPT, Desk, have, is_, is_at, shows

pytestmark = pytest.mark.asyncio(loop_scope=KEPT)


async def test_a_message_appears_as_it_is_published_and_tells_why_it_failed(desk: Desk) -> None:
    page = await desk.open()
    await shows(page, "#empty", "QSTASH_TOKEN=")
    await shows(page, "#views a", "1 Messages")
    await is_(page, "title", f"qstash-dev :{desk.api.port} (local)")
    await desk.api.publish(desk.app.answers("/broken", 500), retries=0)
    await shows(page, "#rows .row", "/broken", "✗ failed", "500 Internal Server Error")
    await is_(page, "title", f"(1 failed) qstash-dev :{desk.api.port} (local)")


async def test_a_link_leads_to_a_message_and_its_pages_tell_all_of_it(desk: Desk) -> None:
    url = desk.app.answers("/api/orders", {"body": b'{"made": 12345678901234567890}'})
    id = await desk.api.publish(url, b'{"a": 1.0}', forward_x_tenant="acme", timeout="15s")
    await desk.api.wait("state:delivered")
    page = await desk.open(f"#/messages/{id}")
    await shows(page, "#detail .page", '"made": 12345678901234567890')
    await shows(page, "#detail .page", "time-out", "15s for each attempt")
    text = await page.locator("#detail .page").text_content() or ""
    assert text.count("30 B") == 1, "the size of the answer"
    for tab, told in {
        "Request": 'acme|"a": 1.0',
        "Response": "HTTP/1.1 200",
        "Attempts": "Attempt 1 of 4|first byte|in all",
        "Signature": "would verify|iss",
        "Tree": id,
    }.items():
        await page.get_by_role("tab", name=tab).click()
        await shows(page, "#detail .page", *told.split("|"))


async def test_a_replay_is_one_key_and_is_linked_to_its_origin(desk: Desk) -> None:
    id = await desk.api.publish(desk.app.answers("/again", 200), b"payload")
    page = await desk.open()
    await have(page, 1)
    await page.keyboard.press("j")
    await is_at(page, f"#/messages/{id}")
    await page.keyboard.press("r")
    await page.locator("#said a", has_text="msg_").click()
    await shows(page, "#detail .page", "replay of")
    await page.go_back()
    await is_at(page, f"#/messages/{id}")
    first, second = await desk.app.received(2, "/again")
    assert first.body == second.body == b"payload"
    await shows(page, "#rows", "⟲1✓")
    await page.get_by_role("tab", name="Tree").click()
    await page.locator("#detail .page p a").click()
    await shows(page, "#detail .page", id)


async def test_another_list_begins_with_nothing_chosen(desk: Desk) -> None:
    id = await desk.api.publish(desk.app.answers("/one", 200))
    page = await desk.open(f"#/messages/{id}")
    await shows(page, "#detail h2", id)
    await page.keyboard.press("8")
    await is_at(page, "#/runs")
    assert not await page.locator("#detail").is_visible()
    await page.go_back()
    await shows(page, "#detail h2", id)
    await page.get_by_label("Filter").fill("dest:/one")
    await is_at(page, "#/?filter=dest%3A%2Fone")
    assert not await page.locator("#detail").is_visible()
