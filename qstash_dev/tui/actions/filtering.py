"""Actions of the filter line: complete, look back, only what is not ok."""

from qstash_dev.devtools.filters import TROUBLE
from qstash_dev.tui.actions import walking
from qstash_dev.tui.model.filter_words import complete, values_of
from qstash_dev.tui.model.narrowing import fields_of
from qstash_dev.tui.render import fmt
from qstash_dev.tui.screen import Screen
from qstash_dev.tui.widgets.prompts import Ask, Choice, Menu

KEYS = "123456789abcefghijklmnopqrtuvwxyz"
"""Of saved filters; `s` and `d` mean something else."""


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
    saved, present = screen.desk.saved_filters, screen.session.filter
    choices = [
        Choice(key, f"{name}   {fmt.safe(text)}", ("use", name))
        for key, (name, text) in zip(KEYS, saved.texts.items(), strict=False)
    ]
    if present and present not in saved.texts.values():
        choices.append(Choice("s", f"save {fmt.safe(present)}", ("save", "")))
    if saved.texts:
        choices.append(Choice("d", "delete one", ("delete", "")))
    if not choices:
        return screen.say(
            "No filter is saved. Filter the messages, then save that here.", "warning"
        )
    chosen = await screen.ask(Menu("Saved filters", choices))
    if chosen is not None:
        await _do_with_saved(screen, *chosen)
    return None


async def _do_with_saved(screen: Screen, what: str, name: str) -> None:
    saved, present = screen.desk.saved_filters, screen.session.filter
    if what == "use":
        walking.show_messages(screen, saved.texts[name])
    elif what == "save":
        if given := (await screen.ask(Ask("Name", f"Enter saves {present}")) or "").strip():
            saved.save(fmt.safe(given), present)
            screen.say(f"Saved as {given}.")
    else:
        choices = [Choice(k, n, n) for k, n in zip(KEYS, saved.texts, strict=False)]
        if gone := await screen.ask(Menu("Delete", choices)):
            saved.forget(gone)
            screen.say(f"Deleted the filter {gone}.")


def only_trouble(screen: Screen) -> None:
    """Show only what failed, is retried or held; or what was shown before."""
    session = screen.session
    if not session.view.is_live or session.filter != TROUBLE:
        walking.show_messages(screen, TROUBLE)
    elif session.trail:
        walking.come_back(screen)
    else:
        screen.set_filter("")
