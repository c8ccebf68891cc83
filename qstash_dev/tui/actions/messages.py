"""Actions on messages: replay, run now, cancel, mark, copy, delete.

Each asks the server and says how it went; the list changes when the server's ticks arrive.
"""

from collections.abc import Awaitable, Callable

from qstash_dev.client import ClientError, Refused
from qstash_dev.devtools.control_documents import Deleted
from qstash_dev.devtools.copies import copies_of, quick_start
from qstash_dev.devtools.text import counted
from qstash_dev.tui.actions.undoing import offer_undo
from qstash_dev.tui.render import fmt
from qstash_dev.tui.screen import Screen
from qstash_dev.tui.widgets.prompts import Choice, Confirm, Menu


async def replay(screen: Screen) -> None:
    """Send the marked messages, else the selected one, again."""
    ids = screen.session.targets
    if not ids:
        return screen.say("Nothing to replay: the list is empty.", "warning")
    if not await _is_meant(screen, "Replay", ids):
        return None
    if len(ids) == 1:
        original = screen.session.row
        new = await screen.session.client.replay(ids[0])
        screen.session.replays.expect(new, original)
        return screen.say(f"Replayed {_called(screen, ids[0])} as {new} …")
    outcome = await _each(screen, ids, "Replaying", screen.session.client.replay)
    screen.say(f"Replayed {outcome}")
    return None


async def run_now(screen: Screen) -> None:
    """Try now what waits."""
    ids = screen.session.targets
    if not await _is_meant(screen, "Run", ids):
        return None
    if len(ids) == 1:
        await screen.session.client.run(ids[0])
        return screen.say(f"Trying {_called(screen, ids[0])} now.")
    if ids:
        screen.say(f"Trying now: {await _each(screen, ids, 'Running', screen.session.client.run)}")
    return None


async def arm(screen: Screen) -> None:
    """Have it delivered again when the app's source changes, or no longer."""
    ids = screen.session.targets
    rows = [screen.session.feed.rows[id] for id in ids if id in screen.session.feed.rows]
    armed = not all(row.armed for row in rows) if rows else True
    if len(ids) == 1:
        await screen.session.client.arm(ids[0], armed)
        name = _called(screen, ids[0])
        words = f"{name} is replayed at the next save of the app's source."
        screen.say(words if armed else f"Disarmed {name}.")
    elif ids:
        done = await _each(screen, ids, "Arming", lambda id: screen.session.client.arm(id, armed))
        screen.say(f"{'Armed' if armed else 'Disarmed'} {done}")


async def cancel(screen: Screen) -> None:
    """Stop trying; asks first when there are several."""
    ids = screen.session.targets
    if not await _is_meant(screen, "Cancel", ids):
        return
    if len(ids) == 1:
        order = await screen.session.client.cancel(ids[0])
        offer_undo(screen, f"Canceled {_called(screen, ids[0])}.", [order])
    elif ids:
        orders: list[str | None] = []
        words = await _each(screen, ids, "Canceling", _kept(screen.session.client.cancel, orders))
        offer_undo(screen, f"Canceled {words}", orders)


async def delete(screen: Screen) -> None:
    """Forget the marked messages, else the selected one."""
    ids = screen.session.targets
    if not await _is_meant(screen, "Delete", ids):
        return
    orders: list[str | None] = []

    async def forget(id: str) -> str | None:
        order = await screen.session.client.delete(id)
        screen.session.feed.drop(id)
        screen.draw()
        return order

    if len(ids) == 1:
        name = _called(screen, ids[0])
        offer_undo(screen, f"Deleted {name}.", [await forget(ids[0])])
    elif ids:
        words = await _each(screen, ids, "Deleting", _kept(forget, orders))
        offer_undo(screen, f"Deleted {words}", orders)
    return


def _called(screen: Screen, id: str) -> str:
    """A message in a sentence, as far as it is known."""
    session = screen.session
    row = session.feed.rows.get(id) or (session.row if session.message_id == id else None)
    return id if row is None else fmt.called(row.url, session.feed.server.app.url)


async def _is_meant(screen: Screen, verb: str, ids: list[str]) -> bool:
    """Whether as many messages are meant as there are; one needs no question."""
    return len(ids) < 2 or await screen.ask(Confirm(f"{verb} {len(ids)} messages?"))


def _kept(
    do: Callable[[str], Awaitable[str | None]], orders: list[str | None]
) -> Callable[[str], Awaitable[None]]:
    """Do it, and keep what would undo it."""

    async def keep(id: str) -> None:
        orders.append(await do(id))

    return keep


async def clear(screen: Screen) -> None:
    """Forget all finished messages, or those that match the filter."""
    which = f"that match {screen.session.filter}" if screen.session.filter else "in the list"
    if not await screen.ask(Confirm(f"Delete all finished messages {which}?")):
        return
    answer = await screen.session.client.ask(
        "DELETE", "/_dev/messages", Deleted, params={"filter": screen.session.filter or None}
    )
    offer_undo(screen, f"Deleted {answer.deleted} messages.", [answer.undo])


def mark(screen: Screen) -> None:
    """Mark or unmark, and go on to the next row."""
    if screen.session.view.is_live:
        screen.session.feed.toggle_mark()
        screen.panes.list.rows.action_move(1)


async def mark_all(screen: Screen) -> None:
    """Mark every message that matches the filter, however old, or none if all are marked."""
    session = screen.session
    if not session.view.is_live:
        return screen.say("Only messages can be marked (view 1).", "warning")

    await load_all(screen)
    count = session.feed.mark_all()
    which = f" that match {session.filter}" if session.filter else ""
    screen.say(f"{counted(count, 'message')}{which} marked." if count else "No message is marked.")
    screen.draw()
    return None


async def load_all(screen: Screen) -> None:
    """Ask for every message that matches the filter, and show how far that is."""

    def tell(here: int, total: int) -> None:
        screen.progress = f"Looking for all: {here} of {total}"

    try:
        await screen.session.load_all(tell)
    finally:
        screen.progress = None


def unmark(screen: Screen) -> None:
    """Unmark all."""
    screen.session.feed.marks.clear()
    screen.draw()


async def copy(screen: Screen) -> None:
    """Choose what of the message goes to the clipboard; on the empty screen, the environment."""
    if screen.session.message_id is None:
        screen.copy_to_clipboard(
            quick_start(screen.session.feed.server.env, screen.session.feed.server.app.url)
        )
        return screen.say("Copied the environment block and the first publish.")
    detail = await screen.session.client.message(screen.session.message_id, reveal=True)
    found = copies_of(detail, screen.session.feed.server)
    choices = [Choice(c.key, c.name, c) for c in found]
    chosen = await screen.ask(Menu("Copy", choices))
    if chosen is not None:
        screen.copy_to_clipboard(chosen.text)
        screen.say(f"Copied the {chosen.name}.")
    return None


async def _each(
    screen: Screen, ids: list[str], doing: str, do: Callable[[str], Awaitable[object]]
) -> str:
    """Do it to each, show how far it is, and sum up: `3 messages, 1 refused: …`."""
    done = 0
    refused: list[str] = []
    try:
        for id in ids:
            screen.progress = f"{doing} {done + len(refused) + 1} of {len(ids)}"
            try:
                await do(id)
                done += 1
            except Refused as error:
                refused.append(str(error))
    except ClientError as error:
        refused.append(str(error))
    finally:
        screen.progress = None
    words = f"{done} of {len(ids)} messages"
    return f"{words}. {refused[0]}" if refused else f"{words}."
