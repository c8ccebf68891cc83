"""Actions on the server as a whole: pause, clock, skip."""

from typing import TYPE_CHECKING, Any

from qstash_dev.tui import look, resource_actions
from qstash_dev.tui.prompts import Choice, Menu

if TYPE_CHECKING:
    from qstash_dev.tui.app import QstashApp

CLOCK: tuple[Choice[dict[str, Any]], ...] = (
    Choice("r", "real: as the wall clock", {"mode": "real"}),
    Choice("f", "frozen: time stands still", {"mode": "frozen"}),
    Choice("s", "60x: a minute in a second", {"mode": "scaled", "scale": 60}),
    Choice("h", "3600x: an hour in a second", {"mode": "scaled", "scale": 3600}),
    Choice("1", "one minute ahead", {"advance_ms": 60_000}),
    Choice("2", "one hour ahead", {"advance_ms": 3_600_000}),
    Choice("3", "one day ahead", {"advance_ms": 86_400_000}),
    Choice(">", "to the next event", {"skip": True}),
)


async def pause_or_resume(app: "QstashApp") -> None:
    """Pause or resume all deliveries; in views 2 and 3 the selected schedule or queue."""
    if app.view in (1, 2):
        return await resource_actions.pause_or_resume(app)
    paused = app.feed.server.paused
    await app.client.request("POST", "/_dev/resume" if paused else "/_dev/pause")
    app.say("Deliveries go on." if paused else "All deliveries are paused; p resumes.")
    return None


async def clock(app: "QstashApp") -> None:
    """Choose what the clock does."""
    change = await app.push_screen_wait(Menu("Clock", CLOCK))
    if change is not None:
        said = await app.client.clock(change)
        app.say(f"Clock: {said.mode}, {look.long_span(abs(said.offset_ms))} from real time.")


async def skip(app: "QstashApp") -> None:
    """Skip to the next thing that is due."""
    if app.feed.server.clock.next_event_at is None:
        return app.say("Nothing is due: there is no next event to skip to.", "warning")
    before = app.time.now()
    said = await app.client.clock({"skip": True})
    if said.now is not None:
        app.say(f"Skipped {look.long_span(max(0, said.now - before))} ahead.")
    return None
