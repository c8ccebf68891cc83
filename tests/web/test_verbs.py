"""Everything that a person can do in the page, against a real server and a real app."""

import asyncio
import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, Route

from tests.web.conftest import KEPT, Desk, have, is_, is_at, rows, said, shows

pytestmark = pytest.mark.asyncio(loop_scope=KEPT)


async def press(page: Page, *keys: str) -> None:
    for key in keys:
        await page.keyboard.press(key)


async def choose(page: Page, text: str) -> None:
    await page.get_by_role("dialog").get_by_role("button", name=text).click()


async def test_what_waits_is_run_now_cancelled_and_brought_back(desk: Desk) -> None:
    url = desk.app.answers("/later", 200)
    first = await desk.api.publish(url, delay="1d")
    page = await desk.open(f"#/messages/{first}")
    await page.get_by_role("button", name="Cancel").click()
    await shows(page, "#detail .headline", "canceled")
    await page.get_by_role("button", name="Undo").last.click()
    await said(page, "Undone: 1 message is as before.")
    await shows(page, "#detail .headline", "delayed")
    await press(page, "n")
    await said(page, "Trying /later now.")
    await shows(page, "#detail .headline", "ok")
    await page.get_by_role("button", name="Delete").click()
    await said(page, "Deleted /later.")  # it may leave the list before that can be undone
    await have(page, 0)
    await press(page, "u")
    await said(page, "Undone: 1 message is as before.")
    await have(page, 1)


async def test_the_next_is_chosen_where_one_was_deleted_until_that_is_undone(desk: Desk) -> None:
    url = desk.app.answers("/three", 200)
    oldest, middle, newest = [await desk.api.publish(url, delay="1d") for _ in range(3)]
    page = await desk.open(f"#/messages/{middle}")
    await press(page, "X")
    await shows(page, "#detail .headline", "canceled")
    await press(page, "d")
    await shows(page, "#detail h2", oldest)
    await is_at(page, f"#/messages/{oldest}")
    await press(page, "u")
    await said(page, "Undone: 1 message is as before.")
    notes = await page.locator("#said p").all_inner_texts()
    assert not any("Deleted" in note for note in notes)  # what is undone is not offered to be
    await have(page, 3)
    await press(page, "Home")
    await shows(page, "#detail h2", newest)


@pytest.mark.parametrize(
    ("place", "keys", "told"),
    [
        ("#/", "rnXdaew=", "Select a message first."),
        ("#/queues", "r", "Select a message first."),
        ("#/queues", "d", "Select a row first."),
        ("#/runs", "XR", "Select a row first."),
        ("#/runs", "N", "Select a run first."),
    ],
)
async def test_what_has_no_subject_asks_for_one(
    desk: Desk, place: str, keys: str, told: str
) -> None:
    page = await desk.open(place)
    for key in keys:
        await press(page, key)
        await said(page, told)


async def test_a_message_is_changed_and_replayed(desk: Desk) -> None:
    url = desk.app.answers("/edited", 200)
    body = b'{"n": 1}'
    id = await desk.api.publish(url, body, forward_x_kept="yes", forward_authorization="Bearer s")
    await desk.api.wait("state:delivered")
    page = await desk.open(f"#/messages/{id}")
    await press(page, "e")
    form = page.get_by_role("dialog")
    await form.get_by_label("Body").fill('{"n": 2}')
    await form.get_by_label("Headers").press("ControlOrMeta+Enter")
    await said(page, "Replayed as msg_")
    _, second = await desk.app.received(2, "/edited")
    assert second.json == {"n": 2}
    assert (second.headers["X-Kept"], second.headers["Authorization"]) == ("yes", "Bearer s")


async def test_a_form_stays_while_the_server_refuses_what_is_in_it(desk: Desk) -> None:
    page = await desk.open()
    await press(page, "s")
    form = page.get_by_role("dialog")
    await is_(page, "dialog [name=url]:focus", "/api/")
    await form.get_by_label("Destination").fill("ftp://nowhere")
    await form.get_by_role("button", name="Send").click()
    await shows(page, "dialog [role=alert]", "✗")
    await form.get_by_role("button", name="Leave").click()
    await said(page, "Kept as a draft")
    await press(page, "s")
    await is_(page, "dialog [name=url]", "ftp://nowhere")
    address = desk.app.url.removeprefix("http://")
    await form.get_by_label("Destination").fill(f"{address}/api/sent/../x?q=%2F#f")
    await form.get_by_label("Headers").fill("Upstash-Delay 1d")
    await form.get_by_role("button", name="Send").click()
    await shows(page, "dialog [role=alert]", 'A header is "Name: value", not "Upstash-Delay 1d".')
    await form.get_by_label("Headers").fill(
        "Upstash-Queue-Name: mail\nUpstash-Failure-Callback: /failed\nX-Own: ü"
    )
    await form.get_by_role("button", name="Send").click()
    await said(page, "Published msg_")
    got = await desk.app.one("/api")
    assert got.headers["X-Own"].encode("utf-8", "surrogateescape").decode() == "ü"
    (row,) = await desk.api.wait("queue:mail state:delivered")
    assert row["url"] == f"{desk.app.url}/api/sent/../x?q=%2F#f"
    spec = (await desk.api.ok("GET", f"/_dev/messages/{row['id']}"))["spec"]
    assert spec["failure_callback"]["url"] == f"{desk.app.url}/failed"


async def test_the_server_is_paused_its_clock_set_and_faults_made(desk: Desk) -> None:
    page = await desk.open()
    await press(page, "p")
    await said(page, "All deliveries are paused")
    await shows(page, "#status", "PAUSED")
    await page.get_by_role("button", name="Resume").click()
    await said(page, "Deliveries go on.")
    await press(page, "T")
    await choose(page, "frozen")
    await said(page, "Clock: frozen")
    url = desk.app.answers("/faulty", 200)
    id = await desk.api.publish(url, delay="1h")
    await have(page, 1, "delayed")
    await press(page, "j", "f")
    await choose(page, "answer 500 once")
    await said(page, "The fault is active")
    skip = page.get_by_role("button", name="Skip")
    assert await skip.get_attribute("title") == "Skip to the next event (>)"
    await press(page, ">")
    await said(page, "Skipped ")
    await have(page, 1, "retry")
    await press(page, "f", "c")  # the second key is for what the first one opens
    await said(page, "The fault is gone.")
    assert (await desk.api.ok("GET", "/_dev/faults"))["faults"] == []
    await press(page, "a")
    await said(page, "is replayed at the next save")
    assert (await desk.api.ok("GET", f"/_dev/messages/{id}"))["row"]["armed"]
    await have(page, 1, "⚑")


async def test_marked_messages_are_replayed_and_deleted_together(desk: Desk) -> None:
    url = desk.app.answers("/many", 200)
    for _ in range(3):
        await desk.api.publish(url)
    await desk.api.wait("state:delivered", 3)
    page = await desk.open()
    await have(page, 3)
    await page.locator("#rows").focus()
    await press(page, "j", " ", " ", "r")
    await choose(page, "Yes")
    await said(page, "Replayed 2 of 2 messages.")
    await desk.api.wait("state:delivered", 5)  # what is under way cannot be deleted
    await is_(page, "#follow", "↑ 2 new")
    await press(page, "d")
    await choose(page, "Yes")
    await said(page, "Deleted 2 of 2 messages.")
    await press(page, "*", "d")
    await choose(page, "Yes")
    await said(page, "Deleted 3 of 3 messages.")
    await desk.api.publish(desk.app.answers("/broken", 500), retries=0)
    await desk.api.publish(url)
    await desk.api.wait("state:finished", 2)  # what is under way is not deleted below
    await press(page, "F")
    await have(page, 2)
    await press(page, "!")
    await have(page, 1, "failed")
    await have(page, 1)
    await press(page, "!")
    await have(page, 2)
    place = page.url
    await rows(page, "failed").locator(".mark").click()
    await shows(page, "#doing", "1 marked")
    every = page.get_by_role("checkbox", name="Mark all")
    assert await every.get_attribute("aria-checked") == "mixed"
    await every.click()
    await shows(page, "#doing", "2 marked")
    assert await every.get_attribute("aria-checked") == "true"
    await page.locator("#doing").get_by_role("button", name="Unmark all").click()
    await is_(page, ".head .mark", "☐")
    assert await every.get_attribute("aria-checked") == "false"
    assert page.url == place
    await press(page, "z")
    await choose(page, "Yes")
    await said(page, "Deleted 2 messages.")
    await shows(page, "#empty", "waiting for the first publish")


async def test_while_many_are_cancelled_it_says_how_many_are_so_far(desk: Desk) -> None:
    batch = [{"destination": desk.app.url, "headers": {"Upstash-Delay": "1d"}}] * 30
    await desk.api.ok("POST", "/v2/batch", json=batch)
    page = await desk.open()
    await is_(page, "#count", "30")
    await page.evaluate("""() => {
      const [count, texts] = [document.getElementById("count"), (window.texts = [])];
      new MutationObserver(() => texts.push(count.textContent)).observe(count, { childList: true });
    }""")
    await press(page, "*", "X")
    await choose(page, "Yes")
    await said(page, "Canceled 30 of 30 messages.")
    assert "Canceled 1 of 30 messages so far …" in await page.evaluate("window.texts")


async def test_a_message_is_copied_as_curl(desk: Desk) -> None:
    id = await desk.api.publish(desk.app.answers("/copied", 200), b"it's")
    await desk.api.wait("state:delivered")
    page = await desk.open(f"#/messages/{id}")
    await press(page, "y")
    await choose(page, "curl command that publishes it")
    await said(page, "Copied the curl command")
    copied = await page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith(f"curl -X POST {desk.api.url}/v2/publish/{desk.app.url}/copied")


async def test_schedules_fire_pause_and_go(desk: Desk) -> None:
    url = desk.app.answers("/planned", 200)
    cron = "CRON_TZ=Asia/Tokyo 0 9 * * 1"
    headers = {"Upstash-Cron": cron, "Upstash-Schedule-Id": "weekly"}
    await desk.api.ok("POST", f"/v2/schedules/{url}", headers=headers)
    page = await desk.open()
    await press(page, "2")
    await rows(page, "weekly").click()
    times = page.locator("#detail .page section", has_text="Next ten times, in Asia/Tokyo")
    await times.locator("p:nth-of-type(10)", has_text=" 09:00:00").wait_for()
    await press(page, "n")
    await said(page, "Fired schedule weekly: msg_")
    await desk.app.one("/planned")
    await press(page, "p")
    await said(page, "Paused schedule weekly.")
    await have(page, 1, "paused")
    await press(page, "p")
    await said(page, "Resumed schedule weekly.")
    await page.get_by_role("link", name="its messages").click()
    await is_(page, "#filter", 'schedule:"weekly"')
    await have(page, 1, "/planned")
    await press(page, "2")
    await rows(page, "weekly").click()
    await press(page, "d")
    await choose(page, "Yes")
    await said(page, "Deleted schedule weekly.")
    await shows(page, "#empty", "No schedules.")


async def test_queues_groups_and_flow_control(desk: Desk) -> None:
    url = desk.app.answers("/x", 200)
    await desk.api.ok("POST", f"/v2/enqueue/mail/{url}", headers={"Upstash-Delay": "1d"})
    await desk.endpoint("all", url)
    value = "rate=3,period=1m"
    await desk.api.publish(url, delay="1d", flow_control_key="per-user", flow_control_value=value)
    page = await desk.open()
    for view, name, told in (
        ("3", "mail", "at most 1 at a time"),
        ("7", "per-user", "3 in 1m"),
    ):
        await press(page, view)
        await rows(page, name).click()
        await press(page, "p")
        await said(page, "Paused")
        await shows(page, "#rows .row", name, "paused")
        await shows(page, "body", told)
        await press(page, "p")
        await said(page, "Resumed")
    await press(page, "4")
    await rows(page, "all").click()
    await shows(page, "#detail .page", "first")
    await press(page, "d")
    await choose(page, "Yes")
    await said(page, "Deleted group all.")
    await shows(page, "#empty", "No URL groups.")
    await is_at(page, "#/groups")
    await press(page, "u")
    await said(page, "Undone: group all is as before.")
    await have(page, 1, "all")


async def test_a_key_tells_what_it_started_in_this_period_and_a_schedule_its_zone_last(
    desk: Desk,
) -> None:
    await desk.api.ok("POST", "/_dev/clock", json={"mode": "frozen"})
    url = desk.app.answers("/x", 200)
    value = "rate=3,period=1m"
    await desk.api.publish(url, flow_control_key="per-user", flow_control_value=value)
    await desk.api.wait("state:delivered")
    page = await desk.open("#/flow")
    await is_(page, "#rows .row .rate", "1/3 in 1m")
    await desk.api.ok("POST", "/_dev/clock", json={"advance_ms": 120_000})
    await is_(page, "#rows .row .rate", "0/3 in 1m")
    when = {"Upstash-Cron": "CRON_TZ=Europe/Berlin 0 9 * * 1"}
    await desk.api.ok("POST", f"/v2/schedules/{url}", headers=when)
    await press(page, "2")
    await is_(page, "#rows .row .cron", "0 9 * * 1  Europe/Berlin")


async def test_dead_letters_are_retried_and_deleted_together(desk: Desk) -> None:
    url = desk.app.answers("/dead", 500)
    for _ in range(4):
        await desk.api.publish(url, retries=0)
    await desk.api.wait("state:failed", 4)
    page = await desk.open("#/dlq")
    await have(page, 4)
    await page.locator("#rows").focus()
    desk.app.answers("/dead", 200)
    await press(page, "j", " ", " ", "r")
    await said(page, "Retried 2 of 2 messages.")
    await desk.api.wait("source:dlq state:delivered", 2)
    await have(page, 2)
    third = await page.locator("#detail h2").inner_text()
    await press(page, "r")
    await said(page, "Retried as msg_")
    await have(page, 1)
    await shows(page, "#detail .headline", "failed")  # of the fourth
    assert await page.locator("#detail h2").inner_text() != third
    await press(page, "d")
    await page.locator("#said p", has_text="Deleted from the DLQ.").get_by_text("Undo").click()
    await said(page, "Undone: ")
    await have(page, 1)
    await press(page, "6")
    await shows(page, "#rows .row", "✗ failed")


async def test_runs_are_shown_cancelled_resumed_and_restarted(desk: Desk) -> None:
    url = desk.app.answers("/flow", 500)
    live = {"Upstash-Delay": "1d", "Upstash-Workflow-RunId": "wfr_live"}
    await desk.api.ok("POST", f"/v2/trigger/{url}", headers=live)
    await desk.api.ok("POST", f"/v2/trigger/{url}", data="pay", headers={"Upstash-Retries": "0"})
    page = await desk.open("#/runs")
    await rows(page, "starts in").click()
    await shows(page, "#detail .page", "starts in")
    await press(page, "X")
    await choose(page, "Yes")
    await said(page, "Canceled.")
    await have(page, 1, "⊘ canceled")
    await rows(page, "✗ failed").click()
    await shows(page, "#detail .page", "pay")
    await shows(page, "#detail .hint", "! The app answered ")
    await page.locator("#detail .bars li").first.wait_for()
    await press(page, "r")
    await said(page, "Resumed as wfr_")
    await have(page, 1, "resumed as wfr_")
    await press(page, "R")
    await choose(page, "Yes")
    await said(page, "Restarted as wfr_")
    await have(page, 4)
    await shows(page, "#views a", "Workflows 4")
    await press(page, "Escape")
    await is_at(page, "#/runs")
    await press(page, "1")
    await shows(page, "#rows .row .why", "step init")


async def test_runs_of_one_id_are_told_apart(desk: Desk) -> None:
    head = {"Upstash-Delay": "1d", "Upstash-Workflow-RunId": "wfr_twice"}
    url = desk.app.answers("/flow", 200)
    await desk.api.ok("POST", f"/v2/trigger/{url}", headers=head)
    await desk.api.ok("POST", "/_dev/workflows/wfr_twice/cancel")
    await desk.api.ok("POST", f"/v2/trigger/{url}", headers=head)
    page = await desk.open("#/runs")
    places: list[str] = []
    for state in ("canceled", "live"):
        await rows(page, state).click()
        await shows(page, "#detail .headline", state)
        assert await page.locator("#detail h2").inner_text() == "wfr_twice"
        places.append(page.url)
    await is_at(page, "#/runs/wfr_twice")
    await page.goto(places[0])
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.reload()
    await shows(page, "#detail .headline", "canceled")
    assert [url for url in asked if "wfr_twice%2F" in url] == []


async def test_what_is_typed_before_all_of_the_page_is_there_counts(desk: Desk) -> None:
    page = await desk.open("#/dlq")
    there = asyncio.Event()

    async def late(route: Route) -> None:
        await there.wait()
        await route.continue_()

    await page.route("**/actions.js", late)
    await page.reload()
    await shows(page, "#empty", "The DLQ is empty")
    await press(page, ":")
    await page.keyboard.type("the workflow runs")
    await press(page, "Enter")
    there.set()
    await shows(page, "#empty", "No workflow runs.")
    there.clear()
    await page.reload()
    await shows(page, "#empty", "No workflow runs.")
    await press(page, "z", "Enter")  # yes
    there.set()
    await said(page, "Deleted 0 messages.")
    await page.unroute_all()


async def test_the_filter_is_completed_and_what_is_wrong_with_it_told(desk: Desk) -> None:
    page = await desk.open()
    await press(page, "/")
    await page.keyboard.type("state:fai")
    await is_(page, "#completions option", "state:failed")
    await page.keyboard.type("ledd")
    await shows(page, "#complaint", "Did you mean 'state:failed'?")


async def test_what_differs_is_told_and_a_message_saved_to_be_sent_again(desk: Desk) -> None:
    url = desk.app.answers("/api/orders", {"body": b'{"made": 1}'})
    id = await desk.api.publish(url, b'{"n": 1}', forward_x_tenant="acme", retries="2")
    await desk.api.wait("state:delivered")
    page = await desk.open(f"#/messages/{id}")
    await shows(page, "#detail .headline", "ok")
    await press(page, "=")
    await said(page, "Mark two messages, or select one with two attempts, to compare.")
    async with page.expect_download() as download:
        await press(page, "w")
    file = await download.value
    assert file.suggested_filename == "api-orders.json"
    await said(page, "Saved as api-orders.json")
    changed = json.loads(Path(await file.path()).read_text("utf-8"))
    changed["body"] = '{"n": 2}'
    await press(page, "s")
    form = page.get_by_role("dialog")
    buffer = json.dumps(changed).encode()
    await form.get_by_label("From a fixture").set_input_files(
        {"name": "changed.json", "mimeType": "application/json", "buffer": buffer}
    )
    await is_(page, "dialog [name=body]", '{"n": 2}')
    await form.get_by_role("button", name="Send").click()
    await said(page, "Published msg_")
    _, second = await desk.app.received(2, "/api/orders")
    assert (second.json, second.headers["X-Tenant"]) == ({"n": 2}, "acme")
    await have(page, 2, "ok")
    await press(page, "Escape", "g", "*", "=")
    await shows(page, "dialog", "- n: 1", "+ n: 2", "Answer's body", "the same")


async def test_every_command_is_found_by_its_name_and_run(desk: Desk) -> None:
    page = await desk.open()
    await press(page, ":")
    await page.keyboard.type("dead lett")
    await press(page, "Enter")
    await shows(page, "#empty", "The DLQ is empty")
    await press(page, "?")
    await shows(page, "dialog", "Replay the selected or marked", "space = AND")
    assert await page.evaluate("document.querySelector('dialog').scrollTop") == 0
    keys = "[...document.querySelectorAll('dialog kbd')].map((key) => key.offsetHeight)"
    assert len(set(await page.evaluate(keys))) == 1, "the keys of a command stand in one line"
    await page.keyboard.type("pause or res")
    await press(page, "ArrowDown", "Enter")
    await said(page, "All deliveries are paused")


async def test_an_event_that_a_run_waits_for_is_sent(desk: Desk) -> None:
    url = desk.app.answers("/flow", 200)
    ids = {"Upstash-Workflow-RunId": "wfr_waits", "Upstash-Workflow-Url": url}
    await desk.api.ok("POST", f"/v2/trigger/{url}", headers={**ids, "Upstash-Delay": "1d"})
    step = {"stepId": 1, "stepName": "w", "stepType": "Wait", "concurrent": 1}
    wait: dict[str, Any] = {"url": url, "timeout": "1d", "timeoutUrl": url, "step": step}
    wait["timeoutHeaders"] = {"Upstash-Workflow-RunId": ["wfr_waits"]}
    await desk.api.ok(
        "POST", "/v2/wait/paid", json=wait, headers={**ids, "Upstash-Workflow-Sdk-Version": "1"}
    )
    page = await desk.open("#/runs/wfr_waits")
    await shows(page, "#detail .page", "paid")
    await shows(page, "#rows .row .why", "(+1)")
    await page.get_by_role("button", name="Notify").click()
    await page.get_by_label("Data; empty is no data").fill('{"amount": 3}')
    await press(page, "Enter")
    await said(page, "Notified paid.")
    got = await desk.app.one("/flow")
    step = json.loads(b64decode(got.json[-1]["body"]))
    assert b64decode(step["out"]) == b'{"amount": 3}'
