"""Actions on messages: replay, run now, cancel, mark, copy, delete.

Each asks the server and says how it went; the list changes when the server's ticks arrive.
"""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from qstash_dev.client import ClientError, Deleted, Refused
from qstash_dev.tui.actions import resources
from qstash_dev.tui.model.copies import copies_of
from qstash_dev.tui.widgets.bars import quick_start
from qstash_dev.tui.widgets.prompts import Choice, Confirm, Menu

if TYPE_CHECKING:
    from qstash_dev.tui.app import QstashApp


async def replay(app: "QstashApp") -> None:
    """Send the marked messages, else the selected one, again."""
    if app.session.view == 4:
        return await resources.retry_dead_letter(app)
    ids = app.session.targets
    if not ids:
        return app.say("Nothing to replay: the list is empty.", "warning")
    if len(ids) == 1:
        new = await app.client.replay(ids[0])
        return app.say(f"Replayed as {new}.")
    outcome = await _each(app, ids, "Replaying", app.client.replay)
    app.say(f"Replayed {outcome}")
    return None


async def run_now(app: "QstashApp") -> None:
    """Try now what waits; in the schedules view, fire the schedule."""
    if app.session.view == 1:
        return await resources.fire(app)
    ids = app.session.targets
    if len(ids) == 1:
        await app.client.run(ids[0])
        return app.say("Trying now.")
    if ids:
        app.say(f"Trying now: {await _each(app, ids, 'Running', app.client.run)}")
    return None


async def arm(app: "QstashApp") -> None:
    """Have it delivered again when the app's source changes, or no longer."""
    ids = app.session.targets
    rows = [app.session.feed.rows[id] for id in ids if id in app.session.feed.rows]
    armed = not all(row.armed for row in rows) if rows else True
    if len(ids) == 1:
        await app.client.arm(ids[0], armed)
        app.say("Replayed at the next save of the app's source." if armed else "Disarmed.")
    elif ids:
        done = await _each(app, ids, "Arming", lambda id: app.client.arm(id, armed))
        app.say(f"{'Armed' if armed else 'Disarmed'} {done}")


async def cancel(app: "QstashApp") -> None:
    """Stop trying; asks first when there are several."""
    ids = app.session.targets
    if len(ids) > 1 and not await app.ask(Confirm(f"Cancel {len(ids)} messages?")):
        return
    if len(ids) == 1:
        app.offer_undo("Canceled.", [await app.client.cancel(ids[0])])
    elif ids:
        orders: list[str | None] = []
        words = await _each(app, ids, "Canceling", _kept(app.client.cancel, orders))
        app.offer_undo(f"Canceled {words}", orders)


async def delete(app: "QstashApp") -> None:
    """Forget the selected row; in other views, the selected thing after a question."""
    if app.session.view in resources.NOUNS:
        return await resources.delete(app)
    if app.session.view == 4:
        return await resources.delete_dead_letter(app)
    ids = app.session.targets
    if len(ids) > 1 and not await app.ask(Confirm(f"Delete {len(ids)} messages?")):
        return None
    orders: list[str | None] = []

    async def forget(id: str) -> str | None:
        order = await app.client.delete(id)
        app.session.feed.drop(id)
        return order

    if len(ids) == 1:
        app.offer_undo("Deleted.", [await forget(ids[0])])
    elif ids:
        words = await _each(app, ids, "Deleting", _kept(forget, orders))
        app.offer_undo(f"Deleted {words}", orders)
    return None


def _kept(
    do: Callable[[str], Awaitable[str | None]], orders: list[str | None]
) -> Callable[[str], Awaitable[None]]:
    """Do it, and keep what would undo it."""

    async def keep(id: str) -> None:
        orders.append(await do(id))

    return keep


async def undo(app: "QstashApp") -> None:
    """Take back the last deletion or cancellation, then the one before."""
    if not app.undos:
        return app.say("Nothing to undo: nothing was deleted or canceled here.", "warning")
    orders = app.undos.pop()
    count = await app.client.undo(orders)
    app.session.outdate()
    app.say(f"Undone: {count} message{'s are' if count != 1 else ' is'} as before.")
    return None


async def clear(app: "QstashApp") -> None:
    """Forget all finished messages, or those that match the filter."""
    which = f"that match {app.session.filter}" if app.session.filter else "in the list"
    if not await app.ask(Confirm(f"Delete all finished messages {which}?")):
        return
    answer = await app.client.ask(
        "DELETE", "/_dev/messages", Deleted, params={"filter": app.session.filter or None}
    )
    app.offer_undo(f"Deleted {answer.deleted} messages.", [answer.undo])


def mark(app: "QstashApp") -> None:
    """Mark or unmark, and go on to the next row."""
    if app.session.view != 0:
        return
    app.session.feed.toggle_mark()
    app.list_pane.rows.action_move(1)


def unmark(app: "QstashApp") -> None:
    """Unmark all."""
    app.session.feed.marks.clear()
    app.draw()


async def copy(app: "QstashApp") -> None:
    """Choose what of the message goes to the clipboard; on the empty screen, the environment."""
    if app.session.message_id is None:
        app.copy_to_clipboard(
            quick_start(app.session.feed.server.env, app.session.feed.server.app.url)
        )
        return app.say("Copied the environment block and the first publish.")
    detail = await app.client.message(app.session.message_id, reveal=True)
    found = copies_of(detail, app.session.feed.server)
    choices = [Choice(c.key, c.name, c) for c in found]
    chosen = await app.ask(Menu("Copy", choices))
    if chosen is not None:
        app.copy_to_clipboard(chosen.text)
        app.say(f"Copied the {chosen.name}.")
    return None


async def _each(
    app: "QstashApp", ids: list[str], doing: str, do: Callable[[str], Awaitable[object]]
) -> str:
    """Do it to each, show how far it is, and sum up: `3 messages, 1 refused: …`."""
    done = 0
    refused: list[str] = []
    try:
        for id in ids:
            app.progress = f"{doing} {done + len(refused) + 1} of {len(ids)}"
            try:
                await do(id)
                done += 1
            except Refused as error:
                refused.append(str(error))
    except ClientError as error:
        refused.append(str(error))
    finally:
        app.progress = None
    words = f"{done} of {len(ids)} messages"
    return f"{words}. {refused[0]}" if refused else f"{words}."
