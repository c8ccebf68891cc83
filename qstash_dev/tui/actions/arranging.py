"""Actions on the columns of a view: sort by one, hide it, show it again."""

from collections.abc import Container

from qstash_dev.tui.actions.messages import load_all
from qstash_dev.tui.model.arrangement import Sorting
from qstash_dev.tui.screen import Screen
from qstash_dev.tui.widgets.prompts import Choice, Menu, numbered


async def choose(screen: Screen) -> None:
    """Choose a column, and then what is done with it."""
    view, arrangement = screen.session.view, screen.desk.arrangement
    hidden, sorting = arrangement.hidden(view), arrangement.sorting(view)
    titles = [column.title for column in view.columns if column.title]
    shown = ((title + _note(title, hidden, sorting), title) for title in titles)
    choices = numbered(shown, but="r")
    choices.append(Choice("r", "all as it was", ""))
    title = await screen.ask(Menu(f"Columns of {view.name}", choices))
    if title == "":
        arrangement.forget(view)
    elif title is None or not await _arrange(screen, title):
        return
    screen.session.arrange_all(arrangement)
    screen.show_view(view)


def _note(title: str, hidden: Container[str], sorting: Sorting | None) -> str:
    is_sorted = sorting is not None and sorting.title == title
    arrow = f"   {sorting.arrow}" if is_sorted and sorting is not None else ""
    return arrow + ("   hidden" if title in hidden else "")


async def _arrange(screen: Screen, title: str) -> bool:
    view, arrangement = screen.session.view, screen.desk.arrangement
    column = next(column for column in view.columns if column.title == title)
    choices = [Choice("h", "show" if title in arrangement.hidden(view) else "hide", "hide")]
    if column.sort is not None:
        up, down = ("oldest", "newest") if column.is_age else ("least", "most")
        choices += [
            Choice("u", f"sort upwards, the {up} first", "up"),
            Choice("d", f"sort downwards, the {down} first", "down"),
        ]
    chosen = await screen.ask(Menu(title, choices))
    if chosen == "hide":
        arrangement.toggle(view, title)
    elif chosen is not None:
        if view.is_live:
            await load_all(screen)
        arrangement.sort(view, Sorting(title, chosen == "down"))
    return chosen is not None
