"""What stands around a list: its title, and the words for one without rows. Pure."""

from qstash_dev.tui.model.session import Session
from qstash_dev.tui.render import fmt
from qstash_dev.tui.render.palette import Line


def list_title(session: Session) -> tuple[str, str]:
    """What stands in the list's frame, left and right."""
    view, feed = session.view, session.feed
    if not view.is_live:
        table = session.tables.of(view)
        news = "FOLLOW" if table.follow else ""
        every = str(table.total) if table.is_whole else f"the newest {table.total}"
        count = f"{len(table)} of {every}" if table.words else every
        left = "  ".join(filter(None, [view.name, fmt.safe(table.words), table.sorted_by]))
        return left, "  ".join(filter(None, [count, news]))
    left = "  ".join(filter(None, [view.name, fmt.safe(session.filter), feed.sorted_by]))
    matching = f"{feed.total}" if feed.is_exact else f"{len(feed)}+"
    right = f"{matching} of {feed.counts.messages}" if session.filter else f"{feed.total}"
    if feed.marks:
        right = f"{len(feed.marks)} marked  {right}"
    arrow = "↑" if feed.newest_first else "↓"
    news = f"{arrow} {feed.unseen} new" if feed.unseen else ""
    return left, "  ".join(filter(None, [right, "FOLLOW" if feed.follow else news]))


def nothing_lines(session: Session) -> list[Line] | None:
    """Words for a list without rows; `None` when there are some, or it is not known yet."""
    view, source = session.view, session.source
    if len(source) or not source.loaded:
        return None
    words = session.good_filter if view.is_live else session.shown_filter
    if not words:
        return None if view.is_live else [[(view.empty, "muted")]]
    is_whole = view.is_live or session.tables.of(view).is_whole
    nothing = "Nothing" if is_whole else f"None of the newest {session.tables.of(view).total}"
    return [
        [(f"{nothing} matches {fmt.safe(words)}", "")],
        [("esc clears the filter", "muted")],
    ]
