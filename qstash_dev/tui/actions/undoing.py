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
    back = await screen.session.client.undo(screen.desk.undos.pop())
    screen.session.outdate()
    _go_to(screen, back.things)
    screen.say(back.told, "information" if back.things or back.restored else "warning")
    return None


def _go_to(screen: Screen, things: Sequence[str]) -> None:
    """The cursor of their view goes to what is there again."""
    for thing in things:
        for view in screen.session.views:
            word = f"{view.resource.word} " if view.resource is not None else None
            if word and view.resource is not None and thing.startswith(word):
                screen.session.go_to_new(view.resource.noun, thing.removeprefix(word))
