"""Undo: what was deleted or cancelled here, the last first. The server keeps it for a minute."""

from collections.abc import Sequence

from qstash_dev.tui.screen import Screen


def offer_undo(screen: Screen, text: str, orders: Sequence[str | None]) -> None:
    """Say what was done; where it can be undone, say with which key, and remember how."""
    known = [order for order in orders if order is not None]
    if known:
        screen.desk.undos.append(known)
        text += f" {screen.commands['undo'].key_name(screen.desk.keys)} undoes that."
    screen.say(text)


async def undo(screen: Screen) -> None:
    """Take back the last deletion or cancellation, then the one before."""
    if not screen.desk.undos:
        return screen.say("Nothing to undo: nothing was deleted or canceled here.", "warning")
    count = await screen.session.client.undo(screen.desk.undos.pop())
    screen.session.outdate()
    screen.say(f"Undone: {count} message{'s are' if count != 1 else ' is'} as before.")
    return None
