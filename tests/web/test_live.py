"""The page beside others and over time: restarts, a second tab, many messages, foreign machines."""

import asyncio
import socket
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from playwright.async_api import Request, Route

from tests.api.conftest import TOKENS, Api, starting
from tests.patience import PATIENCE_MS
from tests.ports import reserved_port
from tests.web.conftest import KEPT, Desk, have, is_, is_at, rows, shows

pytestmark = pytest.mark.asyncio(loop_scope=KEPT)


async def test_it_reconnects_by_itself_and_says_so(desk: Desk) -> None:
    may_open = asyncio.Event()

    async def late(route: Route) -> None:
        await may_open.wait()
        await route.continue_()

    async with AsyncExitStack() as later:
        port = later.enter_context(reserved_port())
        async with starting(Api) as start:
            other = Desk(await start(port=port), desk.app, desk.context)
            await other.api.publish(desk.app.answers("/before", 200))
            page = await other.open()
            await have(page, 1, "/before")
        await shows(page, "#trouble", "Trying again")
        start = await later.enter_async_context(starting(Api))
        await page.route("**/_dev/events?*", late)
        api = await start(port=port)
        for _ in range(2):  # numbers that the page knows, of other messages
            await api.publish(desk.app.answers("/after", 200))
        await api.wait("state:ok", 2)
        may_open.set()
        await page.locator("#trouble").wait_for(state="hidden")
        await have(page, 2, "/after")
        await have(page, 2)
        await page.close()


async def test_what_is_done_in_one_tab_is_seen_in_the_other(desk: Desk) -> None:
    first = await desk.open()
    second = await desk.tab()
    id = await desk.api.publish(desk.app.answers("/both", 200))
    await have(first, 1, "ok")
    await have(second, 1, "ok")
    await first.goto(f"{desk.api.url}/_dev/#/messages/{id}")
    # A click waits for frames, of which a tab behind another has few.
    await first.bring_to_front()
    await first.get_by_role("button", name="Delete").click()
    await have(second, 0)


HIDE = """is_hidden => {
  Object.defineProperty(document, "hidden", { value: is_hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


async def test_a_tab_in_the_back_gives_its_connection_away_and_comes_back(desk: Desk) -> None:
    context = await desk.profile()
    await context.clock.install()
    page = await desk.tab(context=context)
    await desk.api.publish(desk.app.answers("/before", 200))
    await have(page, 1, "/before")
    async with page.expect_event("requestfailed", lambda request: "/_dev/events" in request.url):
        await page.evaluate(HIDE, True)
        await page.clock.fast_forward(31_000)
    await desk.api.publish(desk.app.answers("/broken", 500), retries=0)
    await desk.api.wait("state:failed")
    await page.clock.fast_forward(31_000)
    await is_(page, "title", f"(1 failed) qstash-dev :{desk.api.port} (local)")
    await have(page, 1)
    await page.evaluate(HIDE, False)
    await have(page, 2)


async def test_follow_stops_at_a_touch_and_goes_on_when_asked(desk: Desk) -> None:
    url = desk.app.answers("/f", 200)
    first = await desk.api.publish(f"{url}?first")
    page = await desk.open()
    await rows(page, "first").click()
    for number in range(3):
        await desk.api.publish(f"{url}?{number}")
    await is_(page, "#follow", "↑ 3 new")
    await have(page, 1)
    await is_at(page, f"/_dev/#/messages/{first}")
    await page.keyboard.press("F")
    await is_(page, "#follow", "Follow")
    await have(page, 4)


@pytest.mark.parametrize("place", ["#/logs/999999", "#/dlq/1-999999"])
async def test_a_row_that_is_not_there_is_asked_for_by_nobody(desk: Desk, place: str) -> None:
    await desk.api.publish(desk.app.answers("/bad", 500), retries=0)
    await desk.api.wait("state:failed")
    asked: list[str] = []
    page = await desk.tab()
    page.on("request", lambda request: asked.append(request.url))
    await page.goto(f"{desk.api.url}/_dev/{place}")
    await page.reload()
    await page.locator("#rows:not([data-view=Messages]) .body .row").first.wait_for()
    assert await page.locator("#detail").is_hidden()
    assert [url for url in asked if "/_dev/about/" in url] == []


async def test_a_log_that_somebody_reads_does_not_move(desk: Desk) -> None:
    url = desk.app.answers("/f", 200)
    id = await desk.api.publish(f"{url}?first")
    await desk.api.wait("state:delivered")
    page = await desk.open("#/logs")
    await have(page, 3)
    await rows(page, "first").first.click()
    await is_(page, "#detail h2", id)  # no number of an event, which looks like a status
    await desk.api.publish(f"{url}?second")
    await is_(page, "#follow", "↑ 3 new")
    await have(page, 0, "second")
    await page.keyboard.press("F")
    await have(page, 3, "second")


async def test_a_filter_is_the_servers_and_stands_in_the_address(desk: Desk) -> None:
    await desk.api.publish(desk.app.answers("/good", 200))
    await desk.api.publish(desk.app.answers("/bad", 500), retries=0)
    await desk.api.wait("state:failed")
    page = await desk.open("#/?filter=state:failed")
    await have(page, 1)
    await is_(page, "#count", "1 of 2")
    await page.keyboard.press("/")
    await page.locator("#filter").fill("dest:/good")
    await have(page, 1, "/good")
    await is_at(page, "/_dev/#/?filter=dest%3A%2Fgood")
    await desk.api.publish(desk.app.answers("/good/too", 200))
    await desk.api.publish(desk.app.answers("/not", 200))
    await have(page, 2)


async def test_many_messages_are_few_elements_and_all_can_be_reached(desk: Desk) -> None:
    url = desk.app.answers("/n", 200)
    batch = [{"destination": f"{url}/{n}", "headers": {"Upstash-Delay": "1d"}} for n in range(100)]
    for _ in range(25):
        await desk.api.ok("POST", "/v2/batch", json=batch)
    page = await desk.open()
    await is_(page, "#count", "2500")
    assert await page.locator("#rows .row").count() < 80
    await page.locator("#rows").focus()
    for loaded in ("2101", "2501"):
        await page.keyboard.press("G")
        await page.locator(f'#rows[aria-rowcount="{loaded}"]').wait_for()
    await page.keyboard.press("G")
    await page.locator('#rows [aria-rowindex="2501"][aria-selected="true"]').wait_for()
    await desk.api.ok("POST", "/_dev/reset")
    await desk.api.publish(f"{url}/anew")
    await page.keyboard.press("F")
    await have(page, 1, "/anew")


async def test_a_click_chooses_the_row_that_stood_there_when_the_button_went_down(
    desk: Desk,
) -> None:
    url = desk.app.answers("/moves", 200)
    await desk.api.publish(f"{url}?below")
    meant = await desk.api.publish(f"{url}?meant")
    page = await desk.open()
    await rows(page, "meant").hover()
    await page.mouse.down()
    for number in range(2):
        await desk.api.publish(f"{url}?later{number}")
    await have(page, 2, "later")
    await page.mouse.up()
    await is_at(page, f"#/messages/{meant}")
    await rows(page, "meant").locator(".mark").click()
    await have(page, 1, "☑")


async def test_a_busy_stream_that_nobody_touches_is_shown_to_its_end(desk: Desk) -> None:
    url = desk.app.answers("/busy", 200)
    page = await desk.open()
    batch = [{"destination": f"{url}/{n}"} for n in range(20)]
    for count in range(20, 260, 20):
        await desk.api.ok("POST", "/v2/batch", json=batch)
        await is_(page, "#count", str(count))  # so each is in a tick of its own
    await desk.api.publish(f"{url}/last")
    await have(page, 1, "/last")
    await rows(page, "/last").click()
    await desk.api.publish(f"{url}/while-it-is-read")
    await is_(page, "#follow", "↑ 1 new")


async def test_a_busy_stream_that_nobody_touches_is_left_until_somebody_comes(desk: Desk) -> None:
    url = desk.app.answers("/busy", 200)
    context = await desk.profile()
    await context.clock.install()
    page = await desk.tab(context=context)
    left = asyncio.Event()

    def ended(request: Request) -> None:
        if "/_dev/events" in request.url:
            left.set()

    page.on("requestfailed", ended)
    batch, count = [{"destination": f"{url}/{n}"} for n in range(40)], 0
    leaves = asyncio.create_task(left.wait())
    while not left.is_set():
        await desk.api.ok("POST", "/v2/batch", json=batch)
        count += len(batch)
        is_shown = asyncio.create_task(is_(page, "#count", str(count)))
        await asyncio.wait({is_shown, leaves}, return_when=asyncio.FIRST_COMPLETED)
        is_shown.cancel()
    await page.clock.pause_at(await page.evaluate("Date.now()"))  # before it looks again
    await desk.api.ok("POST", "/v2/batch", json=batch * 3)
    await page.keyboard.press("j")
    chosen = (await page.evaluate("location.hash")).rpartition("/")[2]
    await page.clock.resume()
    listed = (await desk.api.ok("GET", "/_dev/messages?limit=1000"))["rows"]
    newer = [row["id"] for row in listed].index(chosen)
    await is_(page, "#follow", f"↑ {newer} new")
    await is_(page, "#count", str(count + 120))


async def test_an_older_one_that_changes_is_not_one_more(desk: Desk) -> None:
    old = await desk.api.publish(desk.app.answers("/old", 200), delay="1d")
    batch = [{"destination": desk.app.answers("/n", 200), "headers": {"Upstash-Delay": "1d"}}] * 100
    await desk.api.ok("POST", "/v2/batch", json=batch)
    page = await desk.open()
    await is_(page, "#count", "101")
    await page.locator('#rows[aria-rowcount="101"]').wait_for()
    await desk.api.ok("POST", f"/_dev/messages/{old}/run")
    await page.locator('#rows[aria-rowcount="102"]').wait_for()
    await is_(page, "#count", "101")


async def test_of_a_filter_only_the_listed_are_known_to_match_once_older_ones_change(
    desk: Desk,
) -> None:
    old = await desk.api.publish(desk.app.answers("/old", 200), delay="1d")
    batch = [{"destination": desk.app.answers("/n", 200), "headers": {"Upstash-Delay": "1d"}}] * 100
    await desk.api.ok("POST", "/v2/batch", json=batch)
    page = await desk.open("#/?filter=state:delayed")
    await is_(page, "#count", "101 of 101")
    await desk.api.ok("POST", f"/_dev/messages/{old}/run")
    await is_(page, "#count", "100+ of 101")
    await page.locator("#rows").focus()
    await page.keyboard.press("G")
    await is_(page, "#count", "100 of 101")


async def test_what_happens_while_the_log_is_on_its_way_stands_in_it_too(desk: Desk) -> None:
    may_come, is_asked = asyncio.Event(), asyncio.Event()

    async def late(route: Route) -> None:
        answer = await route.fetch()
        is_asked.set()
        await may_come.wait()
        await route.fulfill(response=answer)

    await desk.api.publish(desk.app.answers("/before", 200), delay="1d")
    page = await desk.open()
    await page.route("**/_dev/logs*", late)
    await page.keyboard.press("6")
    await is_asked.wait()
    await desk.api.publish(desk.app.answers("/meanwhile", 200), delay="1d")
    await shows(page, "#views", "Messages 2")
    may_come.set()
    await have(page, 1, "/before")
    await have(page, 1, "/meanwhile")
    await page.unroute_all()


async def test_a_list_that_has_only_the_newest_says_so_also_where_none_of_them_matches(
    desk: Desk,
) -> None:
    url = desk.app.answers("/n", 200)
    batch = [{"destination": f"{url}/{n}", "headers": {"Upstash-Delay": "1d"}} for n in range(100)]
    for _ in range(20):
        await desk.api.ok("POST", "/v2/batch", json=batch)
    page = await desk.open("#/logs")
    await is_(page, "#count", "the newest 2000")
    await desk.api.publish(f"{url}/another", delay="1d")
    await have(page, 1, "another")
    assert (
        "the newest 200" in await page.locator("#count").inner_text()
    )  # whether fetched again or not
    await page.locator("#filter").fill("another")
    await is_(page, "#count", "1 of the newest 2000")
    await page.locator("#filter").fill("nowhere")  # no id has that in it
    await is_(page, "#empty p", "None of the newest 2000 matches nowhere")
    page = await desk.open("#/dlq?filter=nowhere")
    await is_(page, "#count", "0 of 0")
    await is_(page, "#empty p", "Nothing matches nowhere")


@pytest.mark.parametrize("late", ["words", "snapshot?*"])
async def test_who_waits_for_the_first_list_sees_the_page_around_it(desk: Desk, late: str) -> None:
    url, may_come = desk.app.answers("/first", 200), asyncio.Event()
    id = await desk.api.publish(url)
    await desk.api.ok("POST", "/v2/batch", json=[{"destination": f"{url}/{n}"} for n in range(60)])

    async def hold(route: Route) -> None:
        await may_come.wait()
        await route.continue_()

    page = await (await desk.profile()).new_page()
    await page.route(f"**/_dev/{late}", hold)
    await page.goto(f"{desk.api.url}/_dev/#/messages/{id}", wait_until="commit")
    await page.locator("#filter").wait_for()
    await have(page, 0)
    may_come.set()
    chosen = page.locator('#rows [aria-selected="true"] > .destination')
    await chosen.hover()
    assert await chosen.get_attribute("title") == await chosen.text_content()


async def test_how_long_a_run_takes_is_told_to_the_second(desk: Desk) -> None:
    await desk.api.ok("POST", "/_dev/clock", json={"mode": "frozen"})
    later = {"Upstash-Delay": "1d", "Upstash-Workflow-RunId": "wfr_long"}
    await desk.api.ok("POST", f"/v2/trigger/{desk.app.url}", headers=later)
    await desk.api.ok("POST", "/_dev/clock", json={"advance_ms": 109_000, "wait_ms": PATIENCE_MS})
    page = await desk.open("#/runs/wfr_long")
    await is_(page, "#rows .row .ms", "1m49s")
    await shows(page, "#detail .headline", "1m49s")


async def test_what_the_server_is_stands_in_a_line_of_1280_pixels(desk: Desk) -> None:
    page = await desk.tab(context=await desk.profile(timezone_id="Asia/Kathmandu"))
    await is_(page, "#status > [title*=Nepal]", "GMT+0545")
    parts = page.locator("#status > span")
    tops = "(parts) => parts.map((part) => part.getBoundingClientRect().top)"
    assert len(set(await parts.evaluate_all(tops))) == 1  # at once: a part may change meanwhile


async def test_a_broken_address_is_no_broken_page(desk: Desk) -> None:
    page = await desk.open("#/messages/%")
    for place in ("#nonsense", "#/no/such?filter", "#/?filter=%"):
        await page.keyboard.press("8")
        await shows(page, "#empty", "No workflow runs.")
        await page.evaluate("place => { location.hash = place }", place)
        await page.locator("#rows[data-view=Messages]").wait_for()
    await page.keyboard.press("8")
    await shows(page, "#empty", "No workflow runs.")


PRINTS = """import sys
print("\\x1b[31mbroken\\x1b[0m <b>pipe</b>", flush=True)
for line in sys.stdin: pass"""


async def test_what_an_app_prints_that_the_server_started_is_a_view(desk: Desk) -> None:
    page = await desk.open("#/app")
    await shows(page, "#empty", "This server started no app")
    await page.locator('#views a[href="#/app"]').wait_for(state="hidden")
    async with starting(Api) as start:
        command = sys.executable, "-c", PRINTS
        api = await start(command=command, app_url=desk.app.url)  # there it is up
        other = Desk(api, desk.app, desk.context)
        page = await other.open("#/app")
        await have(page, 1, "broken <b>pipe</b>")
        assert await rows(page).locator(".output.error").count() == 1
        await page.keyboard.press("j")
        await is_(page, "#detail pre", "broken <b>pipe</b>")
        await page.keyboard.press("Escape")
        await page.get_by_role("button", name="Restart").click()
        await shows(page, "#said", "The app is started again.")
        await page.keyboard.press("F")
        await have(page, 2, "broken")
        await page.keyboard.press("j")
        await page.locator("#rows [aria-selected=true]").wait_for()
        assert await rows(page).last.get_attribute("aria-selected") == "true"
        await page.keyboard.press("1")
        await page.keyboard.press("R")
        await shows(page, "#said", "The app runs. R restarts it in view 9")
        assert other.faults == []
        await page.close()


ASKS = """import sys, urllib.request
print(urllib.request.urlopen(sys.argv[1]).read().decode(), flush=True)"""


async def test_what_an_app_prints_before_the_stream_is_open_is_seen(desk: Desk) -> None:
    may_print, may_open = asyncio.Event(), asyncio.Event()

    async def late(route: Route) -> None:
        await may_open.wait()
        await route.continue_()

    async with starting(Api) as start:
        url = desk.app.answers("/line", {"body": b"the line", "hold": may_print})
        api = await start(command=(sys.executable, "-c", ASKS, url))
        context = await desk.profile()
        await context.route("**/_dev/events?*", late)
        page = await Desk(api, desk.app, context).tab("#/app")
        await shows(page, "#empty", "printed nothing yet")
        may_print.set()
        while not (await api.ok("GET", "/_dev/app"))["lines"]:
            pass
        may_open.set()
        await have(page, 1, "the line")
        await page.close()


LISTENS = f"""{ASKS}
import socket
app = socket.create_server(("127.0.0.1", int(sys.argv[2])))
print("Listening on http://localhost:" + sys.argv[2], flush=True)
sys.stdin.read()"""


async def test_what_is_held_tells_where_the_app_has_come_up_meanwhile(desk: Desk) -> None:
    may_start = asyncio.Event()
    async with starting(Api) as start:
        with reserved_port() as missed, reserved_port() as found:
            url = desk.app.answers("/line", {"body": b"", "hold": may_start})
            command = (sys.executable, "-c", LISTENS, url, str(found))
            api = await start(hold=True, command=command)
            id = await api.publish(f"http://localhost:{missed}/x")
            await api.wait("state:held")
            page = await Desk(api, desk.app, desk.context).tab(f"#/messages/{id}")
            await shows(page, "#detail .page", "expected at http://localhost:3000")
            may_start.set()
            await shows(page, "#detail .page", f"expected at http://localhost:{found}")
            await page.close()


async def test_an_app_that_has_ended_is_started_again_from_everywhere(desk: Desk) -> None:
    async with starting(Api) as start:
        api = await start(command=(sys.executable, "-c", ""))
        other = Desk(api, desk.app, desk.context)
        page = await other.open()
        await shows(page, "#status", "exited")
        await page.keyboard.press("R")  # as a message says that is held for it
        await shows(page, "#said", "The app is started again.")
        await page.close()


async def test_what_went_well_is_said_as_no_trouble(desk: Desk, tmp_path: Path) -> None:
    (source := tmp_path / "app.ts").write_text("1")
    async with starting(Api) as start:
        api = await start(auto_replay="failed", watch=tmp_path)
        page = await Desk(api, desk.app, desk.context).open()
        await api.publish(desk.app.answers("/saved", 500, 200), retries=0)
        await have(page, 1, "failed")
        is_replayed = "/_dev/wait?filter=is:replay&timeout_ms=5000"
        source.write_text("2")
        while not (await api.ok("GET", is_replayed))["met"]:
            source.write_text("2")  # again: nobody watched the file yet
        await shows(page, "#said p:not(.error)", "app.ts saved: 1 delivered again, 1 ok")
        await page.close()


def own_address() -> str | None:
    """An address of this machine that is not loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(("192.0.2.1", 9))
        except OSError:
            return None
        address: str = sock.getsockname()[0]
        return None if address.startswith("127.") else address


async def test_where_others_reach_the_server_it_asks_for_the_token_and_keeps_it_nowhere(
    desk: Desk,
) -> None:
    address = own_address()
    if address is None:
        pytest.skip("this machine has no address but loopback")
    async with starting(Api) as start:
        api = await start(host=(address,))
        page = await desk.context.new_page()
        await page.goto(f"{api.url}/_dev/")
        ask = page.get_by_role("dialog", name="Token")
        await ask.get_by_role("textbox").fill(TOKENS["defaultUser"])
        await page.keyboard.press("Enter")
        await shows(page, "#status", f":{api.port}")
        await page.locator("#rows").focus()
        await page.keyboard.press("p")
        await shows(page, "#said", "may look, but not do this")
        await page.keyboard.press("y")
        await page.keyboard.press("Enter")
        await shows(page, "dialog pre", "QSTASH_URL")
        await page.keyboard.press("Escape")
        kept = (
            "() => JSON.stringify([localStorage, sessionStorage, document.cookie, location.href])"
        )
        assert TOKENS["defaultUser"] not in await page.evaluate(kept)
        await page.close()
