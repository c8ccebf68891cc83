"""Actions on what is seen: views, panes, tabs, filter, help, palette, quit."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.command import CommandPalette

from qstash_dev.tui.actions import commands
from qstash_dev.tui.render.palette import Line
from qstash_dev.tui.widgets.prompts import Reader

if TYPE_CHECKING:
    from qstash_dev.tui.app import QstashApp


def view(number: int) -> "Callable[[QstashApp], None]":
    """Go to a view."""

    def go(app: "QstashApp") -> None:
        app.show_view(number)
        if app.solo == "detail":
            app.set_solo(None)
        app.list_pane.rows.focus()

    return go


def tab(by: int) -> "Callable[[QstashApp], None]":
    """Turn the page of the detail."""

    def turn(app: "QstashApp") -> None:
        app.detail_pane.turn(by)
        app.draw_detail()

    return turn


def filter_rows(app: "QstashApp") -> None:
    """Open the filter line."""
    if app.session.view != 0:
        view(0)(app)
    app.list_pane.open_filter(True)


def follow(app: "QstashApp") -> None:
    """Follow the newest again."""
    if not app.session.follows:
        view(0)(app)
    app.session.source.resume()
    app.draw()


def next_pane(app: "QstashApp") -> None:
    """From the list to the detail and back."""
    in_list = app.focused is app.list_pane.rows
    if app.is_small or app.solo:
        app.set_solo("detail" if in_list else "list" if app.solo else None)
    (app.detail_pane.text if in_list else app.list_pane.rows).focus()


def zoom(app: "QstashApp") -> None:
    """Give the focused pane the whole screen, or end that."""
    here = "detail" if app.focused is app.detail_pane.text else "list"
    app.set_solo(None if app.solo else here)
    (app.detail_pane.text if here == "detail" else app.list_pane.rows).focus()


def reveal(app: "QstashApp") -> None:
    """Show or hide secret headers."""
    app.session.reveal = not app.session.reveal
    app.session.outdate()
    app.fetch()


def back(app: "QstashApp") -> None:
    """One step back: out of the detail, out of the zoom, out of the filter."""
    if app.focused is app.detail_pane.text or app.solo:
        app.set_solo(None)
    elif app.session.filter:
        app.list_pane.filter.value = ""
        app.close_filter()
    elif app.session.view != 0:
        app.show_view(0)


def quit(app: "QstashApp") -> None:
    """Back; on the main screen the end."""
    if app.focused is app.detail_pane.text or app.solo or app.session.view != 0:
        back(app)
    else:
        app.exit(0)


def theme(app: "QstashApp") -> None:
    """Choose a theme."""
    app.search_themes()


def palette(app: "QstashApp") -> None:
    """All actions by name."""
    app.push_screen(CommandPalette(placeholder="What do you want to do?"))


def show_help(app: "QstashApp") -> None:
    """The keys, those of the focused pane first."""
    in_detail = app.focused is app.detail_pane.text
    title = "Keys in the detail" if in_detail else "Keys in the list"
    app.push_screen(Reader(title, _help_lines(app, in_detail)))


MOVES = (
    ("↑ ↓ j k", "move", "scroll"),
    ("pgup pgdn", "a page", "a page"),
    ("g G", "first; last and follow", "top; end"),
    ("enter", "open the detail", ""),
    ("tab", "next pane", "next pane"),
    ("esc", "clear the filter", "back to the list"),
)

FILTER_HELP = (
    'state:failed  dest:/api/orders  code:5xx  try:>1  body:"user 42"  header:x-tenant=acme',
    "queue:mail  schedule:*  label:x  group:g  source:cloud  age:<5m  id:msg_26  is:held|replay",
    "space = AND, | inside a value = OR, leading - = NOT; a plain word: id, destination, body",
)


def _help_lines(app: "QstashApp", in_detail: bool) -> list[Line]:
    lines: list[Line] = [[("Moving", "title")]]
    for keys, in_list, inside in MOVES:
        text = inside if in_detail else in_list
        if text:
            lines.append([(f"  {keys:<12}", "key"), (text, "")])
    group = ""
    for command in commands.COMMANDS.values():
        if not command.keys and command.id not in app.keys:
            continue
        if command.group != group:
            group = command.group
            lines += [[], [(group, "title")]]
        keys = commands.all_keys(command.id, app.keys)
        lines.append([(f"  {keys:<12}", "key"), (command.help, "")])
    lines += [[], [("Filter", "title")], *([(f"  {text}", "")] for text in FILTER_HELP)]
    return lines
