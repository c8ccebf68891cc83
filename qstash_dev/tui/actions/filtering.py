"""Actions of the filter line: complete, look back, only what is not ok."""

from collections.abc import Iterator
from typing import Any

from qstash_dev.devtools.filter_words import complete, values_of
from qstash_dev.devtools.filters import TROUBLE
from qstash_dev.tui.actions import walking
from qstash_dev.tui.model.narrowing import fields_of
from qstash_dev.tui.model.saved_filters import Saved
from qstash_dev.tui.model.walk import Place
from qstash_dev.tui.render import fmt
from qstash_dev.tui.screen import Screen
from qstash_dev.tui.widgets.prompts import Ask, Choice, Menu, numbered


def complete_word(screen: Screen) -> None:
    """Complete the word at the cursor; of several, say which there are."""
    line, session = screen.panes.list.filter, screen.session
    known: dict[str, set[str]] = {}
    if session.view.is_live:
        known = _seen(screen)
    else:
        for item in session.tables.of(session.view).every:
            for name, value in fields_of(item).items():
                known.setdefault(name, set()).add(value)
    found = complete(line.value, line.cursor_position, known)
    line.value, line.cursor_position = found.text, found.place
    screen.panes.list.offer([fmt.safe(option) for option in found.options])


def open_line(screen: Screen) -> None:
    """Open the filter line; what is listed now can be completed, also when it is hidden."""
    _seen(screen)
    screen.panes.list.open_filter(True)


def _seen(screen: Screen) -> dict[str, set[str]]:
    known = screen.desk.known
    for key, values in values_of(screen.session.feed.rows.values()).items():
        known.setdefault(key, set()).update(values)
    return known


def older(screen: Screen) -> None:
    """The filter that was used before."""
    line = screen.panes.list.filter
    line.value = screen.desk.history.older(line.value)
    line.cursor_position = len(line.value)


def newer(screen: Screen) -> None:
    """The filter that was used after that; when there is none, to the list."""
    line, text = screen.panes.list.filter, screen.desk.history.newer()
    if text is None:
        screen.set_filter(line.value)
    else:
        line.value, line.cursor_position = text, len(text)


ANSWERS = {"complete": complete_word, "older": older, "newer": newer}
"""What the keys of the line do."""


async def choose_saved(screen: Screen) -> None:
    """Use a filter that has a name, give the present one a name, or forget one."""
    session = screen.session
    present, view = session.shown_filter, session.view.name
    saved = screen.desk.saved_filters.of(view)
    choices: list[Choice[Any]] = numbered(_named(saved, view), but="sd")
    if present and (present, view) not in [(one.text, one.view) for one in saved]:
        choices.append(Choice("s", f"save {fmt.safe(present)}", "save"))
    if saved:
        choices.append(Choice("d", "delete one", "delete"))
    if not choices:
        return screen.say("No filter is saved. Filter a list, then save that here.", "warning")
    chosen = await screen.ask(Menu[Any]("Saved filters", choices))
    if chosen == "save":
        await _save(screen, present, view)
    elif chosen == "delete":
        await _forget(screen, saved, view)
    elif chosen is not None:
        walking.go(screen, Place(chosen.view, chosen.text))
    return None


def _named(saved: list[Saved], view: str) -> Iterator[tuple[str, Saved]]:
    """As they are listed: with their view, if that is another one."""
    for one in saved:
        where = f"{one.view}: " if one.view != view else ""
        yield f"{fmt.safe(one.name)}   {where}{fmt.safe(one.text)}", one


async def _save(screen: Screen, text: str, view: str) -> None:
    if name := (await screen.ask(Ask("Name", f"Enter saves {fmt.safe(text)}")) or "").strip():
        screen.desk.saved_filters.save(Saved(fmt.safe(name), text, view))
        screen.say(f"Saved as {name}.")


async def _forget(screen: Screen, saved: list[Saved], view: str) -> None:
    if gone := await screen.ask(Menu("Delete", numbered(_named(saved, view)))):
        screen.desk.saved_filters.forget(gone)
        screen.say(f"Deleted the filter {gone.name}.")


def only_trouble(screen: Screen) -> None:
    """Show only what failed, is retried or held; or what was shown before."""
    session = screen.session
    if not session.view.is_live or session.filter != TROUBLE:
        walking.show_messages(screen, TROUBLE)
    elif session.trail:
        walking.come_back(screen)
    else:
        screen.set_filter("")
