"""Actions on messages: replay, mark, copy, delete.

Each asks the server and says how it went; the list changes when the server's ticks arrive.
"""

from collections.abc import Sequence

from qstash_dev.devtools.control_documents import Deleted
from qstash_dev.devtools.copies import Copyable, copies_of, quick_start
from qstash_dev.devtools.text import counted
from qstash_dev.tui.actions.ordering import give_to_messages
from qstash_dev.tui.actions.undoing import offer_undo
from qstash_dev.tui.render import fmt
from qstash_dev.tui.screen import Screen
from qstash_dev.tui.widgets.prompts import Choice, Confirm, Menu


async def replay(screen: Screen) -> None:
    """Send the marked messages, else the selected one, again."""
    if not screen.session.targets:
        return screen.say("Nothing to replay: the list is empty.", "warning")
    original, count = screen.session.row, len(screen.session.targets)
    given = await give_to_messages(screen, "message.replay")
    if count == 1 and given:
        screen.session.replays.expect(given[0][1]["id"], original)
    return None


async def delete(screen: Screen) -> None:
    """Forget the marked messages, else the selected one."""
    for subject, _ in await give_to_messages(screen, "message.delete"):
        screen.session.feed.drop(subject["id"])
    screen.draw()


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
        screen.copy_to_clipboard(quick_start(screen.session.feed.server))
        return screen.say("Copied the environment block and the first publish.")
    detail = await screen.session.client.message(screen.session.message_id, reveal=True)
    return await copy_one(screen, copies_of(detail, screen.session.feed.server))


async def copy_one(screen: Screen, found: Sequence[Copyable]) -> None:
    """Choose which of these goes to the clipboard."""
    chosen = await screen.ask(Menu("Copy", [Choice(c.key, c.name, c) for c in found]))
    if chosen is not None:
        screen.copy_to_clipboard(chosen.text)
        screen.say(f"Copied the {fmt.safe(chosen.name)}.")
