"""Actions on what is seen: views, panes, tabs, filter, help, palette, quit."""

import asyncio
from collections.abc import Callable

from textual.command import CommandPalette

from qstash_dev.devtools.filters import HELP
from qstash_dev.tui.actions import walking
from qstash_dev.tui.model.view import View
from qstash_dev.tui.render import fmt
from qstash_dev.tui.render.palette import Line
from qstash_dev.tui.screen import Screen
from qstash_dev.tui.widgets.prompts import Reader
from qstash_dev.tui.widgets.search_list import Entry, SearchList
from qstash_dev.web.links import open_in_browser, page_url


def view(wanted: View) -> Callable[[Screen], None]:

    def go(screen: Screen) -> None:
        feed = screen.session.feed
        if feed.loaded and not wanted.is_there(feed.server):
            return screen.say(wanted.absent, "warning")
        screen.session.trail.clear()
        screen.show_view(wanted)
        screen.panes.leave_detail()
        return None

    return go


def only_in(key: str, thing: str) -> Callable[[Screen], None]:
    """What a key does in a view that gives it no meaning."""

    def refuse(screen: Screen) -> None:
        screen.say(f"{key} is for {thing}.", "warning")

    return refuse


def tab(by: int) -> Callable[[Screen], None]:
    """Turn the page of the detail."""

    def turn(screen: Screen) -> None:
        screen.panes.detail.turn(by)
        screen.draw()

    return turn


def follow(screen: Screen) -> None:
    """Follow the newest again."""
    session = screen.session
    if not session.view.follows:
        walking.show_messages(screen, session.filter)
    session.source.resume()
    screen.draw()


def reveal(screen: Screen) -> None:
    """Show or hide secret headers."""
    screen.session.reveal = not screen.session.reveal
    screen.session.outdate()
    screen.draw()


def back(screen: Screen) -> None:
    """One step back: out of the detail, out of the zoom, out of the filter."""
    if screen.panes.is_in_detail:
        screen.panes.leave_detail()
    elif screen.session.trail:
        walking.come_back(screen)
    elif screen.session.shown_filter:
        screen.set_filter("")
    elif not screen.session.view.is_live:
        view(screen.session.views[0])(screen)


def quit(screen: Screen) -> None:
    """Back; on the main screen the end."""
    session = screen.session
    if screen.panes.is_in_detail or session.trail or not session.view.is_live:
        back(screen)
    else:
        screen.exit(0)


async def open_page(screen: Screen) -> None:
    """Open the page in the browser, at the message or the run that is selected."""
    session = screen.session
    item = session.message_id or getattr(session.item, "id", None)
    place = page_url(session.client.url, item)
    if await asyncio.to_thread(open_in_browser, place):
        return screen.say(f"Opened {place}")
    screen.copy_to_clipboard(place)
    return screen.say(f"There is no browser here. Copied the address: {place}", "warning")


def palette(screen: Screen) -> None:
    """All actions by name."""
    screen.open_dialog(CommandPalette(placeholder="What do you want to do?"))


async def show_help(screen: Screen) -> None:
    """The keys, searched while one types; what is taken is run where the person was."""
    in_detail = screen.panes.detail.text.has_focus
    title = "Keys in the detail" if in_detail else "Keys in the list"
    id = await screen.ask(SearchList(title, _help_entries(screen, in_detail)))
    if id is not None:
        screen.start(id)


def record(screen: Screen) -> None:
    """What was done here and what came of it, the last at the end as in all lists."""
    roles = {"error": "error", "warning": "warning"}
    lines: list[Line] = [
        [(f"{fmt.clock_time(at, screen.zone)}  ", "muted"), (text, roles.get(severity, ""))]
        for at, text, severity in screen.desk.record
    ]
    nothing: list[Line] = [[("Nothing was done here yet.", "muted")]]
    screen.open_dialog(Reader("Record", lines or nothing, at_end=True))


OPEN = "open the detail"
MOVES = (
    ("↑ ↓ j k", "move", "scroll"),
    ("pgup pgdn", "a page", "a page"),
    ("g G", "first, last; the newest is followed", "top; end"),
    ("enter", OPEN, "go to what is linked; in the tree to that message"),
    ("tab", "next pane", "next pane"),
    ("esc", "clear the filter", "back to the list"),
    ("/", "", "search in this text"),
    ("n N", "", "next and previous place of what is looked for"),
    ("{ }", "", "fold and unfold JSON by a level; a click on a line: that object"),
)


def _help_entries(screen: Screen, in_detail: bool) -> list[Entry]:
    lines: list[Line] = [[("Moving", "title")]]
    for keys, in_list, inside in MOVES:
        text = inside if in_detail else in_list
        if text == OPEN and screen.session.view.inside is not None:
            text = "show its messages; tab leads to the detail"
        if text:
            lines.append([(f"  {keys:<12}", "key"), (text, "")])
    entries = [Entry(line) for line in lines]
    group = ""
    for command in screen.commands.values():
        if not command.keys and command.id not in screen.desk.keys:
            continue
        if command.group != group:
            group = command.group
            entries += [Entry([]), Entry([(group, "title")])]
        keys = command.all_keys(screen.desk.keys)
        line: Line = [(f"  {keys:<12}", "key"), (command.help, "")]
        entries.append(Entry(line, command.id))
    rest: list[Line] = [[], [("Filter", "title")], *([(f"  {text}", "")] for text in HELP)]
    return entries + [Entry(line) for line in rest]
