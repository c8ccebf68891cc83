"""Actions on the selected workflow run: resume, restart, cancel, run now, notify, copy."""

from qstash_dev.client.paths import path_of
from qstash_dev.devtools.copies import copies_of_run
from qstash_dev.devtools.run_documents import RunDetail, RunRow
from qstash_dev.tui.actions.messages import copy_one
from qstash_dev.tui.actions.ordering import about_selected
from qstash_dev.tui.editor import editor_command, open_body
from qstash_dev.tui.screen import Screen
from qstash_dev.tui.widgets.prompts import Ask, Menu, numbered


async def resume(screen: Screen) -> None:
    """Go on with a failed run from its failed step; start one anew that ended otherwise."""
    row = _row(screen)
    if row is not None and row.state == "RUN_STARTED":
        return screen.say("The run is live; n ends what it waits for, X cancels it.", "warning")
    await about_selected("runs", "message.replay")(screen)
    return None


async def cancel(screen: Screen) -> None:
    """End a live run; that cannot be undone, so it asks."""
    row = _row(screen)
    if row is not None and row.state != "RUN_STARTED":
        return screen.say("The run is over: there is nothing to cancel.", "warning")
    await about_selected("runs", "message.cancel")(screen)
    return None


async def notify(screen: Screen) -> None:
    """Send an event that the run waits for, with a body."""
    row = _row(screen)
    if row is None:
        return None
    events = [one.event for one in row.waits if one.kind == "event" and one.event]
    event: str | None = events[0] if len(events) == 1 else None
    if len(events) > 1:
        event = await screen.ask(Menu("Notify", numbered((name, name) for name in events)))
    elif not events:
        return screen.say("The run waits for no event.", "warning")
    if event is None:
        return None
    body = await screen.ask(Ask(f"Data of {event}", "Enter sends it; empty is no data"))
    if body is not None:
        path, params = path_of("workflows", row.id, "notify"), {"created_at": row.created_at}
        order = {"event": event, "body": body}
        await screen.session.client.request("POST", path, json=order, params=params)
        screen.say(f"Notified {event}.")
    return None


async def copy(screen: Screen) -> None:
    """Choose what of a run goes to the clipboard."""
    if _row(screen) is not None:
        await copy_one(screen, copies_of_run(await _whole(screen)))


async def open_whole(screen: Screen) -> None:
    """Read the payload, or the result, in the person's own program."""
    if _row(screen) is not None:
        whole = await _whole(screen)
        text = whole.response or whole.payload
        desk = screen.desk
        open_body(text.encode(), ".json", editor_command(desk.environment), desk.run_program)


def _row(screen: Screen) -> RunRow | None:
    item = screen.session.item
    return item if isinstance(item, RunRow) else None


async def _whole(screen: Screen) -> RunDetail:
    """With its bodies, also when the detail is not drawn yet."""
    session = screen.session
    shown, ask = session.whole, session.view.whole
    if isinstance(shown, RunDetail):
        return shown
    assert ask is not None, "the view of runs asks for them whole"
    found: RunDetail = await ask(session.client, shown)
    return found
