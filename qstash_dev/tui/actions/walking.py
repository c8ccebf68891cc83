"""Walks from one thing to what it is linked with, and comes back the same way."""

from qstash_dev.tui.model.walk import Link, Place, links_of, message_place
from qstash_dev.tui.screen import Screen
from qstash_dev.tui.widgets.prompts import Menu, numbered


async def choose(screen: Screen) -> None:
    """Choose one of the links of what is shown, and go there."""
    links = _links(screen)
    if not links:
        return screen.say("Nothing is linked with this.", "warning")
    place = await screen.ask(Menu("Go to", numbered((link.text, link.place) for link in links)))
    if place is not None:
        go(screen, place)
    return None


def enter(screen: Screen) -> bool:
    """Go to the messages of what is selected, a queue or a run; whether there is such a place."""
    item, inside = screen.session.item, screen.session.view.inside
    if item is None or inside is None:
        return False
    go(screen, inside(item))
    return True


def enter_tree(screen: Screen, text: str) -> None:
    """From the tree of a message to the one of a line; without a line to the only one, or choose."""
    shown = screen.session.shown
    links = shown.links if shown is not None else None
    kin = [links.parent, *links.children, *links.siblings] if links is not None else []
    ids = [row.id for row in kin if row is not None]
    found = [id for id in ids if id in text] if text else ids
    if len(found) == 1:
        go(screen, message_place(found[0]))
    elif not text:
        screen.start("walk")


def show_messages(screen: Screen, filter: str) -> None:
    """Go to the messages that match, from wherever one is."""
    go(screen, Place("Messages", filter))


def go(screen: Screen, place: Place) -> None:
    """Go to a place; `come_back` leads from there to here."""
    session = screen.session
    source = session.source
    here = Place(
        *(session.view.name, session.shown_filter, source.selected, source.follow),
        messages=session.filter,
    )
    if here[:2] != place[:2]:
        session.trail.append(here)
    _show(screen, place)


def come_back(screen: Screen) -> None:
    """To where the last step began; the messages have their filter of then."""
    place = screen.session.trail.pop()
    _show(screen, place)
    screen.filter_messages(place.messages)


def _show(screen: Screen, place: Place) -> None:
    view = next(view for view in screen.session.views if view.name == place.view)
    screen.show_view(view)
    screen.set_filter(place.filter)
    screen.panes.leave_detail()
    if place.key is not None:
        screen.session.source.want(place.key)
    if place.follows:
        screen.session.source.resume()
    screen.draw()


def _links(screen: Screen) -> list[Link]:
    session = screen.session
    if session.message_id is None:
        return list(session.view.links(session.whole)) if session.item is not None else []
    return links_of(session.shown) if session.shown is not None else []
