"""Actions on messages: replay, run now, cancel, mark, copy, delete.

Each asks the server and says how it went; the list changes when the server's ticks arrive.
"""

from collections.abc import Awaitable, Callable
from typing import Generic, NamedTuple, TypeVar

from qstash_dev.client import ClientError, Refused
from qstash_dev.devtools.control_documents import Deleted
from qstash_dev.devtools.copies import copies_of, quick_start
from qstash_dev.devtools.text import counted
from qstash_dev.tui.actions.undoing import offer_undo
from qstash_dev.tui.render import fmt
from qstash_dev.tui.screen import Screen
from qstash_dev.tui.widgets.prompts import Choice, Confirm, Menu

T = TypeVar("T")


async def replay(screen: Screen) -> None:
    """Send the marked messages, else the selected one, again."""
    if not screen.session.targets:
        return screen.say("Nothing to replay: the list is empty.", "warning")
    original = screen.session.row
    done = await _do(screen, "Replaying", screen.session.client.replay, asks="Replay")
    if done is not None and done.name is not None:
        screen.session.replays.expect(done.gave[0], original)
        screen.say(f"Replayed {done.name} as {done.gave[0]} …")
    elif done is not None:
        screen.say(f"Replayed {done.words}")
    return None


async def run_now(screen: Screen) -> None:
    """Try now what waits."""
    done = await _do(screen, "Running", screen.session.client.run, asks="Run")
    if done is not None:
        screen.say(f"Trying {done.name} now." if done.name else f"Trying now: {done.words}")


async def arm(screen: Screen) -> None:
    """Have it delivered again when the app's source changes, or no longer."""
    session = screen.session
    rows = [session.feed.rows[id] for id in session.targets if id in session.feed.rows]
    armed = not all(row.armed for row in rows) if rows else True
    done = await _do(screen, "Arming", lambda id: session.client.arm(id, armed))
    if done is not None and done.name is not None and armed:
        screen.say(f"{done.name} is replayed at the next save of the app's source.")
    elif done is not None:
        screen.say(f"{'Armed' if armed else 'Disarmed'} {done.words}")


async def cancel(screen: Screen) -> None:
    """Stop trying; asks first when there are several."""
    done = await _do(screen, "Canceling", screen.session.client.cancel, asks="Cancel")
    if done is not None:
        offer_undo(screen, f"Canceled {done.words}", done.gave)


async def delete(screen: Screen) -> None:
    """Forget the marked messages, else the selected one."""

    async def forget(id: str) -> str | None:
        order = await screen.session.client.delete(id)
        screen.session.feed.drop(id)
        screen.draw()
        return order

    done = await _do(screen, "Deleting", forget, asks="Delete")
    if done is not None:
        offer_undo(screen, f"Deleted {done.words}", done.gave)


class Done(NamedTuple, Generic[T]):
    """What came of an action: what its only message is called (of several `None`), how it went, and
    what each of them gave.
    """

    name: str | None
    words: str
    gave: list[T]


async def _do(
    screen: Screen, doing: str, do: Callable[[str], Awaitable[T]], asks: str | None = None
) -> Done[T] | None:
    """Do it to the marked messages, else to the selected one; `None` if it was done to none. With
    `asks` it is first asked whether several are meant.
    """
    ids = screen.session.targets
    if len(ids) > 1:
        if asks and not await screen.ask(Confirm(f"{asks} {len(ids)} messages?")):
            return None
        return await _each(screen, ids, doing, do)
    if not ids:
        return None
    session, id = screen.session, ids[0]
    row = session.feed.rows.get(id) or (session.row if session.message_id == id else None)
    name = id if row is None else fmt.called(row.url, session.feed.server.app.url)
    return Done(name, f"{name}.", [await do(id)])


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
    screen: Screen, ids: list[str], doing: str, do: Callable[[str], Awaitable[T]]
) -> Done[T]:
    """Do it to each, show how far it is, and sum up: `3 of 4 messages. …`."""
    gave: list[T] = []
    refused: list[str] = []
    try:
        for id in ids:
            screen.progress = f"{doing} {len(gave) + len(refused) + 1} of {len(ids)}"
            try:
                gave.append(await do(id))
            except Refused as error:
                refused.append(str(error))
    except ClientError as error:
        refused.append(str(error))
    finally:
        screen.progress = None
    words = " ".join([f"{len(gave)} of {len(ids)} messages.", *refused[:1]])
    return Done(None, words, gave)
