"""Actions on the server as a whole: pause, clock, skip, faults."""

from msgspec.structs import asdict

from qstash_dev.devtools.control_documents import Faults
from qstash_dev.devtools.orders import fault_choices, order_for
from qstash_dev.devtools.run_documents import RunDetail
from qstash_dev.devtools.vocabulary import CLOCK
from qstash_dev.protocol.timing import format_duration
from qstash_dev.tui.render import fmt
from qstash_dev.tui.screen import Screen
from qstash_dev.tui.widgets.prompts import Choice, Menu
from qstash_dev.web.links import page_url


async def pause_or_resume(screen: Screen) -> None:
    """Pause or resume all deliveries."""
    order = order_for("server", "server.pause", [asdict(screen.session.feed.server)])
    await screen.session.client.request(order.method, order.path)
    screen.say(order.told)


async def restart_app(screen: Screen) -> None:
    """Start the app again that this server started."""
    app = screen.session.feed.server.app
    process = app.process
    if process is None:
        return screen.say("R is for a workflow run (view 8).", "warning")
    if not app.may_restart and screen.session.view.name != "App":
        return screen.say(
            "The app runs. R restarts it in view 9, a workflow run in view 8.", "warning"
        )
    await screen.session.client.request("POST", "/_dev/app/restart")
    screen.say(f"Started again: {fmt.safe(process.command)}")
    return None


async def addresses(screen: Screen) -> None:
    """Choose an address that goes to the clipboard; they are shown whole."""
    known, whole = screen.session.feed.server, screen.session.whole
    found = [("s", "server", known.url), ("b", "page", page_url(screen.session.client.url, None))]
    found.append(("a", "app", known.app.url))
    found.append(("t", "tunnel", known.tunnel.url or ""))
    if isinstance(whole, RunDetail):
        hooks = zip("123456789", whole.hooks.items(), strict=False)
        found += [(key, f"webhook {event}", url) for key, (event, url) in hooks]
    choices = [
        Choice(key, f"{name:<8} {fmt.safe(url)}", (name, url)) for key, name, url in found if url
    ]
    chosen = await screen.ask(Menu("Copy an address", choices))
    if chosen is not None:
        screen.copy_to_clipboard(chosen[1])
        screen.say(f"Copied the address of the {fmt.safe(chosen[0])}: {fmt.safe(chosen[1])}")


async def clock(screen: Screen) -> None:
    """Choose what the clock does."""
    change = await screen.ask(Menu("Clock", [Choice(*preset) for preset in CLOCK]))
    if change is not None:
        said = await screen.session.client.clock(change)
        screen.say(f"Clock: {said.mode}, {format_duration(abs(said.offset_ms))} from real time.")


async def faults(screen: Screen) -> None:
    """Make deliveries to the selected route go wrong, or end that."""
    rules = (await screen.session.client.ask("GET", "/_dev/faults", Faults)).faults
    row = screen.session.row
    found = fault_choices(rules, row.url if row else None)
    if not found:
        return screen.say("Select a message: faults are for its destination.", "warning")
    where = (
        fmt.destination(row.url.partition("?")[0], screen.session.feed.server.app.url)
        if row
        else ""
    )
    choices = [Choice(one.key, fmt.safe(one.text)[:70], one.order) for one in found]
    chosen = await screen.ask(Menu(f"Faults  {where}"[:60], choices))
    if chosen is not None:
        told = chosen.pop("told")
        await screen.session.client.request(**chosen)
        screen.say(told)
    return None


async def skip(screen: Screen) -> None:
    """Skip to the next thing that is due."""
    if (
        screen.session.feed.server.clock.next_event_at is None
        and not screen.session.feed.server.paused
    ):
        return screen.say("Nothing is due: there is no next event to skip to.", "warning")
    before = screen.session.time.now()
    said = await screen.session.client.clock({"skip": True})
    if said.now is not None:
        screen.say(f"Skipped {format_duration(max(0, said.now - before))} ahead.")
    return None
