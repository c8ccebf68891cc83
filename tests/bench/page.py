"""`python -m tests.bench.page`: how fast the page is there and answers keys, and what it costs others.

A real server with 50,000 messages, about 1,000 events a second, and the page in a headless Chromium
that draws by software, all on this machine. First the time from the start of a navigation to the frame
in which messages were painted; then the p99 of a publish with the page open and without, in turns; then
from a key to the frame in which the row that it selects was painted.
"""

import argparse
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

from playwright.sync_api import Browser, Page, sync_playwright

from tests.bench.attached import RATE, publish_p99_ms
from tests.bench.contest import Bench, Contender, percentile
from tests.bench.filled import fill
from tests.bench.processes import port_of, running, serve_arguments
from tests.browser import QUIETLY

ROWS = 50_000
KEEP = ("--max-messages", "1000000", "--max-age", "5000d")
REST_MS = 500
SHOWN = """() => {
  const told = () => (window.shownAfter = performance.now());
  const row = "#rows .body > .row:not([hidden]) > .destination";
  const look = () => requestAnimationFrame(document.querySelector(row) ? told : look);
  look();
}"""
KEYS = """async (count) => {
  const grid = document.getElementById("rows"), waits = [];
  for (let number = 0; number < count; number++) {
    await new Promise((resolve) => setTimeout(resolve, 23 + Math.random() * 60));
    const before = location.hash, began = performance.now();
    const key = number % 40 < 20 ? "j" : "k";
    grid.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
    // The second frame from here begins when the first has been painted.
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    if (location.hash === before) throw new Error(`key ${number} moved nothing`);
    waits.push(performance.now() - began);
  }
  return waits;
}"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.page", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each kind; 0 shows alone")
    parser.add_argument("--shows", type=int, default=20, help="how often the page is opened anew")
    parser.add_argument("--messages", type=int, default=2_000, help="messages in a round")
    options = parser.parse_args()
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="qstash-bench-")))
        fill(directory / "data", ROWS)
        sink, line = stack.enter_context(running("-m", "tests.bench.sink"))
        bench = Bench(sink, port_of(line))
        arguments = serve_arguments(directory / "data", *KEEP)
        process, line = stack.enter_context(running(*arguments))
        server = Contender("qstash-dev", process, port_of(line))
        browser = stack.enter_context(chromium())
        report_waits("shown", first_shows(browser, server, options.shows), 200)
        if not options.rounds:
            return
        bench.traffic(server, options.messages, RATE)  # warm-up
        report(rounds(bench, server, browser, options.rounds, options.messages))
        waits = key_waits(bench, server, browser, options.messages * 2)
        report_waits("key to paint", waits, 100)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's, without a window."""
    with sync_playwright() as playwright:
        path = "/usr/bin/chromium"
        browser = playwright.chromium.launch(executable_path=path, args=[*QUIETLY])
        yield browser
        browser.close()


def opened(browser: Browser, server: Contender) -> Page:
    """The page, once it shows messages."""
    page = browser.new_page()
    page.goto(f"http://127.0.0.1:{server.port}/_dev/")
    page.locator("#rows .body > .row").first.wait_for()
    return page


def first_shows(browser: Browser, server: Contender, count: int) -> list[float]:
    """Milliseconds from the start of a navigation to the frame with messages, each in a new tab.

    The tab is at rest before, as a person's is, and nothing is asked of it meanwhile: what Playwright
    would put into the page to ask costs as much as a part of the page.
    """
    context = browser.new_context()
    context.add_init_script(f"({SHOWN})()")
    waits = []
    for _ in range(count + 1):
        page = context.new_page()
        page.wait_for_timeout(REST_MS)
        page.goto(f"http://127.0.0.1:{server.port}/_dev/", wait_until="commit")
        page.wait_for_timeout(REST_MS)
        waits.append(page.wait_for_function("() => window.shownAfter").json_value())
        page.close()
    context.close()
    return waits[1:]  # the first fills the browser's cache


def rounds(
    bench: Bench, server: Contender, browser: Browser, count: int, messages: int
) -> list[tuple[float, float]]:
    """The p99 of milliseconds from sent to answered, alone and with the page, of each round."""
    pairs = []
    for _ in range(count):
        alone = publish_p99_ms(bench, server, messages)
        page = opened(browser, server)
        pairs.append((alone, publish_p99_ms(bench, server, messages)))
        page.close()
    return pairs


def key_waits(bench: Bench, server: Contender, browser: Browser, messages: int) -> list[float]:
    """Milliseconds from a key to its frame while messages come in."""
    page = opened(browser, server)
    page.locator("#rows").focus()
    while page.evaluate("Number(document.getElementById('rows').ariaRowCount)") <= ROWS:
        page.keyboard.press("G")
        page.wait_for_timeout(50)
    page.keyboard.press("Home")
    traffic = threading.Thread(target=bench.traffic, args=(server, messages, RATE))
    traffic.start()
    waits: list[float] = []
    while traffic.is_alive():
        waits += page.evaluate(KEYS, 40)
    page.close()
    return waits


def report(pairs: list[tuple[float, float]]) -> None:
    """The medians and their ratio."""
    alone, opened = (median(of) for of in zip(*pairs, strict=True))
    print(f"publish p99 at {RATE}/s, no page           {alone:8.2f} ms")
    print(f"publish p99 at {RATE}/s, page open         {opened:8.2f} ms")
    print(f"ratio of the medians                   {opened / alone:8.2f}    (aim 1.3)")
    print("rounds:", " ".join(f"{a:.1f}/{b:.1f}" for a, b in pairs))


def report_waits(what: str, waits: list[float], aim: int) -> None:
    """Median, p95, worst."""
    for name, percent in (("median", 50), ("p95", 95), ("worst", 100)):
        noted = f"    (aim {aim})" if percent == 95 else ""
        label = f"{what} at {ROWS} messages, {name}"
        print(f"{label:<42} {percentile(waits, percent):8.1f} ms{noted}")


if __name__ == "__main__":
    main()
