"""Actions of the filter line: complete, look back, only what is not ok."""

from qstash_dev.devtools.filters import TROUBLE
from qstash_dev.tui.model.filter_words import complete, values_of
from qstash_dev.tui.model.narrowing import fields_of
from qstash_dev.tui.render import fmt
from qstash_dev.tui.screen import Screen


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


def only_trouble(screen: Screen) -> None:
    """Show only what failed, is retried or held; or all again."""
    session = screen.session
    if not session.view.is_live:
        session.trail.clear()
        screen.show_view(session.views[0])
    screen.set_filter("" if session.filter == TROUBLE else TROUBLE)
